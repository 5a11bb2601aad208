// The rest of the counter: by the year, months that were missed, a gap, and money on the social card.
import { test, expect } from './phone.js';

/** To the bills of a service, as somebody whom it concerns. */
async function to(phone, page, service, kind) {
  await phone.open();
  await phone.chooseCity();
  await page.locator(`a[href="#/bills?service=${service}"]`).click();
  await phone.logIn('wechat');
  await phone.stands('person.title');
  await phone.invent(kind);
  await page.locator('.consent input[type=checkbox]').first().check();
  await page.locator('#screen > .button.primary').click();
  await phone.stands('bills.title');
}

async function pay(phone, page) {
  await phone.toCashier();
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
}

test('a resident pays medical insurance for a year', async ({ phone, page }) => {
  await to(phone, page, 'resident_medical');
  await expect(page.locator('[data-insurance=resident_medical]')).toContainText('其他居民');
  await expect(page.locator('.total')).toContainText('780.00');
  await phone.isAccessible('a year’s bill');
  await pay(phone, page);
  await page.locator('details.bills > summary').click();
  await expect(page.locator('details.bills')).toContainText('2024年全年');
});

test('months that were missed are paid back, before their last day', async ({ phone, page }) => {
  await to(phone, page, 'back_payment');
  await expect(page.locator('[data-insurance=pension] .month')).toHaveCount(2);
  await expect(page.locator('[data-insurance=pension]')).toContainText(/最晚 \d{4}-12-31/);
  await pay(phone, page);
});

test('two months without medical insurance are warned of', async ({ phone, page }) => {
  await to(phone, page, 'flex_medical', 'gap');
  await phone.proves();
  await phone.stands('bills.title');
  await expect(page.locator('.note.warn')).toContainText('2 个月');
  await phone.isAccessible('a gap');
});

test.describe('the social card', () => {
  test.use({ provoked: [422] });

  test('takes money, but not by a bank card’s number', async ({ phone, page }) => {
    await phone.open();
    await phone.toBills('alipay');
    await phone.at('/topup');
    await phone.stands('topup.title');
    await page.getByLabel('社保卡号').fill('6222021001116245');
    await page.getByLabel('充值金额（元）').fill('100');
    await page.getByRole('button', { name: '生成充值账单' }).click();
    await expect(page.locator('.problem[data-code="bank_card_number"]')).toBeVisible();
    await page.getByRole('button', { name: '填入演示卡号' }).click();
    // It is fetched: who sends before it stands there sends the old one again.
    await expect(page.getByLabel('社保卡号')).not.toHaveValue('6222021001116245');
    await page.getByRole('button', { name: '生成充值账单' }).click();
    await phone.stands('confirm.title');
    await expect(phone.screen).toContainText('100.00');
    await phone.isAccessible('a top-up');
    await phone.confirms();
    await phone.stands('cashier.title');
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();
  });
});
