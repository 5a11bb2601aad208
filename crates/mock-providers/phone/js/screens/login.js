/** Login as the mini-program of either platform: which wallet the mock plays is chosen here. */
import { h, icon } from '../dom.js';
import { mockUser, remember } from '../memory.js';
import { api, control } from '../api.js';
import { t } from '../words.js';
import { demoNote, note } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';

const PLATFORMS = ['wechat', 'alipay'];

async function logIn(platform) {
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
      h('section.lead', {}, h('h2', {}, t('login.lead'))),
      place,
      h('div.wallets', {}, PLATFORMS.map((platform) => busyButton(`button.wallet.${platform}`, [
        h('span.wallet-mark', { 'aria-hidden': 'true' }, icon('lock')),
        h('span.row-words', {}, h('span.row-title', {}, t(`platform.${platform}`)), h('span.row-text', {}, t(`platform_text.${platform}`))),
        icon('next', 20),
      ], async () => {
        await logIn(platform);
        go(next.startsWith('/') ? next : '/', { replace: true });
      }, show))),
      note(t('login.note')),
      demoNote(t('login.text')),
    ];
  },
};
