// What goes wrong is told where it is seen, with the button that helps, and in the right tone.
import { test, expect, phoneOn } from './phone.js';

/** Presses 确认并支付 for a bill that another order took meanwhile. */
async function conflict(phone, context, remembered) {
  await phone.arriveAtBills({ remembered });
  await phone.next.click();
  await phone.stands('confirm.title');
  const other = phoneOn(await context.newPage());
  await other.open();
  await other.at('/bills?service=flex_pension');
  await other.stands('bills.title');
  await other.toCashier();
  const number = other.number();
  await other.page.close();
  await phone.confirms();
  return number;
}

for (const { name, size, viewport } of [
  { name: 'a small phone', size: 'standard', viewport: { width: 320, height: 568 } },
  { name: 'the elder version', size: 'large', viewport: { width: 375, height: 812 } },
  { name: 'the elder version on a small phone', size: 'large', viewport: { width: 320, height: 568 } },
]) {
  test.describe(`on ${name}`, () => {
    test.use({ provoked: [409], viewport });

    test('an error at confirming is seen whole, above the amount', async ({ phone, page, context }) => {
      await conflict(phone, context, { size });
      await expect(phone.problem).toBeFocused();
      const [card, foot, bar, sum] = await Promise.all([phone.problem, phone.foot, page.locator('#bar'), page.locator('.sum')].map((one) => one.boundingBox()));
      expect(card.y + card.height, 'it ends above the foot').toBeLessThanOrEqual(foot.y);
      expect(card.y, 'it begins below the bar').toBeGreaterThanOrEqual(bar.y + bar.height - 1);
      expect(card.y, 'it stands above the amount').toBeLessThan(sum.y);
    });
  });
}

test.describe('a bill that another order holds', () => {
  test.use({ provoked: [409] });

  test('is not ordered twice: the page says so and leads to that order', async ({ phone, page, context }) => {
    const number = await conflict(phone, context);
    const problem = page.locator('.problem[data-code="bill_in_other_order"]');
    await expect(problem).toContainText('请勿重复支付');
    await expect(problem).toContainText('12333');
    await problem.getByRole('link', { name: '查看那笔订单' }).click();
    await phone.stands('order.title');
    expect(phone.number()).toBe(number);
  });
});

test.describe('an agency that says there is nothing to pay', () => {
  test.use({ provoked: [409] });

  for (const [code, words] of [['RETIRED', '已办理退休'], ['FULLY_SUBSIDISED', '财政全额补助'], ['EMPLOYED_ELSEWHERE', '已由单位参保']]) {
    test(`is no alarm: ${words}`, async ({ phone, page }) => {
      await phone.arriveAtBills({ service: 'resident_medical', insured: 'resident', faults: [{ operation: 'query-bills', fault: 'refuse', code }] });
      const told = page.locator('.told.neutral');
      await expect(told).toContainText(words);
      await expect(told).toHaveAttribute('role', 'status');
      await expect(phone.problem).toHaveCount(0);
    });
  }
});

