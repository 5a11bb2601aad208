/** Records: every order of this account, newest first, with the filters that the service offers. */
import { h, icon, fill } from '../dom.js';
import { api, offers, query as queryText } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, busyButton, field, groups, insuranceName, personName, spansName, stateMark } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { saved } from '../parts/saving.js';

const STATES = ['SUCCESS', 'CREATED', 'PAYING', 'PAID', 'REFUNDED', 'CLOSED'];

export default {
  path: /^\/orders$/, title: 'records.title', login: true, tab: 'records', root: true,
  async render({ signal }) {
    const offered = await offers();
    const list = h('div.stack');
    const { place, show } = problemSlot();
    const filters = offered.filters ?? offered('GET /api/v1/orders/list.pdf');
    const chosen = {};
    const load = async () => {
      const page = await api('GET', `/v1/orders${queryText({ ...chosen, limit: 10 })}`, { signal });
      fill(list, page.orders.length ? page.orders.map(card) : empty(Object.values(chosen).some(Boolean)), more(page.next));
    };
    const more = (cursor) => cursor && busyButton('button.button', t('records.more'), async () => {
      const page = await api('GET', `/v1/orders${queryText({ ...chosen, cursor, limit: 10 })}`, { signal });
      list.lastChild.remove();
      list.append(...page.orders.map(card), ...[more(page.next)].filter(Boolean));
    }, show);
    await load();
    return [filters && await filterPart(chosen, load, show, signal), place, list];
  },
};

async function filterPart(chosen, load, show, signal) {
  const { people } = await api('GET', '/v1/people', { signal });
  const select = (name, options) => h('select', {
    onchange: async (event) => {
      chosen[name] = event.target.value;
      show(null);
      try { await load(); } catch (cause) { show(cause); }
    },
  }, h('option', { value: '' }, t('records.all')), options.map(([value, label]) => h('option', { value }, label)));
  return h('details.card.filters', {}, h('summary', {}, t('records.filter')), h('div.form', {},
    field(t('records.person'), select('person', people.map((person) => [person.id, person.masked_name]))),
    field(t('records.insurance'), select('insurance', ['pension', 'medical', 'resident_medical'].map((one) => [one, insuranceName({ insurance: one })]))),
    field(t('records.state'), select('state', STATES.map((state) => [state, t(`state.${state}`)]))),
    h('div.pair', {}, field(t('records.from'), dated('from', chosen, load, show)), field(t('records.to'), dated('to', chosen, load, show))),
    busyButton('button.button', [icon('download', 20), t('records.print')], async () => {
      saved(await api('GET', `/v1/orders/list.pdf${queryText(chosen)}`, { as: 'blob' }), 'records.pdf');
    }, show)));
}

function dated(name, chosen, load, show) {
  return h('input', {
    type: 'date',
    onchange: async (event) => {
      chosen[name] = event.target.value;
      show(null);
      try { await load(); } catch (cause) { show(cause); }
    },
  });
}

function empty(filtered) {
  return h('section.empty', {}, icon('records', 40), h('p', {}, t(filtered ? 'records.none_found' : 'records.none')),
    !filtered && h('a.button.primary', { href: '#/' }, t('records.start')));
}

function card(order) {
  return h('a.card.record', { href: `#/orders/${order.order_no}`, 'data-order': order.order_no },
    h('div.item-head', {}, h('strong', {}, groups(order.items).map((item) => (item.kind === 'topup' ? item.label : insuranceName(item))).join(t('app.comma'))), stateMark(order.state, order.label)),
    h('p.record-amount', {}, amount(order.amount, 'middle')),
    h('p.soft', {}, `${personName(order.person)} · ${order.city_name} · ${spansName(groups(order.items)[0]?.spans ?? [])}`),
    h('p.soft', {}, timeName(order.created_at)));
}
