/** What is due: for whom, which months of which insurance, and how each amount comes about. */
import { h, icon, fill, announce } from '../dom.js';
import { memory, cart, keepCart, hasOrdered } from '../memory.js';
import { api, query as queryText } from '../api.js';
import { t, thisMonth } from '../words.js';
import { amount, demoNote, note, personName, relationName } from '../parts/pieces.js';
import { billPart, refOf } from '../parts/months.js';
import { gapOf, gapNote } from '../parts/gaps.js';
import { isNeutral, problemCard } from '../parts/problem.js';
import { isProven } from '../parts/real-name.js';
import { unfinished, unfinishedCard } from '../parts/unfinished.js';
import { sum } from '../money.js';
import { go } from '../router.js';

/** Bills are asked for from here on; the oldest standards of the packs are of 2023. */
const FIRST_MONTH = '2023-01';
/** What is ticked at first, and what a service is about. */
const INSURANCE_OF = { flex_pension: 'pension', flex_medical: 'medical', flex_unemployment: 'unemployment', resident_medical: 'resident_medical', back_payment: 'pension' };

export default {
  path: /^\/bills$/, title: 'bills.title', login: true, city: true, up: '/',
  async render({ query, signal }) {
    const service = query.get('service');
    const here = `/bills${service ? `?service=${service}` : ''}`;
    const [{ people }, open] = await Promise.all([api('GET', '/v1/people', { signal }), unfinished(signal)]);
    if (!people.length) {
      go(`/people/new?next=${encodeURIComponent(here)}`, { replace: true });
      return [];
    }
    const person = people.find((one) => one.id === query.get('person')) ?? people[0];
    const orders = open.filter((order) => order.person?.id === person.id);
    const above = [orders.map(unfinishedCard), chooser(people, person, here, service)];
    let found;
    try {
      found = await ask(person, service, signal);
    } catch (cause) {
      if (signal.aborted || cause.status === 401) throw cause;
      return [above, problemCard(cause, { person: person.id, insurance: person.relation === 'self' && (INSURANCE_OF[service] ?? 'pension'), month: FIRST_MONTH, retry: () => go(here) })];
    }
    const gap = isProven(person) && found.bills.some((bill) => bill.insurance === 'medical') ? await gapOf(person, signal) : null;
    return [
      above,
      await problems(found, person, signal),
      gapNote(gap),
      ...counter(person, found.bills, { preferred: INSURANCE_OF[service], service, orders, gap }),
    ];
  },
};

function chooser(people, person, here, service) {
  return h('nav.chips', { 'aria-label': t('bills.whom') }, people.map((one) => h('a.chip', {
    href: `#${here}${service ? '&' : '?'}person=${one.id}`, 'aria-current': one === person ? 'true' : null,
  }, personName(one), h('small', {}, relationName(one)))),
  h('a.chip.add', { href: `#/people/new?next=${encodeURIComponent(here)}` }, icon('plus', 18), t('bills.other_person')));
}

async function ask(person, service, signal) {
  const asked = { city: memory.city, from: FIRST_MONTH, to: thisMonth() };
  if (service === 'resident_medical' || service === 'back_payment') asked.service = service;
  // Resident insurance is asked for ahead of its year.
  if (service === 'resident_medical') asked.to = `${Number(asked.to.slice(0, 4)) + 1}-12`;
  return api('GET', `/v1/people/${person.id}/bills${queryText(asked)}`, { signal });
}

