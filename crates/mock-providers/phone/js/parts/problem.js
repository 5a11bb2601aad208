/** Errors as people see them: the service's sentence, the button that helps, and whom to call. */
import { h, icon } from '../dom.js';
import { memory } from '../memory.js';
import { api } from '../api.js';
import { t, has } from '../words.js';
import { go } from '../router.js';

/** The offices' help lines; what an answer says about them comes first. */
const LINES = ['12333', '12393', '12366'];
/** Every number in a text, and in brackets behind it whose it is. */
const NUMBERS = /(\d[\d-]{2,})(?:\s*[（(]([^）)]*)[）)])?/g;
/** Customer service of the wallets, for what the wallet refuses. */
const WALLET_LINES = { wechat: '95017', alipay: '95188' };

/** No errors: the agency says that there is nothing to pay. */
const NEUTRAL = new Set(['retired', 'employed_elsewhere', 'fully_subsidised', 'no_bill', 'school_billed']);
/** Nobody's mistake, only too early or too late. */
const WAITING = new Set(['out_of_window', 'base_pending_publish', 'agency_maintenance', 'agency_day_cutoff', 'service_away']);
/** The same act may simply be tried again. */
const AGAIN = new Set([
  'agency_unavailable', 'agency_maintenance', 'agency_day_cutoff', 'platform_unavailable', 'sessions_unavailable', 'storage_unavailable',
  'timed_out_here', 'offline', 'service_away', 'login_unknown', 'login_busy', 'login_code_invalid', 'broken', 'internal', 'bill_locked',
]);
const WALLETS = new Set(['channel_unavailable', 'channel_refused', 'channel_limit', 'channel_not_offered', 'payer_refused', 'wallet_refused']);
/** Where a code leads to: words of the button, and the address. */
const LEADS = {
  amount_changed: ['order.again', '/bills'], amount_mismatch: ['order.again', '/bills'], confirmation_unfit: ['order.again', '/bills'],
  idempotency_key_reused: ['order.again', '/bills'], order_expired: ['order.again', '/bills'], channel_refused: ['order.again', '/bills'],
  months_not_contiguous: ['confirm.back', '/bills'], too_many_months: ['confirm.back', '/bills'], several_years: ['confirm.back', '/bills'],
  above_limit: ['confirm.back', '/bills'], pay_in_parts: ['confirm.back', '/bills'], channel_limit: ['confirm.back', '/bills'], mixed_purposes: ['confirm.back', '/bills'],
  tier_confirmation_needed: ['confirm.back', '/bills'], mobile_needed: ['rights.title', '/rights'],
  already_paid: ['problem.to_records', '/orders'], too_many_unpaid_orders: ['problem.to_records', '/orders'], no_bill: ['problem.to_records', '/orders'], order_not_found: ['problem.to_records', '/orders'],
  document_not_found: ['problem.to_records', '/orders'], voucher_not_ready: ['problem.to_records', '/orders'],
  person_not_found: ['problem.to_people', '/people'], real_name_needed: ['problem.to_people', '/people'], own_person_needed: ['problem.to_people', '/people'],
  payment_request_not_found: ['problem.to_home', '/'], payment_request_paid: ['problem.to_home', '/'], person_declined: ['problem.to_home', '/'],
  not_found: ['problem.to_home', '/'], service_not_offered: ['problem.to_home', '/'], city_not_open: ['cities.title', '/cities'], city_not_found: ['cities.title', '/cities'],
};

/** Whether an answer is no error but a fact, such as that somebody is retired. */
export const isNeutral = (code) => NEUTRAL.has(code);

/**
 * @param {Error} cause usually a `Problem`
 * @param {{retry?: () => void, back?: string, person?: string, insurance?: string, month?: string}} [options] `back`: where to go on after a
 * login; `person` and `insurance`: whom and what it is about; `insurance` only where they choose its tier themselves,
 * `month` from when on
 */
export function problemCard(cause, options = {}) {
  const code = cause.code ?? 'broken';
  const body = cause.body ?? {};
  const ours = `problem.${code}`;
  const message = body.message ?? body.detail ?? t(has(ours) ? ours : 'problem.broken');
  const next = body.next_step ?? (body.message || cause.status === 401 ? null : t('problem.next'));
  const neutral = NEUTRAL.has(code);
  const kind = neutral ? 'neutral' : WAITING.has(code) ? 'waiting' : 'problem';
  return h(`section.card.told.${kind}`, { role: neutral ? 'status' : 'alert', 'data-code': code, tabindex: -1 },
    h('p.problem-head', {}, icon(neutral ? 'info' : WAITING.has(code) ? 'wait' : 'alert'), h('strong', {}, message)),
    next && h('p', {}, typeof next === 'string' ? next : next.text),
    cause.status === 401 && h('p', {}, t('problem.logged_out_text')),
    buttonFor(cause, code, options),
    body.for_developers && h('p.for-developers', {}, body.for_developers),
    callable(cause, code) && helpLines(body.help_line, WALLETS.has(code)));
}

/** Whom to call about it; nobody where only something is not filled in, or a login failed. */
const callable = (cause, code) => cause.status !== 401 && code !== 'missing' && !code.startsWith('login_');

/** The one thing to do next, as a button. */
function buttonFor(cause, code, { retry, back, person, insurance, month }) {
  const order = cause.body?.order_no;
  if (order) return h('a.button.primary', { href: `#/orders/${order}` }, t('problem.see_order'));
  if (cause.status === 401) {
    return h('a.button.primary', { href: `#/login?next=${encodeURIComponent(back ?? (location.hash.slice(1) || '/'))}` }, t('me.log_in'));
  }
  if (code === 'base_not_declared' && person && insurance) {
    return h('a.button.primary', { href: `#/tiers/${person}/${insurance}${month ? `?month=${month}` : ''}` }, t('tiers.title'));
  }
  if (code === 'identity_mismatch' && person) return refill(person);
  if (code === 'channel_unavailable' && retry) return h('button.button.primary', { type: 'button', onclick: retry }, t('home.go_on'));
  if (LEADS[code]) return h('a.button', { href: `#${LEADS[code][1]}` }, t(LEADS[code][0]));
  const again = AGAIN.has(code) || cause.status >= 500;
  return again && retry && h('button.button', { type: 'button', onclick: retry }, t('problem.retry'));
}

/** Name and number cannot be changed, only filled in anew. */
function refill(person) {
  const button = h('button.button.primary', {
    type: 'button',
    onclick: async () => {
      button.disabled = true;
      try {
        await api('DELETE', `/v1/people/${person}`);
        go(`/people/new?next=${encodeURIComponent('/bills')}`);
      } catch {
        go('/people');
      }
    },
  }, t('problem.refill'));
  return button;
}

/**
 * @param {string} [line] one number, or several with whose they are: `12333（人社）或0510-12393（医保）`
 * @param {boolean} [wallet] the wallet's own service, for what only it knows
 */
export function helpLines(line, wallet = false) {
  const said = wallet ? WALLET_LINES[memory.platform] ?? WALLET_LINES.wechat : line ?? LINES.join();
  return h('p.help-line', {}, icon('phone', 18), h('span', {}, t('problem.help')), [...said.matchAll(NUMBERS)].map(([, number, whose]) => {
    const name = has(`line.${number}`) ? t(`line.${number}`) : whose;
    return h('a', { href: `tel:${number}` }, name && h('span.line-name', {}, name), ' ', number);
  }));
}
