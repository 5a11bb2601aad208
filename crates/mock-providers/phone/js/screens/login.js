/** Login as the mini-program of either platform: which wallet the mock plays is chosen here. */
import { h, icon } from '../dom.js';
import { mockUser, remember } from '../memory.js';
import { api, control } from '../api.js';
import { t } from '../words.js';
import { busyButton, note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';

export const PLATFORMS = ['wechat', 'alipay'];

export async function logIn(platform) {
  const { code } = await control('POST', '/login-codes', { platform, user: mockUser() });
  const { token } = await api('POST', '/v1/sessions', { body: { platform, code } });
  remember({ token, platform });
}

export default {
  path: /^\/login$/, title: 'login.title', up: '/',
  render({ query }) {
    const { place, show } = problemSlot();
    const next = query.get('next') ?? '/';
    return [
      h('section.lead', {}, h('h2', {}, t('login.lead')), h('p', {}, t('login.text'))),
      h('div.wallets', {}, PLATFORMS.map((platform) => busyButton(`button.wallet.${platform}`, [
        h('span.wallet-mark', { 'aria-hidden': 'true' }, icon('lock')),
        h('span.row-words', {}, h('span.row-title', {}, t(`login.${platform}`)), h('span.row-text', {}, t(`login.${platform}_text`))),
        icon('next', 20),
      ], async () => {
        await logIn(platform);
        go(next.startsWith('/') ? next : '/', { replace: true });
      }, show))),
      place,
      note(t('login.note')),
    ];
  },
};
