/** How an order looks: its state in words, what to do, and everything that belongs to it. */
import { h, icon, fill } from '../dom.js';
import { api } from '../api.js';
import { t, clockName, hourName, timeName } from '../words.js';
import { amount, facts, note, personName, stateMark, tone } from './pieces.js';
import { billName } from './bill.js';
import { busyButton } from './busy.js';
import { problemSlot } from './slot.js';
import { helpLines } from './problem.js';
import { trail } from './trail.js';
import { PAYABLE } from './unfinished.js';

/** Money is or was on its way back. */
const BACK = new Set(['REFUNDING', 'REFUNDED', 'REFUND_FAILED', 'REVERSED', 'AGENCY_REFUNDED', 'SUCCESS_PARTIAL']);
/** What in an order's history says why. */
const REASONS = new Set(['surplus_arrived', 'wrong_money_arrived', 'bill_taken_back', 'agency_reversed', 'bill_refused']);

/**
 * @param {object} record as the service tells it
 * @param {(operation: string) => boolean} offered
 * @param {{refresh: () => Promise<void>, beside: object}} screen
 */
export function orderView(record, offered, { refresh, beside }) {
  const { place, show } = problemSlot();
  const number = record.order_no;
  const voucher = offered('GET /api/v1/orders/{}/voucher') && record.payment?.paid_at;
  return [
    result(record, beside),
    trail(record),
    place,
    h('div.stack', {}, actions(record, { voucher, refresh, beside, show })),
    h('section.card', { 'aria-labelledby': 'about' }, h('h2', { id: 'about' }, t('order.about')), facts(
      [t('confirm.insured'), personName(record.person)], [t('confirm.city'), record.city_name],
      [t('order.number'), h('span.break', {}, number)], [t('order.created'), timeName(record.created_at)],
      PAYABLE.has(record.state) && [t('cashier.until'), timeName(record.expires_at)],
      record.payment && [t('order.channel'), record.payment.channel_label],
      record.payment?.paid_at && [t('order.paid_at'), timeName(record.payment.paid_at)],
      record.payment?.transaction_id && [t('order.transaction'), h('span.break', {}, record.payment.transaction_id)])),
    h('details.card.bills', {}, h('summary', {}, t('order.bills', { n: record.bills.length })), record.bills.map(billPart)),
    record.refunds.length > 0 && h('section.card', { 'aria-labelledby': 'refunds' }, h('h2', { id: 'refunds' }, t('order.refunds')), record.refunds.map((refund) =>
      h('div.item', {}, h('div.item-head', {}, h('span', {}, refund.label), amount(refund.amount, 'small')),
        refund.refunded_at && h('p.soft', {}, timeName(refund.refunded_at))))),
    voucher && offered('POST /api/v1/orders/{}/objections') && h('a.button.quiet', { href: `#/orders/${number}/objection` }, t('order.object')),
    record.state === 'PAYING' && !beside.wallet && note(t('order.no_second'), 'warn'),
    helpLines(record.help_line),
  ];
}

/** What became of it, in the service's words; in ours where the citizen has just come back from the wallet without paying. */
function result(record, { wallet, asked }) {
  const [name, picture] = tone(record.state);
  const unpaid = record.state === 'PAYING' && ['cancelled', 'failed'].includes(wallet) && Date.parse(record.expires_at) > Date.now();
  const until = hourName(record.expires_at);
  const label = unpaid ? t(`order_unpaid.${wallet}`) : record.label;
  const text = unpaid ? t(`order_unpaid.${wallet}_text`, { time: until }) : record.text;
  const next = unpaid ? null : record.next_step.text;
  const why = BACK.has(record.state) && reason(record);
  return h(`section.result.${unpaid ? 'warn' : name}`, { 'data-state': record.state, 'data-wallet': unpaid ? wallet : null },
    h('span.result-icon', {}, icon(unpaid ? 'info' : picture, 34)),
    h('h2.result-label', { id: 'state-label', tabindex: -1 }, label),
    h('p.result-amount', {}, amount(record.amount, 'large')),
    why && h('p.result-why', {}, t('order.because', { reason: why })),
    h('p.result-text', {}, text),
    next && next !== text && h('p.result-next', {}, next),
    asked && PAYABLE.has(record.state) && h('p.asked', {}, icon('check', 16), t('order.asked', { time: clockName(asked) })));
}

/** Why money goes back: the agency's own words, or what happened. */
function reason(record) {
  const said = [...new Set(record.bills.map((bill) => bill.posting?.reason).filter(Boolean))];
  if (said.length) return said.join(t('app.comma'));
  return record.history?.findLast((event) => REASONS.has(event.kind))?.label;
}

/** What can be done, the most likely first. */
function actions(record, { voucher, refresh, beside, show }) {
  const number = record.order_no;
  const action = record.next_step.action;
  // Who says that they have paid waits; anybody else may go on paying this very order.
  const payable = action === 'pay' || (record.state === 'PAYING' && action === 'wait' && Date.parse(record.expires_at) > Date.now());
  const waits = beside.wallet === 'paid';
  const booked = record.state.startsWith('SUCCESS');
  const pay = payable && h(`a.button${waits ? '' : '.primary'}`, { href: `#/pay/${number}`, 'data-key': 'pay' }, t(record.state === 'CREATED' ? 'order.pay' : 'home.go_on'));
  return [
    !waits && pay,
    voucher && h(`a.button${BACK.has(record.state) && !booked ? '' : '.primary'}`, { href: `#/orders/${number}/voucher` }, icon('paper', 20), t(booked ? 'order.voucher' : 'order.receipt')),
    action === 'start_again' && h('a.button.primary', { href: '#/bills' }, t('order.again')),
    !beside.over.has(record.state) && busyButton(`button.button${waits ? '.primary' : ''}`, t('order.refresh'), refresh, show, { 'data-key': 'refresh' }),
    waits && pay,
    PAYABLE.has(record.state) && giveUp(number, { refresh, beside, show }),
  ];
}

/** Giving the order up, asked once more in place. */
function giveUp(number, { refresh, beside, show }) {
  const ask = (asking) => {
    beside.asking = asking;
    fill(place, asking ? question() : offer());
    place.querySelector('button').focus();
  };
  const offer = () => h('button.button.quiet', { type: 'button', 'data-key': 'give-up', onclick: () => ask(true) }, t('order.cancel'));
  const question = () => [h('p', {}, t('order.cancel_sure')), h('div.pair', {},
    busyButton('button.button.bad', t('order.cancel_yes'), async () => {
      await api('POST', `/v1/orders/${number}/cancel`, { body: {} });
      beside.asking = false;
      await refresh();
    }, show, { 'data-key': 'give-up-yes' }),
    h('button.button', { type: 'button', 'data-key': 'give-up-no', onclick: () => ask(false) }, t('app.keep')))];
  const place = h('div.stack', {}, beside.asking ? question() : offer());
  return place;
}

function billPart(bill) {
  return h('div.item', {},
    h('div.item-head', {}, h('strong', {}, billName(bill)), amount(bill.amount, 'small')),
    h('p.soft', {}, bill.agency_name),
    bill.posting && h('p', {}, stateMark({ posted: 'SUCCESS', pending: 'PAID' }[bill.posting.state] ?? 'SUSPENDED', bill.posting.label),
      bill.posting.agency_serial && h('span.soft.break', {}, ` ${t('order.serial')} ${bill.posting.agency_serial}`)),
    bill.posting?.reason && h('p.soft', {}, bill.posting.reason));
}
