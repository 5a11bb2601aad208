// What an integrator sees beside the phone.
import { test, expect } from './phone.js';

test.describe('beside the phone', () => {
  test.use({ viewport: { width: 1280, height: 800 } });

  test('a purchase shows its exchanges, the signatures that were checked, the notification and the order', async ({ phone, page }) => {
    await phone.open();
    await phone.toBills('wechat');
    await phone.toCashier();
    const number = phone.number();
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();

    const panel = page.locator('#panel');
    await panel.locator('.entry', { hasText: `/orders/${number}/payments` }).locator('summary').click();
    await expect(panel).toContainText('paySign');
    // Neither token nor document number, in any entry.
    const everything = await panel.evaluate((element) => element.textContent);
    expect(everything).not.toMatch(/320213\d{11}[\dX]/);
    const token = await page.evaluate(() => JSON.parse(localStorage.getItem('city-services.phone')).token);
    expect(everything).not.toContain(token);

    await panel.locator('#tab-platforms').click();
    const prepay = panel.locator('.entry', { hasText: '/v3/pay/transactions/jsapi' }).first();
    await expect(prepay).toContainText('签名通过');
    await expect(panel.locator('.entry', { hasText: '/agency/v1/post-payment' }).first()).toContainText('签名通过');

    await panel.locator('#tab-notices').click();
    // Others pay at the same time, in the other wallet too.
    const notice = panel.locator('.entry', { hasText: 'wechat' }).first();
    await expect(notice).toContainText('平台已确认送达');
    await notice.locator('summary').click();
    await expect(notice).toContainText('Wechatpay-Signature');

    await panel.locator('#tab-order').click();
    await expect(panel).toContainText(number);
    await expect(panel.locator('.changes').first()).toContainText('SUCCESS');
    await phone.isAccessible('the panel');
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
});
