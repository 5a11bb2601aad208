// Takes the picture of the README, docs/phone-page.png: the page beside its panel after a purchase. Not a test.
//   tests/browser/install; then, with a demo that runs:
//   NODE_PATH=target/browser/node_modules PHONE_PAGE=http://127.0.0.1:8081/phone/ node tests/browser/picture.js
const { chromium } = require('@playwright/test');
const { join } = require('node:path');

const PICTURE = join(__dirname, '../../docs/phone-page.png');

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const context = await browser.newContext({ viewport: { width: 1120, height: 760 }, locale: 'zh-CN', timezoneId: 'Asia/Shanghai', reducedMotion: 'reduce' });
  await context.addInitScript(() => localStorage.setItem('city-services.phone', localStorage.getItem('city-services.phone') ?? JSON.stringify({ city: '320200' })));
  const page = await context.newPage();
  const press = (selector) => page.locator(selector).first().click();
  await page.goto(`${process.env.PHONE_PAGE}#/bills?service=flex_pension`);
  await press('.wallet.wechat');
  await press('.demo .fill');
  await page.locator('#agreed:focus').waitFor();
  await page.locator('#agreed').check();
  await press('#screen > .button.primary');
  await page.locator('.month[aria-pressed="true"]').waitFor();
  await press('.foot .button.primary');
  await page.locator('#screen[data-screen="confirm.title"]:not([aria-busy])').waitFor();
  await page.locator('#second').check();
  await press('.foot .button.primary');
  await press('.cashier .button.primary');
  await page.locator('.result[data-state="SUCCESS"]').waitFor();
  await page.locator('.order-only input').check();
  // The panel looks at the mocks a moment later.
  await page.locator('.entry[data-lane="notice"]').first().waitFor();
  await page.locator('.entry[data-lane="agency"]', { hasText: 'post-payment' }).first().waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: PICTURE });
  await browser.close();
}

main().catch((cause) => {
  console.error(cause);
  process.exit(1);
});
