/** From the address's fragment to a screen: `#/orders/123?x=1`. The browser's own back button works. */
import { fill, h, icon, announce } from './dom.js';
import { memory } from './memory.js';
import { Problem } from './api.js';
import { t } from './words.js';
import { problemCard } from './parts/problem.js';

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
 */

let screens = [];
let leaving = new AbortController();
let visits = 0;

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
  addEventListener('hashchange', () => show());
  show();
}

/** Shows the present address again, with nothing left of before. */
export const reload = () => show({ keepPlace: true });

function find() {
  const [path, search] = (location.hash.slice(1) || '/').split('?');
  for (const screen of screens) {
    const match = screen.path.exec(path);
    if (match) return { screen, parts: match.slice(1).map(decodeURIComponent), query: new URLSearchParams(search) };
  }
  return null;
}

async function show({ keepPlace = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const found = find();
  if (!found) return go('/', { replace: true });
  const { screen, parts, query } = found;
  const here = location.hash.slice(1) || '/';
  if (screen.city && !memory.city) return go('/cities', { replace: true });
  if (screen.login && !memory.token) return go(`/login?next=${encodeURIComponent(here)}`, { replace: true });

  const place = document.getElementById('screen');
  const title = t(screen.title);
  frame(screen, title);
  // What stands there still belongs to before.
  place.setAttribute('aria-busy', 'true');
  const waiting = setTimeout(() => fill(place, skeleton()), 150);
  let content;
  try {
    content = await screen.render({ parts, query, signal, go });
  } catch (cause) {
    if (signal.aborted) return;
    if (cause instanceof Problem && cause.status === 401) {
      clearTimeout(waiting);
      return go(`/login?next=${encodeURIComponent(here)}`, { replace: true });
    }
    if (!(cause instanceof Problem)) console.error(cause);
    content = [problemCard(cause, { retry: () => show() })];
  } finally {
    clearTimeout(waiting);
  }
  if (signal.aborted) return;
  fill(place, content);
  place.removeAttribute('aria-busy');
  place.dataset.screen = screen.title;
  if (!keepPlace) {
    place.scrollTop = 0;
    // Who uses a keyboard or a screen reader starts at the top of what is new, except on arrival.
    if (visits++ > 0) document.getElementById('title')?.focus({ preventScroll: true });
    announce(title);
  }
}

function frame(screen, title) {
  document.title = `${title} · ${t('app.name')}`;
  const bar = document.getElementById('bar');
  bar.classList.toggle('on-accent', Boolean(screen.accent));
  const back = !screen.root && h('button.back', {
    type: 'button', 'aria-label': t('app.back'),
    onclick: () => (visits > 1 ? history.back() : go(screen.up ?? '/')),
  }, icon('back'));
  fill(bar, back, h('h1', { id: 'title', tabindex: -1 }, title), h('div.actions', {}, screen.actions?.()));
  const tabs = document.getElementById('tabs');
  tabs.setAttribute('aria-label', t('app.tabs'));
  tabs.hidden = !screen.tab;
  fill(tabs, [['home', '/', 'home'], ['records', '/orders', 'records'], ['me', '/me', 'me']].map(([key, address, picture]) =>
    h('a', { href: `#${address}`, 'aria-current': screen.tab === key ? 'page' : null }, icon(picture), t(`app.tab.${key}`))));
}

function skeleton() {
  return h('div.skeleton', { role: 'status' }, h('span.unseen', {}, t('app.loading')), h('i'), h('i'), h('i'));
}
