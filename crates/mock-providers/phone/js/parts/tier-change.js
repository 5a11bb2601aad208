/**
 * A change of tier before it is made: what it costs before and after, and what becomes of the year's months. Kept in one
 * place, because it stands on what the service tells today: tiers and bills.
 */
import { memory } from '../memory.js';
import { api, query } from '../api.js';
import { fen, yuan } from '../money.js';

/**
 * @typedef {object} Wish
 * @property {string} person
 * @property {string} insurance
 * @property {{no: number, monthly_amount: string}} tier
 * @property {string} from first month, `2023-01`
 */

/**
 * What a change would do from its month to the end of that year.
 * @param {Wish} wish
 * @param {AbortSignal} signal
 * @returns {Promise<{unpaid: number, each: {from: string|null, to: string}, differences: Array<{month: string, amount: string}>, lower: boolean, same: boolean}>}
 */
export async function previewed({ person, insurance, tier, from }, signal) {
  const { bills } = await api('GET', `/v1/people/${person}/bills${query({ city: memory.city, insurance, from, to: `${from.slice(0, 4)}-12` })}`, { signal });
  const regular = bills.filter((bill) => bill.kind === 'regular');
  const unpaid = regular.filter((bill) => bill.state === 'due');
  const paid = regular.filter((bill) => bill.state === 'paid');
  const wanted = fen(tier.monthly_amount);
  // Of a month that is paid already only what is more is owed; less is not given back.
  const differences = paid.map((bill) => {
    const settled = bills.filter((one) => one.kind === 'difference' && one.state === 'paid' && one.months.from === bill.months.from)
      .reduce((sum, one) => sum + fen(one.amount), fen(bill.amount));
    return { month: bill.months.from, more: wanted - settled };
  });
  return {
    unpaid: unpaid.length,
    each: { from: unpaid[0]?.amount ?? null, to: tier.monthly_amount },
    differences: differences.filter(({ more }) => more > 0n).map(({ month, more }) => ({ month, amount: yuan(more) })),
    lower: differences.some(({ more }) => more < 0n),
    same: regular.length > 0 && unpaid.every((bill) => bill.tier_no === tier.no) && differences.every(({ more }) => more <= 0n),
  };
}

/** Makes the change. @param {Wish} wish */
export function changed({ person, insurance, tier, from }) {
  return api('PUT', `/v1/people/${person}/tier`, { body: { city: memory.city, insurance, tier_no: tier.no, from } });
}
