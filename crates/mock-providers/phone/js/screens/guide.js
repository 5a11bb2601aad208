/** Standards in force, other ways to pay, whom to call; what an authority published is linked. */
import { h } from '../dom.js';
import { memory } from '../memory.js';
import { api } from '../api.js';
import { t, monthsName } from '../words.js';
import { grouped } from '../money.js';
import { facts, note } from '../parts/pieces.js';
import { insuranceName } from '../parts/bill.js';
import { sources } from '../parts/sources.js';
import { guidePart } from '../parts/guide.js';
import { hotlines } from './home.js';

export default {
  path: /^\/guide$/, title: 'guide.title', city: true, up: '/',
  async render({ signal }) {
    const [city, guide] = await Promise.all([
      api('GET', `/v1/cities/${memory.city}`, { signal }), api('GET', `/v1/cities/${memory.city}/guide`, { signal }),
    ]);
    const { in_force, provisional, announced, past } = guide.standards;
    return [
      h('section.lead', {}, h('h2', {}, t('guide.lead', { city: city.name })),
        h('p', {}, city.agencies.map((agency) => agency.name).join(t('app.comma')))),
      in_force.length + announced.length + past.length === 0 && note(t('guide.empty', { city: city.name })),
      standards('guide.now', in_force), standards('guide.announced', announced),
      standards('guide.carried', provisional),
      older(past.filter((policy) => !provisional.some((carried) => carried.id === policy.id))),
      guidePart(guide),
      hotlines(city.hotlines),
      note(t('guide.note')),
    ];
  },
};

function standards(key, policies) {
  return policies.length > 0 && h('section.card', { 'data-part': key }, h('h2', {}, t(key)), policies.map(standard));
}

/** What nobody pays any more is there for who looks for it. */
const older = (policies) => policies.length > 0 && h('details.card', { 'data-part': 'guide.past' },
  h('summary', {}, h('h2', {}, t('guide.past'))), policies.map(standard));

function standard(policy) {
  return h('details.standard', {},
    h('summary', {}, h('span', {}, insuranceName(policy), h('span.soft', {}, ` ${monthsName(policy)}`))),
    facts(
      policy.base_floor && [t('guide.floor'), grouped(policy.base_floor)], policy.base_ceiling && [t('guide.ceiling'), grouped(policy.base_ceiling)],
      policy.monthly_least && [t('guide.monthly'), policy.monthly_most && policy.monthly_most !== policy.monthly_least
        ? `${grouped(policy.monthly_least)} – ${grouped(policy.monthly_most)}` : grouped(policy.monthly_least)],
      policy.document && [t('guide.document'), policy.document],
    ),
    policy.components.length > 0 && h('ol.steps', {}, policy.components.map((part) => h('li', {}, h('span', {}, part.name), h('code', {}, part.rate ?? grouped(part.amount))))),
    policy.tiers.length > 0 && h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('guide.tier')),
      h('th', { scope: 'col' }, t('guide.base')), h('th', { scope: 'col' }, t('guide.monthly')))),
      h('tbody', {}, policy.tiers.map((tier) => h('tr', {}, h('td', {}, tier.percent ? `${tier.no} (${tier.percent}%)` : tier.no), h('td', {}, tier.base ? grouped(tier.base) : '–'), h('td', {}, grouped(tier.monthly_amount)))))),
    policy.categories.length > 0 && h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('guide.category')),
      h('th', { scope: 'col' }, t('guide.yearly')))),
      h('tbody', {}, policy.categories.map((one) => h('tr', {}, h('td', {}, one.name), h('td', {}, grouped(one.amount)))))),
    policy.provisional_text && note(policy.provisional_text, 'warn'),
    policy.disclaimer && note(policy.disclaimer, 'warn'),
    sources(policy.sources));
}
