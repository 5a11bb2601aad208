/** Choosing a tier (选档) of one insurance from a month on. */
import { h, fill } from '../dom.js';
import { memory, keepCart } from '../memory.js';
import { api, query as queryText } from '../api.js';
import { t } from '../words.js';
import { grouped } from '../money.js';
import { amount, busyButton, field, insuranceName, note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { problemCard } from '../parts/problem.js';
import { isProven } from '../parts/real-name.js';

export default {
  path: /^\/tiers\/([^/]+)\/([a-z_]+)$/, title: 'tiers.title', login: true, city: true, up: '/bills',
  async render({ parts: [person, insurance], query, signal }) {
    const { people } = await api('GET', '/v1/people', { signal });
    const whom = people.find((one) => one.id === person);
    // Only the participant chooses, once their name is proven.
    if (whom?.relation !== 'self') return [note(t('tiers.own_only'), 'warn')];
    if (!isProven(whom)) return [note(t('tiers.proven_only'), 'warn'), h('a.button.primary', { href: '#/people' }, t('people.verify'))];
    const { enrolments } = await api('GET', `/v1/people/${person}/enrolments${queryText({ city: memory.city })}`, { signal });
    const enrolment = enrolments.find((one) => one.insurance === insurance);
    // The year whose standards are known best: this one, or the latest before it.
    const years = [new Date().getFullYear(), 2023].map(String);
    let year = query.get('year') ?? years.at(-1);
    let tierNo = enrolment?.tier_no ?? 1;
    const list = h('div');
    const { place, show } = problemSlot();
    const result = h('div', { role: 'status' });
    const from = h('select', {}, Array.from({ length: 12 }, (_, at) => {
      const month = `${year}-${String(at + 1).padStart(2, '0')}`;
      return h('option', { value: month }, month);
    }));

    const { tiers, source, note: told } = await api('GET', `/v1/people/${person}/tiers${queryText({ city: memory.city, insurance, month: `${year}-06` })}`, { signal })
      .catch((cause) => ({ tiers: [], cause }))
      .then((found) => { if (found.cause) { if (signal.aborted) throw found.cause; fill(list, problemCard(found.cause)); } return found; });
    // Figures of published standards are for reading; the agency gave none to choose from.
    const chooses = tiers.length > 0 && source !== 'policy';
    if (tiers.length) {
      fill(list, h('fieldset.tier-list', {}, h('legend', {}, t('tiers.choose', { year })), tiers.map((tier) => h('label.tier', {},
        h('input', { type: 'radio', name: 'tier', value: tier.no, checked: tier.no === tierNo, onchange: () => { tierNo = tier.no; } }),
        h('span.tier-words', {}, h('strong', {}, t('tiers.no', { n: tier.no }), tier.percent && ` · ${tier.percent}%`, tier.no === enrolment?.tier_no && h('span.mark.plain', {}, t('tiers.now'))),
          tier.base && h('span.soft', {}, t('tiers.base', { base: grouped(tier.base) }))),
        h('span.tier-amount', {}, amount(tier.monthly_amount, 'small'), h('span.soft', {}, t('tiers.monthly')))))));
    }
    return [
      h('section.card', {}, h('h2', {}, insuranceName({ insurance })), enrolment && h('p.soft', {}, enrolment.agency_name),
        enrolment && h('p', {}, t('tiers.state', { state: enrolment.label }))),
      list,
      told && note(told, 'warn'),
      chooses && h('section.card.form', {}, field(t('tiers.from'), from, t('tiers.from_hint'))),
      note(t('tiers.note')),
      place, result,
      chooses && busyButton('button.button.primary', t('tiers.save'), async () => {
        fill(result);
        const wish = { city: memory.city, insurance, tier_no: tierNo, from: from.value };
        const shown = await api('POST', `/v1/people/${person}/tier-confirmations`, { body: wish });
        // What it does stands there before it is done.
        fill(result, note(shown.text, 'warn'), busyButton('button.button.primary', t('tiers.confirm'), async () => {
          const chosen = await api('PUT', `/v1/people/${person}/tier`, { body: { ...wish, confirmation: shown.confirmation } });
          keepCart(null);
          fill(result, note(t('tiers.saved', { month: chosen.effective_from, n: chosen.difference_bills.length })),
            h('a.button.primary', { href: `#/bills?person=${person}` }, t('tiers.to_bills')));
          result.scrollIntoView({ block: 'nearest' });
        }, show));
        result.scrollIntoView({ block: 'nearest' });
      }, show),
    ];
  },
};
