/** From the address's fragment to a screen: `#/orders/123?x=1`. The browser's own back button works. */
import { fill, h, icon, announce } from './dom.js';
import { memory, onRemembered } from './memory.js';
import { Problem } from './api.js';
import { t } from './words.js';
import { problemCard } from './parts/problem.js';
import { focusAgain, focusSpot } from './focus.js';

/**
 * @typedef {object} Screen
 * @property {RegExp} path of the fragment, without the query
 * @property {string} title key of the words
 * @property {boolean} [login] whether somebody must be logged in
 * @property {boolean} [city] whether a city must be chosen
 * @property {'home'|'records'|'me'} [tab] which tab it belongs to; with `root`, it has no back button
 * @property {boolean} [root]
 * @property {(context: Context) => Promise<Array<Node|null>>|Array<Node|null>} render
 *
 * @typedef {object} Context
 * @property {string[]} parts what the path's groups caught
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal ends when the screen is left
 * @property {(address: string) => void} go
 * @property {(title: string) => void} retitle says in the bar what this turned out to be
 */

/** From then on a person who waits is told so. */
const SKELETON_AFTER_MS = 150;
const WORDS_AFTER_MS = 2_000;

let screens = [];
let leaving = new AbortController();
let visits = 0;
/** Where the screen that stands belongs to. */
let standing = null;

const here = () => location.hash.slice(1) || '/';

export function go(address, { replace = false } = {}) {
  const target = `#${address}`;
  if (replace) {
    history.replaceState(null, '', target);
    show();
  } else if (location.hash === target) show();
  else location.hash = target;
}

export function start(list) {
  screens = list;
  addEventListener('hashchange', () => {
    // A fragment that is no address of ours, such as the skip link's, leads nowhere.
    if (/^#(\/|$)/.test(location.hash)) show();
    else history.replaceState(null, '', standing ? `#${standing.address}` : '#/');
  });
  document.getElementById('skip').addEventListener('click', (event) => {
    event.preventDefault();
    document.getElementById('screen').focus();
  });
  onRemembered((changes) => {
    if (!('token' in changes) || !standing?.screen.login) return;
    // Another window logged in again, or out.
    if (memory.token) reload();
    else over();
  });
  show();
}

/**
 * Shows the present address again, with nothing left of before but the place and the focus.
 * @param {{typed?: boolean}} [keep] `typed`: what was filled in stays too, because only its looks change
 */
export const reload = ({ typed = false } = {}) => show({ keepPlace: true, keepTyped: typed });

/** The session ended while the screen stood: what it showed of a person goes, and the way back is one touch. */
function over() {
  leaving.abort();
  const place = document.getElementById('screen');
  place.removeAttribute('aria-busy');
  const card = problemCard({ status: 401, code: 'not_logged_in' }, { back: standing.address });
  fill(place, card);
  place.scrollTo({ top: 0, behavior: 'instant' });
  card.focus({ preventScroll: true });
}

function find(address) {
  const [path, search] = address.split('?');
  for (const screen of screens) {
    const match = screen.path.exec(path);
    if (match) return { screen, parts: match.slice(1).map(decoded), query: new URLSearchParams(search) };
  }
  return null;
}

/** A part of an address that is not properly written stands for itself; then nothing is found under it. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function show({ keepPlace = false, keepTyped = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const address = here();
  const found = find(address);
  if (!found) return go('/', { replace: true });
  const { screen, parts, query } = found;
  if (screen.city && !memory.city) return go('/cities', { replace: true });
  if (screen.login && !memory.token) return go(`/login?next=${encodeURIComponent(address)}`, { replace: true });

  const place = document.getElementById('screen');
  const spot = keepPlace ? focusSpot() : null;
  const typed = keepTyped ? written(place) : null;
  let title = t(screen.title);
  standing = { screen, address };
  frame(screen, title);
  if (spot) focusAgain(spot, place);
  // What stands there still belongs to before.
  place.setAttribute('aria-busy', 'true');
  const waiting = keepPlace ? [] : [
    setTimeout(() => fill(place, skeleton()), SKELETON_AFTER_MS),
    setTimeout(() => fill(place, skeleton(t('app.patience'))), WORDS_AFTER_MS),
  ];
  const retitle = (text) => { title = text; };
  let content;
  try {
    content = await screen.render({ parts, query, signal, go, retitle });
  } catch (cause) {
    if (signal.aborted) return;
    if (!(cause instanceof Problem)) console.error(cause);
    content = [problemCard(cause, { retry: () => show(), back: address })];
  } finally {
    waiting.forEach(clearTimeout);
  }
  if (signal.aborted) return;
  name(title);
  fill(place, content);
  if (typed) writeAgain(place, typed);
  place.removeAttribute('aria-busy');
  place.dataset.screen = screen.title;
  if (keepPlace) {
    focusAgain(spot);
    return;
  }
  place.scrollTo({ top: 0, behavior: 'instant' });
  // Who uses a keyboard or a screen reader starts at the top of what is new, except on arrival.
  if (visits++ > 0) document.getElementById('title')?.focus({ preventScroll: true });
  announce(title);
}

/** What is filled in and opened, in the order of the screen. */
function written(place) {
  return {
    fields: [...place.querySelectorAll('input, select, textarea')].map((field) =>
      (field.matches('[type=checkbox], [type=radio]') ? { checked: field.checked } : { value: field.value })),
    open: [...place.querySelectorAll('details')].map((one) => one.open),
  };
}

function writeAgain(place, { fields, open }) {
  fields.forEach((before, at) => {
    // Looked for each time: what is filled in first may bring further fields.
    const field = place.querySelectorAll('input, select, textarea')[at];
    if (!field || field.readOnly || Object.entries(before).every(([key, value]) => field[key] === value)) return;
    if ('checked' in before && field.type === 'radio' && !before.checked) return;
    Object.assign(field, before);
    field.dispatchEvent(new Event('input', { bubbles: true }));
    field.dispatchEvent(new Event('change', { bubbles: true }));
  });
  place.querySelectorAll('details').forEach((one, at) => { one.open = open[at] ?? one.open; });
}

function name(title) {
  document.title = `${title} · ${t('app.name')}`;
  document.getElementById('title').textContent = title;
}

function frame(screen, title) {
  const bar = document.getElementById('bar');
  bar.classList.toggle('on-accent', Boolean(screen.accent));
  const back = !screen.root && h('button.back', {
    type: 'button', 'aria-label': t('app.back'), 'data-key': 'back',
    onclick: () => (visits > 1 ? history.back() : go(screen.up ?? '/')),
  }, icon('back'));
  fill(bar, back, h('h1', { id: 'title', tabindex: -1 }, title), h('div.actions', {}, screen.actions?.()));
  document.title = `${title} · ${t('app.name')}`;
  const tabs = document.getElementById('tabs');
  tabs.setAttribute('aria-label', t('app.tabs'));
  tabs.hidden = !screen.tab;
  fill(tabs, [['home', '/', 'home'], ['records', '/orders', 'records'], ['me', '/me', 'me']].map(([key, address, picture]) =>
    h('a', { href: `#${address}`, 'aria-current': screen.tab === key ? 'page' : null }, icon(picture), t(`app.tab.${key}`))));
}

function skeleton(words) {
  return h('div.skeleton', { role: 'status' }, words ? h('p', {}, words) : h('span.unseen', {}, t('app.loading')), h('i'), h('i'), h('i'));
}
