// After the purchase: the voucher, an objection, and one's own data.
import { test, expect } from './phone.js';
import { readFileSync } from 'node:fs';

async function paid(phone) {
  await phone.arriveAtBills();
  return phone.pay();
}

test('the voucher shows what was booked, and its PDF is a PDF', async ({ phone, page }) => {
  await paid(phone);
  await page.getByRole('link', { name: '查看缴费凭证' }).click();
  await phone.stands('voucher.title');
  const paper = page.locator('.voucher-paper');
  await expect(paper).toContainText('捌佰玖拾捌元捌角整');
  await expect(paper).toContainText(/320200-\d{6}-\d{8}-/);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: '下载 PDF' }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^320200-.*\.pdf$/);
  expect(readFileSync(await file.path()).subarray(0, 5).toString()).toBe('%PDF-');
  await phone.isAccessible('the voucher');
  // The agency's own paper names the person in full.
  await expect(phone.screen).toContainText('完成本人实名核验后可以在这里下载');
  await phone.proves();
  await phone.stands('voucher.title');
  await expect(page.getByRole('heading', { name: '官方票证' })).toBeVisible();
  await expect(phone.screen).not.toContainText('完成本人实名核验后');
});

test('a payment can be objected to, and the objection withdrawn', async ({ phone, page }) => {
  await paid(phone);
  await page.getByRole('link', { name: '对这笔缴费有异议' }).click();
  await phone.stands('objection.title');
  // Nothing is chosen for whoever objects.
  await page.getByRole('button', { name: '提交' }).click();
  await expect(page.getByLabel('原因')).toBeFocused();
  await page.getByLabel('原因').selectOption('wrong_amount');
  await page.getByLabel('情况说明').fill('金额与窗口告知的不一致');
  await phone.isAccessible('the objection');
  await page.getByRole('button', { name: '提交' }).click();
  await phone.stands('objection.list');
  await expect(page.locator('.objection')).toContainText('金额与窗口告知的不一致');
  await page.getByRole('button', { name: '撤回' }).click();
  await expect(page.getByRole('button', { name: '撤回' })).toHaveCount(0);
});

test('the real name is verified, the platform’s number bound, and the records filtered', async ({ phone, page }) => {
  const number = await paid(phone);
  await phone.at('/people');
  await page.getByRole('button', { name: '实名核验' }).click();
  await expect(page.locator('.person')).toContainText('已实名核验');
  // The outcome is told, and the focus stays with the person.
  await expect(phone.announced).toContainText('已实名核验');
  await expect(page.locator('.person h2')).toBeFocused();
  await phone.at('/rights');
  await phone.stands('rights.title');
  await page.getByRole('button', { name: '用平台手机号绑定' }).click();
  await expect(phone.screen).toContainText('****');
  await expect(phone.screen).toContainText('没有人为您缴费');
  await phone.isAccessible('my data');
  await phone.at('/orders');
  await page.locator('.filters > summary').click();
  await page.getByLabel('险种').selectOption('medical');
  await expect(phone.screen).toContainText('没有符合条件的记录');
  await page.getByLabel('险种').selectOption('pension');
  await expect(page.locator(`[data-order="${number}"]`)).toBeVisible();
});

test('everything in whole is told only after one more proof, by the face', async ({ phone, page }) => {
  await phone.arrive('/rights');
  await phone.stands('rights.title');
  await page.getByRole('button', { name: '导出完整信息' }).click();
  await expect(page.getByRole('button', { name: '人脸核验' })).toBeFocused();
  await phone.isAccessible('one more proof');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: '人脸核验' }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe('my-data-whole.json');
  expect(readFileSync(await file.path()).toString()).toMatch(/320299\d{11}[\dX]/);
});

test.describe('a wrong code', () => {
  test.use({ provoked: [422] });

  test('deletes nothing, the right one does', async ({ phone, page }) => {
    await phone.arrive('/rights');
    await page.getByRole('button', { name: '用平台手机号绑定' }).click();
    await expect(page.locator('.mobile')).toContainText('****');
    await page.getByRole('button', { name: '注销并删除' }).click();
    await page.getByRole('button', { name: '确认删除' }).click();
    await page.getByRole('button', { name: /^短信验证码/ }).click();
    const [right] = /\d{6}/.exec(await page.locator('.sms').textContent());
    const code = page.getByLabel('验证码');
    await code.fill(right === '111111' ? '222222' : '111111');
    await page.locator('.proof .button.primary').click();
    await expect(page.locator('.field-error[data-code="sms_code_wrong"]')).toBeVisible();
    await code.fill(right);
    await page.locator('.proof .button.primary').click();
    await expect(phone.screen).toContainText('您的账号和个人信息已注销');
    await expect(page.locator('#screen > a.button')).toBeFocused();
    await phone.at('/people');
    await phone.stands('login.title');
  });
});
