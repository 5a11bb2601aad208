// What an integrator sees beside the phone.
import { test, expect } from './phone.js';
import { readFileSync } from 'node:fs';

test.describe('beside the phone', () => {
  test.use({ viewport: { width: 1280, height: 800 } });

  test('a purchase shows every exchange in one timeline, with the signatures that were checked', async ({ phone, page }) => {
    await phone.open();
    const panel = page.locator('#panel');
    await phone.stands('cities.title');
    await phone.toBills('wechat');
    const number = await phone.pay();

    await page.getByLabel('只看这笔订单').check();
    const entry = (lane, text) => panel.locator(`.entry[data-lane=${lane}]`, { hasText: text }).first();
    await expect(entry('wechat', '/v3/pay/transactions/jsapi')).toContainText('签名通过');
    await expect(entry('agency', '/agency/v1/post-payment')).toContainText('签名通过');
    const placed = entry('phone', `/orders/${number}/payments`);
    await placed.locator('summary').click();
    await expect(placed).toContainText('paySign');
    await expect(placed.getByRole('button', { name: '复制为 curl' })).toBeVisible();
    // Its token is shortened; the key of the order's intent is there.
    await expect(placed).toContainText(/Authorization: Bearer .{4}…/);
    const order = panel.locator('.entry[data-lane=phone]', { has: page.locator('.entry-path', { hasText: /POST\s*\/api\/v1\/orders$/ }) }).first();
    await page.getByLabel('只看这笔订单').uncheck();
    await order.locator('summary').click();
    await expect(order).toContainText('Idempotency-Key');

    // A notification with our verdict, opened. Others pay at the same time, in the other wallet too.
    await page.getByLabel('只看这笔订单').check();
    const notice = panel.locator('.entry[data-lane=notice]').first();
    await expect(notice).toContainText('我方验签通过');
    await notice.locator('summary').click();
    await expect(notice).toContainText('Wechatpay-Signature');
    await expect(notice).toContainText('"trade_state": "SUCCESS"');

    // Neither token nor document number, in any entry.
    await page.getByLabel('只看这笔订单').uncheck();
    const everything = await panel.evaluate((element) => element.textContent);
    expect(everything).not.toMatch(/320299\d{11}[\dX]/);
    const token = await page.evaluate(() => JSON.parse(localStorage.getItem('city-services.phone')).token);
    expect(everything).not.toContain(token);

    // The newest is on top, whoever saw it, by one clock.
    const times = await panel.locator('.entry .entry-clock').allTextContents();
    expect(times).toEqual([...times].sort().reverse());
    await phone.isAccessible('the timeline');
  });

  test('even an export in whole shows no name and no number there', async ({ phone, page }) => {
    await phone.arrive('/rights');
    await page.getByRole('button', { name: '用平台手机号绑定' }).click();
    await expect(page.locator('.mobile')).toContainText('****');
    await page.getByRole('button', { name: '导出完整信息' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: '人脸核验' }).click();
    const [person] = JSON.parse(readFileSync(await (await download).path())).people;
    const entry = page.locator('#panel .entry[data-lane=phone]', { hasText: /POST\s*\/api\/v1\/me\/export/ });
    await entry.locator('summary').first().click();
    await expect(entry).toContainText('"own_data": "full"');
    await expect(entry).not.toContainText(person.document_number);
    await expect(entry).not.toContainText(person.name);
    await expect(entry).not.toContainText(/1[3-9]\d{9}/);
  });

  test('lanes can be left out and texts looked for', async ({ phone, page }) => {
    await phone.arriveAtBills({ wallet: 'alipay' });
    const panel = page.locator('#panel');
    await expect(panel.locator('.entry[data-lane=agency]').first()).toBeVisible();
    await panel.getByRole('button', { name: '服务 → 经办机构' }).click();
    await expect(panel.locator('.entry[data-lane=agency]')).toHaveCount(0);
    await panel.getByLabel('查找').fill('/bills');
    await expect(panel.locator('.entry')).toHaveCount(1);
    await panel.getByLabel('查找').fill('nothing has this');
    await expect(panel).toContainText('没有符合条件的往来');
  });

  test('the books of an order show both accounts of each entry, and that nothing is missing', async ({ phone, page }) => {
    await phone.arriveAtBills();
    const number = await phone.pay();
    const panel = page.locator('#panel');
    await panel.locator('#tab-books').click();
    await expect(panel).toContainText(number);
    await expect(panel.locator('.books tbody tr')).toHaveCount(2);
    await expect(panel.locator('.books tbody tr').first()).toContainText(/渠道应收.*在途.*898\.80/s);
    await expect(panel.locator('.books tbody tr').last()).toContainText(/在途.*应付保费.*320200-hr.*898\.80/s);
    await expect(panel.locator('.balance')).toContainText('收款 898.80 = 已入账 898.80 + 在途 0.00');
    await phone.isAccessible('the books');
  });

  test('the elder version has the screen to itself', async ({ phone, page }) => {
    await phone.open();
    await phone.stands('cities.title');
    await expect(page.locator('#panel')).toBeVisible();
    await page.locator('#elder-switch').click();
    await expect(page.locator('#panel')).toBeHidden();
    await page.locator('#elder-switch').click();
    await expect(page.locator('#panel')).toBeVisible();
  });
});

test('on a narrow screen it is a drawer, closed at first', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  await expect(page.locator('#panel')).toBeHidden();
  await page.locator('.panel-open').click();
  await expect(page.locator('.panel-close')).toBeFocused();
  await expect(page.locator('#panel')).toContainText('/api/v1/cities');
  await phone.isAccessible('the drawer');
  await page.locator('.panel-close').click();
  await expect(page.locator('#panel')).toBeHidden();
  await expect(page.locator('.panel-open')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('.panel-close')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.locator('#panel')).toBeHidden();
  await expect(page.locator('.panel-open')).toBeFocused();
});

test('what opens a family’s request is covered', async ({ phone, page }) => {
  await phone.arrive('/people');
  await page.getByRole('button', { name: '实名核验' }).click();
  await page.getByRole('link', { name: '请家人代缴' }).click();
  await page.getByRole('button', { name: '生成链接' }).click();
  const link = await page.locator('#family-link').inputValue();
  const token = link.split('/').at(-1);
  await page.goto(link);
  await expect(phone.screen).toContainText('这是您自己发起的');
  await page.locator('.panel-open').click();
  await expect(page.locator('#panel')).toContainText(`/payment-requests/${token.slice(0, 4)}…`);
  await expect(page.locator('#panel')).not.toContainText(token);
});
