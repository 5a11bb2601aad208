/** The standards of a city as its guide tells them, found by insurance and month. */
import { thisMonth } from '../words.js';

/** All that are known, the earliest first. */
export function policiesOf(guide) {
  const { in_force, past, announced } = guide.standards;
  return [...past, ...in_force, ...announced].sort((a, b) => a.from.localeCompare(b.from));
}

/** As they are usually named. */
const ORDER = ['pension', 'medical', 'unemployment', 'resident_medical'];

export const insurancesOf = (policies) => [...new Set(policies.map((policy) => policy.insurance))].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));

/** The one that covers a month; for a later month the last one before it, which then is only provisional. */
export function policyAt(policies, insurance, month) {
  const own = policies.filter((policy) => policy.insurance === insurance);
  return own.find((policy) => policy.from <= month && month <= policy.to) ?? own.findLast((policy) => policy.to < month) ?? null;
}

/** The month that a calculation begins with: this one where a standard covers it, else the first of the newest. */
export function firstMonth(policies, insurance) {
  const own = policies.filter((policy) => policy.insurance === insurance);
  const now = thisMonth();
  if (own.some((policy) => policy.from <= now && now <= policy.to)) return now;
  return own.at(-1)?.from ?? now;
}

/** Years in which something can be worked out, and this one. */
export function yearsOf(policies, insurance) {
  const own = policies.filter((policy) => policy.insurance === insurance);
  const last = Math.max(Number(thisMonth().slice(0, 4)), ...own.map((policy) => Number(policy.to.slice(0, 4))));
  const first = Math.min(last, ...own.map((policy) => Number(policy.from.slice(0, 4))));
  return Array.from({ length: last - first + 1 }, (_, at) => String(first + at));
}