test.describe('who has no tier yet', () => {
  test.use({ provoked: [409] });

  test('is led to choosing one', async ({ phone, page }) => {
    await phone.open();
    await phone.toPerson('alipay');
    await phone.fillIn({ document_number: '320213190001010065', name: '冯选' });
    await phone.stands('bills.title');
    await page.locator('a.button', { hasText: '调整档次' }).click();
    await phone.stands('tiers.title');
    expect(page.url()).toMatch(/#\/tiers\/[^/]+\/pension/);
    // Only who has proven that it is their own.
    await expect(phone.screen).toContainText('请先完成本人实名核验');
    await phone.proves();
    await phone.stands('tiers.title');
    // The agency has no tiers of this month yet: what is published is there to read.
    await page.getByLabel('从哪个月起').selectOption({ index: 23 });
    await expect(page.locator('.tier.read').first()).toBeVisible();
    await expect(page.getByRole('button', { name: '看看会有什么变化' })).toBeHidden();
    await page.getByLabel('从哪个月起').selectOption('2023-01');
    await page.locator('input[name=tier]').first().check();
    await page.getByRole('button', { name: '看看会有什么变化' }).click();
    await expect(page.locator('.change')).toContainText(/未选择.*第 1 档/s);
    await page.getByRole('button', { name: '确认调整' }).click();
    await page.getByRole('link', { name: '查看应缴费用' }).click();
    await phone.stands('bills.title');
    await expect(page.locator('[data-insurance=pension] .month[data-state=due]').first()).toBeVisible();
  });
});

test.describe('a name that the agency does not know with this number', () => {
  test.use({ provoked: [422] });

  test('can be removed and filled in again', async ({ phone, page }) => {
    await phone.open();
    await phone.toPerson('wechat');
    const person = await phone.somebody({ insured: 'standard' });
    await phone.fillIn({ ...person, name: '张错' });
    await page.locator('.problem[data-code="identity_mismatch"]').getByRole('button', { name: '移除并重新填写' }).click();
    await phone.fillIn(person);
    await phone.stands('bills.title');
    await expect(page.locator('[data-insurance=pension]')).toBeVisible();
  });
});

test.describe('an agency that does not answer', () => {
  test.use({ provoked: [502, 503] });

  test('can be asked again in place', async ({ phone, page }) => {
    await phone.arriveAtBills({ service: 'resident_medical', insured: 'resident', faults: [{ operation: 'query-bills', fault: 'refuse', code: 'MAINTENANCE', times: 1 }] });
    await expect(page.locator('.told.waiting')).toContainText('维护中');
    await page.getByRole('button', { name: '再试一次' }).click();
    await expect(page.locator('[data-insurance=resident_medical]')).toBeVisible();
  });
});

test.describe('a session that ends', () => {
  test.use({ provoked: [401] });

  test('while somebody confirms leads back after a login, and shows nothing of them meanwhile', async ({ phone, page }) => {
    await phone.arriveAtBills();
    await phone.next.click();
    await phone.stands('confirm.title');
    const number = await phone.screen.locator('.facts').getByText(/^320\*/).textContent();
    await phone.api('DELETE', '/v1/sessions');
    await phone.confirms();
    await expect(phone.problem).toContainText('登录已失效');
    await expect(phone.problem).toBeFocused();
    await expect(phone.screen).not.toContainText(number);
    await expect(phone.screen.locator('.help-line')).toHaveCount(0);
    await phone.problem.getByRole('link', { name: '登录' }).click();
    await phone.logIn('wechat');
    await phone.stands('confirm.title');
    await expect(phone.screen).toContainText(number);
  });
});

test('who logs out in one window is logged out in the other', async ({ phone, page, context }) => {
  await phone.arrive('/people');
  await phone.stands('people.title');
  const other = phoneOn(await context.newPage());
  await other.open();
  await other.at('/me');
  await other.stands('me.title');
  await other.page.getByRole('button', { name: '退出登录' }).click();
  await expect(phone.problem).toContainText('登录已失效');
  await expect(page.locator('.person')).toHaveCount(0);
});

test.describe('an order that is paid already', () => {
  test.use({ provoked: [409] });

  test('is shown, not offered to be paid again', async ({ phone, page, context }) => {
    await phone.arriveAtBills();
    await phone.toCashier();
    const number = phone.number();
    // The same cashier stands open in a second window.
    const other = phoneOn(await context.newPage());
    await other.open();
    await other.at(`/pay/${number}`);
    await other.stands('cashier.title');
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();
    await other.page.getByRole('button', { name: '确认付款' }).click();
    await other.succeeds();
    await other.at(`/pay/${number}`);
    await other.succeeds();
    await expect(other.page).toHaveURL(new RegExp(`#/orders/${number}$`));
  });
});

test.describe('an address that leads nowhere', () => {
  test.use({ provoked: [404] });

  test('is told with the way back', async ({ phone, page }) => {
    await phone.arrive('/');
    await phone.at('/orders/20260101000000NOSUCHORDER00');
    await page.getByRole('link', { name: '返回缴费记录' }).click();
    await phone.stands('records.title');
    await phone.at('/family/nosuchlinknosuchlinknosuchlink00');
    await page.getByRole('link', { name: '返回首页' }).click();
    await phone.stands('home.title');
    await phone.at('/orders/%E0%A4%A');
    await phone.stands('home.title');
  });
});

test.describe('without a network', () => {
  test.use({ provoked: ['offline'] });

  test('the page speaks to citizens, and keeps its icons', async ({ phone, page, context }) => {
    await phone.open({ city: '320200' });
    await phone.stands('home.title');
    await context.route('**/phone/api/**', (route) => route.abort());
    await page.locator('a[href="#/guide"]').click();
    await expect(phone.problem).toContainText('网络连接不上');
    await expect(phone.problem).not.toContainText('mock');
    await expect(phone.problem.getByRole('button', { name: '再试一次' })).toBeVisible();
    expect(await page.evaluate(() => [...document.querySelectorAll('#phone use')].every((use) => document.querySelector(use.getAttribute('href'))))).toBe(true);
  });
});
