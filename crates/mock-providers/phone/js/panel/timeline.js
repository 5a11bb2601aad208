/**
 * Everything that was said, put together by time: phone and service, service and platforms, notifications. An entry is the same
 * thing whoever saw it: when, on which lane, what was asked, what was answered.
 */
import { exchanges } from '../api.js';

/** In the order of the legend. */
export const LANES = ['phone', 'mock', 'wechat', 'alipay', 'agency', 'notice'];

/**
 * @typedef {object} Entry
 * @property {string} key the same for the same exchange
 * @property {string} lane one of `LANES`
 * @property {number} at milliseconds
 * @property {string} method
 * @property {string} path
 * @property {number|null} status
 * @property {boolean} open whether an answer is still awaited
 * @property {object} seen as whoever saw it tells it
 */

/** @returns {Entry[]} the newest first */
export function timeline({ platforms, notices }) {
  const phone = exchanges.map((one) => ({
    key: `h${one.no}`, lane: one.path.startsWith('/api/') || one.path === '/openapi.json' ? 'phone' : 'mock', at: one.at.getTime(), method: one.method,
    path: one.path, status: one.status, open: false, seen: one,
  }));
  const served = platforms.map((one) => ({
    key: `p${one.no}.${one.status ?? ''}`, lane: one.server.split(' ')[0], at: one.at_ms, method: one.method,
    path: shortPath(one.path), status: one.status, open: !one.ended, seen: one,
  }));
  const told = notices.flatMap((notice) => notice.attempts.map((attempt, at) => ({
    key: `n${notice.id}.${at}`, lane: 'notice', at: attempt.at_ms, method: 'POST', path: pathOf(attempt.url), status: attempt.status,
    open: false, seen: { ...attempt, notice, attempt: at + 1 },
  })));
  return [...phone, ...served, ...told].sort((a, b) => b.at - a.at || LANES.indexOf(b.lane) - LANES.indexOf(a.lane));
}

/** A gateway has one path for everything; its method says more than its signature. */
function shortPath(path) {
  const [place] = path.split('?');
  const method = /[?&]method=([\w.]+)/.exec(path);
  return method ? `${place} ${method[1]}` : path;
}

const pathOf = (address) => new URL(address).pathname;

/** All that can be searched in an entry. */
export const textOf = (entry) => `${entry.method} ${entry.path} ${entry.status} ${JSON.stringify(entry.seen)}`.toLowerCase();

/** Whether an entry is about an order, by its number or by the number that the platform knows. */
export function concerns(entry, record) {
  if (!record) return false;
  const text = textOf(entry);
  return [record.order_no, record.payment?.out_trade_no].some((number) => number && text.includes(number.toLowerCase()));
}

/** How to repeat it in a terminal; what opens doors is a variable. */
export function asCurl(entry) {
  const quote = (text) => `'${String(text).replaceAll("'", String.raw`'\''`)}'`;
  const address = { phone: `${location.origin}/phone${entry.path}`, mock: location.origin + entry.path, notice: entry.seen.url };
  const target = address[entry.lane] ? quote(address[entry.lane]) : `"$${entry.lane.toUpperCase()}"${quote(entry.seen.path ?? entry.path)}`;
  const headers = Array.isArray(entry.seen.headers) ? entry.seen.headers : Object.entries(entry.seen.headers ?? {});
  const lines = headers.map(([name, value]) => (name === 'Authorization' && entry.lane === 'phone'
    ? '-H "Authorization: Bearer $TOKEN"' : `-H ${quote(`${name}: ${value}`)}`));
  const sent = entry.lane === 'notice' ? entry.seen.body : entry.seen.sent;
  const body = sent === undefined || sent === null || sent === '' ? [] : ["-H 'Content-Type: application/json'", `-d ${quote(typeof sent === 'string' ? sent : JSON.stringify(sent))}`];
  return [`curl -X ${entry.method} ${target}`, ...lines, ...(headers.some(([name]) => name.toLowerCase() === 'content-type') ? body.slice(1) : body)].join(' \\\n  ');
}
