/** Orders that wait for somebody: shown first wherever a person might begin another one. */
import { h } from '../dom.js';
import { api } from '../api.js';
import { t, hourName } from '../words.js';
import { amount, stateMark } from './pieces.js';
import { groups, kindName, spansName } from './bill.js';

/** States in which a person has something to do or to wait for. */
const LIVE = new Set(['CREATED', 'PAYING', 'PAID', 'SUSPENDED', 'REFUNDING', 'REFUND_FAILED', 'REVERSED']);
/** States in which it can still be paid. */
export const PAYABLE = new Set(['CREATED', 'PAYING']);
const LOOKED_AT = 20;

/** The newest orders that are not over. */
export async function unfinished(signal) {
  const { orders } = await api('GET', `/v1/orders?limit=${LOOKED_AT}`, { signal });
  return orders.filter((order) => LIVE.has(order.state));
}

export function unfinishedCard(order) {
  const payable = PAYABLE.has(order.state) && Date.parse(order.expires_at) > Date.now();
  const what = groups(order.items).map((group) => [kindName(group), spansName(group.spans)].filter(Boolean).join(' ')).join(t('app.comma'));
  return h('section.card.unfinished', { 'aria-labelledby': `o-${order.order_no}`, 'data-key': order.order_no },
    h('div.unfinished-head', {},
      h('h2', { id: `o-${order.order_no}` }, t(payable ? 'home.unfinished' : 'home.under_way')), stateMark(order.state, order.label)),
    h('p.unfinished-amount', {}, amount(order.amount, 'middle')),
    h('p.soft', {}, what),
    // Who may go on paying is not told to wait.
    h('p', {}, payable ? t('home.unfinished_text', { time: hourName(order.expires_at) }) : order.text),
    h('a.button.primary', { href: `#/orders/${order.order_no}` }, t(payable ? 'home.go_on' : 'home.look')));
}
