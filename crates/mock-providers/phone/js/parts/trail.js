/** Where an order is on its way: ordered, paid, booked. */
import { h, icon } from '../dom.js';
import { t } from '../words.js';

const PLACES = {
  CREATED: 1, PAYING: 1, PAID: 2, SUSPENDED: 2, SUCCESS: 3, SUCCESS_PARTIAL: 3,
};

/** Nothing for an order that went another way. */
export function trail(record) {
  const reached = PLACES[record.state];
  if (!reached) return null;
  const steps = ['ordered', 'paid', 'booked'];
  return h('ol.trail', { 'aria-label': t('trail.head') }, steps.map((step, at) => {
    const state = at < reached ? 'done' : at === reached ? 'now' : 'later';
    return h(`li.${state}`, { 'aria-current': state === 'now' ? 'step' : null },
      h('span.dot', { 'aria-hidden': 'true' }, state === 'done' ? icon('check', 14) : null), t(`trail.${step}`),
      h('span.unseen', {}, ` ${t(`trail.${state}`)}`));
  }));
}
