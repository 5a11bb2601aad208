/** Buttons that work at their own pace. */
import { h, announce } from '../dom.js';
import { t } from '../words.js';

/** A quick answer changes nothing on the button; a slower one is told in words. */
const WORDS_AFTER_MS = 500;
const PATIENCE_AFTER_MS = 2_000;

/**
 * While the act is under way the button is busy and cannot be pressed twice.
 * @param {string} selector
 * @param {Node|string|Array} label
 * @param {() => Promise<void>} act
 * @param {(cause: Error|null, options?: {retry: () => void}) => void} [problem] shows a failure
 * @param {object} [properties]
 */
export function busyButton(selector, label, act, problem, properties = {}) {
  const words = h('span.button-words', {}, label);
  const press = async () => {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    problem?.(null);
    const timers = [
      setTimeout(() => {
        button.classList.add('slow');
        if (button.matches('.button')) words.replaceChildren(h('span.spinner', { 'aria-hidden': 'true' }), t('app.sending'));
      }, WORDS_AFTER_MS),
      setTimeout(() => announce(t('app.patience')), PATIENCE_AFTER_MS),
    ];
    try {
      await act();
    } catch (cause) {
      if (cause?.name !== 'AbortError') problem?.(cause, { retry: press });
    } finally {
      timers.forEach(clearTimeout);
      button.classList.remove('slow');
      words.replaceChildren(...kept);
      button.removeAttribute('aria-busy');
    }
  };
  const button = h(selector, { type: 'button', onclick: press, ...properties }, words);
  const kept = [...words.childNodes];
  return button;
}
