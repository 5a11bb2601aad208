/** Confirmation: everything once more, masked; for another person it is confirmed twice. */
import { h } from '../dom.js';
import { cart, isElder, keepCart, memory, noteOrdered } from '../memory.js';
import { api, offers } from '../api.js';
import { t } from '../words.js';
import { amount, facts, note, personName, relationName, tick } from '../parts/pieces.js';
import { groups, hasMonths, kindName, spansName } from '../parts/bill.js';
import { busyButton } from '../parts/busy.js';
import { complete, errorOf } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { grouped, sum } from '../money.js';
import { go } from '../router.js';

/** What an order names; without the kind, a back-payment or a top-up would be taken for a month's contribution. */
const named = ({ agency, insurance, months, bill_no, version, amount: value, kind }) => ({ agency, insurance, months, bill_no, version, amount: value, kind });

export default {
  path: /^\/confirm$/, title: 'confirm.title', login: true, city: true, up: '/bills',
  async render({ signal }) {
    const chosen = cart();
    if (!chosen?.bills?.length) {
      go('/bills', { replace: true });
      return [];
    }
    // The elder version is given more time to pay.
    const wish = { person_id: chosen.person, city: chosen.city, bills: chosen.bills.map(named), display_mode: isElder() ? 'elder' : 'standard' };
    const [{ people }, city, offered] = await Promise.all([
      api('GET', '/v1/people', { signal }), api('GET', `/v1/cities/${chosen.city}`, { signal }), offers(),
    ]);
    const person = people.find((one) => one.id === chosen.person);
    if (!person) {
      keepCart(null);
      go('/bills', { replace: true });
      return [];
    }
    const shown = offered('POST /api/v1/confirmations') ? await api('POST', '/v1/confirmations', { signal, body: wish }) : null;
    const { place, show } = problemSlot({ person: person.id });
    const total = sum(chosen.bills.map((bill) => bill.amount));
    const twice = (shown?.needs_second_confirmation ?? person.relation === 'other') && second(shown, person);
    const back = backTo(chosen);

    const pay = busyButton('button.button.primary', t('confirm.pay', { amount: grouped(total) }), async () => {
      if (twice && !complete([[twice.box, twice.box.checked, t('confirm.second_first')]])) return;
      const order = await placeOrder(chosen, shown?.confirmation ? { ...wish, confirmation: shown.confirmation } : wish);
      keepCart(null);
      noteOrdered();
      go(`/pay/${order.order_no}`, { replace: true });
    }, show, { 'data-key': 'pay' });

    return [
      // What went wrong stands where it is seen first, above the amount that it is about.
      place,
      h('section.card.sum', {}, h('p.soft', {}, t('confirm.total')), h('p', {}, amount(total, 'large'))),
      (shown?.warnings ?? []).map((warning) => note(warning.text, 'warn')),
      h('section.card', { 'aria-labelledby': 'who' }, h('h2', { id: 'who' }, t('confirm.who')), facts(
        [t('confirm.insured'), h('strong', {}, personName(shown?.person ?? person))],
        [t('confirm.relation'), relationName(person)],
        [t('confirm.number'), h('span.break', {}, shown?.masked_document ?? person.masked_number)],
        chosen.card_tail && [t('confirm.card'), `****${chosen.card_tail}`],
        [t('confirm.city'), city.name],
        [t('confirm.wallet'), t(`wallet.${memory.platform ?? 'wechat'}`)])),
      h('section.card', { 'aria-labelledby': 'what' }, h('h2', { id: 'what' }, t('confirm.what')), groups(chosen.bills).map((group) =>
        h('div.item', {}, h('div.item-head', {}, h('strong', {}, kindName(group)), amount(sum(group.bills.map((bill) => bill.amount)), 'small')),
          h('p.soft', {}, hasMonths(group) ? `${spansName(group.spans)} · ${t('confirm.bills', { n: group.bills.length })}` : t('confirm.no_months')),
          h('p.soft', {}, group.agency_name)))),
      twice && twice.card,
      note(t('confirm.note')),
      h('div.foot.column', {}, pay, h('a.button.quiet', { href: `#${back}` }, t('confirm.back'))),
    ];
  },
};

/** Where the bills were chosen. */
function backTo(chosen) {
  if (chosen.bills.some((bill) => bill.kind === 'topup')) return '/topup';
  return `/bills?person=${chosen.person}${chosen.service ? `&service=${chosen.service}` : ''}`;
}

function second(shown, person) {
  const label = tick(shown?.second_confirmation ?? t('confirm.second', { name: person.masked_name }), { id: 'second' });
  const box = label.querySelector('input');
  return { box, card: h('section.card.second', {}, h('h2', {}, t('confirm.second_head')), label, errorOf(box)) };
}

/** One key for one intent: a second press, or a lost answer, is the same order. */
async function placeOrder(chosen, body) {
  chosen.key ??= crypto.randomUUID();
  keepCart(chosen);
  try {
    return await api('POST', '/v1/orders', { body, headers: { 'Idempotency-Key': chosen.key } });
  } catch (cause) {
    // A definite no ends this intent; only an unknown outcome is repeated under its key.
    if (cause.status >= 400 && cause.status < 500) {
      delete chosen.key;
      keepCart(chosen);
    }
    throw cause;
  }
}
