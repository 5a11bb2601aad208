/** Bills of one insurance and kind as a grid of months to choose from. */
import { h, icon, fill } from '../dom.js';
import { t, monthsName, shortMonth, timeName } from '../words.js';
import { amount, note } from './pieces.js';
import { groups, insuranceName, isMarked, kindName, spansName } from './bill.js';
import { grouped, sum } from '../money.js';
import { explanation } from './explanation.js';
import { keepingFocus } from '../focus.js';

const QUICK = { earliest: 1, three: 3, year: 12 };

export const refOf = (bill) => `${bill.agency}|${bill.bill_no}`;

/**
 * @param {object} person
 * @param {object} sample any of the bills
 * @param {object[]} bills
 * @param {{chosen: Set<string>, orders: object[], changed: () => void}} choice what is ticked, and the person's open orders
 */
export function billPart(person, sample, bills, { chosen, orders, changed }) {
  const due = bills.filter((bill) => bill.state === 'due');
  const buttons = new Map();
  const details = h('div.explained');
  const summary = h('p.soft');
  const pick = (list) => {
    for (const bill of due) chosen.delete(refOf(bill));
    for (const bill of list) chosen.add(refOf(bill));
    changed();
  };
  const ordered = [...bills].sort((a, b) => a.months.from.localeCompare(b.months.from));
  const years = [...new Set(ordered.map((bill) => bill.months.from.slice(0, 4)))];
  const grids = years.map((year) => h('div', { role: 'group', 'aria-label': `${kindName(sample)} ${year}` },
    h('h3.year', {}, t('bills.year', { year })),
    h('ul.months', {}, ordered.filter((bill) => bill.months.from.startsWith(year)).map((bill) => {
      const button = monthButton(bill, orders, () => {
        if (!chosen.delete(refOf(bill))) chosen.add(refOf(bill));
        changed();
      });
      buttons.set(refOf(bill), button);
      return h('li', {}, button);
    }))));
  let shown = '';
  const redraw = () => {
    for (const [ref, button] of buttons) if (button.hasAttribute('aria-pressed')) button.setAttribute('aria-pressed', String(chosen.has(ref)));
    const list = ordered.filter((bill) => bill.state === 'due' && chosen.has(refOf(bill)));
    fill(summary, list.length
      ? [spansName(groups(list)[0].spans), '  ', amount(sum(list.map((bill) => bill.amount)), 'small')]
      : t('bills.none_chosen'));
    const now = list.map(refOf).join();
    if (now === shown) return;
    shown = now;
    const open = details.querySelector('details')?.open ?? false;
    keepingFocus(() => fill(details, list.length > 0 && explanation(list)), () => null);
    const fresh = details.querySelector('details');
    if (fresh) fresh.open = open;
  };
  const first = due[0] ?? ordered.at(-1);
  const section = h('section.card.insurance', {
    'aria-label': kindName(sample), 'data-insurance': sample.insurance, 'data-kind': sample.kind, 'data-key': `${sample.insurance}-${sample.kind}`,
  },
  h('div.insurance-head', {}, h('h2', {}, insuranceName(sample), isMarked(sample) && h('span.mark.warn', {}, t(`kind.${sample.kind}`))),
    sample.kind === 'regular' && person.relation === 'self' && h('a.link', { href: `#/tiers/${person.id}/${sample.insurance}?month=${first.months.from}` }, t('bills.change_tier'))),
  h('p.soft', {}, [sample.agency_name, ...new Set(bills.map((bill) => bill.category?.name).filter(Boolean))].join(' · ')),
  isMarked(sample) && h('p.kind-text', {}, t(`kind_text.${sample.kind}`)),
  lastDay(due), closed(due),
  due.length > 1 && h('div.quick', { role: 'group', 'aria-label': t('bills.quick') }, quickChoices(due).map(([name, count]) => h('button.quick-button', {
    type: 'button', 'data-key': `quick-${name}`, onclick: () => pick(due.slice(0, count)),
  }, t(`quick.${name}`)))),
  grids, due.length > 0 && summary, details);
  return { section, redraw };
}

/** As many months as there are, and none. */
function quickChoices(due) {
  const fitting = Object.entries(QUICK).filter(([, count]) => due.length > count || (count === 12 && due.length === 12));
  return [...fitting, ['none', 0]];
}

/** Until when the first of them can be paid, where somebody says so. */
function lastDay(due) {
  const ends = due.flatMap((bill) => [
    bill.due_until && bill.due_until.slice(0, 10),
    // The deadline itself is the first moment that is too late.
    bill.back_payment_deadline && new Date(Date.parse(bill.back_payment_deadline) - 1 + 8 * 3_600_000).toISOString().slice(0, 10),
  ]).filter(Boolean).sort();
  return ends.length > 0 && h('p.last-day', {}, icon('wait', 18), t('bills.until', { day: ends[0] }));
}

/** Why nothing can be paid at this hour. */
function closed(due) {
  const shut = due.find((bill) => bill.window && !bill.window.open)?.window;
  if (!shut) return null;
  if (shut.maintenance_until) return note(t('bills.maintenance', { time: timeName(shut.maintenance_until) }), 'warn');
  return note(shut.next_opening ? t('bills.closed_until', { time: timeName(shut.next_opening) }) : t('bills.closed'), 'warn');
}

/** The person's own order that holds a bill. */
const orderOf = (bill, orders) => orders.find((order) => order.items.some((item) =>
  item.insurance === bill.insurance && item.kind === bill.kind && item.months.from === bill.months.from && item.months.to === bill.months.to));

function monthButton(bill, orders, toggle) {
  const due = bill.state === 'due';
  const whole = bill.months.from !== bill.months.to;
  const name = whole ? monthsName(bill.months) : shortMonth(bill.months.from);
  const mark = isMarked(bill) && h('span.tile-mark', { 'aria-hidden': 'true' }, t(`kind_mark.${bill.kind}`));
  const content = [mark, h('span.month-name', {}, icon('check', 14), name), h('small', {}, due ? grouped(bill.amount) : t(`bill_state.${bill.state}`)),
    h('span.unseen', {}, due ? ` ${t('app.yuan')}, ${kindName(bill)} ${monthsName(bill.months)}` : ` ${monthsName(bill.months)}`)];
  const shape = `month${whole ? '.wide' : ''}`;
  const data = { 'data-bill': bill.bill_no, 'data-state': bill.state };
  const order = bill.state === 'locked' && orderOf(bill, orders);
  // What is being paid leads to where it is paid.
  if (order) return h(`a.${shape}`, { href: `#/orders/${order.order_no}`, ...data }, content);
  return h(`button.${shape}`, { type: 'button', disabled: !due, 'aria-pressed': due ? 'false' : null, onclick: due ? toggle : null, ...data }, content);
}
