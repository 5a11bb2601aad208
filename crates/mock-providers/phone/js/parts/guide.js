/** The city's guide as the service gives it: notices, other ways to pay, refunds, objections. */
import { h } from '../dom.js';
import { t, has } from '../words.js';
import { grouped } from '../money.js';
import { sources } from '../screens/guide.js';

/** Members of the answer that the standards and hotlines of the screen show already. */
const SHOWN = new Set(['city', 'city_name', 'standards', 'hotlines', 'gap_rule', 'topup']);

export function guidePart(guide) {
  return Object.entries(guide).filter(([key, value]) => !SHOWN.has(key) && value && typeof value === 'object').map(([key, value]) => {
    const items = Array.isArray(value) ? value : [value];
    if (!items.length) return null;
    return h('section.card', {}, h('h2', {}, t(has(`guide.part.${key}`) ? `guide.part.${key}` : 'guide.part.more')), items.map(item));
  });
}

function item(value) {
  if (typeof value === 'string') return h('p', {}, value);
  const title = value.title ?? value.name ?? value.label;
  const text = value.text ?? value.body ?? value.description;
  return h('div.guide-item', {},
    title && h('h3', {}, title), text && h('p', {}, text),
    value.limit && h('p.soft', {}, t('guide.limit', { limit: grouped(value.limit) })), value.banks?.length > 0 && h('p.soft', {}, value.banks.join(t('app.comma'))),
    ['reasons', 'papers', 'places'].map((list) => value[list]?.length > 0 && h('ul.plain-list', {}, value[list].map((text) => h('li', {}, text)))),
    Array.isArray(value.steps) && h('ol.plain-steps', {}, value.steps.map((step) => h('li', {}, typeof step === 'string' ? step : step.text))),
    value.number && h('p', {}, h('a', { href: `tel:${value.number}` }, value.number)),
    sources(value.sources ?? (value.source ? [value.source] : [])));
}
