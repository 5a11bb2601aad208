// What keeps people from paying twice, for the wrong person, or without being asked.
import { test, expect, phoneOn } from './phone.js';

test.describe('a bill that another order holds', () => {
  test.use({ provoked: [409] });

  test('is not ordered twice: the page says so and leads to that order', async ({ phone, page, context }) => {
    await phone.open();
    await phone.toBills('wechat');
    await phone.next.click();
    await phone.stands('confirm.title');

    const other = phoneOn(await context.newPage());
    await other.open();
    await other.at('/bills?service=flex_pension');
    await other.toCashier();
    const number = other.number();

    await phone.confirms();
    const problem = page.locator('.problem[data-code="bill_in_other_order"]');
    await expect(problem).toContainText('请勿重复支付');
    await expect(problem).toContainText('12333');
    await problem.getByRole('link', { name: '查看那笔订单' }).click();
    await phone.stands('order.title');
    expect(phone.number()).toBe(number);
  });
});

test('a bill of an open order cannot be chosen', async ({ phone, page }) => {
  await phone.open();
  await phone.toBills('wechat');
  await phone.toCashier();
  await phone.at('/bills');
  await expect(page.locator('.month[data-state=locked]')).toHaveCount(1);
  await expect(page.locator('.month[data-state=locked]')).toBeDisabled();
});

test('for another person the payment is confirmed a second time', async ({ phone, page }) => {
  await phone.open();
  await phone.chooseCity();
  await page.locator('a[href="#/bills?service=flex_pension"]').click();
  await phone.logIn('wechat');
  await phone.addPerson({ relation: 'other' });
  await phone.stands('bills.title');
  await phone.next.click();
  await phone.stands('confirm.title');
  await phone.next.click();
  await expect(page.locator('.problem')).toContainText('再次确认');
  await page.locator('.second input').check();
  await phone.next.click();
  await phone.stands('cashier.title');
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
});

test('nobody is added without consent', async ({ phone, page }) => {
  await phone.open();
  await phone.chooseCity();
  await page.locator('a[href="#/bills?service=flex_pension"]').click();
  await phone.logIn('alipay');
  await phone.stands('person.title');
  await phone.invent();
  await page.locator('#screen > .button.primary').click();
  await expect(page.locator('.problem')).toContainText('请先阅读并勾选');
});

test.describe('a document number with a wrong digit', () => {
  test.use({ provoked: [422] });

  test('is answered with the sentence, the next step and a help line', async ({ phone, page }) => {
    await phone.open();
    await phone.chooseCity();
    await page.locator('a[href="#/bills?service=flex_pension"]').click();
    await phone.logIn('wechat');
    await phone.stands('person.title');
    await page.getByRole('textbox', { name: '姓名' }).fill('张三');
    await page.getByRole('textbox', { name: '证件号码' }).fill('320213190001010007');
    await page.locator('.consent input[type=checkbox]').first().check();
    await page.locator('#screen > .button.primary').click();
    await expect(page.locator('.problem[data-code="document_invalid"]')).toContainText('证件号码');
    await expect(page.locator('.problem .help-line')).toContainText('12333');
  });
});

test('a person can be removed, after being asked in place', async ({ phone, page }) => {
  await phone.open();
  await phone.toBills('wechat');
  await phone.at('/people');
  await page.getByRole('button', { name: '移除', exact: true }).click();
  await page.getByRole('button', { name: '确认移除' }).click();
  await expect(phone.screen).toContainText('还没有添加参保人');
});

test('who logged out is asked to log in and comes back to where they were', async ({ phone, page }) => {
  await phone.open();
  await phone.toBills('wechat');
  await phone.at('/me');
  await page.getByRole('button', { name: '退出登录' }).click();
  await expect(page.locator('.who')).toContainText('未登录');
  await phone.at('/orders');
  await phone.logIn('wechat');
  await phone.stands('records.title');
});
