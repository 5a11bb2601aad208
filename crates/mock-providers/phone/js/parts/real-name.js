/** The platform's real-name check of one person; the mock platform plays the face or the certification. */
import { h, icon, announce } from '../dom.js';
import { api, control } from '../api.js';
import { t, timeName } from '../words.js';
import { busyButton } from './busy.js';
import { reload } from '../router.js';

export function realNamePart(person, show) {
  const real = person.real_name ?? { state: 'none' };
  // Nobody else's face is asked for.
  if (person.relation !== 'self') return null;
  if (real.state === 'verified') {
    return h('p.mark.good', {}, icon('check', 16), t('people.verified', { time: timeName(real.verified_at).slice(0, 10) }));
  }
  return h('div.real-name', {},
    h('p.soft', {}, t(real.state === 'failed' ? 'people.verify_failed' : 'people.unverified')),
    busyButton('button.button', t('people.verify'), async () => {
      const { verification_id, action } = await api('POST', `/v1/people/${person.id}/real-name`, { body: {} });
      if (action) {
        const result = await play(action);
        await api('POST', `/v1/people/${person.id}/real-name/${verification_id}/result`, { body: result });
      }
      await reload();
      // The outcome stands at the person's name.
      announce(document.querySelector(`[data-person="${CSS.escape(person.id)}"]`)?.querySelector('.mark.good, .real-name .soft')?.textContent ?? '');
    }, show, { 'data-key': 'verify' }));
}

/** What the citizen does in the platform's own pages, which never show us a face. */
async function play(action) {
  if (action.kind === 'wechat_face') {
    const id = action.parameters.verifyId;
    await control('POST', '/wechat/faces', { verify_id: id });
    return { verify_result: id };
  }
  await control('POST', '/alipay/certifications', { certify_id: action.certify_id, passed: true });
  return {};
}
