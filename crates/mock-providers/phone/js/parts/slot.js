/** A place on a screen where an error appears, beside what it is about. */
import { h, fill } from '../dom.js';
import { problemCard } from './problem.js';

/** @param {object} [about] further options of the card, such as whom it is about */
export function problemSlot(about = {}) {
  const place = h('div.slot');
  /**
   * @param {Error|null} cause
   * @param {{retry?: () => void}} [options]
   */
  const show = (cause, options) => {
    fill(place, cause && problemCard(cause, { ...about, ...options }));
    if (!cause) return;
    if (!('status' in cause)) console.error(cause);
    // Read aloud, and in sight: the foot does not cover it, because the screen's own scrolling knows the foot's height.
    place.firstChild.focus({ preventScroll: true });
    place.firstChild.scrollIntoView({ block: 'nearest' });
  };
  return { place, show };
}
