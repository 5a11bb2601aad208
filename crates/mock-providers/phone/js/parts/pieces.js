/** Pieces that several screens are made of. */
import { h, icon } from '../dom.js';
import { t, has, monthsName } from '../words.js';
import { grouped } from '../money.js';

/** An amount with its unit; `size` is `large`, `plain` or `small`. */
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

/** An insured person in one line. */
export function personName(person) {
  return person ? person.masked_name : t('people.removed');
}

export function relationName(person) {
  return t(person.relation === 'self' ? 'people.self' : 'people.other');
}

/** Bills of one insurance, with their months put together where they follow each other. */
export function groups(bills) {
  const byInsurance = new Map();
  for (const bill of bills) {
    const key = `${bill.insurance}|${bill.agency ?? ''}|${bill.has_period ?? ''}`;
    if (!byInsurance.has(key)) byInsurance.set(key, []);
    byInsurance.get(key).push(bill);
  }
  return [...byInsurance.values()].map((list) => {
    const sorted = [...list].sort((a, b) => a.months.from.localeCompare(b.months.from));
    return { ...sorted[0], bills: sorted, spans: spans(sorted.map((bill) => bill.months)) };
  });
}

const next = (month) => {
  const [year, number] = month.split('-').map(Number);
  return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`;
};

function spans(ranges) {
  const found = [];
  for (const { from, to } of ranges) {
    const last = found.at(-1);
    if (last && next(last.to) === from) last.to = to;
    else if (!last || last.to !== to) found.push({ from, to });
  }
  return found;
}

export function spansName(list) {
  return list.map(monthsName).join(t('app.comma'));
}

/** The page's name for an insurance in English; the service's own in Chinese. */
export function insuranceName(item) {
  return has(`insurance.${item.insurance}`) ? t(`insurance.${item.insurance}`) : item.insurance_label ?? item.insurance;
}

/** What was paid: the service's own words where it is no ordinary contribution, and the months where they mean something. */
export function itemName(item) {
  const name = item.label && item.kind && item.kind !== 'regular' ? item.label : insuranceName(item);
  return item.has_period === false ? name : `${name} ${monthsName(item.months)}`;
}

/** A definition list of label and value. */
export function facts(...pairs) {
  return h('dl.facts', {}, pairs.filter(Boolean).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/** A labelled field; `describe` stands under it. */
export function field(label, control, describe) {
  const id = control.id || `f-${Math.random().toString(36).slice(2, 8)}`;
  control.id = id;
  if (describe) control.setAttribute('aria-describedby', `${id}-d`);
  return h('div.field', {}, h('label', { for: id }, label), control, describe && h('p.hint', { id: `${id}-d` }, describe));
}

/** A tick box with a whole sentence to touch. */
export function tick(text, properties = {}) {
  return h('label.tick', {}, h('input', { type: 'checkbox', ...properties }), h('span', {}, text));
}

/** A note that is neither an error nor a success. */
export function note(text, kind = 'info') {
  return h(`p.note.${kind}`, {}, icon(kind === 'warn' ? 'alert' : 'info', 20), h('span', {}, text));
}

/**
 * A button that works at its own pace: while the act is under way it is busy and cannot be pressed twice.
 * A failure is shown by `problem`.
 */
export function busyButton(selector, label, act, problem) {
  const button = h(selector, {
    type: 'button',
    onclick: async () => {
      if (button.getAttribute('aria-busy') === 'true') return;
      button.setAttribute('aria-busy', 'true');
      problem?.(null);
      try {
        await act();
      } catch (cause) {
        if (cause?.name !== 'AbortError') problem?.(cause);
      } finally {
        button.removeAttribute('aria-busy');
      }
    },
  }, label);
  return button;
}
