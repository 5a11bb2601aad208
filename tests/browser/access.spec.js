// For everybody: keyboard alone, large type, English, and what axe finds on each screen.
import { test, expect } from './phone.js';

/** Presses Tab until the wished element has the focus, which must be visible. */
async function tabTo(page, locator) {
  await expect(locator).toBeVisible();
  for (let presses = 0; presses < 150; presses += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) {
      const outline = await locator.evaluate((element) => getComputedStyle(element).outlineStyle);
      expect(outline, 'the focus can be seen').not.toBe('none');
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error('Tab does not reach it');
}

test('the whole purchase works by keyboard alone', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  const press = async (locator, key = 'Enter') => {
    await tabTo(page, locator);
    await page.keyboard.press(key);
  };
  await press(page.locator('.tiles [data-city="320200"]'));
  await phone.stands('home.title');
  await expect(page.locator('#title')).toBeFocused();
  await press(page.locator('a[href="#/bills?service=flex_pension"]'));
  await press(page.locator('.wallet.alipay'));
  await phone.stands('person.title');
  await press(page.locator('.demo .fill'));
  await expect(page.locator('.consent input[type=checkbox]').first()).toBeFocused();
  await press(page.locator('.consent input[type=checkbox]').first(), 'Space');
  await press(page.locator('#screen > .button.primary'));
  await phone.stands('bills.title');
  await press(page.locator('[data-insurance=pension] .month').nth(1), 'Space');
  await expect(page.locator('.month[aria-pressed="true"]')).toHaveCount(2);
  await press(phone.next);
  await phone.stands('confirm.title');
  await press(phone.next);
  await phone.stands('cashier.title');
  await press(page.getByRole('button', { name: '确认付款' }));
  await phone.succeeds();
  await expect(page.locator('#announcer')).toContainText('缴费成功');
});

test('a result that stands already is told to who cannot see it', async ({ phone, page }) => {
  await phone.open();
  await phone.toBills('wechat');
  await phone.toCashier();
  await page.getByRole('button', { name: '确认付款' }).click();
  await phone.succeeds();
  const number = phone.number();
  await phone.at('/orders');
  await phone.stands('records.title');
  await page.locator(`[data-order="${number}"]`).click();
  await phone.succeeds();
  await expect(page.locator('#announcer')).toContainText('缴费成功');
});

/** Each thing to touch that is smaller than `size`, with its measures. Links inside a sentence have its height. */
function tooSmall(page, size) {
  return page.evaluate((least) => [...document.querySelectorAll('#phone :is(button, a, summary, select, input, textarea)')]
    .filter((element) => element.checkVisibility() && !element.classList.contains('skip'))
    .map((element) => ({ element, box: (element.matches('[type=checkbox], [type=radio]') ? element.closest('label') : element).getBoundingClientRect() }))
    .map(({ element, box }) => {
      // A slim pill may catch the finger around itself.
      const around = getComputedStyle(element, '::after');
      const extra = around.content === 'none' || around.position !== 'absolute' ? 0 : -2 * Math.min(0, parseFloat(around.top) || 0);
      return { what: `${element.tagName} ${element.textContent.trim().slice(0, 20)}`, width: Math.round(box.width), height: Math.round(box.height + extra) };
    })
    .filter(({ width, height }) => height < least || width < least), size);
}

/** Sizes of all letters on the screen. */
function letterSizes(page) {
  return page.evaluate(() => {
    const sizes = new Set();
    const walker = document.createTreeWalker(document.getElementById('phone'), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      // The currency mark is smaller beside its amount, and what is only for screen readers has no size.
      if (!node.textContent.trim() || !element.checkVisibility() || element.closest('.unseen, .skip, .unit, option')) continue;
      sizes.add(parseFloat(getComputedStyle(element).fontSize));
    }
    return [...sizes].sort((a, b) => a - b);
  });
}

for (const mode of ['standard', 'elder']) {
  test(`each screen of the ${mode} version can be read, touched and understood`, async ({ phone, page }) => {
    test.slow();
    const elder = mode === 'elder';
    const look = async (title) => {
      await phone.stands(title);
      await phone.isAccessible(`${title} (${mode})`);
      expect(await tooSmall(page, elder ? 60 : 44), `targets of ${title}`).toEqual([]);
      if (!elder) return;
      const sizes = await letterSizes(page);
      expect(sizes[0], `smallest letters of ${title}`).toBeGreaterThanOrEqual(18);
      expect(sizes.at(-1), `largest letters of ${title}`).toBeLessThanOrEqual(30);
    };
    await phone.open();
    await phone.stands('cities.title');
    if (elder) await page.locator('#elder-switch').click();
    await expect(page.locator('html')).toHaveClass(elder ? 'elder' : '');
    await look('cities.title');
    await phone.chooseCity();
    await look('home.title');
    await page.locator('a[href="#/quote"]').click();
    await phone.stands('quote.title');
    await page.getByRole('button', { name: '试算' }).click();
    await expect(page.locator('#quoted')).toBeVisible();
    await look('quote.title');
    await phone.at('/guide');
    await look('guide.title');
    await phone.at('/bills?service=flex_pension');
    await look('login.title');
    await phone.logIn('wechat');
    await look('person.title');
    await phone.addPerson();
    await phone.stands('bills.title');
    await page.locator('.how > summary').first().click();
    await look('bills.title');
    await page.locator('a[href^="#/tiers/"]').first().click();
    await look('tiers.title');
    await page.goBack();
    await phone.stands('bills.title');
    await phone.next.click();
    await look('confirm.title');
    await page.locator('.second input').check();
    await phone.next.click();
    await look('cashier.title');
    await page.getByRole('button', { name: '取消付款' }).click();
    await look('order.title');
    await phone.at('/');
    await expect(page.locator('.unfinished')).toBeVisible();
    await look('home.title');
    await page.locator('.unfinished a').click();
    await page.locator('a[href^="#/pay/"]').click();
    await page.getByRole('button', { name: '确认付款' }).click();
    await phone.succeeds();
    await look('order.title');
    await phone.at('/orders');
    await look('records.title');
    await phone.at('/me');
    await look('me.title');
    await phone.at('/people');
    await look('people.title');
    await phone.at('/closed');
    await look('closed.title');
    if (!elder) return;
    // It is remembered.
    await page.reload();
    await expect(page.locator('html')).toHaveClass('elder');
  });
}

test('an English reader gets through in English', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  await page.locator('#language-switch').click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await expect(page.locator('#title')).toHaveText('City of enrolment');
  await phone.toBills('alipay');
  await phone.toCashier();
  await page.getByRole('button', { name: 'Pay now' }).click();
  await phone.succeeds();
  await expect(phone.result).toContainText('Booked by the agency');
  await expect(page.locator('#tabs')).toContainText('Records');
});
