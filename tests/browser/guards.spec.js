// What keeps people from paying twice, for the wrong person, or without being asked.
import { test, expect } from './phone.js';

test('beside an open order nothing is chosen, and its bill leads to it', async ({ phone, page }) => {
  await phone.arriveAtBills();
  await phone.toCashier();
  const number = phone.number();
  await phone.at('/bills?service=flex_pension');
  await phone.stands('bills.title');
  await expect(page.locator('.unfinished')).toContainText('您有一笔未完成的缴费');
  await expect(page.locator('.month[aria-pressed="true"]')).toHaveCount(0);
  await expect(phone.next).toBeDisabled();
  await page.locator('a.month[data-state=locked]').click();
  await phone.stands('order.title');
  expect(phone.number()).toBe(number);
  await page.getByRole('link', { name: '继续支付' }).click();
  await phone.stands('cashier.title');
});

test('who goes back after paying finds nothing chosen', async ({ phone, page }) => {
  await phone.arriveAtBills({ wallet: 'alipay' });
  await phone.pay();
  await phone.at('/bills?service=flex_pension');
  await phone.stands('bills.title');
  await expect(page.locator('.month[data-state=paid]')).toHaveCount(1);
  await expect(page.locator('.month[aria-pressed="true"]')).toHaveCount(0);
  await expect(page.locator('.total')).toContainText('0.00');
});

test('nobody chooses another person’s tier', async ({ phone, page }) => {
  const own = await phone.arrive('/people');
  await phone.at('/people/new');
  await phone.addPerson({ relation: 'other' });
  await phone.stands('people.title');
  const { people } = await phone.api('GET', '/v1/people');
  const other = people.find((one) => one.id !== own);
  await phone.at(`/bills?service=flex_pension&person=${other.id}`);
  await phone.stands('bills.title');
  await expect(page.locator('[data-insurance=pension]')).toBeVisible();
  await expect(page.locator('a[href^="#/tiers/"]')).toHaveCount(0);
  await phone.at(`/tiers/${other.id}/pension`);
  await phone.stands('tiers.title');
  await expect(phone.screen).toContainText('缴费档次只能由参保人本人选择');
  await expect(page.locator('input[name=tier]')).toHaveCount(0);
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
  await expect(page.locator('#second')).toBeFocused();
  await expect(page.locator('#second')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('.second .field-error')).toContainText('请核对');
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
  await phone.save();
  await expect(page.locator('#agreed')).toBeFocused();
  await expect(page.locator('.consent .field-error').first()).toContainText('请先阅读并勾选');
  // Nobody can help with that by telephone.
  await expect(page.locator('.help-line')).toHaveCount(0);
});

test('a form says at each field what is missing', async ({ phone, page }) => {
  await phone.open();
  await phone.toPerson('alipay');
  await phone.save();
  await expect(page.locator('#person-name')).toBeFocused();
  for (const field of ['#person-name', '#person-number', '#agreed']) {
    await expect(page.locator(field)).toHaveAttribute('aria-invalid', 'true');
    const described = await page.locator(field).getAttribute('aria-describedby');
    await expect(page.locator(`#${described.split(' ').at(-1)}`)).toContainText('请');
  }
  await phone.isAccessible('a form with errors');
  await page.locator('#person-name').fill('测安安');
  await expect(page.locator('#person-name')).not.toHaveAttribute('aria-invalid', 'true');
});

test('for a child a guardian speaks', async ({ phone, page }) => {
  await phone.open();
  await phone.toPerson('wechat', 'resident_medical');
  await phone.invent('child');
  await expect(page.locator('input[name=relation][value=other]')).toBeChecked();
  await page.locator('#agreed').check();
  await phone.save();
  await expect(page.locator('#guardian')).toBeFocused();
  await page.locator('#guardian').check();
  await phone.save();
  await phone.stands('bills.title');
  await expect(page.locator('[data-insurance=resident_medical]')).toContainText('学生少儿');
});

test('where the number tells no birth date, it is asked for, and a child’s guardian speaks', async ({ phone, page }) => {
  await phone.open();
  await phone.toPerson('wechat', 'resident_medical');
  await expect(page.locator('#person-birth')).toBeHidden();
  await page.locator('input[name=relation][value=other]').check();
  await page.locator('#person-name').fill('测安安');
  await page.locator('#person-kind').selectOption('passport');
  await page.locator('#person-number').fill('E12345678');
  await page.locator('#agreed').check();
  await phone.save();
  await expect(page.locator('#person-birth')).toBeFocused();
  await expect(page.locator('#person-birth')).toHaveAttribute('aria-invalid', 'true');
  await page.locator('#person-birth').fill('1990-05-31');
  await expect(page.locator('#guardian')).toBeHidden();
  await page.locator('#person-birth').fill(`${new Date().getUTCFullYear() - 5}-05-31`);
  await expect(page.locator('#guardian')).toBeVisible();
  await phone.save();
  await expect(page.locator('#guardian')).toBeFocused();
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
    await page.locator('#agreed').check();
    await phone.save();
    const error = page.locator('.field-error[data-code="document_invalid"]');
    await expect(error).toContainText('证件号码');
    await expect(error.locator('.help-line')).toContainText('12333');
    await expect(page.getByRole('textbox', { name: '证件号码' })).toBeFocused();
  });
});

test('a person can be removed, after being asked in place', async ({ phone, page }) => {
  await phone.arrive('/people');
  await page.getByRole('button', { name: '移除', exact: true }).click();
  await page.getByRole('button', { name: '确认移除' }).click();
  await expect(phone.screen).toContainText('还没有添加参保人');
});

test('who logged out is asked to log in and comes back to where they were', async ({ phone, page }) => {
  await phone.arrive('/me');
  await page.getByRole('button', { name: '退出登录' }).click();
  await expect(page.locator('.who')).toContainText('未登录');
  await phone.at('/orders');
  await phone.logIn('wechat');
  await phone.stands('records.title');
});
