/** A place on a screen where an error appears, beside what it is about. */
import { h, fill } from '../dom.js';
import { problemCard } from './problem.js';

export function problemSlot() {
  const place = h('div.slot');
  /** @param {Error|null} cause */
  const show = (cause) => {
    fill(place, cause && problemCard(cause));
    if (!cause) return;
    if (!('status' in cause)) console.error(cause);
    place.firstChild?.scrollIntoView?.({ block: 'nearest' });
  };
  return { place, show };
}
