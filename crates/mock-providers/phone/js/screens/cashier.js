/**
 * The wallet, played by the mock platform. The real one covers the mini-program with its own page; this one
 * says plainly that it is a simulation. What it reports proves nothing: afterwards the service asks the platform.
 */
import { h, icon } from '../dom.js';
import { memory, mockUser } from '../memory.js';
import { api, control } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, busyButton, facts, note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';

/** The wallet's own arguments, as the platform's client would hand them over. */
function walletOf({ wallet }) {
  const { channel, ...parameters } = wallet;
  const user = mockUser();
  return channel === 'alipay' || parameters.tradeNO
    ? { platform: 'alipay', trade_no: parameters.tradeNO, user }
    : { platform: 'wechat', wallet: parameters, user };
}

export default {
  path: /^\/pay\/(\w+)$/, title: 'cashier.title', login: true, up: '/orders',
  async render({ parts: [number], signal }) {
    const payment = await api('POST', `/v1/orders/${number}/payments`, { signal, body: {} });
    const wallet = walletOf(payment);
    const { place, show } = problemSlot();
    const result = `/orders/${number}`;
    const back = async () => {
      // The client is back from its wallet: the service asks the platform now. Without an answer the
      // order's page follows it all the same.
      await api('POST', `/v1/orders/${number}/sync`, { body: {} }).catch(() => null);
      go(result, { replace: true });
    };
    const act = (path, after) => async () => {
      await control('POST', path, wallet);
      await after();
    };
    return [
      h(`section.cashier.${wallet.platform}`, { 'aria-labelledby': 'cashier-head' },
        h('p.cashier-kind', { id: 'cashier-head' }, icon('lock', 18), t(`cashier.${wallet.platform}`)),
        h('p.cashier-payee', {}, t('cashier.payee')),
        h('p.cashier-amount', {}, amount(payment.amount, 'large')),
        facts([t('cashier.order'), h('span.break', {}, number)], [t('cashier.until'), timeName(payment.expires_at)], [t('cashier.method'), t('cashier.balance')]),
        busyButton('button.button.primary', t('cashier.pay'), act('/pay', back), show),
        busyButton('button.button', t('cashier.cancel'), act('/cancel', back), show)),
      place,
      h('section.card.cashier-more', { 'aria-labelledby': 'more' }, h('h2', { id: 'more' }, t('cashier.more')), h('p.soft', {}, t('cashier.more_text')),
        busyButton('button.button.quiet', t('cashier.vanish'), act('/pay', async () => go('/closed', { replace: true })), show),
        busyButton('button.button.quiet', t('cashier.fail'), act('/fail', back), show)),
      note(t('cashier.note', { wallet: t(`login.${memory.platform ?? wallet.platform}_wallet`) })),
    ];
  },
};
