/** Adding an insured person: oneself, or another person with consent and, for a child, a guardian's statement. */
import { h, icon, fill } from '../dom.js';
import { api, control, offers } from '../api.js';
import { memory } from '../memory.js';
import { t } from '../words.js';
import { busyButton, field, tick, note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';
import { isUnderFourteen, syntheticName, syntheticNumber } from '../parts/documents.js';

const KINDS = ['resident_id', 'hkmt_residence', 'foreign_pr', 'passport', 'hk_macau_pass', 'taiwan_pass'];
/** Their numbers do not tell when somebody was born. */
const WITHOUT_BIRTH_DATE = ['passport', 'hk_macau_pass', 'taiwan_pass'];
/** Whom the demonstration can invent: what they are insured in, and which service shows it. */
const SAMPLES = { standard: null, gap: null, resident: 'resident_medical', missed_months: 'back_payment' };
/** The wording that stands on this screen. */
const TEXT_VERSION = '2026-11';

export default {
  path: /^\/people\/new$/, title: 'person.title', login: true, up: '/people',
  async render({ query, signal }) {
    const [{ people }, offered] = await Promise.all([api('GET', '/v1/people', { signal }), offers()]);
    const texts = offered('GET /api/v1/consent-texts') ? await api('GET', '/v1/consent-texts', { signal }) : null;
    const { place, show } = problemSlot();
    const ownExists = people.some((person) => person.relation === 'self');
    let relation = ownExists ? 'other' : 'self';

    const name = h('input', { type: 'text', autocomplete: 'off', maxlength: 50, required: true });
    const number = h('input', { type: 'text', autocomplete: 'off', maxlength: 30, required: true, autocapitalize: 'characters', spellcheck: 'false' });
    const kind = h('select', {}, KINDS.map((code) => h('option', { value: code }, t(`document.${code}`))));
    const birth = h('input', { type: 'date' });
    const consent = h('div.consent', {});
    const agreed = h('input', { type: 'checkbox' });
    const guardian = h('input', { type: 'checkbox' });

    const text = h('p');
    const guardianPart = h('label.tick', {}, guardian, h('span', {}, entry(texts, 'guardian')?.text ?? t('person.guardian')));
    fill(consent, h('h2', {}, t('person.consent_head')), text, h('label.tick', {}, agreed, h('span', {}, t('person.agree'))), guardianPart);
    // Changes what stands, never replaces it: a finger may be on its way to a tick box.
    const birthPart = field(t('person.birth_date'), birth, t('person.birth_date_hint'));
    const consentParts = () => {
      birthPart.hidden = !WITHOUT_BIRTH_DATE.includes(kind.value);
      text.textContent = consentText(texts, relation) ?? t(relation === 'self' ? 'person.consent_self' : 'person.consent_other');
      const young = kind.value === 'resident_id' ? isUnderFourteen(number.value) : isUnderFourteen(`000000${birth.value.replaceAll('-', '')}0000`);
      guardianPart.hidden = !(relation === 'other' && young);
    };
    number.addEventListener('input', consentParts);
    kind.addEventListener('change', consentParts);
    birth.addEventListener('change', consentParts);
    consentParts();

    const service = /[?&]service=(\w+)/.exec(query.get('next') ?? '')?.[1];
    const sample = h('select', {}, Object.keys(SAMPLES).map((code) => h('option', { value: code }, t(`person.case_${code}`))));
    sample.value = Object.keys(SAMPLES).find((code) => SAMPLES[code] && SAMPLES[code] === service) ?? 'standard';

    const choices = h('fieldset.choices', {}, h('legend', {}, t('person.whom')),
      ['self', 'other'].map((value) => h('label.choice', {}, h('input', {
        type: 'radio', name: 'relation', value, checked: value === relation, disabled: value === 'self' && ownExists,
        onchange: () => { relation = value; agreed.checked = false; consentParts(); },
      }), h('span', {}, t(`people.${value}`)))));

    const save = busyButton('button.button.primary', t('person.save'), async () => {
      if (!agreed.checked) throw told('person.agree_first');
      const body = {
        relation, name: name.value.trim(), consent_text_version: version(texts, relation),
        document: { kind: kind.value, number: number.value.trim() },
      };
      if (!birthPart.hidden && birth.value) body.birth_date = birth.value;
      if (relation === 'other' && guardian.checked && !guardianPart.hidden) body.guardian_statement = { text_version: version(texts, 'guardian') };
      const person = await api('POST', '/v1/people', { body });
      const next = query.get('next');
      if (next?.startsWith('/bills')) go(`${next}${next.includes('?') ? '&' : '?'}person=${person.id}`, { replace: true });
      else go(next?.startsWith('/') ? next : '/people', { replace: true });
    }, show);

    return [
      choices,
      h('section.card.form', {},
        field(t('person.name'), name),
        field(t('person.kind'), kind),
        field(t('person.number'), number, t('person.number_hint')), birthPart),
      h('section.card.demo', { 'aria-labelledby': 'demo' }, h('h2', { id: 'demo' }, t('person.demo')),
        field(t('person.case'), sample),
        busyButton('button.button.fill', [icon('plus', 20), t('person.sample')], async () => {
          const invented = { document_number: syntheticNumber(), name: syntheticName() };
          // The mock agency enrols whoever asks first as an ordinary person; others are entered there beforehand.
          if (sample.value !== 'standard') await control('POST', '/agency/people', { ...invented, city: memory.city ?? undefined, insured: sample.value });
          name.value = invented.name;
          kind.value = 'resident_id';
          number.value = invented.document_number;
          consentParts();
          agreed.focus();
        }, show)),
      h('section.card', {}, consent),
      place, save,
      note(t('person.note')),
    ];
  },
};

function told(key) {
  const cause = new Error(t(key));
  return Object.assign(cause, { status: 0, code: 'consent', body: { message: t(key), next_step: t('person.agree_next') } });
}

/** The service's own wording where it publishes one. */
function entry(texts, purpose) {
  const wanted = { self: 'pay_for_self', other: 'pay_for_other', guardian: 'guardian' }[purpose];
  return texts?.texts.find((text) => text.current && text.purpose === wanted);
}

const consentText = (texts, purpose) => entry(texts, purpose)?.text;
const version = (texts, purpose) => entry(texts, purpose)?.version ?? TEXT_VERSION;

/** The guardian's statement, for whoever asks for it elsewhere. */
export const guardianText = (texts) => ({ text: entry(texts, 'guardian')?.text ?? t('person.guardian'), version: version(texts, 'guardian') });
