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
  await press(page.locator('.tiles [data-city="320200"]').first());
  await phone.stands('home.title');
  await expect(page.locator('#title')).toBeFocused();
  await press(page.locator('a[href="#/bills?service=flex_pension"]'));
  await press(page.locator('.wallet.alipay'));
  await phone.stands('person.title');
  await press(page.locator('.demo .fill'));
  await expect(page.locator('#agreed')).toBeFocused();
  await press(page.locator('#agreed'), 'Space');
  await press(page.locator('#screen > .button.primary'));
  await phone.stands('bills.title');
  await press(page.locator('[data-insurance=pension] .month').nth(1), 'Space');
  await expect(page.locator('.month[aria-pressed="true"]')).toHaveCount(2);
  await press(phone.next);
  await phone.stands('confirm.title');
  await press(page.locator('#second'), 'Space');
  await press(phone.next);
  await phone.stands('cashier.title');
  await press(page.getByRole('button', { name: '确认付款' }));
  await phone.succeeds();
  await expect(page.locator('#announcer')).toContainText('缴费成功');
});

test('a result that stands already is told to who cannot see it', async ({ phone, page }) => {
  await phone.arriveAtBills();
  const number = await phone.pay();
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

const SIZES = {
  standard: { target: 44, smallest: 12, largest: 30 },
  // The ministry's least: text of 18, the largest at least 30, targets of 60.
  large: { target: 60, smallest: 18, largest: 40 },
  largest: { target: 60, smallest: 21, largest: 48 },
};

for (const [size, least] of Object.entries(SIZES)) {
  test(`each screen in ${size} type can be read, touched and understood`, async ({ phone, page }) => {
    test.slow();
    const elder = size !== 'standard';
    const look = async (title) => {
      await phone.stands(title);
      await phone.isAccessible(`${title} (${size})`);
      expect(await tooSmall(page, least.target), `targets of ${title}`).toEqual([]);
      const sizes = await letterSizes(page);
      expect(sizes[0], `smallest letters of ${title}`).toBeGreaterThanOrEqual(least.smallest);
      if (await page.locator('#screen .amount.large').count()) expect(sizes.at(-1), `largest letters of ${title}`).toBeGreaterThanOrEqual(least.largest);
    };
    await phone.open(size === 'largest' ? { size } : {});
    await phone.stands('cities.title');
    if (size === 'large') await page.locator('#elder-switch').click();
    await expect(page.locator('html')).toHaveClass({ standard: '', large: 'elder', largest: 'elder largest' }[size]);
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
    await phone.proves();
    await phone.stands('tiers.title');
    await expect(page.locator('.tier').first()).toBeVisible();
    await look('tiers.title');
    await phone.at('/bills?service=flex_pension');
    await phone.stands('bills.title');
    await phone.next.click();
    await look('confirm.title');
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
    await expect(page.locator('html')).toHaveClass(/elder/);
  });
}

test('the size of type follows the browser’s own', async ({ phone, page }) => {
  await phone.open({ size: 'large' });
  await phone.stands('cities.title');
  const size = () => page.locator('body').evaluate((body) => parseFloat(getComputedStyle(body).fontSize));
  expect(await size()).toBe(20);
  await page.evaluate(() => { document.documentElement.style.fontSize = '24px'; });
  expect(await size()).toBe(30);
});

/** What is wider than its place, on the screen as it stands. */
function overflowing(page) {
  return page.evaluate(() => {
    const phone = document.getElementById('phone').getBoundingClientRect();
    const screen = document.getElementById('screen');
    const wide = [...document.querySelectorAll('#phone *')].filter((one) => one.checkVisibility() && !one.closest('.unseen, .skip, svg, .chips, input'))
      .filter((one) => { const box = one.getBoundingClientRect(); return box.width > 0 && (box.right > phone.right + 1 || box.left < phone.left - 1); })
      .map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 20)}`);
    return screen.scrollWidth > screen.clientWidth ? ['the screen scrolls sideways', ...wide] : wide;
  });
}

for (const { name, viewport, font, remembered } of [
  { name: 'text of 200 %', viewport: { width: 375, height: 812 }, font: '200%', remembered: {} },
  { name: 'the largest type in English on 320 px', viewport: { width: 320, height: 568 }, remembered: { size: 'largest', language: 'en' } },
  { name: 'a telephone on its side', viewport: { width: 568, height: 320 }, remembered: {} },
]) {
  test.describe(`with ${name}`, () => {
    test.use({ viewport });

    test('nothing is cut off and the main button can be reached', async ({ phone, page }) => {
      if (font) await page.addInitScript((size) => addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = size; }), font);
      const fits = async (title) => {
        await phone.stands(title);
        expect(await overflowing(page), title).toEqual([]);
      };
      await phone.open(remembered);
      await fits('cities.title');
      await phone.chooseCity();
      await fits('home.title');
      await page.locator('a[href="#/bills?service=flex_pension"]').click();
      await phone.logIn('wechat');
      await fits('person.title');
      await phone.addPerson();
      await fits('bills.title');
      await phone.next.click();
      await fits('confirm.title');
      await phone.confirms();
      await fits('cashier.title');
      await page.locator('.cashier .button.primary').click();
      await phone.succeeds();
      await fits('order.title');
      await phone.at('/me');
      await fits('me.title');
    });
  });
}

test('the skip link leads to the content, not away', async ({ phone, page }) => {
  await phone.open({ city: '320200' });
  await phone.stands('home.title');
  await phone.at('/guide');
  await phone.stands('guide.title');
  await page.evaluate(() => document.activeElement.blur());
  await page.locator('#skip').focus();
  await page.keyboard.press('Enter');
  await expect(phone.screen).toBeFocused();
  await phone.stands('guide.title');
  expect(page.url()).toMatch(/#\/guide$/);
});

test('the focus stays where it was when only the looks change, and the outcome is told', async ({ phone, page }) => {
  await phone.open();
  await phone.stands('cities.title');
  await page.locator('#city-search').fill('suzhou');
  await page.locator('#elder-switch').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveClass('elder');
  await expect(phone.announced).toContainText('长辈版');
  await expect(page.locator('#elder-switch')).toBeFocused();
  await expect(page.locator('#city-search')).toHaveValue('suzhou');
  await expect(page.locator('.city-results [data-city="320500"]')).toBeVisible();
  await page.locator('#language-switch').focus();
  await page.keyboard.press('Enter');
  await expect(phone.announced).toContainText('English');
  await expect(page.locator('#language-switch')).toBeFocused();
  await page.locator('#city-search').fill('');
  await phone.chooseCity();
  await phone.at('/me');
  await phone.stands('me.title');
  await page.locator('input[name=size][value=largest]').focus();
  await page.keyboard.press('Space');
  await expect(page.locator('html')).toHaveClass(/largest/);
  await phone.stands('me.title');
  await expect(page.locator('input[name=size][value=largest]')).toBeFocused();
});

test('what has the focus is not behind the foot', async ({ phone, page }) => {
  await phone.arriveAtBills();
  await page.locator('.how > summary').first().click();
  const covered = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const told = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element.closest('#screen') || element.closest('.foot')) return null;
      const foot = document.querySelector('.foot').getBoundingClientRect();
      const box = element.getBoundingClientRect();
      return box.bottom > foot.top + 1 ? element.textContent.trim().slice(0, 30) : null;
    });
    if (told) covered.push(told);
    if (await phone.next.evaluate((button) => button === document.activeElement)) break;
  }
  expect(covered).toEqual([]);
  await expect(phone.next).toBeFocused();
});

test.describe('where the reader’s own colours rule', () => {
  test.use({ contextOptions: { forcedColors: 'active' } });

  test('a switch still shows where it stands', async ({ phone, page }) => {
    await phone.open({ city: '320200' });
    await phone.at('/me');
    await phone.stands('me.title');
    const paint = () => page.locator('#language').evaluate((one) => getComputedStyle(one).backgroundColor);
    const off = await paint();
    await page.locator('#language').check();
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    expect(await paint()).not.toBe(off);
  });
});

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
  // Names of people and offices are Chinese, and are said to be.
  const unmarked = () => page.evaluate(() => {
    const walker = document.createTreeWalker(document.getElementById('phone'), NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (/[\u4e00-\u9fff]/.test(node.textContent) && !node.parentElement.closest('[lang^=zh]')) found.push(node.textContent.trim());
    }
    return found;
  });
  await page.locator('details.bills > summary').click();
  expect(await unmarked()).toEqual([]);
  await expect(page.locator('.trail')).toHaveText(/Order.*Payment.*Booking/s);
  await phone.at('/bills');
  await phone.stands('bills.title');
  await page.locator('.month[data-state=due]').first().click();
  expect(await unmarked()).toEqual([]);
  await phone.next.click();
  await phone.stands('confirm.title');
  await expect(phone.screen).toContainText('1 bill');
  await expect(phone.screen).not.toContainText('1 bills');
});
