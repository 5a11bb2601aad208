/**
 * The side panel for integrators: what the phone says to the service, what the service says to platforms and agency,
 * what the platforms notify, and how the order moves. Beside the phone on wide screens, a drawer on narrow ones.
 */
import { h, icon, fill } from '../dom.js';
import { memory, onRemembered, remember } from '../memory.js';
import { exchanges, traffic } from '../api.js';
import { t } from '../words.js';
import { httpEntry, platformEntry, noticeEntry, orderView } from './entries.js';
import { watching } from './watched.js';
import { watchMocks } from './mocks.js';

const TABS = ['http', 'platforms', 'notices', 'order'];
const WIDE = matchMedia('(min-width: 900px)');

export function startPanel(place) {
  let tab = TABS.includes(memory.panel) ? memory.panel : 'http';
  let drawer = false;
  const seen = { platforms: [], notices: [] };
  const list = h('div.panel-list', { role: 'tabpanel', id: 'panel-list', tabindex: 0 });
  const visible = () => WIDE.matches || drawer;

  const entries = {
    http: () => exchanges.toReversed().map((entry) => [`h${entry.no}`, () => httpEntry(entry)]),
    platforms: () => seen.platforms.toReversed().map((entry) => [`p${entry.no}.${entry.status ?? ''}`, () => platformEntry(entry)]),
    notices: () => seen.notices.flatMap((notice) => notice.attempts.map((attempt, at) => [`n${notice.id}.${at}`, () => noticeEntry(notice, attempt, at)]).toReversed()),
  };
  let cards = new Map();
  const draw = () => {
    if (!visible()) return;
    if (tab === 'order') return void fill(list, orderView());
    // What stands already is kept, so that an opened entry stays open.
    const next = new Map();
    for (const [key, make] of entries[tab]()) next.set(key, cards.get(key) ?? make());
    cards = next;
    fill(list, cards.size ? [...cards.values()] : h('p.panel-empty', {}, t('panel.empty')));
  };
  const choose = (name) => {
    tab = name;
    cards = new Map();
    remember({ panel: name });
    frame();
    document.getElementById(`tab-${name}`).focus();
  };
  const open = (yes) => {
    drawer = yes;
    frame();
    document.querySelector(yes ? '.panel-close' : '.panel-open')?.focus();
  };
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]);
  };
  const frame = () => {
    place.setAttribute('aria-label', t('panel.title'));
    place.classList.toggle('open', drawer);
    const body = [
      h('div.panel-head', {}, h('h2', {}, t('panel.title')),
        h('a', { href: 'service-docs', target: '_blank', rel: 'noopener' }, t('panel.docs')),
        !WIDE.matches && h('button.panel-close', { type: 'button', 'aria-label': t('panel.close'), onclick: () => open(false) }, icon('close', 20))),
      h('p.panel-lead', {}, t('panel.lead')),
      h('div.panel-tabs', { role: 'tablist', 'aria-label': t('panel.title') }, TABS.map((name) => h('button', {
        type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel-list', 'aria-selected': String(name === tab),
        tabindex: name === tab ? 0 : -1, onclick: () => choose(name), onkeydown: keys,
      }, t(`panel.${name}`)))),
      list,
    ];
    list.setAttribute('aria-labelledby', `tab-${tab}`);
    fill(document.getElementById('panel-place'), !WIDE.matches && h('button.panel-open', {
      type: 'button', 'aria-expanded': String(drawer), 'aria-controls': 'panel', onclick: () => open(true),
    }, icon('code', 16), t('panel.open')));
    // What lies under the drawer is out of reach while it is open.
    document.getElementById('phone').inert = drawer && !WIDE.matches;
    fill(place, visible() && body);
    draw();
  };

  traffic.addEventListener('exchange', draw);
  watching.addEventListener('change', () => tab === 'order' && draw());
  onRemembered((changes) => { if ('language' in changes) { cards = new Map(); frame(); } });
  WIDE.addEventListener('change', frame);
  watchMocks(visible, (kind, found) => { seen[kind] = found; if (tab === kind) draw(); });
  frame();
}
