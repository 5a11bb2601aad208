/** Me: people, language, size of type, sessions. */
import { h } from '../dom.js';
import { memory, remember, forgetVisit, SIZES } from '../memory.js';
import { api, offers } from '../api.js';
import { t } from '../words.js';
import { row } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { reload } from '../router.js';

export default {
  path: /^\/me$/, title: 'me.title', tab: 'me', root: true,
  async render() {
    const offered = await offers();
    const { place, show } = problemSlot();
    return [
      h('section.card.who', { 'data-key': 'who' },
        h('h2', {}, memory.token ? t(`platform.${memory.platform}`) : t('me.guest')),
        h('p.soft', {}, memory.token ? t('me.logged_in') : t('me.logged_out')),
        !memory.token && h('a.button.primary', { href: `#/login?next=${encodeURIComponent('/me')}` }, t('me.log_in'))),
      h('section.card.list', { 'aria-label': t('me.mine') },
        row({ href: '#/people', picture: 'family', title: t('people.title'), text: t('me.people_text') }),
        row({ href: '#/orders', picture: 'records', title: t('records.title') }),
        offered('GET /api/v1/objections') && row({ href: '#/objections', picture: 'talk', title: t('objection.list') }),
        offered('GET /api/v1/me/reminders') && row({ href: '#/reminders', picture: 'bell', title: t('reminders.title') }),
        offered('GET /api/v1/me/export') && row({ href: '#/rights', picture: 'lock', title: t('rights.title') })),
      h('section.card.settings', { 'aria-labelledby': 'show' }, h('h2', { id: 'show' }, t('me.show')),
        h('fieldset.choices.sizes', {}, h('legend', {}, t('me.size')), SIZES.map((size) => h(`label.choice.${size}`, {},
          h('input', { type: 'radio', name: 'size', value: size, checked: size === memory.size, onchange: () => size !== memory.size && remember({ size }) }),
          h('span', {}, t(`size.${size}`))))),
        h('p.hint', {}, t('me.size_text')),
        h('label.switch', {}, h('span.row-words', {}, h('span.row-title', { lang: 'en' }, 'English'), h('span.row-text', {}, t('me.language_text'))),
          h('input', {
            type: 'checkbox', role: 'switch', id: 'language', checked: memory.language === 'en',
            onchange: (event) => (event.target.checked ? 'en' : 'zh-CN') !== memory.language && remember({ language: event.target.checked ? 'en' : 'zh-CN' }),
          }))),
      place,
      memory.token && busyButton('button.button', t('me.log_out'), async () => {
        const { sessions } = await api('GET', '/v1/sessions');
        const own = sessions.find((session) => session.current);
        if (own) await api('DELETE', `/v1/sessions/${own.id}`);
        remember({ token: null });
        forgetVisit();
        await reload();
        document.getElementById('title').focus({ preventScroll: true });
      }, show),
    ];
  },
};
