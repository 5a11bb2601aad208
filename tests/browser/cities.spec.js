// Finding the city of enrolment.
import { test, expect } from './phone.js';

test('pinyin, initials and Chinese find cities; those that are not open cannot be chosen', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  const search = page.getByLabel('搜索城市');
  for (const text of ['wuxi', 'wx', '无锡']) {
    await search.fill(text);
    await expect(page.locator('[role=search] + div [data-city="320200"]')).toBeVisible();
  }
  await search.fill('guangzhou');
  await expect(page.locator('[role=search] + div [data-city="440100"]')).toBeDisabled();
  await expect(page.locator('[role=search] + div')).toContainText('敬请期待');
  await search.fill('没有这个城市');
  await expect(page.locator('[role=search] + div')).toContainText('没有找到');
});

test('the index leads to its letter', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  await page.locator('.letters button', { hasText: 'W' }).click();
  await expect(page.locator('#letter-W')).toBeInViewport();
  await expect(page.locator('#letter-W')).toBeFocused();
});

test('a refused location leaves everything else as it was', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  await page.getByRole('button', { name: '使用我的位置' }).click();
  await expect(phone.screen).toContainText('没有取得位置');
  await phone.chooseCity('310000');
  await expect(page.locator('.hero')).toContainText('上海');
});

test.describe('with a place that the browser tells', () => {
  test.use({ permissions: ['geolocation'], geolocation: { latitude: 31.299, longitude: 120.585 } });

  test('the nearest city is suggested', async ({ phone, page }) => {
    await phone.open();
    await phone.stands('cities.title');
    await page.getByRole('button', { name: '使用我的位置' }).click();
    const found = page.locator('section[aria-label="当前定位"] [data-city="320500"]');
    await expect(found).toBeVisible();
    await found.click();
    await expect(page.locator('.hero')).toContainText('苏州');
  });
});

test('a quote needs no login and shows its steps', async ({ phone, page }) => {
  await phone.open();
  await phone.chooseCity();
  await page.locator('a[href="#/quote"]').click();
  await phone.stands('quote.title');
  await page.getByRole('button', { name: '试算' }).click();
  await expect(page.locator('.steps')).toContainText('4494.00 × 20% = 898.80');
});
