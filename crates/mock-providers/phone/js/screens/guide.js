/** Standards in force, other ways to pay, whom to call; all with sources. */
import { h } from '../dom.js';
import { memory } from '../memory.js';
import { api, offers } from '../api.js';
import { t, has } from '../words.js';
import { grouped } from '../money.js';
import { facts, insuranceName, note } from '../parts/pieces.js';
import { hotlines } from './home.js';
import { guidePart } from '../parts/guide.js';

export default {
  path: /^\/guide$/, title: 'guide.title', city: true, up: '/',
  async render({ signal }) {
    const offered = await offers();
    const wide = offered('GET /api/v1/cities/{}/guide');
    const [city, before, guide] = await Promise.all([
      api('GET', `/v1/cities/${memory.city}`, { signal }),
      api('GET', `/v1/cities/${memory.city}?month=2023-06`, { signal }),
      wide ? api('GET', `/v1/cities/${memory.city}/guide`, { signal }) : null,
    ]);
    const past = before.policies.filter((policy) => !city.policies.some((one) => one.id === policy.id));
    return [
      h('section.lead', {}, h('h2', {}, t('guide.lead', { city: city.name })),
        h('p', {}, city.agencies.map((agency) => agency.name).join(t('app.comma')))),
      standards('guide.now', city.policies), standards('guide.carried', city.provisional_policies ?? []), standards('guide.past', past),
      guide && guidePart(guide),
      hotlines(city.hotlines),
      note(t('guide.note')),
    ];
  },
};

function standards(key, policies) {
  if (!policies.length) return null;
  return h('section.card', {}, h('h2', {}, t(key)), policies.map((policy) => h('details.standard', {},
    h('summary', {}, insuranceName(policy), h('span.soft', {}, ` ${policy.from} – ${policy.to}`)),
    facts(
      policy.base_floor && [t('guide.floor'), grouped(policy.base_floor)], policy.base_ceiling && [t('guide.ceiling'), grouped(policy.base_ceiling)],
      ...(policy.components ?? []).map((part) => [part.name, part.rate ?? grouped(part.amount)]),
      policy.monthly_least && [t('guide.monthly'), policy.monthly_most && policy.monthly_most !== policy.monthly_least
        ? `${grouped(policy.monthly_least)} – ${grouped(policy.monthly_most)}` : grouped(policy.monthly_least)],
      policy.document && [t('guide.document'), policy.document],
    ),
    policy.tiers.length > 0 && h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('guide.tier')),
      h('th', { scope: 'col' }, t('guide.base')), h('th', { scope: 'col' }, t('guide.monthly')))),
      h('tbody', {}, policy.tiers.map((tier) => h('tr', {}, h('td', {}, tier.percent ? `${tier.no} (${tier.percent}%)` : tier.no), h('td', {}, tier.base ? grouped(tier.base) : '–'), h('td', {}, grouped(tier.monthly_amount)))))),
    policy.categories.length > 0 && h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('guide.category')),
      h('th', { scope: 'col' }, t('guide.yearly')))),
      h('tbody', {}, policy.categories.map((one) => h('tr', {}, h('td', {}, one.name), h('td', {}, grouped(one.amount)))))),
    policy.provisional_text && note(policy.provisional_text, 'warn'),
    policy.disclaimer && note(policy.disclaimer, 'warn'),
    sources(policy.sources))));
}

export function sources(list) {
  if (!list?.length) return null;
  return h('p.sources', {}, `${t('guide.source')} `, list.map((source, at) => {
    const address = typeof source === 'string' ? source : source.url;
    return [at > 0 && t('app.comma'), /^https?:/.test(address)
      ? h('a', { href: address, target: '_blank', rel: 'noreferrer noopener' }, new URL(address).host)
      : String(address)];
  }), has('guide.source_end') && t('guide.source_end'));
}
