// The page's words: both languages say the same things, and nothing is said without words.
import { test, expect } from './phone.js';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(__dirname, '../../crates/mock-providers/phone/js');

const flat = (words, before = '') => Object.entries(words).flatMap(([key, value]) =>
  (typeof value === 'string' ? [[`${before}${key}`, value]] : flat(value, `${before}${key}.`)));

test('both languages have the same keys and the same places for values, and nothing is said nowhere', async ({ phone, page }) => {
  await phone.open();
  const [chinese, english] = await page.evaluate(async () => Promise.all(
    ['zh-CN', 'en'].map(async (name) => (await import(`/phone/js/words/${name}.js`)).default)));
  const places = (words) => Object.fromEntries(flat(words).map(([key, text]) => [key, [...text.matchAll(/\{\w+\}/g)].map(String).sort()]));
  expect(places(english)).toEqual(places(chinese));

  const known = new Set(flat(chinese).map(([key]) => key));
  const files = readdirSync(PAGE, { recursive: true }).filter((name) => name.endsWith('.js') && !name.startsWith('words/'));
  const code = files.map((name) => readFileSync(join(PAGE, name), 'utf8')).join('\n');
  const asked = [...code.matchAll(/\bt\('([\w.]+)'/g)].map(([, key]) => key);
  expect(asked.length).toBeGreaterThan(100);
  expect(asked.filter((key) => !known.has(key)), 'asked for, but not there').toEqual([]);

  // A key stands in the code as it is, or is made from its group: `state.${state}`.
  const written = new Set([...code.matchAll(/['`]([a-z_]+(?:\.\w+)+)['`]/g)].map(([, key]) => key));
  const groups = [...code.matchAll(/`([\w.]+)\.\$\{[^}]+\}((?:\.\w+)*)`/g)].map(([, group, rest]) => new RegExp(`^${group.replaceAll('.', '\\.')}\\.\\w+${rest.replaceAll('.', '\\.')}$`));
  const unused = [...known].filter((key) => !written.has(key) && !groups.some((group) => group.test(key)));
  expect(unused, 'said nowhere').toEqual([]);
});

test('the service’s Chinese is set with full-width punctuation and grouped amounts', async ({ phone, page }) => {
  await phone.open();
  const set = (texts) => page.evaluate(async (all) => {
    const { typeset } = await import('/phone/js/typeset.js');
    return typeset(all);
  }, texts);
  expect(await set(['已入账,可查看。', '请在 10:30 前(含)付款', '单笔订单不能超过 50000.00 元。', 'a, b (c)', '1289.80', 'http://x.example/?a=1,2', { next: ['好,的'] }]))
    .toEqual(['已入账，可查看。', '请在 10:30 前（含）付款', '单笔订单不能超过 50,000.00 元。', 'a, b (c)', '1289.80', 'http://x.example/?a=1,2', { next: ['好，的'] }]);
});
