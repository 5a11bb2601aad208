/** A sheet over the phone: what a platform asks in its own window. Everything else is out of reach while it stands. */
import { h } from '../dom.js';

/**
 * Resolves with the value of the button that was pressed, or `null` when the sheet was left with Escape.
 * @param {string} title
 * @param {Node[]} content
 * @param {Array<{label: string, value: string, primary?: boolean}>} answers
 * @param {AbortSignal} [signal] closes it
 * @returns {Promise<string|null>}
 */
export function sheet(title, content, answers, signal) {
  const phone = document.getElementById('phone');
  const before = document.activeElement;
  const others = [...phone.children].filter((child) => child.id !== 'announcer');
  return new Promise((resolve) => {
    const close = (value) => {
      veil.remove();
      for (const other of others) other.inert = false;
      if (before?.isConnected) before.focus();
      resolve(value);
    };
    const buttons = answers.map(({ label, value, primary }) =>
      h(`button.button${primary ? '.primary' : ''}`, { type: 'button', 'data-answer': value, onclick: () => close(value) }, label));
    const card = h('div.sheet', { role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': 'sheet-title', tabindex: -1 },
      h('h2', { id: 'sheet-title' }, title), content, h('div.pair', {}, buttons));
    const veil = h('div.veil', { onkeydown: (event) => { if (event.key === 'Escape') close(null); } }, card);
    for (const other of others) other.inert = true;
    phone.append(veil);
    card.focus();
    signal?.addEventListener('abort', () => veil.isConnected && close(null), { once: true });
  });
}
