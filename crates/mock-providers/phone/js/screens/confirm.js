/** Confirmation: everything once more, masked; for another person it is confirmed twice. */
import { h } from '../dom.js';
import { cart, keepCart, memory } from '../memory.js';
import { api, offers } from '../api.js';
import { t } from '../words.js';
import { amount, busyButton, facts, groups, insuranceName, note, relationName, spansName, tick } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { sum } from '../money.js';
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
    const wish = { person_id: chosen.person, city: chosen.city, bills: chosen.bills.map(named), display_mode: memory.elder ? 'elder' : 'standard' };
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
    const twice = shown?.needs_second_confirmation ?? person.relation === 'other';
    const { place, show } = problemSlot();
    const checked = twice && tick(shown?.second_confirmation ?? t('confirm.second', { name: person.masked_name }), { id: 'second' });

    const pay = busyButton('button.button.primary', t('confirm.pay', { amount: sum(chosen.bills.map((bill) => bill.amount)) }), async () => {
      if (checked && !checked.querySelector('input').checked) {
        checked.querySelector('input').focus();
        throw Object.assign(new Error('second'), { status: 0, code: 'second', body: { message: t('confirm.second_first'), next_step: t('confirm.second_next') } });
      }
      // One key for one intent: a second press, or a lost answer, is the same order.
      const key = chosen.key ?? crypto.randomUUID();
      keepCart({ ...chosen, key });
      chosen.key = key;
      const body = shown?.confirmation ? { ...wish, confirmation: shown.confirmation } : wish;
      let order;
      try {
        order = await api('POST', '/v1/orders', { body, headers: { 'Idempotency-Key': key } });
      } catch (cause) {
        // A definite no ends this intent; only an unknown outcome is repeated under its key.
        if (cause.status >= 400 && cause.status < 500) { delete chosen.key; keepCart({ ...chosen, key: undefined }); }
        throw cause;
      }
      keepCart(null);
      go(`/pay/${order.order_no}`, { replace: true });
    }, show);

    return [
      h('section.card.sum', {}, h('p.soft', {}, t('confirm.total')), h('p', {}, amount(sum(chosen.bills.map((bill) => bill.amount)), 'large'))),
      (shown?.warnings ?? []).map((warning) => note(warning.text, 'warn')),
      h('section.card', { 'aria-labelledby': 'who' }, h('h2', { id: 'who' }, t('confirm.who')), facts(
        [t('confirm.insured'), h('strong', {}, shown?.person?.masked_name ?? person.masked_name)],
        [t('confirm.relation'), relationName(person)],
        [t('confirm.number'), shown?.masked_document ?? person.masked_number],
        [t('confirm.city'), city.name],
        [t('confirm.wallet'), t(`login.${memory.platform ?? 'wechat'}_wallet`)])),
      h('section.card', { 'aria-labelledby': 'what' }, h('h2', { id: 'what' }, t('confirm.what')), groups(chosen.bills).map((group) =>
        h('div.item', {}, h('div.item-head', {}, h('strong', {}, insuranceName(group)), amount(sum(group.bills.map((bill) => bill.amount)), 'small')),
          h('p.soft', {}, spansName(group.spans), ' · ', t('confirm.bills', { n: group.bills.length })),
          h('p.soft', {}, group.agency_name)))),
      checked && h('section.card.second', {}, h('h2', {}, t('confirm.second_head')), checked),
      note(t('confirm.note')),
      place,
      h('div.foot.column', {}, pay, h('a.button.quiet', { href: '#/bills' }, t('confirm.back'))),
    ];
  },
};
