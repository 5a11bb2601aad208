/** One entry of the timeline, opened and closed. */
import { h, icon, announce } from '../dom.js';
import { t, clockName } from '../words.js';
import { asCurl } from './timeline.js';

const pretty = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function statusMark(status, open) {
  const kind = open ? 'plain' : status === null || status === undefined ? 'bad' : status < 400 ? 'good' : status < 500 ? 'warn' : 'bad';
  return h(`span.status.${kind}`, {}, open ? '…' : status ?? t('panel.no_answer'));
}

export function block(label, value) {
  if (value === undefined || value === null || value === '') return null;
  return [h('p.block-label', {}, label), h('pre', { tabindex: 0 }, pretty(value))];
}

const headerLines = (headers) => {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  return pairs.map(([name, value]) => `${name}: ${value}`).join('\n');
};

/** @param {import('./timeline.js').Entry} entry */
export function entryView(entry) {
  const { seen } = entry;
  return h('details.entry', { 'data-lane': entry.lane }, h('summary', {},
    h('span.entry-clock', {}, clockName(new Date(entry.at))),
    h('span.lane', { 'data-lane': entry.lane }, t(`lane.${entry.lane}`)),
    h('span.entry-more', {}, more(entry)),
    statusMark(entry.status, entry.open),
    h('span.entry-path', {}, h('span.entry-method', {}, entry.method), ' ', entry.path)),
  h('div.entry-body', {},
    copyButton(entry),
    seen.trace && h('p.entry-fact', {}, `x-trace-id ${seen.trace}`),
    seen.path && seen.path !== entry.path && h('p.entry-fact', {}, seen.path),
    block(t('panel.headers'), headerLines(seen.headers)),
    entry.lane === 'notice'
      ? [block(t('panel.opened'), seen.opened && readable(seen.opened)), block(t('panel.body'), lines(seen.body)), block(t('panel.answered'), seen.answer || seen.error)]
      : [block(t('panel.sent'), lines(seen.sent)), block(t('panel.answer_headers'), headerLines(seen.answer_headers)), block(t('panel.answered'), readable(seen.answer))]));
}

/** Beside time and status: how long it took, or what became of the signature. */
function more({ lane, seen }) {
  if (lane === 'notice') {
    const kind = seen.accepted ? 'accepted' : seen.status === 401 || seen.status === 403 ? 'signature' : seen.status ? 'refused' : 'unanswered';
    return [`${seen.notice.kind} #${seen.attempt} `, h(`span.verdict.${kind === 'accepted' ? 'good' : 'bad'}`, {}, t(`notice.${kind}`))];
  }
  if (seen.signature) {
    const tone = { verified: 'good', refused: 'bad' }[seen.signature] ?? 'plain';
    return h(`span.verdict.${tone}`, {}, t(`verdict.${seen.signature}`));
  }
  return t('panel.ms', { n: seen.milliseconds });
}

function copyButton(entry) {
  const button = h('button.copy', {
    type: 'button',
    onclick: async () => {
      await navigator.clipboard?.writeText(asCurl(entry)).catch(() => null);
      words.textContent = t('panel.copied');
      announce(t('panel.copied'));
    },
  }, icon('paper', 16));
  // No live region of its own: its text would not be the button's name any more.
  const words = h('span', {}, t('panel.copy'));
  button.append(words);
  return button;
}

function readable(text) {
  if (typeof text !== 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A form is easier to read a member a line. */
function lines(body) {
  const read = readable(body);
  return typeof read === 'string' && read.includes('=') ? read.split('&').map((part) => {
    try { return decodeURIComponent(part.replaceAll('+', ' ')); } catch { return part; }
  }).join('\n') : read;
}
