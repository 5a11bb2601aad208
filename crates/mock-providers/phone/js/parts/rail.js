/** The side index (字母索引) of a long list: one target at the right edge, to touch, to slide along, or to move with the arrow keys. */
import { h } from '../dom.js';

/** Goes to a letter at once; who slides along sees each. */
export function jumpTo(letter) {
  const heading = document.getElementById(`letter-${letter}`);
  heading.scrollIntoView({ block: 'start', behavior: 'instant' });
  heading.focus({ preventScroll: true });
}

export function letterRail(letters, label) {
  let at = 0;
  const set = (next) => {
    at = Math.max(0, Math.min(letters.length - 1, next));
    rail.setAttribute('aria-valuenow', String(at));
    rail.setAttribute('aria-valuetext', letters[at]);
    document.getElementById(`letter-${letters[at]}`).scrollIntoView({ block: 'start', behavior: 'instant' });
    bubble.textContent = letters[at];
  };
  const touched = (event) => {
    const { top, height } = rail.getBoundingClientRect();
    set(Math.floor(((event.clientY - top) / height) * letters.length));
  };
  const bubble = h('span.rail-bubble', { 'aria-hidden': 'true', hidden: true });
  const rail = h('div.rail', {
    role: 'slider', tabindex: 0, 'aria-label': label, 'aria-orientation': 'vertical', 'aria-valuemin': 0, 'aria-valuemax': letters.length - 1,
    'aria-valuenow': 0, 'aria-valuetext': letters[0],
    onpointerdown: (event) => {
      rail.setPointerCapture(event.pointerId);
      bubble.hidden = false;
      touched(event);
    },
    onpointermove: (event) => event.buttons && touched(event),
    onpointerup: () => { bubble.hidden = true; },
    onpointercancel: () => { bubble.hidden = true; },
    onkeydown: (event) => {
      const next = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: letters.length - 1 }[event.key];
      if (event.key === 'Enter') jumpTo(letters[at]);
      if (next === undefined) return;
      event.preventDefault();
      set(next);
    },
  }, letters.map((letter) => h('span', { 'aria-hidden': 'true' }, letter)));
  return h('div.rail-place', {}, rail, bubble);
}
