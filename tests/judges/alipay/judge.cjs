// npm alipay-sdk against the mock: judge.cjs FOLDER MODE STEP
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const zlib = require('node:zlib');
const { createRequire } = require('node:module');

const library = createRequire(path.join(process.env.JUDGE_LIBRARIES, 'judge.cjs'));
const { AlipaySdk } = library('alipay-sdk');
// Not exported by the package, and yet what its users rely on.
const inside = 'node_modules/alipay-sdk/dist/commonjs/antcertutil.js';
const certificates = require(path.join(process.env.JUDGE_LIBRARIES, inside));

const [folder, mode, step] = process.argv.slice(2);
const mock = JSON.parse(fs.readFileSync(path.join(folder, 'mock.json'), 'utf8'));
const { alipay } = mock;
const file = (name) => fs.readFileSync(path.join(folder, name), 'utf8');

const keys = mode === 'certificate'
  ? {
      appCertContent: file(alipay.app_cert),
      alipayPublicCertContent: file(alipay.alipay_cert),
      alipayRootCertContent: file(alipay.alipay_root_cert),
    }
  : { alipayPublicKey: file(alipay.alipay_public_key) };
const sdk = new AlipaySdk({
  appId: alipay.app_id,
  privateKey: file(alipay.app_private_key),
  keyType: 'PKCS8',
  gateway: alipay.gateway,
  timeout: 30_000,
  ...keys,
});

async function control(route, body) {
  const request = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`${mock.control_url}${route}`, request);
  assert.ok(answer.ok, `${route}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const call = (method, bizContent, more = {}) =>
  sdk.exec(method, { bizContent, ...more }, { validateSign: true });

// A shop's callback: keeps what it is told and answers `success`.
async function receiver() {
  const bodies = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
      bodies.push(body);
      response.end('success');
    });
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { bodies, server, url: `http://127.0.0.1:${server.address().port}/told` };
}

let count = 0;
async function create(notifyUrl, subject = '社保缴费 2026') {
  const { open_id: buyerOpenId } = await control('/login-codes', { platform: 'alipay', user: 'ming' });
  count += 1;
  const order = {
    outTradeNo: `JUDGE_${process.pid}_${count}`,
    totalAmount: '898.80',
    subject,
    productCode: 'JSAPI_PAY',
    opAppId: alipay.app_id,
    buyerOpenId,
    passbackParams: 'a%3D1%26b',
  };
  const told = await call('alipay.trade.create', order, notifyUrl ? { notifyUrl } : {});
  assert.equal(told.code, '10000', JSON.stringify(told));
  return { ...order, tradeNo: told.tradeNo };
}

// One byte in the middle is another one.
function flip(value) {
  const at = Math.floor(value.length / 2);
  const code = String.fromCharCode((value.charCodeAt(at) || 0x30) ^ 1);
  return value.slice(0, at) + code + value.slice(at + 1);
}

const pay = (order) => control('/pay', { platform: 'alipay', out_trade_no: order.outTradeNo });
const query = ({ outTradeNo }) => call('alipay.trade.query', { outTradeNo });
const refund = ({ outTradeNo }, outRequestNo, refundAmount) =>
  call('alipay.trade.refund', { outTradeNo, outRequestNo, refundAmount });

