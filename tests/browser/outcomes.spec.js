// What became of a payment is said as it is: not paid, given up, booked, or on its way back and why.
import { test, expect } from './phone.js';

for (const { wallet, button, says } of [
  { wallet: 'wechat', button: '取消付款', says: '您已取消付款' },
  { wallet: 'alipay', button: '付款失败', says: '付款没有成功' },
]) {
  test(`${button} (${wallet}): nothing was taken, and until when it can still be paid`, async ({ phone, page }) => {
    await phone.arriveAtBills({ wallet });
    await phone.toCashier();
    const until = await page.locator('.cashier .facts').getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/).textContent();
    await page.getByRole('button', { name: button }).click();
    await phone.stands('order.title');
    await expect(phone.result).toContainText(says);
    await expect(phone.result).toContainText('未扣款');
    await expect(phone.result).toContainText(until.slice(11, 16));
    await expect(phone.screen.locator('.facts')).toContainText(`付款截止${until}`);
    await expect(phone.announced).toContainText(says);
    await expect(page.locator('#screen .button.primary')).toHaveText('继续支付');
    await phone.isAccessible('an order that is not paid');
    await page.getByRole('button', { name: '刷新结果' }).click();
    await expect(phone.result).toContainText('刚刚查询过');
    await expect(phone.result).toContainText('尚未付款');
    await expect(page.getByRole('button', { name: '刷新结果' })).toBeFocused();
    await page.getByRole('link', { name: '继续支付' }).click();
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();
  });
}

test('an order can be given up, after being asked in place; the focus stays with it', async ({ phone, page }) => {
  await phone.arriveAtBills();
  await phone.toCashier();
  await page.getByRole('button', { name: '取消付款' }).click();
  await page.getByRole('button', { name: '不缴了，关闭订单' }).click();
  await expect(page.getByRole('button', { name: '确认关闭' })).toBeFocused();
  await page.getByRole('button', { name: '不，保留' }).click();
  await expect(page.getByRole('button', { name: '不缴了，关闭订单' })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: '确认关闭' }).click();
  await expect(page.locator('.result[data-state="CLOSED"]')).toContainText('未扣款');
  await expect(page.locator('#state-label')).toBeFocused();
  await expect(phone.announced).toContainText('已关闭');
  await page.getByRole('link', { name: '重新查询应缴' }).click();
  await expect(page.locator('[data-insurance=pension] .month[data-state=due]')).toHaveCount(12);
});

test('money that the agency did not book goes back, and the page says why', async ({ phone, page }) => {
  await phone.arriveAtBills({ wallet: 'alipay', faults: [{ operation: 'post-payment', fault: 'refuse', code: 'ALREADY_PAID' }] });
  await phone.toCashier();
  await page.getByRole('button', { name: '确认付款' }).click();
  await expect(page.locator('.result[data-state="REFUNDED"]')).toBeVisible();
  await expect(page.locator('.result-why')).toContainText('已缴纳');
  await expect(page.locator('.trail')).toHaveText(/付款.*未入账.*退回/s);
  // What proves the payment is an acknowledgement, and not what matters most now.
  const paper = page.getByRole('link', { name: '查看支付回执' });
  await expect(paper).not.toHaveClass(/primary/);
  await paper.click();
  await phone.stands('voucher.title');
  await expect(page.locator('#title')).toHaveText('支付回执');
  await expect(page).toHaveTitle(/^支付回执/);
});

test('a difference is told apart from a month, wherever it stands', async ({ phone, page }) => {
  await phone.arrive('/people');
  await phone.proves();
  await phone.at('/bills?service=flex_pension');
  await phone.stands('bills.title');
  await phone.next.click();
  await phone.stands('confirm.title');
  await expect(page.locator('.second'), 'who is proven pays for nobody else').toHaveCount(0);
  await phone.next.click();
  await phone.stands('cashier.title');
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
  await phone.at('/bills');
  await phone.stands('bills.title');
  await page.locator('a[href^="#/tiers/"]').first().click();
  await phone.stands('tiers.title');
  const look = page.getByRole('button', { name: '看看会有什么变化' });
  await expect(look, 'nothing changes yet').toBeDisabled();
  await page.getByLabel('从哪个月起').selectOption('2023-01');
  await page.locator('input[name=tier]').nth(2).check();
  await look.click();
  // Before and after, with what the paid month still owes; nothing is done yet.
  const change = page.locator('.change');
  await expect(change).toContainText(/第 1 档.*898\.80.*第 3 档.*1,400\.00/s);
  await expect(change).toContainText('11 个月按新档次');
  await expect(change).toContainText(/补差.*2023年1月.*501\.20/s);
  await expect(page.locator('#change')).toBeFocused();
  await phone.isAccessible('a change of tier');
  await page.getByRole('button', { name: '确认调整' }).click();
  await page.getByRole('link', { name: '查看应缴费用' }).click();
  await phone.stands('bills.title');
  const part = page.locator('[data-insurance=pension][data-kind=difference]');
  await expect(part).toContainText('补差');
  await expect(part).toContainText('不是新的月份');
  await expect(part.locator('.month .tile-mark')).toHaveText('差');
  await expect(page.locator('[data-insurance=pension][data-kind=regular] .month')).toHaveCount(12);
  await part.locator('.month').click();
  await phone.next.click();
  await phone.stands('confirm.title');
  await expect(phone.screen).toContainText('养老保险（补差）');
  await phone.next.click();
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
  await phone.at('/orders');
  await expect(page.locator('.record').first()).toContainText('养老保险（补差）');
});

test('a record shows the months of each insurance', async ({ phone, page }) => {
  await phone.arriveAtBills();
  await page.locator('[data-insurance=medical] .month').nth(4).click();
  const total = await page.locator('.total .amount').textContent();
  expect(total).toContain('1,247.30');
  await phone.next.click();
  // With commas on the button too.
  await expect(phone.next).toHaveText('确认并支付 1,247.30 元');
  await phone.confirms();
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
  await phone.at('/orders');
  await expect(page.locator('.record')).toContainText('养老保险 2023年1月');
  await expect(page.locator('.record')).toContainText('医疗保险 2023年5月');
});

test('what takes long is told in words', async ({ phone, page, context }) => {
  await phone.arriveAtBills();
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  await context.route('**/api/v1/confirmations', async (route) => { await held; await route.continue(); });
  await phone.next.click();
  await expect(page.locator('.skeleton')).toContainText('请稍候');
  answer();
  await phone.stands('confirm.title');
  let placed;
  const later = new Promise((resolve) => { placed = resolve; });
  await context.route('**/api/v1/orders', async (route) => { await later; await route.continue(); });
  await phone.confirms();
  await expect(phone.next).toHaveText('正在提交…');
  await expect(phone.announced).toContainText('请稍候');
  placed();
  await phone.stands('cashier.title');
});
