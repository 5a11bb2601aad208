/** What happened to the order on the phone, and its books: every entry with both of its accounts. */
import { h } from '../dom.js';
import { has, t, clockName } from '../words.js';
import { fen, grouped, yuan } from '../money.js';
import { block } from './entries.js';
import { presentOrder } from './watched.js';

const clock = (text) => clockName(new Date(Date.parse(text)));

/** The order's lines of the journal; `null` where nobody shows them. */
export async function booksOf(orderNo) {
  const response = await fetch(`books/${orderNo}`, { cache: 'no-store' });
  if (!response.ok) return null;
  return (await response.json()).lines;
}

/** @param {object[]|null|undefined} lines `undefined`: not known yet */
export function booksView(lines) {
  const present = presentOrder();
  if (!present) return h('p.panel-empty', {}, t('panel.order_none'));
  const { record, changes } = present;
  return h('div.order-view', {},
    h('p.entry-fact', {}, record.order_no),
    h('h3', {}, t('panel.entries')), lines === null ? h('p.panel-empty', {}, t('panel.no_books')) : lines && entries(lines),
    record.history?.length > 0 && [h('h3', {}, t('panel.history')), h('ol.changes', {}, record.history.map((event) => h('li', {},
      h('span.entry-clock', {}, clock(event.at)), h('strong', {}, event.label), h('code', {}, event.kind),
      event.amount && h('span.change-amount', {}, `¥${grouped(event.amount)}`))))],
    h('h3', {}, t('panel.changes')),
    h('ol.changes', {}, changes.map((change) => h('li', {}, h('span.entry-clock', {}, clockName(change.at)), h('strong', {}, change.state), ` ${change.label}`))),
    block(t('panel.record'), record));
}

/** `channel:wechat:main` as a person reads it, with the account's own name. */
function accountName(account) {
  const [kind, ...rest] = account.split(':');
  return h('span.account', {}, has(`account.${kind}`) ? t(`account.${kind}`) : kind, rest.length > 0 && h('code', {}, ` ${rest.join(':')}`));
}

function entries(lines) {
  const booked = lines.filter((line) => line.debit && line.credit && line.amount);
  if (!booked.length) return h('p.panel-empty', {}, t('panel.no_entries'));
  return [h('table.books', {}, h('thead', {}, h('tr', {}, ['debit', 'credit', 'amount'].map((name) => h('th', { scope: 'col' }, t(`panel.${name}`))))),
    h('tbody', {}, booked.map((line) => h('tr', {},
      h('td', {}, h('span.entry-clock', {}, clock(line.at)), ' ', accountName(line.debit)), h('td', {}, accountName(line.credit)), h('td', {}, grouped(line.amount)))))),
  h('p.balance', {}, t('panel.balance', balance(booked)))];
}

/** What the promise says, in figures: nothing that came in is unaccounted for. */
function balance(lines) {
  const kinds = new Map();
  const add = (account, amount) => {
    const [kind] = account.split(':');
    kinds.set(kind, (kinds.get(kind) ?? 0n) + amount);
  };
  for (const { debit, credit, amount } of lines) {
    add(debit, fen(amount));
    add(credit, -fen(amount));
  }
  const owed = (kind) => -(kinds.get(kind) ?? 0n);
  const sumOf = (wanted) => lines.filter(wanted).reduce((sum, line) => sum + fen(line.amount), 0n);
  const isChannel = (account) => account.startsWith('channel:');
  const figures = {
    received: sumOf((line) => isChannel(line.debit)), returned: sumOf((line) => isChannel(line.credit)),
    booked: owed('premium') + owed('topup'), transit: owed('in_transit'), owed: owed('refund_payable'), suspense: owed('suspense'),
  };
  return Object.fromEntries(Object.entries(figures).map(([name, amount]) => [name, amount < 0n ? `-${grouped(yuan(-amount))}` : grouped(yuan(amount))]));
}