const steps = {
  async keys() {
    if (mode === 'certificate') {
      assert.equal(certificates.getSN(file(alipay.app_cert)), alipay.app_cert_sn);
      assert.equal(certificates.getSN(file(alipay.alipay_cert)), alipay.alipay_cert_sn);
      assert.equal(certificates.getSN(file(alipay.alipay_root_cert), true), alipay.alipay_root_cert_sn);
      const method = 'alipay.open.app.alipaycert.download';
      const told = await call(method, { alipayCertSn: alipay.alipay_next_cert_sn });
      const pem = Buffer.from(told.alipayCertContent, 'base64').toString();
      assert.equal(certificates.getSN(pem), alipay.alipay_next_cert_sn);
    }
    const none = { outTradeNo: 'NONE' };
    assert.equal((await query(none)).subCode, 'ACQ.TRADE_NOT_EXIST');
    // Signed by a key that this judge does not hold.
    await control('/settings', { alipay_signer: 'next' });
    await assert.rejects(query(none), /验签/);
  },

  async login() {
    const minted = await control('/login-codes', { platform: 'alipay', user: 'ming' });
    const told = await sdk.exec(
      'alipay.system.oauth.token',
      { grantType: 'authorization_code', code: minted.code },
      { validateSign: true },
    );
    assert.equal(told.openId, minted.open_id);
    const profile = await sdk.exec(
      'alipay.user.info.share',
      { authToken: told.accessToken },
      { validateSign: true },
    );
    assert.equal(profile.openId, minted.open_id);
    await control('/settings', { alipay_id_mode: 'user_id' });
    const older = await control('/login-codes', { platform: 'alipay', user: 'ming' });
    const by = await sdk.exec(
      'alipay.system.oauth.token',
      { grantType: 'authorization_code', code: older.code },
      { validateSign: true },
    );
    assert.equal(by.userId, older.user_id);
  },

  async order() {
    const order = await create();
    assert.equal((await query(order)).tradeStatus, 'WAIT_BUYER_PAY');
    await pay(order);
    const paid = await query(order);
    assert.equal(paid.tradeStatus, 'TRADE_SUCCESS');
    assert.equal(paid.totalAmount, '898.80');
    const close = await call('alipay.trade.close', { outTradeNo: order.outTradeNo });
    assert.equal(close.subCode, 'ACQ.TRADE_STATUS_ERROR');
    const other = await create();
    assert.equal((await call('alipay.trade.close', { outTradeNo: other.outTradeNo })).code, '10000');
    assert.equal((await query(other)).tradeStatus, 'TRADE_CLOSED');
    const third = await create();
    await pay(third);
    const cancelled = await call('alipay.trade.cancel', { outTradeNo: third.outTradeNo });
    assert.equal(cancelled.action, 'refund');
    // Forms of an answer that this judge reads.
    for (const fault of ['pretty', 'escaped', 'braces']) {
      await control('/faults', { target: 'alipay.query', fault });
      assert.equal((await query(order)).tradeStatus, 'TRADE_SUCCESS', fault);
    }
    for (const fault of ['wrong_signature', 'unsigned', 'other_key']) {
      await control('/faults', { target: 'alipay.query', fault });
      await assert.rejects(query(order), fault);
    }
  },

  async refund() {
    const order = await create();
    await pay(order);
    const part = await refund(order, 'R1', '98.80');
    assert.equal(part.fundChange, 'Y');
    assert.equal((await refund(order, 'R1', '98.80')).fundChange, 'N');
    assert.equal((await refund(order, 'R1', '1.00')).subCode, 'ACQ.DISCORDANT_REPEAT_REQUEST');
    assert.equal((await refund(order, 'R2', '800.00')).refundFee, '898.80');
    const method = 'alipay.trade.fastpay.refund.query';
    const told = await call(method, { outTradeNo: order.outTradeNo, outRequestNo: 'R1' });
    assert.equal(told.refundStatus, 'REFUND_SUCCESS');
    assert.equal(told.refundAmount, '98.80');
    const none = await call(method, { outTradeNo: order.outTradeNo, outRequestNo: 'R9' });
    assert.equal(none.code, '10000');
    assert.equal(none.refundStatus, undefined);
  },

  async bill() {
    const order = await create();
    await pay(order);
    await refund(order, 'R1', '98.80');
    const { now } = await control('/clock');
    const day = now.slice(0, 10); // the clock tells Beijing time
    await control('/clock/advance', { seconds: 2 * 86_400 });
    for (const billType of ['trade', 'signcustomer']) {
      const method = 'alipay.data.dataservice.bill.downloadurl.query';
      const told = await call(method, { billType, billDate: day });
      assert.equal(told.code, '10000', JSON.stringify(told));
      const answer = await fetch(told.billDownloadUrl);
      const zip = Buffer.from(await answer.arrayBuffer());
      assert.equal(zip.readUInt32LE(0), 0x04034b50);
      const start = 30 + zip.readUInt16LE(26);
      const name = new TextDecoder('gbk').decode(zip.subarray(30, start));
      const text = zlib.inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(18)));
      const detail = new TextDecoder('gbk').decode(text);
      assert.match(name, /明细\.csv$/);
      assert.ok(detail.includes(order.outTradeNo), detail);
      assert.ok(detail.includes('-98.80'), detail);
    }
  },

  async notifications() {
    const shop = await receiver();
    const order = await create(shop.url, '社保 缴费+100% "测试"');
    await pay(order);
    await control('/deliveries/settle', {});
    await refund(order, 'R1', '98.80');
    await control('/deliveries/settle', {});
    await refund(order, 'R2', '800.00');
    await control('/deliveries/settle', {});
    shop.server.close();
    assert.equal(shop.bodies.length, 3);
    const told = shop.bodies.map((body) => Object.fromEntries(new URLSearchParams(body)));
    assert.deepEqual(
      told.map((form) => [form.trade_status, form.refund_fee]),
      [['TRADE_SUCCESS', undefined], ['TRADE_SUCCESS', '98.80'], ['TRADE_CLOSED', '898.80']],
    );
    for (const form of told) {
      assert.equal(sdk.checkNotifySignV2(form), true);
      assert.equal(sdk.checkNotifySignV2({ ...form, total_amount: '898.81' }), false);
      // One byte of every field; sign_type alone is under no signature.
      for (const [name, value] of Object.entries(form)) {
        if (name === 'sign_type') continue;
        assert.equal(sdk.checkNotifySignV2({ ...form, [name]: flip(value) }), false, name);
      }
    }
    // What this library is known to take and to refuse.
    const crafted = async (more) => {
      const request = { platform: 'alipay', out_trade_no: order.outTradeNo, deliver: false, ...more };
      const { body } = await control('/notifications', request);
      return sdk.checkNotifySignV2(Object.fromEntries(new URLSearchParams(body)));
    };
    for (const oddity of ['new_id', 'html_escaped', 'extra_field', 'certificate_serial', 'sign_type_signed']) {
      assert.equal(await crafted({ oddity }), true, oddity);
    }
    for (const oddity of ['certificate_serial_unsigned', 'blanks_unsigned']) {
      assert.equal(await crafted({ oddity }), false, oddity);
    }
    assert.equal(await crafted({ sign: 'bad' }), false);
  },

  async tampering() {
    const order = await create();
    const url = new URL(
      sdk.pageExecute('alipay.trade.query', 'GET', { bizContent: { outTradeNo: order.outTradeNo } }),
    );
    const ask = async (changed) => {
      const body = JSON.parse(await (await fetch(changed)).text());
      return { signed: 'sign' in body, ...Object.values(body)[0] };
    };
    assert.equal((await ask(url)).code, '10000');
    for (const [name, value] of url.searchParams) {
      const changed = new URL(url);
      changed.searchParams.set(name, flip(value));
      const told = await ask(changed);
      assert.notEqual(told.code, '10000', name);
      assert.equal(told.signed, false, name);
      if (['biz_content', 'sign', 'method'].includes(name)) {
        assert.equal(told.sub_code, 'isv.invalid-signature', name);
      }
      // Nothing is left out unnoticed, either.
      const lacking = new URL(url);
      lacking.searchParams.delete(name);
      assert.notEqual((await ask(lacking)).code, '10000', name);
    }
  },
};

async function judge() {
  await control('/settings', { alipay_key_mode: mode });
  await steps[step]();
}

judge().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
