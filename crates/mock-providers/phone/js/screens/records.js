/** Records: every order of this account, newest first, with the filters that the service offers. */
import { h, icon, fill, announce } from '../dom.js';
import { api, offers, query as queryText } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, personName, stateMark } from '../parts/pieces.js';
import { groups, insuranceName, kindName, spansName } from '../parts/bill.js';
import { busyButton } from '../parts/busy.js';
import { field } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { saved } from '../parts/saving.js';

const STATES = ['SUCCESS', 'CREATED', 'PAYING', 'PAID', 'REFUNDED', 'CLOSED'];
const INSURANCES = ['pension', 'medical', 'unemployment', 'resident_medical'];

export default {
  path: /^\/orders$/, title: 'records.title', login: true, tab: 'records', root: true,
  async render({ signal }) {
    const offered = await offers();
    const list = h('div.stack');
    const { place, show } = problemSlot();
    const chosen = {};
    const load = async () => {
      const page = await api('GET', `/v1/orders${queryText({ ...chosen, limit: 10 })}`, { signal });
      fill(list, page.orders.length ? page.orders.map(card) : empty(Object.values(chosen).some(Boolean)), more(page.next));
    };
    const more = (cursor) => cursor && busyButton('button.button', t('records.more'), async () => {
      const page = await api('GET', `/v1/orders${queryText({ ...chosen, cursor, limit: 10 })}`, { signal });
      list.lastChild.remove();
      const cards = page.orders.map(card);
      list.append(...cards, ...[more(page.next)].filter(Boolean));
      cards[0]?.focus();
    }, show);
    await load();
    const narrow = async (name, value) => {
      chosen[name] = value;
      show(null);
      try {
        await load();
        announce(list.querySelector('.empty')?.textContent ?? t('records.shown', { n: list.querySelectorAll('.record').length }));
      } catch (cause) {
        if (!signal.aborted) show(cause);
      }
    };
    return [offered('GET /api/v1/orders/list.pdf') && await filterPart(chosen, narrow, show, signal), place, list];
  },
};

async function filterPart(chosen, narrow, show, signal) {
  const { people } = await api('GET', '/v1/people', { signal });
  const select = (name, options) => h('select', { id: `filter-${name}`, onchange: (event) => narrow(name, event.target.value) },
    h('option', { value: '' }, t('records.all')), options.map(([value, label]) => h('option', { value }, label)));
  const day = (name) => h('input', { type: 'date', id: `filter-${name}`, onchange: (event) => narrow(name, event.target.value) });
  return h('details.card.filters', {}, h('summary', {}, t('records.filter')), h('div.form', {},
    field(t('records.person'), select('person', people.map((person) => [person.id, person.masked_name]))),
    field(t('records.insurance'), select('insurance', INSURANCES.map((one) => [one, insuranceName({ insurance: one })]))),
    field(t('records.state'), select('state', STATES.map((state) => [state, t(`state.${state}`)]))),
    h('div.pair', {}, field(t('records.from'), day('from')), field(t('records.to'), day('to'))),
    busyButton('button.button', [icon('download', 20), t('records.print')], async () => {
      saved(await api('GET', `/v1/orders/list.pdf${queryText(chosen)}`, { as: 'blob' }), 'records.pdf');
    }, show)));
}

function empty(filtered) {
  return h('section.empty', {}, icon('records', 40), h('p', {}, t(filtered ? 'records.none_found' : 'records.none')),
    !filtered && h('a.button.primary', { href: '#/' }, t('records.start')));
}

function card(order) {
  const parts = groups(order.items);
  return h('a.card.record', { href: `#/orders/${order.order_no}`, 'data-order': order.order_no },
    h('div.item-head', {}, h('strong', {}, parts.map(kindName).join(t('app.comma'))), stateMark(order.state, order.label)),
    h('p.record-amount', {}, amount(order.amount, 'middle')),
    h('p.soft', {}, personName(order.person), ` · ${order.city_name}`),
    // Each insurance has months of its own.
    parts.filter((group) => group.spans.length > 0).map((group) =>
      h('p.soft', {}, parts.length > 1 && `${kindName(group)} `, spansName(group.spans))),
    h('p.soft', {}, timeName(order.created_at)));
}
