/** One entry of the side panel each: an exchange, a notification, the order. */
import { h } from '../dom.js';
import { t } from '../words.js';
import { present_order } from './watched.js';

const clock = (date) => date.toTimeString().slice(0, 8);
const pretty = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function statusMark(status) {
  const kind = status === null || status === undefined ? 'bad' : status < 400 ? 'good' : status < 500 ? 'warn' : 'bad';
  return h(`span.status.${kind}`, {}, status ?? t('panel.no_answer'));
}

function block(label, value) {
  if (value === undefined || value === null || value === '') return null;
  return [h('p.block-label', {}, label), h('pre', { tabindex: 0 }, pretty(value))];
}

function entry(head, ...body) {
  return h('details.entry', {}, h('summary', {}, head), h('div.entry-body', {}, body));
}

export function httpEntry(one) {
  return entry([h('span.entry-method', {}, one.method), h('span.entry-path', {}, one.path), statusMark(one.status),
    h('span.entry-time', {}, `${clock(one.at)} · ${t('panel.ms', { n: one.milliseconds })}`)],
  one.trace && h('p.entry-fact', {}, `x-trace-id ${one.trace}`), block(t('panel.sent'), one.sent), block(t('panel.answered'), one.answer));
}

const VERDICTS = { verified: 'good', refused: 'bad', unsigned: 'plain', none: 'plain' };

/** A gateway has one path for everything; its method says more than its signature. */
function shortPath(path) {
  const [place] = path.split('?');
  const method = /[?&]method=([\w.]+)/.exec(path);
  return method ? `${place} ${method[1]}` : path;
}

export function platformEntry(one) {
  return entry([h('span.entry-method', {}, one.method), h('span.entry-path', {}, shortPath(one.path)), statusMark(one.ended ? one.status : '…'),
    h('span.entry-time', {}, `${one.server} · ${one.at.slice(11, 19)} `, h(`span.verdict.${VERDICTS[one.signature] ?? 'plain'}`, {}, t(`panel.${one.signature}`)))],
  shortPath(one.path) !== one.path && h('p.entry-fact', {}, one.path),
  block(t('panel.headers'), one.headers?.map(([name, value]) => `${name}: ${value}`).join('\n')),
  block(t('panel.sent'), lines(one.sent)),
  block(t('panel.answer_headers'), one.answer_headers?.map(([name, value]) => `${name}: ${value}`).join('\n')), block(t('panel.answered'), readable(one.answer)));
}

function readable(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function noticeEntry(notice, attempt, at) {
  const headers = Object.entries(attempt.headers ?? {}).map(([name, value]) => `${name}: ${value}`).join('\n');
  return entry([h('span.entry-method', {}, 'POST'), h('span.entry-path', {}, new URL(attempt.url).pathname), statusMark(attempt.status),
    h('span.entry-time', {}, `${notice.platform} · ${notice.kind} #${at + 1} · ${attempt.at.slice(11, 19)} `,
      h(`span.verdict.${attempt.accepted ? 'good' : 'bad'}`, {}, t(attempt.accepted ? 'panel.accepted' : 'panel.not_accepted')))],
  block(t('panel.headers'), headers), block(t('panel.body'), lines(attempt.body)), block(t('panel.answered'), attempt.answer || attempt.error));
}

/** A form is easier to read a member a line. */
function lines(body) {
  const read = readable(body);
  return typeof read === 'string' && read.includes('=') ? read.split('&').map((part) => {
    try { return decodeURIComponent(part.replaceAll('+', ' ')); } catch { return part; }
  }).join('\n') : read;
}

export function orderView() {
  const present = present_order();
  if (!present) return h('p.panel-empty', {}, t('panel.order_none'));
  const { record, changes } = present;
  return h('div.order-view', {},
    h('p.entry-fact', {}, record.order_no),
    h('h3', {}, t('panel.changes')),
    h('ol.changes', {}, changes.map((change) => h('li', {}, h('span.entry-time', {}, clock(change.at)), h('strong', {}, change.state), ` ${change.label}`))),
    record.history?.length > 0 && [h('h3', {}, t('panel.history')), h('ol.changes', {}, record.history.map((event) => h('li', {},
      h('span.entry-time', {}, event.at.slice(11, 19)), h('strong', {}, event.label), h('code', {}, event.kind),
      event.amount && h('span.change-amount', {}, `¥${event.amount}`), event.channel && h('span.entry-time', {}, event.channel))))],
    block('GET orders/{order_no}', record));
}
