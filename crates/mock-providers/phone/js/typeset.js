/** How the service's sentences are set: its Chinese comes with half-width punctuation, a page has full-width. */
import { grouped } from './money.js';

const FULL = { ',': '，', ';': '；', ':': '：', '?': '？', '!': '！' };
const HAN = '\\u4e00-\\u9fff';
/** Beside a Chinese character, on either side; `10:30` and `3,000` stay. */
const MARKS = new RegExp(`(?<=[${HAN}”）》])[,;:?!]\\s?|[,;:?!](?=[${HAN}“（《])`, 'g');
const BRACKETS = new RegExp(`\\((?=[^()]*[${HAN}])([^()]*)\\)`, 'g');
/** Somewhere else on the network, whatever the scheme. */
const ADDRESS = /:\/\//;
const AMOUNTS = /(?<![\d.,-])\d{4,}\.\d{2}(?![\d.])/g;

/** @param {string} text a sentence; an amount alone, an address and a number stay as they are */
export function typesetText(text) {
  if (/^[\d.,-]*$/.test(text) || ADDRESS.test(text)) return text;
  return text.replace(MARKS, (mark) => FULL[mark.trim()]).replace(BRACKETS, '（$1）').replace(AMOUNTS, grouped);
}

/** An answer of the service with all its texts set. */
export function typeset(value) {
  if (typeof value === 'string') return typesetText(value);
  if (Array.isArray(value)) return value.map(typeset);
  if (value === null || typeof value !== 'object' || value instanceof Blob) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, typeset(member)]));
}