/** What some of the agencies answered instead of bills; the others' bills stand below. */
async function problems({ problems: told, bills }, person, signal) {
  if (!told.length) return null;
  const city = told.some((problem) => problem.code === 'base_not_declared')
    ? await api('GET', `/v1/cities/${memory.city}`, { signal }) : null;
  return told.map((problem) => {
    const text = `${problem.agency_name}：${problem.message ?? problem.detail}`;
    if (problem.code !== 'base_not_declared') return note(text, isNeutral(problem.code) ? 'info' : 'warn');
    // The agency says what is missing, not in which insurance: it is the one without a bill.
    const handled = city.agencies.find((agency) => agency.code === problem.agency)?.insurances ?? [];
    const insurance = handled.find((one) => one !== 'resident_medical' && !bills.some((bill) => bill.insurance === one)) ?? 'pension';
    return note(text, 'warn', person.relation === 'self' && h('a.button.primary', { href: `#/tiers/${person.id}/${insurance}?month=${FIRST_MONTH}` }, t('tiers.title')));
  });
}

/** The month grids, the explanation and the sum below. */
function counter(person, bills, { preferred, service, orders, gap }) {
  const due = bills.filter((bill) => bill.state === 'due').sort((a, b) => a.months.from.localeCompare(b.months.from));
  const before = cart();
  const kept = before?.person === person.id && before.city === memory.city && before.refs.length > 0;
  // After an order, or beside one, nothing is chosen for anybody: that would be a second payment.
  const untouched = !hasOrdered() && orders.length === 0 && !bills.some((bill) => bill.state === 'locked');
  const chosen = new Set(kept ? before.refs : untouched ? firstChoice(due, preferred, gap) : []);
  for (const ref of chosen) if (!due.some((bill) => refOf(bill) === ref)) chosen.delete(ref);

  const total = h('p.total');
  const on = h('button.button.primary', { type: 'button', 'data-key': 'next', onclick: () => proceed() }, t('bills.next'));
  const picked = () => due.filter((bill) => chosen.has(refOf(bill)));
  const redraws = [];
  const keep = (more) => keepCart({ person: person.id, city: memory.city, service, refs: [...chosen], ...more });
  const update = () => {
    const list = picked();
    fill(total, h('span', {}, t('bills.chosen', { n: list.length })), amount(sum(list.map((bill) => bill.amount)), 'middle'));
    on.disabled = list.length === 0;
    for (const redraw of redraws) redraw();
    keep();
  };
  const proceed = () => {
    keep({ bills: picked() });
    go('/confirm');
  };

  const kinds = [...new Map(bills.map((bill) => [kindOf(bill), bill])).values()]
    // What was asked for stands first; what is only due because something changed stands behind its insurance.
    .sort((a, b) => (b.insurance === preferred) - (a.insurance === preferred));
  const sections = kinds.map((sample) => {
    const part = billPart(person, sample, bills.filter((bill) => kindOf(bill) === kindOf(sample)), {
      chosen, orders,
      changed: () => {
        update();
        announce(total.textContent);
      },
    });
    redraws.push(part.redraw);
    return part.section;
  });
  const foot = h('div.foot', { role: 'region', 'aria-label': t('bills.sum') }, total, on);
  update();
  return [
    due.length === 0 && note(t('bills.nothing')),
    bills.length > 0 && bills.every((bill) => bill.months.to < thisMonth()) && demoNote(t('bills.demo_years', { year: bills.at(-1).months.from.slice(0, 4) })),
    ...sections,
    due.length > 0 && note(t('bills.decides')),
    due.length > 0 && foot,
  ];
}

const kindOf = (bill) => `${bill.insurance}|${bill.agency}|${bill.kind}`;

/** Months that make a gap in medical insurance, where that was asked for; otherwise the earliest month of what was. */
function firstChoice(due, preferred, gap) {
  const wanted = due.filter((bill) => !preferred || bill.insurance === preferred);
  const gapMonths = new Set(preferred === 'medical' ? gap?.unpaid ?? [] : []);
  const missing = wanted.filter((bill) => gapMonths.has(bill.months.from));
  if (missing.length) return missing.map(refOf);
  const first = wanted[0];
  return first ? wanted.filter((bill) => bill.months.from === first.months.from && bill.kind === first.kind).map(refOf) : [];
}
