/** The page's own words. Everything about money, orders and errors comes from the service in the same language. */
import { memory } from './memory.js';
import chinese from './words/zh-CN.js';
import english from './words/en.js';

const LANGUAGES = { 'zh-CN': chinese, en: english };

/** The words under a key such as `bills.sum`, with `{name}` replaced, and `{n|one|more}` by what fits the number. */
export function t(key, values = {}) {
  const words = LANGUAGES[memory.language] ?? chinese;
  const text = key.split('.').reduce((place, part) => place?.[part], words);
  if (typeof text !== 'string') throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\|([^|}]*)\|([^}]*)\}/g, (whole, name, one, more) => (Number(values[name]) === 1 ? one : more))
    .replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there are words under this key. */
export function has(key) {
  const words = LANGUAGES[memory.language] ?? chinese;
  return typeof key.split('.').reduce((place, part) => place?.[part], words) === 'string';
}

export const isChinese = () => memory.language !== 'en';

/** `2023-01` as a person reads it. */
export function monthName(month) {
  const [year, number] = month.split('-');
  if (isChinese()) return `${year}年${Number(number)}月`;
  return `${MONTHS[Number(number) - 1]} ${year}`;
}

/** Only the month of it. */
export function shortMonth(month) {
  const number = Number(month.split('-')[1]);
  return isChinese() ? `${number}月` : MONTHS[number - 1];
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A range of months; one month is said once. */
export function monthsName({ from, to }) {
  if (from === to) return monthName(from);
  if (from.endsWith('-01') && to === `${from.slice(0, 4)}-12`) return isChinese() ? `${from.slice(0, 4)}年全年` : `All of ${from.slice(0, 4)}`;
  if (from.slice(0, 4) === to.slice(0, 4)) return `${monthName(from)} – ${shortMonth(to)}`;
  return `${monthName(from)} – ${monthName(to)}`;
}

/** An RFC 3339 time of the service (Beijing) as a person reads it. */
export function timeName(text) {
  return text ? text.slice(0, 19).replace('T', ' ') : '';
}

/** Only hour and minute, with the day when it is another one than today's. */
export function hourName(text) {
  return text.slice(0, 10) === today() ? text.slice(11, 16) : text.slice(0, 16).replace('T', ' ');
}

const BEIJING_MS = 8 * 3_600_000;

/** The day in Beijing, `2026-11-29`. */
export const today = () => new Date(Date.now() + BEIJING_MS).toISOString().slice(0, 10);
export const thisMonth = () => today().slice(0, 7);

/** Hour, minute and second in Beijing of any moment: the one clock of the page. */
export const clockName = (date) => new Date(date.getTime() + BEIJING_MS).toISOString().slice(11, 19);
