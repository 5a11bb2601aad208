// The rest of the counter: by the year, months that were missed, a gap, and money on the social card.
import { test, expect } from './phone.js';

/** To the bills of a service, as somebody whom it concerns. */
async function to(phone, page, service, kind) {
  await phone.open();
  await phone.toPerson('wechat', service);
  await phone.invent(kind);
  await page.locator('#agreed').check();
  await phone.save();
  await phone.stands('bills.title');
}

test('a resident pays medical insurance for a year', async ({ phone, page }) => {
  await to(phone, page, 'resident_medical');
  await expect(page.locator('[data-insurance=resident_medical]')).toContainText('其他居民');
  await expect(page.locator('.total')).toContainText('780.00');
  await phone.isAccessible('a year’s bill');
  await phone.pay();
  await page.locator('details.bills > summary').click();
  await expect(page.locator('details.bills')).toContainText('2024年全年');
});

test('months that were missed are paid back, before their last day', async ({ phone, page }) => {
  await to(phone, page, 'back_payment');
  await expect(page.locator('[data-insurance=pension] .month')).toHaveCount(2);
  await expect(page.locator('[data-insurance=pension]')).toContainText(/最晚 \d{4}-12-31/);
  await phone.pay();
});

test('two months without medical insurance are warned of, and chosen', async ({ phone, page }) => {
  await phone.arrive('/people', { insured: 'gap' });
  await phone.proves();
  await phone.at('/bills?service=flex_medical');
  await phone.stands('bills.title');
  await expect(page.locator('#screen > .note.warn')).toContainText('2 个月');
  await expect(page.locator('[data-insurance=medical] .month[aria-pressed="true"]')).toHaveCount(2);
  const chosen = await page.locator('[data-insurance=medical] .month[aria-pressed="true"] .unseen').last().textContent();
  expect(chosen, 'this month').toContain(`${new Date(Date.now() + 8 * 3_600_000).getUTCFullYear()}年`);
  await phone.isAccessible('a gap');
});

test('an older resident pays the amount of their group', async ({ phone, page }) => {
  await to(phone, page, 'resident_medical', 'elderly');
  await expect(page.locator('[data-insurance=resident_medical]')).toContainText('老年居民');
  await expect(page.locator('.total')).toContainText('550.00');
});

test.describe('the social card', () => {
  test.use({ provoked: [422] });

  test('takes money, but not by a bank card’s number', async ({ phone, page }) => {
    // The agency knows a card of whom it was asked about.
    await phone.arrive('/topup', { wallet: 'alipay', insured: 'standard' });
    await phone.stands('topup.title');
    await page.getByLabel('社保卡号').fill('6222021001116245');
    await page.getByLabel('充值金额（元）').fill('100');
    await page.getByRole('button', { name: '生成充值账单' }).click();
    await expect(page.locator('.field-error[data-code="bank_card_number"]')).toBeVisible();
    await expect(page.getByLabel('社保卡号')).toBeFocused();
    await page.getByRole('button', { name: '填入演示卡号' }).click();
    // It is fetched: who sends before it stands there sends the old one again.
    await expect(page.getByLabel('社保卡号')).not.toHaveValue('6222021001116245');
    await page.getByRole('button', { name: '生成充值账单' }).click();
    await phone.stands('confirm.title');
    await expect(phone.screen).toContainText('100.00');
    // It is for no month, and for one card.
    await expect(phone.screen).toContainText('个人账户充值');
    await expect(phone.screen).not.toContainText(/\d{4}年\d{1,2}月/);
    await expect(phone.screen).toContainText(/社保卡号\s*\*{4}\d{4}/);
    await expect(page.getByRole('link', { name: '返回修改' })).toHaveAttribute('href', '#/topup');
    await phone.isAccessible('a top-up');
    await phone.confirms();
    await phone.stands('cashier.title');
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();
    await page.locator('details.bills > summary').click();
    await expect(page.locator('details.bills')).toContainText('个人账户充值');
    await expect(page.locator('details.bills')).not.toContainText(/\d{4}年\d{1,2}月/);
    await page.getByRole('link', { name: '查看缴费凭证' }).click();
    await phone.stands('voucher.title');
    await expect(page.locator('.voucher-paper .item')).not.toContainText(/\d{4}年\d{1,2}月/);
    await phone.at('/orders');
    await phone.stands('records.title');
    await expect(page.locator('.record')).toContainText('个人账户充值');
    await expect(page.locator('.record')).not.toContainText(/\d{4}年\d{1,2}月/);
  });
});
