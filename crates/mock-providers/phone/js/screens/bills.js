/** What is due: for whom, which months of which insurance, and how each amount comes about. */
import { h, icon, fill, announce } from '../dom.js';
import { memory, cart, keepCart } from '../memory.js';
import { api, query as queryText } from '../api.js';
import { t, has, monthsName, shortMonth, timeName } from '../words.js';
import { amount, groups, insuranceName, note, spansName } from '../parts/pieces.js';
import { grouped, sum } from '../money.js';
import { explanation } from '../parts/explanation.js';
import { gapPart } from '../parts/gaps.js';
import { problemCard } from '../parts/problem.js';
import { isProven } from '../parts/real-name.js';
import { go } from '../router.js';

/** Bills are asked for from here on; the oldest standards of the packs are of 2023. */
const FIRST_MONTH = '2023-01';
/** What is ticked at first. */
const INSURANCE_OF = { flex_pension: 'pension', flex_medical: 'medical', resident_medical: 'resident_medical' };
const QUICK = [1, 3, 12];

const thisMonth = () => new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7);

export default {
  path: /^\/bills$/, title: 'bills.title', login: true, city: true, up: '/',
  async render({ query, signal }) {
    const { people } = await api('GET', '/v1/people', { signal });
    const service = query.get('service');
    const here = `/bills${service ? `?service=${service}` : ''}`;
    if (!people.length) {
      go(`/people/new?next=${encodeURIComponent(here)}`, { replace: true });
      return [];
    }
    const person = people.find((one) => one.id === query.get('person')) ?? people[0];
    const chooser = people.length > 1 || people.length
      ? h('nav.chips', { 'aria-label': t('bills.whom') }, people.map((one) => h('a.chip', {
          href: `#${here}${service ? '&' : '?'}person=${one.id}`, 'aria-current': one === person ? 'true' : null,
        }, one.masked_name, h('small', {}, t(one.relation === 'self' ? 'people.self' : 'people.other')))),
        h('a.chip.add', { href: `#/people/new?next=${encodeURIComponent(here)}` }, icon('plus', 18), t('bills.other_person')))
      : null;
    let found;
    try {
      found = await ask(person, service, signal);
    } catch (cause) {
      if (signal.aborted || cause.status === 401) throw cause;
      return [chooser, problemCard(cause), cause.code === 'base_not_declared'
        && h('a.button.primary', { href: `#/tiers/${person.id}/pension` }, t('tiers.title'))];
    }
    return [
      chooser,
      found.problems.map((problem) => note(`${problem.agency_name}：${problem.message ?? problem.detail}`, 'warn')),
      isProven(person) && found.bills.some((bill) => bill.insurance === 'medical') && await gapPart(person, signal),
      ...counter(person, found.bills, INSURANCE_OF[service]),
    ];
  },
};

async function ask(person, service, signal) {
  const asked = { city: memory.city, from: FIRST_MONTH, to: thisMonth() };
  if (service === 'resident_medical' || service === 'back_payment') asked.service = service;
  // Resident insurance is asked for ahead of its year.
  if (service === 'resident_medical') asked.to = `${Number(asked.to.slice(0, 4)) + 1}-12`;
  return api('GET', `/v1/people/${person.id}/bills${queryText(asked)}`, { signal });
}

const refOf = (bill) => `${bill.agency}|${bill.bill_no}`;

/** The month grids, the explanation and the sum below. */
function counter(person, bills, preferred) {
  const due = bills.filter((bill) => bill.state === 'due').sort((a, b) => a.months.from.localeCompare(b.months.from));
  const before = cart();
  const chosen = new Set(before?.person === person.id && before.city === memory.city ? before.refs : firstChoice(due, preferred));
  for (const ref of chosen) if (!due.some((bill) => refOf(bill) === ref)) chosen.delete(ref);

  const total = h('p.total');
  const on = h('button.button.primary', { type: 'button', onclick: () => proceed() }, t('bills.next'));
  const redraws = [];
  const picked = () => due.filter((bill) => chosen.has(refOf(bill)));
  const update = () => {
    const list = picked();
    fill(total, h('span', {}, t('bills.chosen', { n: list.length })), amount(sum(list.map((bill) => bill.amount)), 'middle'));
    on.disabled = list.length === 0;
    for (const redraw of redraws) redraw();
    keepCart({ person: person.id, city: memory.city, refs: [...chosen] });
  };
  const proceed = () => {
    keepCart({ person: person.id, city: memory.city, refs: [...chosen], bills: picked() });
    go('/confirm');
  };

  const insurances = [...new Map(bills.map((bill) => [`${bill.insurance}|${bill.agency}`, bill])).values()]
    // What was asked for stands first.
    .sort((a, b) => (b.insurance === preferred) - (a.insurance === preferred));
  const sections = insurances.map((sample) => {
    const own = bills.filter((bill) => bill.insurance === sample.insurance && bill.agency === sample.agency);
    const part = insurancePart(person, sample, own, chosen, () => {
      update();
      announce(total.textContent);
    });
    redraws.push(part.redraw);
    return part.section;
  });
  const foot = h('div.foot', { role: 'region', 'aria-label': t('bills.sum') }, total, on);
  if (due.length === 0) sections.unshift(note(t('bills.nothing')));
  update();
  return [...sections, due.length > 0 && note(t('bills.decides')), due.length > 0 && foot];
}

