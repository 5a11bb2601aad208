// The npm package wechatpay-axios-plugin as merchant: `node axios_plugin.js FOLDER MODE STEPS`.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const zlib = require('node:zlib');
const { createRequire } = require('node:module');

const library = createRequire(path.join(process.env.JUDGE_LIBRARIES, 'judge.js'));
const axios = library('axios');
const { Wechatpay, Aes, Rsa, Formatter } = library('wechatpay-axios-plugin');

const [folder, mode, steps] = process.argv.slice(2);
const mock = JSON.parse(fs.readFileSync(path.join(folder, 'mock.json'), 'utf8'));
const facts = mock.wechat;
const file = (name) => fs.readFileSync(path.join(folder, name), 'utf8');

async function control(method, route, body) {
  const { data } = await axios.request({ method, url: mock.control_url + route, data: body });
  return data;
}

// What verifies the mock: downloaded certificates, or the public key. The list is decrypted by the
// SDK first and then, asked for again, verified by it with what was in it. (Its command-line
// downloader does both at once, but version 0.9.6 verifies with a copy made before the decryption.)
async function platformKeys() {
  if (mode === 'public_key') return { [facts.public_key_id]: file(facts.public_key) };
  const unverified = await merchant({ none: '' }).v3.certificates.get({ transformResponse: [] });
  const listed = JSON.parse(unverified.data).data;
  assert.ok(listed.length > 0);
  const certs = Object.fromEntries(listed.map(({ serial_no: serial, encrypt_certificate: sealed }) => [
    serial, Aes.AesGcm.decrypt(sealed.ciphertext, facts.apiv3_key, sealed.nonce, sealed.associated_data),
  ]));
  const { data } = await merchant(certs).v3.certificates.get();
  assert.deepEqual(data.data.map((one) => one.serial_no), Object.keys(certs));
  return certs;
}

function merchant(certs, more = {}) {
  const headers = mode === 'public_key' ? { 'Wechatpay-Serial': facts.public_key_id } : {};
  return new Wechatpay({
    baseURL: facts.base_url, mchid: facts.mchid, serial: facts.merchant_serial,
    privateKey: file(facts.merchant_key), certs: { ...certs }, headers, ...more,
  });
}

