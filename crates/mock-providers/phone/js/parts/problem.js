/** Errors as people see them: the service's sentence, what to do next, and whom to call. */
import { h, icon } from '../dom.js';
import { t, has } from '../words.js';

/** The service's helplines; what an answer says about them comes first. */
const LINES = ['12333', '12393', '12366'];

/**
 * @param {Error} cause usually a `Problem`
 * @param {{retry?: () => void}} [options]
 */
export function problemCard(cause, { retry } = {}) {
  const body = cause.body ?? {};
  const ours = `problem.${cause.code ?? 'broken'}`;
  const message = body.message ?? body.detail ?? t(has(ours) ? ours : 'problem.broken');
  const next = body.next_step ?? (body.message ? null : t('problem.next'));
  const order = body.order_no;
  return h('section.card.problem', { role: 'alert', 'data-code': cause.code ?? 'broken' },
    h('p.problem-head', {}, icon('alert'), h('strong', {}, message)),
    next && h('p', {}, typeof next === 'string' ? next : next.text),
    order && h('a.button.primary', { href: `#/orders/${order}` }, t('problem.see_order')),
    retry && !order && h('button.button', { type: 'button', onclick: retry }, t('problem.retry')),
    helpLines(body.help_line));
}

export function helpLines(line) {
  const texts = line ? String(typeof line === 'object' ? line.number : line).split(/(\d[\d-]{2,})/) : LINES;
  return h('p.help-line', {}, icon('phone', 18), `${t('problem.help')} `,
    texts.map((text) => (/^\d[\d-]{2,}$/.test(text) ? h('a', { href: `tel:${text}` }, text) : text)));
}
