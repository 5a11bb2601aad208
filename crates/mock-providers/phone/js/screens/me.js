/** Me: people, language, elder mode, sessions. */
import { h } from '../dom.js';
import { memory, remember, keepCart } from '../memory.js';
import { api, offers } from '../api.js';
import { t } from '../words.js';
import { busyButton, row } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { reload } from '../router.js';

export default {
  path: /^\/me$/, title: 'me.title', tab: 'me', root: true,
  async render() {
    const offered = await offers();
    const { place, show } = problemSlot();
    return [
      h('section.card.who', {},
        h('h2', {}, memory.token ? t(`login.${memory.platform}`) : t('me.guest')),
        h('p.soft', {}, memory.token ? t('me.logged_in') : t('me.logged_out')),
        !memory.token && h('a.button.primary', { href: `#/login?next=${encodeURIComponent('/me')}` }, t('me.log_in'))),
      h('section.card.list', { 'aria-label': t('me.mine') },
        row({ href: '#/people', picture: 'family', title: t('people.title'), text: t('me.people_text') }),
        row({ href: '#/orders', picture: 'records', title: t('records.title') }),
        offered('GET /api/v1/objections') && row({ href: '#/objections', picture: 'talk', title: t('objection.list') }),
        offered('GET /api/v1/me/reminders') && row({ href: '#/reminders', picture: 'bell', title: t('reminders.title') }),
        offered('GET /api/v1/me/export') && row({ href: '#/rights', picture: 'lock', title: t('rights.title') })),
      h('section.card.settings', { 'aria-labelledby': 'show' }, h('h2', { id: 'show' }, t('me.show')),
        toggle(t('app.elder_long'), t('me.elder_text'), memory.elder, (on) => remember({ elder: on })),
        toggle('English', t('me.language_text'), memory.language === 'en', (on) => remember({ language: on ? 'en' : 'zh-CN' }))),
      place,
      memory.token && busyButton('button.button', t('me.log_out'), async () => {
        const { sessions } = await api('GET', '/v1/sessions');
        const own = sessions.find((session) => session.current);
        if (own) await api('DELETE', `/v1/sessions/${own.id}`);
        remember({ token: null });
        keepCart(null);
        reload();
      }, show),
    ];
  },
};

function toggle(label, text, on, change) {
  return h('label.switch', {}, h('span.row-words', {}, h('span.row-title', {}, label), h('span.row-text', {}, text)),
    h('input', { type: 'checkbox', role: 'switch', checked: on, onchange: (event) => change(event.target.checked) }));
}
