/** Trying out what insurance would cost, with every step; nobody needs to log in for that. */
import { h, fill } from '../dom.js';
import { memory } from '../memory.js';
import { api } from '../api.js';
import { t, monthName, monthsName, shortMonth } from '../words.js';
import { amount, facts, note } from '../parts/pieces.js';
import { insuranceName } from '../parts/bill.js';
import { busyButton } from '../parts/busy.js';
import { atField, complete, field } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { firstMonth, insurancesOf, policiesOf, policyAt, yearsOf } from '../parts/standards.js';
import { grouped } from '../money.js';
import { steps } from '../parts/explanation.js';

const BASE = /^\d{3,6}$/;
const two = (number) => String(number).padStart(2, '0');
const numbers = (name) => Array.from({ length: 12 }, (_, at) => h('option', { value: two(at + 1) }, name(at + 1)));

export default {
  path: /^\/quote$/, title: 'quote.title', city: true, up: '/',
  async render({ signal }) {
    const guide = await api('GET', `/v1/cities/${memory.city}/guide`, { signal });
    const policies = policiesOf(guide);
    const offered = insurancesOf(policies);
    if (!offered.length) return [note(t('quote.empty', { city: guide.city_name }))];

    const insurance = h('select', { id: 'quote-insurance' }, offered.map((one) => h('option', { value: one }, insuranceName({ insurance: one }))));
    const year = h('select', { id: 'quote-year' });
    const first = h('select', { id: 'quote-month' }, numbers((number) => shortMonth(`2000-${two(number)}`)));
    const months = h('select', { id: 'quote-months' }, numbers((number) => t('quote.n_months', { n: number })));
    const choice = h('div.form');
    const { place, show } = problemSlot();
    const result = h('div', { role: 'status' });
    /** What of the policy is chosen; made anew for each. */
    let chosen = {};

    const month = () => `${year.value}-${first.value}`;
    const policy = () => policyAt(policies, insurance.value, month());
    const draw = () => {
      fill(result);
      show(null);
      const found = policy();
      chosen = choiceOf(found);
      const yearly = found?.base_mode === 'annual_flat';
      for (const select of [first, months]) select.closest('.field').hidden = yearly;
      fill(choice, chosen.field, found && found.to < month() && note(t('quote.provisional', { month: monthName(found.to) }), 'warn'),
        !found && note(t('quote.none', { month: monthName(month()) }), 'warn'));
      ask.disabled = !found;
    };
    const begin = () => {
      fill(year, yearsOf(policies, insurance.value).map((one) => h('option', { value: one }, t('bills.year', { year: one }))));
      [year.value, first.value] = firstMonth(policies, insurance.value).split('-');
      draw();
    };
    insurance.addEventListener('change', begin);
    year.addEventListener('change', draw);
    first.addEventListener('change', draw);

    const ask = busyButton('button.button.primary', t('quote.ask'), async () => {
      fill(result);
      const found = policy();
      if (chosen.check && !complete([chosen.check()])) return;
      const yearly = found.base_mode === 'annual_flat';
      try {
        const quote = await api('POST', '/v1/quotes', {
          signal,
          body: {
            city: memory.city, insurance: insurance.value, insured_kind: found.insured_kind, ...chosen.body?.(),
            from: yearly ? `${year.value}-01` : month(), months: yearly ? 12 : Number(months.value), provisional: true,
          },
        });
        fill(result, quoteCard(quote, policies));
        result.firstChild.scrollIntoView({ block: 'nearest' });
      } catch (cause) {
        atField(cause, { base_out_of_bounds: chosen.control, base_below_floor: chosen.control, base_not_whole_yuan: chosen.control, base: chosen.control });
      }
    }, show);

    const screen = [
      h('section.card.form', {},
        field(t('quote.insurance'), insurance),
        h('div.pair', {}, field(t('quote.year'), year), field(t('quote.first'), first)),
        field(t('quote.months'), months), choice, ask),
      place, result,
    ];
    begin();
    return screen;
  },
};

/** What is to be chosen under a standard: a tier, a base, a group of residents, or nothing. */
function choiceOf(policy) {
  if (!policy) return {};
  if (policy.tiers.length) {
    const control = h('select', { id: 'quote-tier' }, h('option', { value: '' }, t('quote.least')), policy.tiers.map((one) =>
      h('option', { value: one.no }, [t('tiers.no', { n: one.no }), one.percent && `${one.percent}%`, grouped(one.monthly_amount)].filter(Boolean).join(' · '))));
    return { control, field: field(t('quote.tier'), control), body: () => (control.value ? { tier: Number(control.value) } : {}) };
  }
  if (policy.categories.length) {
    const control = h('select', { id: 'quote-category' }, policy.categories.map((one) => h('option', { value: one.code }, `${one.name} · ${grouped(one.amount)}`)));
    return { control, field: field(t('guide.category'), control), body: () => ({ category: control.value }) };
  }
  if (policy.base_mode !== 'range') return {};
  const control = h('input', { id: 'quote-base', type: 'text', inputmode: 'numeric', autocomplete: 'off', maxlength: 6 });
  const hint = policy.base_ceiling
    ? t('quote.base_hint', { floor: grouped(policy.base_floor), ceiling: grouped(policy.base_ceiling) })
    : t('quote.base_hint_least', { floor: grouped(policy.base_floor) });
  return {
    control, field: field(t('quote.base'), control, hint),
    check: () => [control, control.value.trim() === '' || BASE.test(control.value.trim()), t('quote.base_whole')],
    body: () => (control.value.trim() ? { base: control.value.trim() } : {}),
  };
}

function quoteCard(quote, policies) {
  // The document is what a citizen can look up; our own number only where none is known.
  const standardOf = ({ policy: id, version }) => {
    const published = policies.find((one) => one.id === id)?.document;
    return published ? [t('guide.document'), h('span.break', {}, published)] : [t('explain.policy'), h('span.break', {}, `${id} · v${version}`)];
  };
  return h('section.card', { 'aria-labelledby': 'quoted' },
    h('h2', { id: 'quoted' }, t('quote.total')), h('p', {}, amount(quote.total, 'large')),
    quote.subtotals.map((part) => {
      const line = quote.lines.find((one) => one.policy === part.policy && one.period.from >= part.period.from);
      return h('div.how-part', {}, h('h3', {}, monthsName(part.period)), steps(line.steps), facts(
        [t(line.period.from === line.period.to ? 'explain.each' : 'explain.whole'), `${grouped(part.each)} ${t('app.yuan')}`],
        part.count > 1 && [t('explain.count'), String(part.count)],
        line.base && [t('explain.base'), `${grouped(line.base)} ${t('app.yuan')}`],
        line.personal_account && [t('explain.account'), `${grouped(line.personal_account)} ${t('app.yuan')}`],
        line.pool && [t('explain.pool'), `${grouped(line.pool)} ${t('app.yuan')}`],
        standardOf(part)));
    }),
    quote.disclaimer && note(quote.disclaimer, 'warn'), note(t('quote.note')));
}
