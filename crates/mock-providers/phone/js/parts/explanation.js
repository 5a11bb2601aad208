/** How an amount comes about: the agency's components beside our quote's steps, with the standard behind them. */
import { h } from '../dom.js';
import { t } from '../words.js';
import { grouped } from '../money.js';
import { facts, note } from './pieces.js';
import { groups, spansName } from './bill.js';

/** Bills that are the same but for their month are explained once. */
export function explanation(bills) {
  const alike = new Map();
  for (const bill of bills) {
    const key = JSON.stringify([bill.base, bill.amount, bill.components]);
    alike.set(key, [...(alike.get(key) ?? []), bill]);
  }
  return h('details.how', {}, h('summary', {}, t('explain.head')),
    [...alike.values()].map((same) => one(same)));
}

function one(bills) {
  const [bill] = bills;
  const line = bill.preview?.quote?.lines?.[0];
  return h('div.how-part', {},
    h('h4', {}, spansName(groups(bills)[0].spans)),
    line ? steps(line.steps) : components(bill),
    facts(
      [t(bill.months.from === bill.months.to ? 'explain.each' : 'explain.whole'), `${grouped(bill.amount)} ${t('app.yuan')}`],
      bills.length > 1 && [t('explain.count'), String(bills.length)],
      bill.base && [t('explain.base'), `${grouped(bill.base)} ${t('app.yuan')}`],
      bill.tier_no && [t('explain.tier'), t('tiers.no', { n: bill.tier_no })],
      line?.personal_account && [t('explain.account'), `${grouped(line.personal_account)} ${t('app.yuan')}`],
      line?.pool && [t('explain.pool'), `${grouped(line.pool)} ${t('app.yuan')}`],
      line && [t('explain.policy'), `${line.policy} · v${line.version}`],
    ),
    bill.preview?.differs && note(t('explain.differs', { ours: grouped(bill.preview.total), theirs: grouped(bill.amount) }), 'warn'),
    line?.provisional && note(t('explain.provisional'), 'warn'));
}

/** The quote's own steps, as `POST quotes` and a bill's preview give them. */
export function steps(list) {
  return h('ol.steps', {}, list.map((step) => h('li', {}, h('span', {}, step.name), h('code', {}, step.expression))));
}

function components(bill) {
  return h('ol.steps', {}, bill.components.map((part) => h('li', {}, h('span', {}, part.name),
    h('code', {}, part.rate && bill.base ? `${grouped(bill.base)} × ${part.rate} = ${grouped(part.amount)}` : grouped(part.amount)))));
}
