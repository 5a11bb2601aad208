/** Pieces that several screens are made of. */
import { h, icon } from '../dom.js';
import { t } from '../words.js';
import { grouped } from '../money.js';

/** An amount with its unit; `size` is `large`, `middle`, `plain` or `small`. */
export function amount(value, size = 'plain') {
  return h(`span.amount.${size}`, {}, h('span.unit', { 'aria-hidden': 'true' }, '¥'), grouped(value),
    h('span.unseen', {}, ` ${t('app.yuan')}`));
}

/** A card that leads somewhere. */
export function row({ href, picture, title, text, side, current }) {
  return h('a.row', { href, 'aria-current': current ? 'true' : null },
    picture && h('span.row-icon', {}, icon(picture)),
    h('span.row-words', {}, h('span.row-title', {}, title), text && h('span.row-text', {}, text)),
    side && h('span.row-side', {}, side),
    icon('next', 20));
}

/** What a state means at a glance; never by colour alone. */
const TONES = {
  SUCCESS: ['good', 'check'], SUCCESS_PARTIAL: ['warn', 'info'], CREATED: ['warn', 'wait'], PAYING: ['warn', 'wait'],
  PAID: ['busy', 'wait'], SUSPENDED: ['warn', 'info'], REFUNDING: ['busy', 'refund'], REFUNDED: ['plain', 'refund'],
  REFUND_FAILED: ['warn', 'info'], CLOSED: ['plain', 'close'], FAILED: ['bad', 'alert'], REVERSED: ['busy', 'refund'],
  AGENCY_REFUNDED: ['plain', 'refund'],
};

export function tone(state) {
  return TONES[state] ?? ['plain', 'info'];
}

export function stateMark(state, label) {
  const [name, picture] = tone(state);
  return h(`span.mark.${name}`, {}, icon(picture, 16), label);
}

/** As many stars say that a name is long. */
const STARS = '******';

/** An insured person in one line. */
export function personName(person) {
  return person ? h('span.long', {}, person.masked_name.replace(/\*{7,}/, STARS)) : t('people.removed');
}

export function relationName(person) {
  return t(person.relation === 'self' ? 'people.self' : 'people.other');
}

/** A definition list of label and value. */
export function facts(...pairs) {
  return h('dl.facts', {}, pairs.filter(Boolean).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/** A tick box with a whole sentence to touch. */
export function tick(text, properties = {}) {
  return h('label.tick', {}, h('input', { type: 'checkbox', ...properties }), h('span', {}, text));
}

/** A note that is neither an error nor a success; `warn` when something is to be minded. */
export function note(text, kind = 'info', ...more) {
  return h(`div.note.${kind}`, {}, icon(kind === 'warn' ? 'alert' : 'info', 20), h('span', {}, text), more);
}

/** What only the demonstration has, in dashed lines. */
export function demoNote(text) {
  return h('p.demo-note', {}, h('strong', {}, t('app.demo')), ' ', text);
}
