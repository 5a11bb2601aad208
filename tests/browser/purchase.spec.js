// The whole way to 缴费成功, in either wallet, and what can happen in the wallet.
import { test, expect, phoneOn } from './phone.js';

for (const wallet of ['wechat', 'alipay']) {
  test(`a first-time visitor pays three months with ${wallet} and sees them booked`, async ({ phone, page }) => {
    await phone.open();
    await phone.toBills(wallet);
    await page.locator('[data-insurance=pension] .quick-button').nth(1).click();
    await expect(page.locator('[data-insurance=pension] .month[aria-pressed="true"]')).toHaveCount(3);
    await expect(page.locator('.total')).toContainText('2,696.40');
    await phone.toCashier();
    await expect(page.locator(`.cashier.${wallet}`)).toContainText('2,696.40');
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();
    await expect(phone.result).toContainText('缴费成功');
    await page.locator('details.bills > summary').click();
    await expect(page.locator('details.bills')).toContainText('已入账');
    await page.locator('#tabs a', { hasText: '缴费记录' }).click();
    await expect(page.locator('.record')).toContainText('缴费成功');
    // What is paid cannot be chosen again.
    await phone.at('/bills');
    await expect(page.locator('[data-insurance=pension] .month[data-state=paid]')).toHaveCount(3);
  });
}

test('pension and medical of one month are one order of two agencies', async ({ phone, page }) => {
  await phone.open();
  await phone.toBills('wechat');
  await page.locator('[data-insurance=medical] .quick-button').first().click();
  await expect(page.locator('.total')).toContainText('1,289.80');
  await phone.toCashier();
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
  await expect(page.locator('details.bills .item')).toHaveCount(2);
});

test('who pays and closes the page finds the order on the first page and in the records', async ({ phone, page, context }) => {
  await phone.open();
  await phone.toBills('alipay');
  await phone.toCashier();
  const number = phone.number();
  await page.getByRole('button', { name: '付款成功，但页面被关闭' }).click();
  await phone.stands('closed.title');
  await page.close();

  const again = phoneOn(await context.newPage());
  await again.open();
  await again.stands('home.title');
  await again.page.locator('#tabs a', { hasText: '缴费记录' }).click();
  await again.page.locator(`[data-order="${number}"]`).click();
  await again.succeeds();
});

test('who leaves before paying finds the unfinished payment and goes on with the same order', async ({ phone, page, context }) => {
  await phone.open();
  await phone.toBills('wechat');
  await phone.toCashier();
  const number = phone.number();
  await page.close();

  const again = phoneOn(await context.newPage());
  await again.open();
  await again.page.locator('.unfinished a').click();
  await again.page.locator(`a[href="#/pay/${number}"]`).click();
  await again.stands('cashier.title');
  await again.page.getByRole('button', { name: '确认付款' }).click();
  await again.succeeds();
  expect(again.number()).toBe(number);
});
