/** The bound mobile number: by the platform's own button, or by a code in a text message. */
import { h, fill, announce } from '../dom.js';
import { memory, mockUser } from '../memory.js';
import { api, control } from '../api.js';
import { t, timeName } from '../words.js';
import { facts } from './pieces.js';
import { busyButton } from './busy.js';
import { atField, complete, field } from './fields.js';
import { problemSlot } from './slot.js';
import { reload } from '../router.js';

const DIGITS = 6;

export function mobilePart(mobile) {
  const { place, show } = problemSlot();
  return h('section.card.mobile', { 'data-key': 'mobile' }, h('h2', {}, t('rights.mobile')),
    mobile ? bound(mobile, show) : [h('p', {}, t('rights.mobile_none')),
      busyButton('button.button', t('rights.bind'), async () => { await api('POST', '/v1/me/mobile', { body: await evidence() }); await redrawn(); }, show),
      byMessage(show)],
    place);
}

function bound(mobile, show) {
  return [
    facts([t('mobile.number'), h('strong', {}, mobile.masked)], [t('mobile.source'), t(`mobile_source.${mobile.source}`)], [t('mobile.since'), timeName(mobile.bound_at)]),
    busyButton('button.button.quiet', t('rights.unbind'), async () => { await api('DELETE', '/v1/me/mobile'); await redrawn(); }, show),
  ];
}

/** Shows how it stands now, and says so. */
async function redrawn() {
  await reload();
  announce(document.querySelector('.mobile dd, .mobile > p')?.textContent ?? '');
}

/** What the platform's button gives the mini-program. */
async function evidence() {
  if (memory.platform === 'alipay') {
    const { response } = await control('POST', '/alipay/phone-number', { user: mockUser() });
    return { encrypted: response };
  }
  const { code } = await control('POST', '/wechat/phone-codes', { user: mockUser() });
  return { platform_code: code };
}

/** A code of six digits to any number. */
function byMessage(show) {
  const number = h('input', { type: 'tel', id: 'mobile-number', inputmode: 'numeric', autocomplete: 'tel-national', maxlength: 11 });
  const code = h('input', { type: 'text', id: 'mobile-code', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: DIGITS });
  const inbox = h('div', { role: 'status' });
  const second = h('div.form', { hidden: true });
  const send = busyButton('button.button', t('mobile.send'), async () => {
    const mobile = number.value.trim();
    if (!complete([[number, mobile !== '', t('mobile.number_missing')]])) return;
    let sent;
    try {
      sent = await api('POST', '/v1/me/mobile/sms-codes', { body: { mobile } });
    } catch (cause) {
      return atField(cause, { mobile_invalid: number, mobile_foreign: number, mobile_refused: number, mobile: number });
    }
    // Never shown in reality: here, the mock operator says what it sent.
    const { messages } = await control('GET', `/sms/messages?mobile=${encodeURIComponent(mobile)}&limit=1`, undefined, { quiet: true });
    fill(inbox, h('p.sms', {}, h('strong', {}, t('mobile.inbox')), messages[0]?.text ?? t('mobile.inbox_empty')));
    second.hidden = false;
    code.focus();
    // After the button has its own words back.
    setTimeout(() => wait(send, Date.parse(sent.resend_at)));
  }, show);
  fill(second, inbox, field(t('mobile.code'), code, t('mobile.code_hint')),
    busyButton('button.button.primary', t('mobile.bind'), async () => {
      if (!complete([[code, code.value.trim() !== '', t('mobile.code_missing')]])) return;
      try {
        await api('POST', '/v1/me/mobile', { body: { mobile: number.value.trim(), sms_code: code.value.trim() } });
      } catch (cause) {
        return atField(cause, { sms_code_wrong: code, sms_code: code });
      }
      await redrawn();
    }, show));
  return h('details.sms-part', {}, h('summary', {}, t('mobile.by_message')),
    h('div.form', {}, field(t('mobile.number'), number, t('mobile.number_hint')), send, second));
}

/** No second code before the service would send one. */
function wait(button, until) {
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1_000);
    button.disabled = left > 0;
    button.querySelector('.button-words').textContent = left > 0 ? t('mobile.again_in', { n: left }) : t('mobile.again');
    if (left > 0 && button.isConnected) setTimeout(tick, 1_000);
  };
  tick();
}
