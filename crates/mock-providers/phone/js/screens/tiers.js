/** Choosing a tier (选档) of one insurance from a month on: what it changes is shown before it is done. */
import { h, fill, announce } from '../dom.js';
import { memory, keepCart } from '../memory.js';
import { api, query as queryText } from '../api.js';
import { t, monthName, monthsName, thisMonth } from '../words.js';
import { fen, grouped } from '../money.js';
import { amount, facts, note } from '../parts/pieces.js';
import { insuranceName } from '../parts/bill.js';
import { busyButton } from '../parts/busy.js';
import { field } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { problemCard } from '../parts/problem.js';
import { isProven } from '../parts/real-name.js';

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;

export default {
  path: /^\/tiers\/([^/]+)\/([a-z_]+)$/, title: 'tiers.title', login: true, city: true, up: '/bills',
  async render({ parts: [person, insurance], query, signal }) {
    const { people } = await api('GET', '/v1/people', { signal });
    const whom = people.find((one) => one.id === person);
    // Only the participant chooses, once their name is proven.
    if (whom?.relation !== 'self') return [note(t('tiers.own_only'), 'warn')];
    if (!isProven(whom)) return [note(t('tiers.proven_only'), 'warn'), h('a.button.primary', { href: '#/people' }, t('people.verify'))];
    const enrolment = await enrolmentOf(person, insurance, signal);
    const asked = query.get('month');
    const first = MONTH.test(asked ?? '') ? asked : thisMonth();
    const { place, show } = problemSlot({ person, insurance });
    const list = h('div.stack');
    const outcome = h('div.stack', { role: 'status' });
    let tiers = [];
    let chosen = null;

    const from = h('select', { id: 'tier-from' }, monthsAround(first).map((month) => h('option', { value: month }, monthName(month))));
    from.value = first;
    const look = busyButton('button.button.primary', t('tiers.preview'), () => preview(), show, { 'data-key': 'preview' });
    const allow = () => { look.disabled = !chosen || chosen.no === enrolment?.tier_no; };

    const draw = async () => {
      fill(outcome);
      show(null);
      let known;
      try {
        known = await api('GET', `/v1/people/${person}/tiers${queryText({ city: memory.city, insurance, month: from.value })}`, { signal });
      } catch (cause) {
        if (signal.aborted || cause.status === 401) throw cause;
        chosen = null;
        fill(list, problemCard(cause, { retry: draw, person, insurance }));
        return allow();
      }
      // Figures of published standards are for reading; the agency gave none to choose from.
      const chooses = known.source === 'agency';
      tiers = known.tiers;
      chosen = chooses ? tiers.find((tier) => tier.no === (chosen?.no ?? enrolment?.tier_no)) ?? null : null;
      const choose = chooses && ((tier) => { chosen = tier; fill(outcome); allow(); });
      fill(list, tiers.length > 0
        ? h('fieldset.tier-list', {}, h('legend', {}, t('tiers.choose', { month: monthName(from.value) })),
          tiers.map((tier) => tierLine(tier, tier.no === chosen?.no, tier.no === enrolment?.tier_no, choose)))
        : boundsCard(known), known.note && note(known.note, 'warn'));
      look.hidden = !chooses;
      allow();
    };
    from.addEventListener('change', draw);

    const preview = async () => {
      const wish = { city: memory.city, insurance, tier_no: chosen.no, from: from.value };
      const shown = await api('POST', `/v1/people/${person}/tier-confirmations`, { body: wish, signal });
      const now = tiers.find((tier) => tier.no === enrolment?.tier_no);
      const save = busyButton('button.button.primary', t('tiers.save'), async () => {
        const done = await api('PUT', `/v1/people/${person}/tier`, { body: { ...wish, confirmation: shown.confirmation } });
        keepCart(null);
        fill(outcome, note(t('tiers.saved', { month: monthName(done.effective_from), n: done.difference_bills.length })),
          h('a.button.primary', { href: `#/bills?person=${person}` }, t('tiers.to_bills')));
        outcome.querySelector('a').focus();
        announce(outcome.querySelector('.note').textContent);
      }, show, { 'data-key': 'save' });
      fill(outcome, changeCard(shown, now, enrolment, save, () => { fill(outcome); look.focus(); }));
      outcome.querySelector('h2').focus({ preventScroll: true });
      outcome.scrollIntoView({ block: 'nearest' });
    };

    await draw();
    return [
      h('section.card', {}, h('h2', {}, insuranceName({ insurance })), enrolment && h('p.soft', {}, enrolment.agency_name),
        enrolment && h('p', {}, t('tiers.state', { state: enrolment.label }))),
      h('section.card.form', {}, field(t('tiers.from'), from, t('tiers.from_hint'))),
      list,
      note(t('tiers.note')),
      look, place, outcome,
    ];
  },
};

