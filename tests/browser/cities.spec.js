// Finding the city of enrolment.
import { test, expect } from './phone.js';

test('pinyin, initials and Chinese find cities; those that are not open cannot be chosen', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  const search = page.getByLabel('搜索城市');
  for (const text of ['wuxi', 'wx', '无锡', '無錫']) {
    await search.fill(text);
    await expect(page.locator('[role=search] + .city-results [data-city="320200"]')).toBeVisible();
  }
  await search.fill('guangzhou');
  await expect(page.locator('[role=search] + .city-results [data-city="440100"]')).toBeDisabled();
  await expect(page.locator('[role=search] + .city-results')).toContainText('敬请期待');
  await search.fill('没有这个城市');
  await expect(page.locator('[role=search] + .city-results')).toContainText('没有找到');
});

test('a province, and a county that is no city, find something', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  const search = page.getByLabel('搜索城市');
  const results = page.locator('.city-results');
  await search.fill('江苏');
  await expect(results.locator('[data-city="320200"]')).toBeEnabled();
  await expect(results.locator('[data-city="321300"]')).toBeDisabled();
  await search.fill('济源');
  await expect(results).toContainText('河南直辖');
  await expect(results).toContainText('敬请期待');
  await search.fill('江阴');
  await expect(results.locator('[data-city="320200"]')).toBeVisible();
});

test('open cities stand first, and the side index leads to its letter', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  const first = page.locator('.city-lists section').first();
  await expect(first).toHaveAttribute('aria-label', '已开通城市（7）');
  await expect(first.locator('[data-city]')).toHaveCount(7);
  const rail = page.getByRole('slider', { name: '字母索引' });
  await rail.getByText('W', { exact: true }).click();
  await expect(page.locator('#letter-W')).toBeInViewport();
  await expect(rail).toHaveAttribute('aria-valuetext', 'W');
  // It stays beside the list, and the keyboard moves it.
  await expect(rail).toBeInViewport();
  await rail.press('ArrowUp');
  await expect(rail).toHaveAttribute('aria-valuetext', 'T');
  await rail.press('Enter');
  await expect(page.locator('#letter-T')).toBeFocused();
  await phone.isAccessible('the city picker');
});

test('a search that takes its time says so', async ({ phone, page, context }) => {
  await phone.open();
  await phone.stands('cities.title');
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  await context.route('**/v1/cities/search**', async (route) => { await held; await route.continue(); });
  await page.getByLabel('搜索城市').fill('wuxi');
  await expect(page.locator('.city-results')).toContainText('正在搜索');
  answer();
  await expect(page.locator('.city-results [data-city="320200"]')).toBeVisible();
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
  await page.getByLabel('年份').selectOption('2023');
  await page.getByRole('button', { name: '试算' }).click();
  await expect(page.locator('.steps')).toContainText('4,494.00 × 20% = 898.80');
  // The tiers are those of the month that was chosen.
  await expect(page.getByLabel('档次').locator('option')).toHaveCount(13);
  await page.getByLabel('年份').selectOption('2025');
  await expect(page.getByLabel('档次').locator('option')).toHaveCount(3);
});

for (const [city, name] of [['310000', '上海'], ['110000', '北京'], ['510100', '成都'], ['440300', '深圳']]) {
  test(`${name}: the standards are shown, and something can be calculated at once`, async ({ phone, page }) => {
    await phone.open({ city });
    await phone.at('/guide');
    await phone.stands('guide.title');
    await expect(page.locator('.standard').first()).toBeVisible();
    await phone.at('/quote');
    await phone.stands('quote.title');
    const insurances = await page.getByLabel('险种').locator('option').evaluateAll((options) => options.map((option) => option.value));
    expect(insurances.length).toBeGreaterThan(0);
    for (const insurance of insurances) {
      await page.getByLabel('险种').selectOption(insurance);
      await page.getByRole('button', { name: '试算' }).click();
      await expect(page.locator('#quoted + p')).toContainText(/[1-9]\d*\.\d\d/);
    }
    if (city === '110000') expect(insurances).toContain('unemployment');
  });
}

test.describe('a base that is too low', () => {
  test.use({ provoked: [422] });

  test('is told at its field', async ({ phone, page }) => {
    await phone.open({ city: '310000' });
    await phone.at('/quote');
    await phone.stands('quote.title');
    const base = page.getByLabel('缴费基数（元）');
    await base.fill('100');
    await page.getByRole('button', { name: '试算' }).click();
    await expect(base).toBeFocused();
    await expect(base).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('.field-error:visible')).toContainText('不低于');
  });
});

test('only authorities are linked as sources', async ({ phone, page }) => {
  await phone.open({ city: '320200' });
  await phone.at('/guide');
  await phone.stands('guide.title');
  const links = await page.locator('#screen a[target=_blank]').evaluateAll((all) => all.map((link) => new URL(link.href).hostname));
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((host) => !/(^|\.)gov\.cn$/.test(host))).toEqual([]);
  await expect(phone.screen).toContainText('未经官方核实');
});
