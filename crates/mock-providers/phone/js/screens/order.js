/** One order: followed until it is over, then its record. */
import { h, fill, announce } from '../dom.js';
import { api, offers } from '../api.js';
import { keepingFocus } from '../focus.js';
import { orderView } from '../parts/order-view.js';
import { watched } from '../panel/watched.js';

/** Nothing more happens by itself. */
const OVER = new Set(['SUCCESS', 'SUCCESS_PARTIAL', 'CLOSED', 'FAILED', 'REFUNDED', 'AGENCY_REFUNDED', 'REFUND_FAILED', 'SUSPENDED']);
/** How often a moving order is looked at: soon at first, then calmly. */
const PACES_MS = [1_000, 1_000, 1_500, 2_000, 3_000, 5_000];

export default {
  path: /^\/orders\/(\w+)$/, title: 'order.title', login: true, up: '/orders', tab: 'records',
  async render({ parts: [number], query, signal }) {
    const [first, offered] = await Promise.all([api('GET', `/v1/orders/${number}`, { signal }), offers()]);
    const place = h('div.stack', { 'data-key': 'order' });
    let record = first;
    // What stands beside the record: whether the citizen is being asked to give the order up (a new look at the order does
    // not take the question away), what the wallet said, and when the platform was asked last.
    const beside = { asking: false, wallet: query.get('wallet'), asked: null, over: OVER };
    const draw = () => {
      const open = [...place.querySelectorAll('details')].map((one) => one.open);
      keepingFocus(() => fill(place, orderView(record, offered, { refresh, beside })), () => place.querySelector('#state-label'));
      place.querySelectorAll('details').forEach((one, at) => { one.open = open[at] ?? one.open; });
      watched(record);
    };
    const take = (next) => {
      const changed = JSON.stringify(next) !== JSON.stringify(record);
      const moved = next.state !== record.state;
      record = next;
      // Drawing again moves what somebody reads; only a change is worth that.
      if (changed) draw();
      if (moved) announce(`${record.label}。${record.text}`);
      return moved;
    };
    const refresh = async () => {
      const moved = take(await api('POST', `/v1/orders/${number}/sync`, { body: {}, signal }));
      beside.asked = moved ? null : new Date();
      draw();
      if (!moved) announce(place.querySelector('.asked')?.textContent ?? record.label);
    };
    draw();
    announce(place.querySelector('.result').innerText);
    follow(number, () => record, take, signal);
    return [place];
  },
};

/** Looks again and again until the order is over or the screen is left. */
async function follow(number, present, take, signal) {
  for (let round = 0; !signal.aborted && !OVER.has(present().state) && present().state !== 'CREATED'; round += 1) {
    await pause(PACES_MS[Math.min(round, PACES_MS.length - 1)], signal);
    if (signal.aborted) return;
    if (document.hidden) continue;
    try {
      take(await api('GET', `/v1/orders/${number}`, { signal, quiet: true }));
    } catch (cause) {
      // The next look may work; who leaves or is logged out is told elsewhere.
      if (signal.aborted || cause.status === 401) return;
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
