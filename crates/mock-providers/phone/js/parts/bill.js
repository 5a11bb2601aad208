/** What a bill is called: the same words wherever one is named. */
import { t, has, monthsName } from '../words.js';

/** Kinds that a name must tell apart from a month's ordinary contribution. */
const MARKED = new Set(['difference', 'back_payment', 'topup']);

/** The page's name for an insurance, short enough for a card; else the service's own. */
export function insuranceName(item) {
  return has(`insurance.${item.insurance}`) ? t(`insurance.${item.insurance}`) : item.insurance_label ?? item.insurance;
}

/** Whether it is something else than an ordinary contribution. */
export const isMarked = (bill) => MARKED.has(bill.kind);

/** Insurance and kind, without months: the service's own words where it is no ordinary contribution. */
export function kindName(bill) {
  return bill.label && bill.kind && bill.kind !== 'regular' ? bill.label : insuranceName(bill);
}

/** A top-up has no months, whatever its members say. */
export const hasMonths = (bill) => bill.has_period !== false;

/** The whole name of one bill. */
export function billName(bill) {
  return hasMonths(bill) ? `${kindName(bill)} ${monthsName(bill.months)}` : kindName(bill);
}

/** Bills of one insurance, agency, kind and group of residents, with their months put together where they follow each other. */
export function groups(bills) {
  const alike = new Map();
  for (const bill of bills) {
    const key = [bill.insurance, bill.agency, bill.kind, bill.category?.code].join('|');
    if (!alike.has(key)) alike.set(key, []);
    alike.get(key).push(bill);
  }
  return [...alike.values()].map((list) => {
    const sorted = [...list].sort((a, b) => a.months.from.localeCompare(b.months.from));
    return { ...sorted[0], bills: sorted, spans: hasMonths(sorted[0]) ? spans(sorted.map((bill) => bill.months)) : [] };
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
