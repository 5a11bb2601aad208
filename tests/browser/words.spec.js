// The page's words: both languages say the same things, and nothing is said without words.
import { test, expect } from './phone.js';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(__dirname, '../../crates/mock-providers/phone/js');

const flat = (words, before = '') => Object.entries(words).flatMap(([key, value]) =>
  (typeof value === 'string' ? [[`${before}${key}`, value]] : flat(value, `${before}${key}.`)));

test('both languages have the same keys and the same places for values', async ({ phone, page }) => {
  await phone.open();
  const [chinese, english] = await page.evaluate(async () => Promise.all(
    ['zh-CN', 'en'].map(async (name) => (await import(`/phone/js/words/${name}.js`)).default)));
  const places = (words) => Object.fromEntries(flat(words).map(([key, text]) => [key, [...text.matchAll(/\{\w+\}/g)].map(String).sort()]));
  expect(places(english)).toEqual(places(chinese));

  const known = new Set(flat(chinese).map(([key]) => key));
  const files = readdirSync(PAGE, { recursive: true }).filter((name) => name.endsWith('.js') && !name.startsWith('words/'));
  const asked = files.flatMap((name) => [...readFileSync(join(PAGE, name), 'utf8').matchAll(/\bt\('([\w.]+)'/g)].map(([, key]) => key));
  expect(asked.length).toBeGreaterThan(100);
  expect(asked.filter((key) => !known.has(key))).toEqual([]);
});
