/** One more proof that it is the owner: the face on the platform's page, or a code to the bound number. */
import { h, fill } from '../dom.js';
import { api, control } from '../api.js';
import { t } from '../words.js';
import { busyButton } from './busy.js';
import { atField, complete, field } from './fields.js';
import { consentOf, play } from './real-name.js';

/**
 * Buttons for both ways.
 * @param {'export'|'erasure'} act
 * @param {{own: object|undefined, mobile: object|null, texts: object}} means the own person, the bound number, the consents
 * @param {(proof: object) => Promise<void>} done does the act
 * @param {(cause: Error|null) => void} show
 */
export function proofPart(act, { own, mobile, texts }, done, show) {
  const place = h('div.stack.proof');
  const consent = consentOf(texts);
  const byFace = own && busyButton('button.button', t('proof.face'), async () => {
    const begun = await api('POST', '/v1/me/proofs', { body: { act, by: 'face', consent_text_version: consent?.version } });
    await play(begun.action);
    await done({ verification_id: begun.verification_id });
  }, show);
  const bySms = mobile && busyButton('button.button', t('proof.sms', { mobile: mobile.masked }), async () => {
    await api('POST', '/v1/me/proofs', { body: { act, by: 'sms' } });
    // Never shown in reality: here, the mock operator says what it sent.
    const { messages } = await control('GET', '/sms/messages?limit=1', undefined, { quiet: true });
    const code = h('input', { type: 'text', id: `proof-${act}`, inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: 6 });
    fill(place, h('p.sms', {}, h('strong', {}, t('mobile.inbox')), messages[0]?.text ?? t('mobile.inbox_empty')),
      field(t('mobile.code'), code, t('mobile.code_hint')),
      busyButton('button.button.primary', t('proof.confirm'), async () => {
        if (!complete([[code, code.value.trim() !== '', t('mobile.code_missing')]])) return;
        try {
          await done({ sms_code: code.value.trim() });
        } catch (cause) {
          atField(cause, { sms_code_wrong: code, sms_code: code });
        }
      }, show));
    code.focus();
  }, show);
  fill(place, h('p', {}, t(own || mobile ? 'proof.text' : 'proof.none')),
    byFace && consent && h('details', {}, h('summary', {}, consent.title), h('p.soft', {}, consent.text)), byFace, bySms);
  return place;
}