// Notifications as they really arrive.
async function receiver() {
  const received = [];
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      response.writeHead(204).end();
    });
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}/notify`, received, close: () => server.close() };
}

// The SDK's own verifier and decrypter, as its README shows them.
function verified({ headers, body }, certs) {
  const header = (name) => headers[name] ?? headers[name.toLowerCase()];
  const serial = header('Wechatpay-Serial');
  assert.ok(serial in certs, `unknown serial ${serial}`);
  const text = Formatter.response(header('Wechatpay-Timestamp'), header('Wechatpay-Nonce'), body);
  if (!Rsa.verify(text, header('Wechatpay-Signature'), Rsa.from(certs[serial], Rsa.KEY_TYPE_PUBLIC))) {
    return null;
  }
  const { resource } = JSON.parse(body);
  const { ciphertext, nonce, associated_data: aad } = resource;
  return JSON.parse(Aes.AesGcm.decrypt(ciphertext, facts.apiv3_key, nonce, aad));
}

let count = 0;
async function order(notifyUrl, total = 89880) {
  count += 1;
  const minted = await control('POST', '/login-codes', { platform: 'wechat', user: 'judge' });
  return {
    appid: facts.app_id, mchid: facts.mchid, description: '社保缴费', attach: 'a=1',
    out_trade_no: `JUDGE${Date.now()}${count}`, notify_url: notifyUrl,
    amount: { total, currency: 'CNY' }, payer: { openid: minted.openid },
  };
}

async function paid(wxpay, notifyUrl, total) {
  const body = await order(notifyUrl, total);
  const { data } = await wxpay.v3.pay.transactions.jsapi.post(body);
  // What a mini-program hands to the wallet, signed by the SDK.
  const wallet = {
    timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(),
    package: `prepay_id=${data.prepay_id}`, signType: 'RSA',
  };
  wallet.paySign = Rsa.sign(Formatter.joinedByLineFeed(
    facts.app_id, wallet.timeStamp, wallet.nonceStr, wallet.package,
  ), file(facts.merchant_key));
  const opened = await control('POST', '/pay', { platform: 'wechat', wallet });
  assert.equal(opened.client_result, 'requestPayment:ok');
  return body;
}

async function refused(status, code, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.response?.status, status, error.message);
    assert.equal(error.response.data.code, code);
    return error.response;
  }
  throw new Error(`${code} was expected`);
}

const acts = {
  async keys() {
    const certs = await platformKeys();
    if (mode === 'public_key') {
      await control('POST', '/settings', { wechat_certificates: false });
      const answer = await refused(404, 'RESOURCE_NOT_EXISTS', () => merchant(certs).v3.certificates.get());
      assert.equal(answer.headers['wechatpay-serial'], facts.public_key_id);
      // Callbacks come under the public key, too: nobody could fetch a certificate for them.
      const listener = await receiver();
      const body = await paid(merchant(certs), listener.url);
      await control('POST', '/deliveries/settle', {});
      assert.equal(verified(listener.received[0], certs).out_trade_no, body.out_trade_no);
      listener.close();
      return;
    }
    assert.deepEqual(Object.keys(certs), [facts.platform_serial]);
    const fresh = await control('POST', '/wechat/certificates/rotate', {});
    const both = await platformKeys();
    assert.deepEqual(Object.keys(both).sort(), [facts.platform_serial, fresh.serial].sort());
    // The old certificates do not verify any more, the new list does.
    const query = (keys) => merchant(keys).v3.pay.transactions.jsapi.post({});
    await refused(400, 'PARAM_ERROR', () => query(both));
    const listener = await receiver();
    const body = await paid(merchant(both), listener.url);
    await control('POST', '/deliveries/settle', {});
    assert.equal(listener.received[0].headers['wechatpay-serial'], fresh.serial);
    assert.equal(verified(listener.received[0], both).out_trade_no, body.out_trade_no);
    await assert.rejects(paid(merchant(certs), listener.url), /Cannot found the serial/);
    listener.close();
  },

  async payment() {
    const certs = await platformKeys();
    const wxpay = merchant(certs);
    const listener = await receiver();
    const body = await paid(wxpay, listener.url);
    await control('POST', '/deliveries/settle', {});
    const told = verified(listener.received[0], certs);
    const byNumber = await wxpay.v3.pay.transactions.outTradeNo.$no$.get({ no: body.out_trade_no, params: { mchid: facts.mchid } });
    assert.deepEqual(byNumber.data, told);
    assert.equal(told.trade_state, 'SUCCESS');
    assert.equal(told.amount.total, 89880);
    const byId = await wxpay.v3.pay.transactions.id.$id$.get({ id: told.transaction_id, params: { mchid: facts.mchid } });
    assert.deepEqual(byId.data, told);
    await refused(400, 'ORDERPAID', () => wxpay.v3.pay.transactions.jsapi.post(body));
    // An order that nobody pays is closed, twice, and stays closed.
    const other = await order(listener.url);
    await wxpay.v3.pay.transactions.jsapi.post(other);
    for (let n = 0; n < 2; n += 1) {
      const closed = await wxpay.v3.pay.transactions.outTradeNo.$no$.close.post({ mchid: facts.mchid }, { no: other.out_trade_no });
      assert.equal(closed.status, 204);
    }
    await refused(400, 'ORDER_CLOSED', () => wxpay.v3.pay.transactions.jsapi.post(other));
    await refused(400, 'PARAM_ERROR', () => wxpay.v3.pay.transactions.jsapi.post({ ...other, surprise: 1 }));
    const params = { mchid: facts.mchid };
    await refused(404, 'ORDER_NOT_EXIST', () => wxpay.v3.pay.transactions.outTradeNo.$no$.get({ no: 'NOBODYS1', params }));
    listener.close();
  },

  async refund() {
    const certs = await platformKeys();
    const wxpay = merchant(certs);
    const listener = await receiver();
    const body = await paid(wxpay, listener.url);
    const ask = {
      out_trade_no: body.out_trade_no, out_refund_no: `R${body.out_trade_no}`, reason: '社保未入账退款',
      notify_url: listener.url, amount: { refund: 10000, total: 89880, currency: 'CNY' },
    };
    const { data: accepted } = await wxpay.v3.refund.domestic.refunds.post(ask);
    assert.equal(accepted.amount.refund, 10000);
    const { data: repeated } = await wxpay.v3.refund.domestic.refunds.post(ask);
    assert.equal(repeated.refund_id, accepted.refund_id);
    const { data: asked } = await wxpay.v3.refund.domestic.refunds.$no$.get({ no: ask.out_refund_no });
    assert.equal(asked.status, 'SUCCESS');
    await control('POST', '/deliveries/settle', {});
    const told = listener.received.map((one) => verified(one, certs)).find((one) => one.refund_status);
    assert.equal(told.refund_status, 'SUCCESS');
    assert.equal(told.refund_id, accepted.refund_id);
    await refused(404, 'RESOURCE_NOT_EXISTS', () => wxpay.v3.refund.domestic.refunds.$no$.get({ no: 'NOBODYS' }));
    // A refund that ends abnormally is handled with encrypted members.
    const other = await paid(wxpay, listener.url);
    await control('POST', '/faults', { target: 'wechat.refund', fault: 'abnormal' });
    const { data: odd } = await wxpay.v3.refund.domestic.refunds.post({ ...ask, out_trade_no: other.out_trade_no, out_refund_no: `R${other.out_trade_no}` });
    const [[serial, key]] = Object.entries(certs);
    const closed = (text) => Rsa.encrypt(text, Rsa.from(key, Rsa.KEY_TYPE_PUBLIC));
    const { data: handled } = await wxpay.v3.refund.domestic.refunds.$id$.applyAbnormalRefund.post({
      out_refund_no: odd.out_refund_no, type: 'USER_BANK_CARD', bank_type: 'ICBC_DEBIT',
      bank_account: closed('6222020000000000000'), real_name: closed('张三'),
    }, { id: odd.refund_id, headers: { 'Wechatpay-Serial': serial } });
    assert.equal(handled.refund_id, odd.refund_id);
    assert.notEqual(handled.status, 'ABNORMAL');
    listener.close();
  },

  async bill() {
    const certs = await platformKeys();
    const wxpay = merchant(certs);
    const listener = await receiver();
    const one = await paid(wxpay, listener.url, 38000);
    await paid(wxpay, listener.url, 12345);
    const day = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10);
    const params = { bill_date: day, bill_type: 'ALL' };
    await refused(400, 'PARAM_ERROR', () => wxpay.v3.bill.tradebill.get({ params }));
    // A day and a half later it is past ten of the next morning, or the day after.
    await control('POST', '/clock/advance', { seconds: 36 * 3600 });
    for (const tar of [undefined, 'GZIP']) {
      const { data: offer } = await wxpay.v3.bill.tradebill.get({ params: { ...params, tar_type: tar } });
      assert.equal(offer.hash_type, 'SHA1');
      const address = new URL(offer.download_url);
      const got = await wxpay.client.v3.get(address.pathname + address.search, { responseType: 'arraybuffer', transformResponse: [] });
      assert.equal(got.headers['wechatpay-signature'], undefined, 'the file is not signed');
      const bytes = tar ? zlib.gunzipSync(got.data) : Buffer.from(got.data);
      assert.equal(crypto.createHash('sha1').update(bytes).digest('hex'), offer.hash_value);
      const { rows, summary } = Formatter.castCsvBill(bytes);
      assert.equal(rows.length, 2);
      assert.equal(rows[0]['商户订单号'], one.out_trade_no);
      assert.equal(rows[0]['订单金额'], '380.00');
      assert.equal(rows[0]['手续费'], '2.28000');
      assert.equal(summary['总交易单数'], '2');
      assert.equal(summary['订单总金额'], '503.45');
    }
    const { data: funds } = await wxpay.v3.bill.fundflowbill.get({ params: { bill_date: day } });
    const address = new URL(funds.download_url);
    const got = await wxpay.client.v3.get(address.pathname + address.search, { responseType: 'arraybuffer', transformResponse: [] });
    const { rows, summary } = Formatter.castCsvBill(got.data);
    assert.equal(rows.length, 4);
    assert.equal(summary['收入金额'], '503.45');
    const before = new Date(Date.parse(day) - 86400e3).toISOString().slice(0, 10);
    await refused(400, 'NO_STATEMENT_EXIST', () => wxpay.v3.bill.tradebill.get({ params: { bill_date: before } }));
    listener.close();
  },

  async notification() {
    const certs = await platformKeys();
    const listener = await receiver();
    const body = await paid(merchant(certs), listener.url);
    await control('POST', '/deliveries/settle', {});
    const craft = async (more) => control('POST', '/notifications', { platform: 'wechat', out_trade_no: body.out_trade_no, deliver: false, ...more });
    assert.equal(verified(await craft({}), certs).amount.total, 89880);
    assert.equal(verified(await craft({ amount_fen: 1 }), certs).amount.total, 1);
    assert.equal(verified(await craft({ sign: 'bad' }), certs), null);
    assert.equal(verified(await craft({ sign: 'probe' }), certs), null);
    const genuine = await craft({});
    assert.equal(verified({ ...genuine, body: genuine.body.replace('支付成功', '支付失败') }, certs), null);
    // One byte of each signed header, and bytes all over the body.
    const flip = (text, at) => text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    for (const name of ['Timestamp', 'Nonce', 'Signature', 'Serial'].map((end) => `Wechatpay-${end}`)) {
      const headers = { ...genuine.headers, [name]: flip(genuine.headers[name], 5) };
      let told = null;
      try { told = verified({ ...genuine, headers }, certs); } catch (error) { assert.match(error.message, /unknown serial/); }
      assert.equal(told, null, name);
    }
    for (let at = 0; at < genuine.body.length; at += 37) {
      assert.equal(verified({ ...genuine, body: flip(genuine.body, at) }, certs), null, `byte ${at}`);
    }
    await assert.rejects((async () => verified(await craft({ sign: 'unknown_serial' }), certs))(), /unknown serial/);
    const otherData = await craft({ wrong_associated_data: true });
    assert.throws(() => verified(otherData, certs), /authenticate/);
    const tampered = await craft({ tampered: true });
    assert.throws(() => verified(tampered, certs), /authenticate/);
    listener.close();
  },

  async partner() {
    const certs = await platformKeys();
    const wxpay = merchant(certs);
    const listener = await receiver();
    const { appid, mchid, payer, ...rest } = await order(listener.url);
    const sub = { sub_mchid: '1900000109' };
    const { data } = await wxpay.v3.pay.partner.transactions.jsapi.post({ ...rest, sp_appid: appid, sp_mchid: mchid, ...sub, payer: { sp_openid: payer.openid } });
    await control('POST', '/pay', { platform: 'wechat', prepay_id: data.prepay_id });
    await control('POST', '/deliveries/settle', {});
    const told = verified(listener.received[0], certs);
    const params = { sp_mchid: mchid, ...sub };
    const asked = await wxpay.v3.pay.partner.transactions.outTradeNo.$no$.get({ no: rest.out_trade_no, params });
    assert.deepEqual(asked.data, told);
    assert.deepEqual([told.sp_mchid, told.sub_mchid, told.payer], [mchid, sub.sub_mchid, { sp_openid: payer.openid }]);
    await refused(404, 'ORDER_NOT_EXIST', () => wxpay.v3.pay.transactions.outTradeNo.$no$.get({ no: rest.out_trade_no, params: { mchid } }));
    const back = await wxpay.v3.refund.domestic.refunds.post({ ...sub, out_trade_no: rest.out_trade_no, out_refund_no: `R${rest.out_trade_no}`, amount: { refund: 1, total: 89880, currency: 'CNY' } });
    assert.equal(back.data.out_trade_no, rest.out_trade_no);
    listener.close();
  },

  async flipped() {
    const certs = await platformKeys();
    const listener = await receiver();
    // The SDK signs, then one byte changes on the way.
    const send = axios.getAdapter('http');
    const spoiling = (spoil) => merchant(certs, { adapter: (config) => { spoil(config); return send(config); } });
    const body = await order(listener.url);
    const params = { mchid: facts.mchid };
    const create = (client) => client.v3.pay.transactions.jsapi.post(body);
    const query = (client) => client.v3.pay.transactions.outTradeNo.$no$.get({ no: body.out_trade_no, params });
    const other = (c) => (/[0-8]/.test(c) ? String(Number(c) + 1) : c === 'A' ? 'B' : 'A');
    // One byte of each item of the header: the first one of its value.
    const item = (name) => (config) => {
      const said = config.headers.get('Authorization');
      const at = said.indexOf(`${name}="`) + name.length + 2;
      assert.ok(at > name.length + 1, said);
      // The time stamp's last digit: a first one would make it old, too.
      const place = name === 'timestamp' ? said.indexOf('"', at) - 1 : at;
      config.headers.set('Authorization', said.slice(0, place) + other(said[place]) + said.slice(place + 1));
    };
    const spoils = {
      body: [create, (config) => {
        assert.ok(config.data.includes('"total":89880'));
        config.data = config.data.replace('"total":89880', '"total":89881');
      }],
      method: [create, (config) => { config.method = 'put'; }],
      path: [query, (config) => { config.url = config.url.replace(body.out_trade_no, `X${body.out_trade_no.slice(1)}`); }],
      query: [query, (config) => { config.params = { mchid: `${facts.mchid.slice(0, -1)}${other(facts.mchid.at(-1))}` }; }],
      scheme: [create, (config) => {
        config.headers.set('Authorization', config.headers.get('Authorization').replace('RSA2048', 'RSA2049'));
      }],
    };
    for (const name of ['mchid', 'nonce_str', 'timestamp', 'serial_no', 'signature']) {
      spoils[name] = [create, item(name)];
      spoils[`${name} of a query`] = [query, item(name)];
    }
    for (const [name, [act, spoil]] of Object.entries(spoils)) {
      const answer = await refused(401, 'SIGN_ERROR', () => act(spoiling(spoil))).catch((error) => {
        throw new Error(`${name}: ${error.message}`);
      });
      assert.equal(answer.headers['wechatpay-signature'], undefined, 'a 401 is not signed');
      if (name === 'body') assert.equal(answer.data.detail.sign_information.method, 'POST');
    }
    // Unspoiled, the same order goes through.
    assert.equal((await merchant(certs).v3.pay.transactions.jsapi.post(body)).status, 200);
    listener.close();
  },
};

(async () => {
  await acts[steps]();
  process.exit(0);
})().catch((error) => {
  console.error(error.stack ?? error, error.response?.data ?? '');
  process.exit(1);
});
