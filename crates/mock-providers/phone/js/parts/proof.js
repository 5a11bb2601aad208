/** One more proof that it is the owner: the face on the platform's page, or a code to the bound number. */
import { h, fill } from '../dom.js';
import { api, control } from '../api.js';
import { t } from '../words.js';
import { busyButton, field } from './pieces.js';
import { consentOf, play } from './real-name.js';

/** Buttons for both ways; `done` is called with the proof. */
export function proofPart(act, { own, mobile, texts }, done, show) {
  const place = h('div.stack');
  const consent = consentOf(texts);
  const byFace = own && busyButton('button.button', t('proof.face'), async () => {
    const begun = await api('POST', '/v1/me/proofs', { body: { act, by: 'face', consent_text_version: consent?.version } });
    await play(begun.action);
    await done({ verification_id: begun.verification_id });
  }, show);
  const bySms = mobile && busyButton('button.button', t('proof.sms', { mobile: mobile.masked }), async () => {
    await api('POST', '/v1/me/proofs', { body: { act, by: 'sms' } });
    const code = h('input', { type: 'text', inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 6 });
    // Never shown in reality: here, the mock operator says what it sent.
    const { messages } = await control('GET', '/sms/messages?limit=1', undefined, { quiet: true });
    fill(place, h('p.sms', {}, h('strong', {}, t('mobile.inbox')), messages[0]?.text ?? t('mobile.inbox_empty')),
      field(t('mobile.code'), code, t('mobile.code_hint')),
      busyButton('button.button.primary', t('proof.confirm'), () => done({ sms_code: code.value.trim() }), show));
    code.focus();
  }, show);
  fill(place, h('p', {}, t(own || mobile ? 'proof.text' : 'proof.none')), byFace && consent && h('details', {}, h('summary', {}, consent.title), h('p.soft', {}, consent.text)), byFace, bySms);
  return place;
}
