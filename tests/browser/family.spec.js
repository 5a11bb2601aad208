// Paying for the family by a link (亲情代缴), and ending it again; the bound number; reminders.
import { test, expect } from './phone.js';

/** Leaves the account, as another citizen takes the telephone. */
async function leave(phone, page) {
  await phone.at('/me');
  await phone.stands('me.title');
  await page.getByRole('button', { name: '退出登录' }).click();
  await expect(page.locator('.who')).toContainText('未登录');
}

test('a relative takes over by a link and pays; the insured person sees it and ends it', async ({ phone, page }) => {
  await phone.arrive('/people');
  await page.getByRole('button', { name: '实名核验' }).click();
  await page.getByRole('link', { name: '请家人代缴' }).click();
  await phone.stands('family.title');
  await page.getByRole('button', { name: '生成链接' }).click();
  const link = await page.locator('#family-link').inputValue();
  await phone.isAccessible('the link');
  await page.getByRole('button', { name: '复制链接' }).click();
  await expect(page.locator('.family-link')).toContainText('请发给家人');
  // One's own link is only shown.
  await page.goto(link);
  await expect(phone.screen).toContainText('这是您自己发起的');
  await expect(phone.screen).toContainText('家人接受后');

  await leave(phone, page);
  await page.goto(link);
  await phone.logIn('alipay');
  await phone.stands('family.title');
  await expect(phone.screen).toContainText('请您代缴社保');
  await phone.isAccessible('the request');
  await page.getByRole('button', { name: '接受并查看应缴费用' }).click();
  await expect(page.locator('.field-error').first()).toContainText('请先阅读并勾选');
  await page.locator('.consent input').check();
  await page.getByRole('button', { name: '接受并查看应缴费用' }).click();
  await phone.stands('bills.title');
  await phone.next.click();
  await phone.stands('confirm.title');
  await page.locator('.second input').check();
  await phone.next.click();
  await phone.stands('cashier.title');
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();

  await leave(phone, page);
  await phone.at('/rights');
  await phone.logIn('wechat');
  await phone.stands('rights.title');
  await expect(page.locator('.payer')).toContainText('支付宝');
  await page.locator('.payer').getByRole('button', { name: '解除' }).click();
  await expect(phone.screen).toContainText('没有人为您缴费');
});

test('a number is bound by a code from a text message', async ({ phone, page }) => {
  await phone.arrive('/rights');
  await phone.stands('rights.title');
  await page.locator('.sms-part > summary').click();
  const mobile = `139${String(Date.now()).slice(-8)}`;
  await page.getByLabel('手机号', { exact: true }).fill(mobile);
  await page.getByRole('button', { name: '获取验证码' }).click();
  await expect(page.getByLabel('验证码', { exact: true })).toBeFocused();
  await expect(page.getByRole('button', { name: /秒后可重新获取/ })).toBeDisabled();
  const [code] = /\d{6}/.exec(await page.locator('.sms').innerText());
  await phone.isAccessible('the code');
  await page.getByLabel('验证码', { exact: true }).fill(code);
  await page.getByRole('button', { name: '确认绑定' }).click();
  await expect(page.locator('.mobile')).toContainText(`${mobile.slice(0, 3)}****${mobile.slice(-4)}`);
  await expect(page.locator('.mobile')).toContainText('短信验证码');
});

test('reminders are the citizen’s choice: the platform asks, and a no is a no', async ({ phone, page }) => {
  await phone.arrive('/reminders', { wallet: 'alipay' });
  await phone.stands('reminders.title');
  const posted = page.locator('.reminder[data-kind=posted]');
  await posted.getByRole('button', { name: '提醒我' }).click();
  await expect(page.locator('.sheet')).toBeFocused();
  await expect(page.locator('#screen')).toHaveAttribute('inert', '');
  await phone.isAccessible('the platform’s question');
  await page.locator('.sheet [data-answer=reject]').click();
  await expect(posted).toContainText('未开启');
  await posted.getByRole('button', { name: '提醒我' }).click();
  await page.locator('.sheet [data-answer=accept]').click();
  await expect(posted).toContainText('还可提醒 1 次');
  await expect(phone.announced).toContainText('还可提醒 1 次');
  await expect(posted.getByRole('button', { name: '再提醒一次' })).toBeFocused();
  await posted.getByRole('button', { name: '不再提醒' }).click();
  await expect(posted).toContainText('未开启');
  await phone.isAccessible('reminders');
});