/** The earliest month of what was asked for. */
function firstChoice(due, preferred) {
  const wanted = due.filter((bill) => !preferred || bill.insurance === preferred);
  const month = wanted[0]?.months.from;
  return wanted.filter((bill) => bill.months.from === month).map(refOf);
}

function insurancePart(person, sample, bills, chosen, changed) {
  const due = bills.filter((bill) => bill.state === 'due');
  const buttons = new Map();
  const details = h('div.explained');
  const summary = h('p.soft');
  const pick = (list) => {
    for (const bill of due) chosen.delete(refOf(bill));
    for (const bill of list) chosen.add(refOf(bill));
    changed();
  };
  const quick = [...QUICK.filter((count) => due.length > count || (count === 12 && due.length === 12)), 0];
  const years = Map.groupBy
    ? Map.groupBy(bills, (bill) => bill.months.from.slice(0, 4))
    : bills.reduce((map, bill) => map.set(bill.months.from.slice(0, 4), [...(map.get(bill.months.from.slice(0, 4)) ?? []), bill]), new Map());
  const grids = [...years].map(([year, list]) => h('div', { role: 'group', 'aria-label': `${insuranceName(sample)} ${year}` },
    h('h3.year', {}, has('bills.year') ? t('bills.year', { year }) : year),
    h('ul.months', {}, list.sort((a, b) => a.months.from.localeCompare(b.months.from)).map((bill) => {
      const button = monthButton(bill, () => {
        if (!chosen.delete(refOf(bill))) chosen.add(refOf(bill));
        changed();
      });
      buttons.set(refOf(bill), button);
      return h('li', {}, button);
    }))));
  const redraw = () => {
    for (const [ref, button] of buttons) button.setAttribute('aria-pressed', String(chosen.has(ref)));
    const list = due.filter((bill) => chosen.has(refOf(bill)));
    fill(summary, list.length
      ? [spansName(groups(list)[0].spans), '  ', amount(sum(list.map((bill) => bill.amount)), 'small')]
      : t('bills.none_chosen'));
    fill(details, list.length > 0 && explanation(list));
  };
  const section = h('section.card.insurance', { 'aria-label': insuranceName(sample), 'data-insurance': sample.insurance },
    h('div.insurance-head', {}, h('h2', {}, insuranceName(sample)),
      sample.kind === 'regular' && person.relation === 'self' && h('a.link', { href: `#/tiers/${person.id}/${sample.insurance}` }, t('bills.change_tier'))),
    h('p.soft', {}, [sample.agency_name, ...new Set(bills.map((bill) => bill.category?.name).filter(Boolean))].join(' · ')),
    lastDay(due), closed(due),
    due.length > 1 && h('div.quick', { role: 'group', 'aria-label': t('bills.quick') }, quick.map((count) => h('button.quick-button', {
      type: 'button', onclick: () => pick(due.slice(0, count)),
    }, count ? t(`bills.quick_${count}`) : t('bills.quick_none')))),
    grids, summary, details);
  return { section, redraw };
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

function monthButton(bill, toggle) {
  const due = bill.state === 'due';
  const whole = bill.months.from !== bill.months.to;
  const name = whole ? monthsName(bill.months) : shortMonth(bill.months.from);
  return h(`button.month${whole ? '.wide' : ''}`, {
    type: 'button', disabled: !due, 'aria-pressed': due ? 'false' : null, 'data-bill': bill.bill_no, 'data-state': bill.state,
    onclick: due ? toggle : null,
  }, h('span.month-name', {}, icon('check', 14), name), h('small', {}, due ? grouped(bill.amount) : t(`bills.${bill.state}`)),
    h('span.unseen', {}, due ? ` ${t('app.yuan')}, ${monthsName(bill.months)}` : ` ${monthsName(bill.months)}`));
}
