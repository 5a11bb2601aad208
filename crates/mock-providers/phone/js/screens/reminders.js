/** Reminders by the platform's subscription messages: the platform asks, the citizen decides, a no is a no. */
import { h, icon, announce } from '../dom.js';
import { memory } from '../memory.js';
import { api } from '../api.js';
import { t, timeName } from '../words.js';
import { note } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { sheet } from '../parts/sheet.js';
import { reload } from '../router.js';

export default {
  path: /^\/reminders$/, title: 'reminders.title', login: true, up: '/me', tab: 'me',
  async render({ signal }) {
    const [{ reminders, quiet_from, quiet_to }, texts] = await Promise.all([
      api('GET', '/v1/me/reminders', { signal }), api('GET', '/v1/consent-texts', { signal }),
    ]);
    const consent = texts.texts.find((text) => text.current && text.purpose === 'reminders');
    return [
      h('section.lead', {}, h('h2', {}, t('reminders.lead')), h('p', {}, t('reminders.text'))),
      consent && h('details.card', {}, h('summary', {}, consent.title), h('p.soft', {}, consent.text)),
      reminders.map((one) => card(one, consent, signal)),
      quiet_from && quiet_to && note(t('reminders.quiet', { from: quiet_from, to: quiet_to })),
      note(t('reminders.note')),
    ];
  },
};

function card(one, consent, signal) {
  const { place, show } = problemSlot();
  const answer = async (value) => {
    await api('PUT', '/v1/me/reminders', { body: { kind: one.kind, answer: value, consent_text_version: consent?.version } });
    await reload();
    announce(document.querySelector(`[data-kind="${CSS.escape(one.kind)}"] .item-head`)?.innerText ?? '');
  };
  // The platform's own question: the mini-program calls it, the platform answers what was pressed. While a person
  // decides, nothing is under way.
  const ask = async () => {
    if (want.ariaDisabled) return;
    show(null);
    const pressed = await sheet(t('reminders.asks', { platform: t(`platform.${memory.platform ?? 'wechat'}`) }),
      [h('p', {}, t('reminders.asks_text')), h('p.sheet-what', {}, icon('check', 18), h('strong', {}, one.label)), h('p.soft', {}, t('reminders.played'))],
      [{ label: t('reminders.reject'), value: 'reject' }, { label: t('reminders.accept'), value: 'accept', primary: true }], signal);
    if (!pressed) return;
    // Until the answer is kept, the card is the old one: a second question would vanish with it. The button keeps the focus,
    // which goes on to its successor.
    want.ariaDisabled = 'true';
    await answer(pressed).catch((cause) => { want.ariaDisabled = null; show(cause); });
  };
  const want = h('button.button', { type: 'button', 'data-key': 'want', onclick: ask }, t(one.wanted && one.left > 0 ? 'reminders.once_more' : 'reminders.want'));
  return h('section.card.reminder', { 'data-kind': one.kind, 'data-key': one.kind },
    h('div.item-head', {}, h('h2', {}, one.label), standing(one)),
    h('p.soft', {}, one.text),
    one.updated_at && h('p.soft', {}, t('reminders.since', { time: timeName(one.updated_at) })),
    place,
    one.template_id
      ? h('div.pair', {}, want,
          one.wanted && busyButton('button.button.quiet', t('reminders.stop'), () => answer('reject'), show, { 'data-key': 'stop' }))
      : h('p.soft', {}, t('reminders.none')));
}

function standing(one) {
  if (!one.template_id) return h('span.mark.plain', {}, t('reminders.away'));
  if (!one.wanted) return h('span.mark.plain', {}, t('reminders.off'));
  return h(`span.mark.${one.left > 0 ? 'good' : 'warn'}`, {}, icon(one.left > 0 ? 'check' : 'info', 16), t(one.left > 0 ? 'reminders.left' : 'reminders.used', { n: one.left }));
}
