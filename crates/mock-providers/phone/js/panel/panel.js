/**
 * The side panel for integrators: one timeline of what the phone says to the service, what the service says to platforms and
 * agency and what the platforms notify; and the books of the order. Beside the phone on wide screens, a drawer on narrow ones.
 */
import { h, icon, fill } from '../dom.js';
import { isElder, memory, onRemembered, remember } from '../memory.js';
import { traffic } from '../api.js';
import { t } from '../words.js';
import { entryView } from './entries.js';
import { booksOf, booksView } from './books.js';
import { LANES, concerns, textOf, timeline } from './timeline.js';
import { presentOrder, watching } from './watched.js';
import { watchMocks } from './mocks.js';

const TABS = ['timeline', 'books'];
const WIDE = matchMedia('(min-width: 900px)');

export function startPanel(place) {
  let tab = TABS.includes(memory.panel) ? memory.panel : TABS[0];
  let drawer = false;
  let away = false;
  const seen = { platforms: [], notices: [] };
  const wanted = { hidden: new Set(), order: false, text: '' };
  let books;
  const list = h('div.panel-list', { role: 'tabpanel', id: 'panel-list', tabindex: 0 });
  // Nothing beside the matter in the elder version; the panel comes back with the standard one.
  const visible = () => (WIDE.matches && !isElder()) || drawer;

  let cards = new Map();
  const draw = () => {
    if (!visible()) return;
    if (tab === 'books') return void fill(list, booksView(books));
    const all = timeline(seen);
    const shown = all.filter((entry) => !wanted.hidden.has(entry.lane) && (!wanted.order || concerns(entry, presentOrder()?.record))
      && (!wanted.text || textOf(entry).includes(wanted.text)));
    // What stands already is kept, so that an opened entry stays open.
    const next = new Map();
    for (const entry of shown) next.set(entry.key, cards.get(entry.key) ?? entryView(entry));
    cards = next;
    arrange(list, [
      away && h('p.panel-away', { role: 'status' }, t('panel.mock_hint')),
      ...(shown.length ? cards.values() : [all.length ? h('p.panel-empty', {}, t('panel.none_fits')) : legend()]),
    ].filter(Boolean));
  };
  const look = async () => {
    const order = presentOrder()?.record.order_no;
    if (!order || tab !== 'books' || !visible()) return;
    const found = await booksOf(order).catch(() => null);
    if (presentOrder()?.record.order_no !== order) return;
    books = found;
    draw();
  };

  const choose = (name) => {
    tab = name;
    cards = new Map();
    remember({ panel: name });
    frame();
    look();
    document.getElementById(`tab-${name}`).focus();
  };
  const open = (yes) => {
    drawer = yes;
    frame();
    look();
    document.querySelector(yes ? '.panel-close' : '.panel-open')?.focus();
  };
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]);
  };
  const filters = () => h('div.panel-filters', { role: 'group', 'aria-label': t('panel.lanes') },
    LANES.map((lane) => h('button.lane', {
      type: 'button', 'data-lane': lane, 'aria-pressed': String(!wanted.hidden.has(lane)),
      onclick: (event) => {
        if (!wanted.hidden.delete(lane)) wanted.hidden.add(lane);
        event.currentTarget.setAttribute('aria-pressed', String(!wanted.hidden.has(lane)));
        draw();
      },
    }, t(`lane.${lane}`))),
    h('label.order-only', {}, h('input', { type: 'checkbox', checked: wanted.order, onchange: (event) => { wanted.order = event.target.checked; draw(); } }), t('panel.order_only')),
    h('input.panel-find', { type: 'search', 'aria-label': t('panel.find'), placeholder: t('panel.find'), value: wanted.text,
      oninput: (event) => { wanted.text = event.target.value.trim().toLowerCase(); draw(); } }));
  const frame = () => {
    place.setAttribute('aria-label', t('panel.title'));
    place.classList.toggle('open', drawer);
    const body = [
      h('div.panel-head', {}, h('h2', {}, t('panel.title')),
        h('a', { href: 'service-docs', target: '_blank', rel: 'noopener' }, t('panel.docs')),
        drawer && h('button.panel-close', { type: 'button', 'aria-label': t('panel.close'), onclick: () => open(false) }, icon('close', 20))),
      h('p.panel-lead', {}, t('panel.lead')),
      h('div.panel-tabs', { role: 'tablist', 'aria-label': t('panel.tabs') }, TABS.map((name) => h('button', {
        type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel-list', 'aria-selected': String(name === tab),
        tabindex: name === tab ? 0 : -1, onclick: () => choose(name), onkeydown: keys,
      }, t(`panel.${name}`)))),
      tab === 'timeline' && filters(),
      list,
    ];
    list.setAttribute('aria-labelledby', `tab-${tab}`);
    fill(document.getElementById('panel-place'), !WIDE.matches && !isElder() && h('button.panel-open', {
      type: 'button', 'aria-expanded': String(drawer), 'aria-controls': 'panel', onclick: () => open(true),
    }, icon('code', 16), t('panel.open')));
    // What lies under the drawer is out of reach while it is open.
    document.getElementById('phone').inert = drawer;
    fill(place, visible() && body);
    draw();
  };

  place.addEventListener('keydown', (event) => { if (event.key === 'Escape' && drawer) open(false); });
  traffic.addEventListener('exchange', draw);
  watching.addEventListener('change', () => (tab === 'books' ? (draw(), look()) : wanted.order && draw()));
  onRemembered((changes) => { if ('language' in changes || 'size' in changes) { cards = new Map(); frame(); } });
  WIDE.addEventListener('change', () => { drawer = false; frame(); });
  watchMocks(visible, (kind, found) => {
    if (kind === 'away') {
      if (away === found) return;
      away = found;
    } else seen[kind] = found;
    if (tab === 'timeline') draw();
  });
  frame();
}

/** Puts children in this order and moves none that stands rightly: a press on one that is moved is lost. */
function arrange(place, children) {
  const wanted = new Set(children);
  for (const child of [...place.childNodes]) if (!wanted.has(child)) child.remove();
  children.forEach((child, at) => { if (place.childNodes[at] !== child) place.insertBefore(child, place.childNodes[at] ?? null); });
}

/** What will appear, before anything did. */
function legend() {
  return h('div.panel-empty', {}, h('p', {}, t('panel.empty')), h('ul.legend', {}, LANES.map((lane) => h('li', {}, h('span.lane', { 'data-lane': lane }, t(`lane.${lane}`))))));
}
