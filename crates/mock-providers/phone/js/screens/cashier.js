/**
 * The wallet, played by the mock platform. The real one covers the mini-program with its own page; this one
 * says plainly that it is a simulation. What it reports proves nothing: afterwards the service asks the platform.
 */
import { h, icon } from '../dom.js';
import { memory, mockUser } from '../memory.js';
import { api, control } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, demoNote, facts } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';

/** The order is no longer one that can be paid: its own page says what became of it. */
const OVER = new Set(['order_moved_on', 'order_expired', 'payment_in_progress']);

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
    let payment;
    try {
      payment = await api('POST', `/v1/orders/${number}/payments`, { signal, body: {} });
    } catch (cause) {
      if (!OVER.has(cause.code)) throw cause;
      go(`/orders/${number}`, { replace: true });
      return [];
    }
    const wallet = walletOf(payment);
    const { place, show } = problemSlot();
    /**
     * The client is back from its wallet: the service asks the platform now. What the wallet said is carried on only when the
     * service has asked; without an answer the order's page follows it all the same.
     */
    const back = async (said) => {
      const asked = await api('POST', `/v1/orders/${number}/sync`, { body: {} }).catch(() => null);
      go(`/orders/${number}${asked ? `?wallet=${said}` : ''}`, { replace: true });
    };
    const act = (path, after) => async () => {
      try {
        await control('POST', path, wallet);
      } catch (cause) {
        // It was paid or closed elsewhere, such as in another window; the order knows.
        if (cause.code !== 'wallet_refused') throw cause;
        return back('refused');
      }
      return after();
    };
    return [
      h(`section.cashier.${wallet.platform}`, { 'aria-labelledby': 'cashier-head' },
        h('p.cashier-kind', { id: 'cashier-head' }, icon('lock', 18), t(`cashier.kind.${wallet.platform}`)),
        h('p.cashier-payee', {}, t('cashier.payee')),
        h('p.cashier-amount', {}, amount(payment.amount, 'large')),
        facts([t('cashier.order'), h('span.break', {}, number)], [t('cashier.until'), timeName(payment.expires_at)], [t('cashier.method'), t('cashier.balance')]),
        busyButton('button.button.primary', t('cashier.pay'), act('/pay', () => back('paid')), show),
        busyButton('button.button', t('cashier.cancel'), act('/cancel', () => back('cancelled')), show)),
      place,
      h('section.card.demo.cashier-more', { 'aria-labelledby': 'more' }, h('h2', { id: 'more' }, t('cashier.more')), h('p.soft', {}, t('cashier.more_text')),
        busyButton('button.button.quiet', t('cashier.vanish'), act('/pay', async () => go('/closed', { replace: true })), show),
        busyButton('button.button.quiet', t('cashier.fail'), act('/fail', () => back('failed')), show)),
      demoNote(t('cashier.note', { wallet: t(`wallet.${memory.platform ?? wallet.platform}`) })),
    ];
  },
};