/** Where the person stands now, as far as the service tells it. */
async function enrolmentOf(person, insurance, signal) {
  const { enrolments } = await api('GET', `/v1/people/${person}/enrolments${queryText({ city: memory.city })}`, { signal });
  return enrolments.find((one) => one.insurance === insurance) ?? null;
}

/** The months of that year, and of this one. */
function monthsAround(month) {
  const years = [...new Set([month.slice(0, 4), thisMonth().slice(0, 4)])].sort();
  return years.flatMap((year) => Array.from({ length: 12 }, (_, at) => `${year}-${String(at + 1).padStart(2, '0')}`));
}

/** @param {((tier: object) => void)|false} choose nothing to press where it is only to be read */
function tierLine(tier, chosen, now, choose) {
  return h(choose ? 'label.tier' : 'div.tier.read', {},
    choose && h('input', { type: 'radio', name: 'tier', value: tier.no, checked: chosen, onchange: () => choose(tier) }),
    h('span.tier-words', {}, h('strong', {}, t('tiers.no', { n: tier.no }), tier.percent && ` · ${tier.percent}%`, now && h('span.mark.plain', {}, t('tiers.now'))),
      tier.base && h('span.soft', {}, t('tiers.base', { base: grouped(tier.base) }))),
    h('span.tier-amount', {}, amount(tier.monthly_amount, 'small'), h('span.soft', {}, t('tiers.monthly'))));
}

/** Between which bases one could choose, where there are no tiers. */
const boundsCard = ({ base_floor, base_ceiling }) => base_floor && h('section.card', {}, facts(
  [t('guide.floor'), grouped(base_floor)], base_ceiling && [t('guide.ceiling'), grouped(base_ceiling)]));

/** Before and after as the service works it out, what is owed for months that are paid, and the last word. */
function changeCard(shown, now, enrolment, save, back) {
  const name = (no) => (no ? t('tiers.no', { n: no }) : t('tiers.none'));
  const before = shown.unpaid[0]?.amount_now ?? now?.monthly_amount;
  return h('section.card.change', { 'aria-labelledby': 'change' },
    h('h2', { id: 'change', tabindex: -1 }, t('tiers.change')),
    h('div.before-after', {},
      h('div', {}, h('span.soft', {}, t('tiers.before')), h('strong', {}, name(enrolment?.tier_no)), before && amount(before, 'middle')),
      h('span.arrow', { 'aria-hidden': 'true' }, '→'),
      h('div', {}, h('span.soft', {}, t('tiers.after')), h('strong', {}, name(shown.tier.no)), amount(shown.tier.monthly_amount, 'middle'))),
    facts([t('tiers.from'), monthName(shown.effective_from)], [t('tiers.unpaid'), t('tiers.unpaid_text', { n: shown.unpaid.length })]),
    shown.differences.length > 0 && h('div.item', {}, h('h3', {}, t('tiers.differences')),
      shown.differences.map(({ months, amount_then }) => h('div.item-head', {}, h('span', {}, monthsName(months)), amount(amount_then, 'small'))),
      shown.differences.length > 1 && h('div.item-head', {}, h('strong', {}, t('bills.sum')), amount(shown.difference_total, 'small'))),
    now && fen(shown.tier.monthly_amount) < fen(now.monthly_amount) && note(t('tiers.lower'), 'warn'),
    note(shown.text),
    h('div.pair', {}, save, h('button.button', { type: 'button', onclick: back }, t('tiers.not_now'))));
}
