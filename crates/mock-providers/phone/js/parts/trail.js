/** Where an order is on its way: order, payment, booking; or payment, no booking, money back. */
import { h, icon } from '../dom.js';
import { t } from '../words.js';

/** How many steps are done, and whether the next is under way. */
const THERE = { CREATED: 1, PAYING: 1, PAID: 2, SUSPENDED: 2, SUCCESS: 3, SUCCESS_PARTIAL: 3 };
const BACK = { REVERSED: 2, REFUNDING: 2, REFUND_FAILED: 2, REFUNDED: 3, AGENCY_REFUNDED: 3 };
/** What tells that the money was booked before it went back. */
const UNDONE = new Set(['agency_reversed', 'bill_taken_back', 'agency_gave_back', 'agency_refunded']);

/** Nothing for an order that ended before any money moved. */
export function trail(record) {
  const back = BACK[record.state];
  const reached = back ?? THERE[record.state];
  if (!reached) return null;
  const undone = record.history?.some((event) => UNDONE.has(event.kind));
  const steps = back ? ['paid', undone ? 'undone' : 'not_booked', 'returned'] : ['ordered', 'paid', 'booked'];
  return h('ol.trail', { 'aria-label': t('trail.head') }, steps.map((step, at) => {
    const state = at < reached ? 'done' : at === reached ? 'now' : 'later';
    // That something was not booked is no success.
    const stopped = Boolean(back) && at === 1;
    const mark = state !== 'done' ? null : icon(stopped ? 'close' : 'check', 14);
    return h(`li.${state}${stopped ? '.stopped' : ''}`, { 'aria-current': state === 'now' ? 'step' : null },
      h('span.dot', { 'aria-hidden': 'true' }, mark), t(`trail.${step}`),
      h('span.unseen', {}, ` ${t(`trail_state.${state}`)}`));
  }));
}
