/** The mini-program's HTTP: every call to the service and to the mock platforms goes through here. */
import { memory, remember } from './memory.js';
import { hidden, hiddenPath } from './parts/hiding.js';
import { typeset } from './typeset.js';

/** How long a call may take: above the service's own limit of 30 s. */
const PATIENCE_MS = 40_000;
const EXCHANGES_MAX = 200;

/** Whom the side panel listens to: `exchange` events with the entry as `detail`. */
export const traffic = new EventTarget();
/** Newest last. */
export const exchanges = [];

/** An answer that is no success, in the service's own words. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.message ?? body?.detail ?? '');
    this.status = status;
    this.code = body?.code ?? body?.error ?? (status ? 'invalid_request' : 'offline');
    this.body = body ?? {};
  }
}

/** Something that the page itself finds missing, before anybody is asked. */
export function missing(message, next_step) {
  return Object.assign(new Error(message), { status: 0, code: 'missing', body: { message, next_step } });
}

let serial = 0;

function record(entry) {
  entry.no = ++serial;
  exchanges.push(entry);
  if (exchanges.length > EXCHANGES_MAX) exchanges.shift();
  traffic.dispatchEvent(new CustomEvent('exchange', { detail: entry }));
}

async function exchange(method, address, shownAs, { body, headers = {}, signal, as = 'json', quiet = false } = {}) {
  const all = { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers };
  const entry = { at: new Date(), method, path: hiddenPath(shownAs), headers: shownHeaders(all), sent: hidden(body), status: null, answer: null };
  const limit = AbortSignal.timeout(PATIENCE_MS);
  const started = performance.now();
  let response;
  try {
    response = await fetch(address, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
    });
    entry.status = response.status;
    entry.trace = response.headers.get('x-trace-id');
    const failed = !response.ok;
    const value = as === 'blob' && !failed ? await response.blob() : jsonOf(await response.text());
    entry.answer = value instanceof Blob ? `${value.type} · ${value.size} B` : hidden(value);
    if (failed) throw new Problem(response.status, typeset(value));
    return value;
  } catch (cause) {
    if (cause instanceof Problem || signal?.aborted) throw cause;
    entry.answer = String(cause);
    throw new Problem(0, { code: cause.name === 'TimeoutError' ? 'timed_out_here' : 'offline' });
  } finally {
    entry.milliseconds = Math.round(performance.now() - started);
    // A poll that only says what the one before said is no news.
    if (!(quiet && entry.status === 200) && !signal?.aborted) record(entry);
  }
}

/** What of a request's headers an integrator needs to see; of the token only its beginning. */
function shownHeaders(headers) {
  return Object.entries(headers).filter(([name]) => name !== 'Content-Type')
    .map(([name, value]) => [name, name === 'Authorization' ? `${value.slice(0, 11)}…` : value]);
}

function jsonOf(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 200) };
  }
}

/**
 * Calls the service. `path` is below `/api`, such as `/v1/cities`.
 * @param {string} method
 * @param {string} path
 * @param {{body?: object, headers?: object, signal?: AbortSignal, as?: 'json'|'blob', quiet?: boolean, raw?: boolean}} [options]
 * `raw`: to be saved, not to be shown
 */
export async function api(method, path, options = {}) {
  const headers = { 'Accept-Language': memory.language, ...options.headers };
  const token = memory.token;
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const answer = await exchange(method, `api${path}`, `/api${path}`, { ...options, headers });
    return options.raw ? answer : typeset(answer);
  } catch (cause) {
    // The session is over. Another one may have begun while this call was under way.
    if (cause instanceof Problem && cause.status === 401 && memory.token === token) remember({ token: null });
    throw cause;
  }
}

/** Plays the platform's side: the mocks' control API, on the same server as this page. */
export function control(method, path, body, { quiet = false } = {}) {
  return exchange(method, path.replace(/^\//, '../'), path, { body, quiet });
}

let described;

/** Which operations the service describes, as `POST /api/v1/orders`. */
export async function offers() {
  described ??= exchange('GET', 'api/openapi.json', '/openapi.json', { quiet: true }).then(
    ({ paths }) => new Set(Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{[^}]*\}/g, '{}')}`))),
    (cause) => { described = undefined; throw cause; },
  );
  const known = await described;
  return (operation) => known.has(operation);
}

/** A query string of what is there. */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}
