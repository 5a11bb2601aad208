/** Trying out what insurance would cost, with every step; nobody needs to log in for that. */
import { h, fill } from '../dom.js';
import { memory } from '../memory.js';
import { api } from '../api.js';
import { t, monthsName } from '../words.js';
import { amount, busyButton, facts, field, insuranceName, note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { grouped } from '../money.js';
import { steps } from '../parts/explanation.js';

const YEARS = ['2023', '2024', '2025', '2026'];

export default {
  path: /^\/quote$/, title: 'quote.title', city: true, up: '/',
  async render({ signal }) {
    const city = await api('GET', `/v1/cities/${memory.city}?month=2023-06`, { signal });
    const offered = ['pension', 'medical'].filter((one) => city.services.some((service) => service.insurance === one));
    const insurance = h('select', {}, offered.map((one) => h('option', { value: one }, insuranceName({ insurance: one }))));
    const tier = h('select');
    const year = h('select', {}, YEARS.map((one) => h('option', { value: one }, one)));
    const first = h('select', {}, Array.from({ length: 12 }, (_, at) => h('option', { value: String(at + 1).padStart(2, '0') }, String(at + 1))));
    const months = h('select', {}, Array.from({ length: 12 }, (_, at) => h('option', { value: at + 1 }, String(at + 1))));
    const tiers = () => {
      const policy = city.policies.find((one) => one.insurance === insurance.value && one.tiers.length);
      fill(tier, h('option', { value: '' }, t('quote.least')), (policy?.tiers ?? []).map((one) =>
        h('option', { value: one.no }, `${t('tiers.no', { n: one.no })} · ${grouped(one.monthly_amount)}`)));
    };
    insurance.addEventListener('change', tiers);
    tiers();
    const { place, show } = problemSlot();
    const result = h('div', { role: 'status' });
    const ask = busyButton('button.button.primary', t('quote.ask'), async () => {
      fill(result);
      const quote = await api('POST', '/v1/quotes', {
        signal,
        body: {
          city: memory.city, insurance: insurance.value, ...(tier.value ? { tier: Number(tier.value) } : {}),
          from: `${year.value}-${first.value}`, months: Number(months.value),
        },
      });
      fill(result, quoteCard(quote));
      result.firstChild.scrollIntoView({ block: 'nearest' });
    }, show);
    return [
      h('section.card.form', {},
        field(t('quote.insurance'), insurance), field(t('quote.tier'), tier),
        h('div.pair', {}, field(t('quote.year'), year), field(t('quote.first'), first)),
        field(t('quote.months'), months), ask),
      place, result,
    ];
  },
};

function quoteCard(quote) {
  return h('section.card', { 'aria-labelledby': 'quoted' },
    h('h2', { id: 'quoted' }, t('quote.total')), h('p', {}, amount(quote.total, 'large')),
    quote.subtotals.map((part) => {
      const line = quote.lines.find((one) => one.policy === part.policy && one.period.from >= part.period.from);
      return h('div.how-part', {}, h('h3', {}, monthsName(part.period)), steps(line.steps), facts(
        [t('explain.each'), `${grouped(part.each)} ${t('app.yuan')}`], [t('explain.count'), String(part.count)],
        line.base && [t('explain.base'), `${grouped(line.base)} ${t('app.yuan')}`],
        line.personal_account && [t('explain.account'), `${grouped(line.personal_account)} ${t('app.yuan')}`],
        line.pool && [t('explain.pool'), `${grouped(line.pool)} ${t('app.yuan')}`],
        [t('explain.policy'), `${part.policy} · v${part.version}`]));
    }),
    quote.disclaimer && note(quote.disclaimer, 'warn'), note(t('quote.note')));
}
