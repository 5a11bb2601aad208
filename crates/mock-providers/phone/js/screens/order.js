/** One order: followed until it is over, then its record. */
import { h, icon, fill, announce } from '../dom.js';
import { api, offers } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, busyButton, facts, itemName, note, personName, stateMark, tone } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { helpLines } from '../parts/problem.js';
import { trail } from '../parts/trail.js';
import { go } from '../router.js';
import { watched } from '../panel/watched.js';

/** Nothing more happens by itself. */
const OVER = new Set(['SUCCESS', 'SUCCESS_PARTIAL', 'CLOSED', 'FAILED', 'REFUNDED', 'AGENCY_REFUNDED', 'REFUND_FAILED', 'SUSPENDED']);
/** How often a moving order is looked at: soon at first, then calmly. */
const PACES_MS = [1_000, 1_000, 1_500, 2_000, 3_000, 5_000];

export default {
  path: /^\/orders\/(\w+)$/, title: 'order.title', login: true, up: '/orders', tab: 'records',
  async render({ parts: [number], signal }) {
    const [first, offered] = await Promise.all([api('GET', `/v1/orders/${number}`, { signal }), offers()]);
    const place = h('div.stack');
    let record = first;
    let open = false;
    // Whether the citizen is being asked to give the order up: a new look at the order does not take the question away.
    const asking = { cancel: false };
    const draw = () => {
      open = place.querySelector('details.bills')?.open ?? open;
      fill(place, view(record, offered, refresh, asking));
      const details = place.querySelector('details.bills');
      if (details) details.open = open;
      watched(record);
    };
    const take = (next) => {
      const changed = JSON.stringify(next) !== JSON.stringify(record);
      const moved = next.state !== record.state;
      record = next;
      // Drawing again would take the focus away; only a change is worth that.
      if (changed) draw();
      if (moved) announce(`${record.label}。${record.text}`);
    };
    const refresh = async () => take(await api('POST', `/v1/orders/${number}/sync`, { body: {}, signal }));
    draw();
    announce(`${record.label}。${record.text}`);
    follow(number, () => record, take, signal);
    return [place];
  },
};

/** Looks again and again until the order is over or the screen is left. */
async function follow(number, present, take, signal) {
  for (let round = 0; !signal.aborted && !OVER.has(present().state) && present().state !== 'CREATED'; round += 1) {
    await pause(PACES_MS[Math.min(round, PACES_MS.length - 1)], signal);
    if (signal.aborted) return;
    if (document.hidden) continue;
    try {
      take(await api('GET', `/v1/orders/${number}`, { signal, quiet: true }));
    } catch (cause) {
      // The next look may work; who leaves or is logged out is told elsewhere.
      if (signal.aborted || cause.status === 401) return;
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

function view(record, offered, refresh, asking) {
  const [name, picture] = tone(record.state);
  const { place, show } = problemSlot();
  const number = record.order_no;
  const action = record.next_step.action;
  const cancelPlace = h('div.stack');
  const cancelable = ['CREATED', 'PAYING'].includes(record.state);
  const offerCancel = () => {
    asking.cancel = false;
    fill(cancelPlace, h('button.button.quiet', { type: 'button', onclick: sure }, t('order.cancel')));
  };
  const sure = () => {
    asking.cancel = true;
    fill(cancelPlace, h('p', {}, t('order.cancel_sure')), h('div.pair', {},
      busyButton('button.button.bad', t('order.cancel_yes'), async () => {
        await api('POST', `/v1/orders/${number}/cancel`, { body: {} });
        await refresh();
      }, show),
      h('button.button', { type: 'button', onclick: offerCancel }, t('app.keep'))));
    cancelPlace.querySelector('button').focus();
  };
  if (cancelable && asking.cancel) sure();
  else if (cancelable) offerCancel();
  const voucher = offered('GET /api/v1/orders/{}/voucher') && record.payment?.paid_at;
  return [
    h(`section.result.${name}`, { 'data-state': record.state },
      h('span.result-icon', {}, icon(picture, 34)),
      h('h2.result-label', { id: 'state-label' }, record.label),
      h('p.result-amount', {}, amount(record.amount, 'large')),
      h('p.result-text', {}, record.text),
      record.next_step.text !== record.text && h('p.result-next', {}, record.next_step.text)),
    trail(record),
    place,
    h('div.stack', {},
      (action === 'pay' || (record.state === 'PAYING' && action === 'wait')) && h(`a.button${action === 'pay' ? '.primary' : ''}`, { href: `#/pay/${number}` }, t(action === 'pay' ? 'order.pay' : 'order.pay_on')),
      voucher && h('a.button.primary', { href: `#/orders/${number}/voucher` }, icon('paper', 20), t(record.state.startsWith('SUCCESS') ? 'order.voucher' : 'order.receipt')),
      action === 'start_again' && h('a.button.primary', { href: '#/bills' }, t('order.again')),
      !OVER.has(record.state) && busyButton('button.button', t('order.refresh'), refresh, show),
      cancelPlace),
    h('section.card', { 'aria-labelledby': 'about' }, h('h2', { id: 'about' }, t('order.about')), facts(
      [t('confirm.insured'), personName(record.person)], [t('confirm.city'), record.city_name],
      [t('order.number'), h('span.break', {}, number)], [t('order.created'), timeName(record.created_at)],
      record.payment && [t('order.channel'), record.payment.channel_label],
      record.payment?.paid_at && [t('order.paid_at'), timeName(record.payment.paid_at)],
      record.payment?.transaction_id && [t('order.transaction'), h('span.break', {}, record.payment.transaction_id)])),
    h('details.card.bills', {}, h('summary', {}, t('order.bills', { n: record.bills.length })), record.bills.map(billPart)),
    record.refunds.length > 0 && h('section.card', {}, h('h2', {}, t('order.refunds')), record.refunds.map((refund) =>
      h('div.item', {}, h('div.item-head', {}, h('span', {}, refund.label), amount(refund.amount, 'small')), h('p.soft', {}, timeName(refund.refunded_at))))),
    voucher && offered('POST /api/v1/orders/{}/objections') && h('a.button.quiet', { href: `#/orders/${number}/objection` }, t('order.object')),
    record.state === 'PAYING' && note(t('order.no_second'), 'warn'),
    helpLines(record.help_line),
  ];
}

function billPart(bill) {
  return h('div.item', {},
    h('div.item-head', {}, h('strong', {}, itemName(bill)), amount(bill.amount, 'small')),
    h('p.soft', {}, bill.agency_name),
    bill.posting && h('p', {}, stateMark({ posted: 'SUCCESS', pending: 'PAID' }[bill.posting.state] ?? 'SUSPENDED', bill.posting.label),
      bill.posting.agency_serial && h('span.soft.break', {}, ` ${t('order.serial')} ${bill.posting.agency_serial}`)),
    bill.posting?.reason && h('p.soft', {}, bill.posting.reason));
}
