/** Fields of a form, and what is said at one that is not right. */
import { h, icon, fill } from '../dom.js';
import { helpLines } from './problem.js';

let serial = 0;
/** Where each field says what is wrong with it. */
const places = new WeakMap();

/** A labelled field; `describe` stands under it. */
export function field(label, control, describe) {
  const id = control.id || `f-${++serial}`;
  control.id = id;
  const error = h('div.field-error', { id: `${id}-e`, hidden: true });
  places.set(control, error);
  control.setAttribute('aria-describedby', describe ? `${id}-d ${id}-e` : `${id}-e`);
  control.addEventListener('input', () => right(control));
  return h('div.field', {}, h('label', { for: id }, label), control, error, describe && h('p.hint', { id: `${id}-d` }, describe));
}

/** The error of a tick box, which stands under its sentence. */
export function errorOf(control) {
  const error = h('div.field-error', { id: `f-${++serial}-e`, hidden: true });
  places.set(control, error);
  control.setAttribute('aria-describedby', error.id);
  control.addEventListener('input', () => right(control));
  return error;
}

export function right(control) {
  const place = places.get(control);
  control.removeAttribute('aria-invalid');
  if (!place) return;
  place.hidden = true;
  place.removeAttribute('data-code');
  place.replaceChildren();
}

/**
 * Says at a field what is wrong with it.
 * @param {HTMLElement} control
 * @param {string|Error} wrong our sentence, or the service's answer with its own and a help line
 */
export function mark(control, wrong) {
  const place = places.get(control);
  control.setAttribute('aria-invalid', 'true');
  const body = wrong.body ?? { message: wrong };
  const next = typeof body.next_step === 'string' ? body.next_step : body.next_step?.text;
  fill(place, h('p', {}, icon('alert', 18), h('span', {}, body.message ?? body.detail, next && ` ${next}`)),
    wrong.body && helpLines(body.help_line));
  place.dataset.code = wrong.code ?? 'missing';
  place.hidden = false;
}

/**
 * Marks all that is missing and goes to the first. Whether nothing was.
 * @param {Array<[HTMLElement, boolean, string]>} checks control, whether it is filled in rightly, and what else to say
 */
export function complete(checks) {
  const wrong = checks.filter(([control, fine, words]) => {
    if (fine) right(control);
    else mark(control, words);
    return !fine;
  });
  wrong[0]?.[0].focus();
  return wrong.length === 0;
}

/** Says the service's answer at the field that it is about; passes on what is about none. */
export function atField(cause, controls) {
  const control = controls[cause.code] ?? controls[cause.body?.field];
  if (!control) throw cause;
  mark(control, cause);
  control.focus();
}
