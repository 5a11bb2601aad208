// The way that the demonstration prints: a first-time visitor follows it word by word to a voucher's PDF.
import { test, expect } from './phone.js';

/** With as many clicks, at five seconds each, somebody who reads along takes less than a minute. */
const CLICKS_MAX = 12;

for (const { language, line } of [{ language: '中文', line: /走一遍约一分钟：(.+)/ }, { language: 'English', line: /a minute's walk \(EN, top right\): (.+)/ }]) {
  test(`the printed way leads to a voucher (${language})`, async ({ phone, page }) => {
    // A page that was prepared for working on it printed its way elsewhere.
    test.skip(!process.env.DEMO_SAID, 'the program was not started by this run');
    const way = line.exec(process.env.DEMO_SAID)[1].trim().split(' → ');
    expect(way.length).toBeLessThanOrEqual(CLICKS_MAX);
    await phone.open();
    await phone.stands('cities.title');
    if (language === 'English') {
      await page.locator('#language-switch').click();
      await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    }
    const download = page.waitForEvent('download', { timeout: 80_000 });
    // Awaited at the end; a click that fails before is what is told.
    download.catch(() => null);
    for (const words of way) {
      await expect(page.locator('#screen')).not.toHaveAttribute('aria-busy');
      // The words stand at the beginning: 无锡 is the city, not the demonstration's place in it.
      const begins = new RegExp(`^\\s*${words}`);
      await page.locator('#screen :is(a, button, label.tick):not([disabled])').filter({ hasText: begins, visible: true }).first().click();
    }
    expect((await download).suggestedFilename()).toMatch(/^320200-.*\.pdf$/);
  });
}
