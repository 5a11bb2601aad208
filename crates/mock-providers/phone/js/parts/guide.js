/** The city's guide as the service gives it: notices, other ways to pay, refunds, objections. */
import { h } from '../dom.js';
import { t, has } from '../words.js';
import { grouped } from '../money.js';
import { isUnchecked, officialSources } from './sources.js';

/** Members of the answer that the standards and hotlines of the screen show already. */
const SHOWN = new Set(['city', 'city_name', 'standards', 'hotlines', 'gap_rule', 'topup']);
/** Lists of an item, each under what it is a list of. */
const LISTS = ['reasons', 'papers', 'places', 'banks'];

export function guidePart(guide) {
  return Object.entries(guide).filter(([key, value]) => !SHOWN.has(key) && value && typeof value === 'object').map(([key, value]) => {
    const items = Array.isArray(value) ? value : [value];
    if (!items.length) return null;
    return h('details.card.guide-part', { 'data-part': key },
      h('summary', {}, h('h2', {}, t(has(`guide_part.${key}`) ? `guide_part.${key}` : 'guide_part.more'))),
      items.map(item),
      // Said once, not under each.
      items.some((one) => isUnchecked(sourcesOf(one))) && h('p.sources', {}, t('guide.unchecked')));
  });
}

function item(value) {
  if (typeof value === 'string') return h('p', {}, value);
  const title = value.title ?? value.name ?? value.label;
  const text = value.text ?? value.body ?? value.description;
  return h('div.guide-item', {},
    title && h('h3', {}, title), text && h('p', {}, text),
    value.limit && h('p.soft', {}, t('guide.limit', { limit: grouped(value.limit) })),
    LISTS.map((list) => value[list]?.length > 0 && [h('h3', {}, t(`guide_list.${list}`)), h('ul.plain-list', {}, value[list].map((one) => h('li', {}, one)))]),
    Array.isArray(value.steps) && value.steps.length > 0 && [h('h3', {}, t('guide_list.steps')),
      h('ol.plain-steps', {}, value.steps.map((step) => h('li', {}, typeof step === 'string' ? step : step.text)))],
    value.number && h('p', {}, h('a', { href: `tel:${value.number}` }, value.number)),
    officialSources(sourcesOf(value)));
}

const sourcesOf = (value) => value.sources ?? (value.source ? [value.source] : []);
