/** Adding an insured person: oneself, or another person with consent and, for a child, a guardian's statement. */
import { h, icon } from '../dom.js';
import { api, control, offers } from '../api.js';
import { memory } from '../memory.js';
import { t } from '../words.js';
import { note } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { atField, complete, errorOf, field } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';
import { BORN, birthDateIn, isUnderFourteen, syntheticName, syntheticNumber } from '../parts/documents.js';

const KINDS = ['resident_id', 'hkmt_residence', 'foreign_pr', 'passport', 'hk_macau_pass', 'taiwan_pass'];
/** Their numbers do not tell when somebody was born. */
const WITHOUT_BIRTH_DATE = new Set(['passport', 'hk_macau_pass', 'taiwan_pass']);
/** Whom the demonstration can invent: how old, for whom, and which service shows it. */
const SAMPLES = {
  standard: { born: BORN.worker },
  gap: { born: BORN.worker },
  missed_months: { born: BORN.worker, service: 'back_payment' },
  resident: { born: BORN.worker, service: 'resident_medical' },
  elderly: { born: BORN.elderly },
  child: { born: BORN.child, relation: 'other' },
};
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

    const name = h('input', { type: 'text', id: 'person-name', autocomplete: 'off', maxlength: 50, required: true });
    const number = h('input', { type: 'text', id: 'person-number', autocomplete: 'off', maxlength: 30, required: true, autocapitalize: 'characters', spellcheck: 'false' });
    const kind = h('select', { id: 'person-kind' }, KINDS.map((code) => h('option', { value: code }, t(`document.${code}`))));
    const birth = h('input', { type: 'date', id: 'person-birth' });
    const agreed = h('input', { type: 'checkbox', id: 'agreed' });
    const guardian = h('input', { type: 'checkbox', id: 'guardian' });

    const text = h('p');
    const guardianError = errorOf(guardian);
    const guardianPart = h('label.tick', {}, guardian, h('span', {}, entry(texts, 'guardian')?.text ?? t('person.guardian')));
    const consent = h('div.consent', {}, h('h2', {}, t('person.consent_head')), text,
      h('label.tick', {}, agreed, h('span', {}, t('person.agree'))), errorOf(agreed), guardianPart, guardianError);
    // Changes what stands, never replaces it: a finger may be on its way to a tick box.
    const birthPart = field(t('person.birth_date'), birth, t('person.birth_date_hint'));
    const consentParts = () => {
      birthPart.hidden = !WITHOUT_BIRTH_DATE.has(kind.value);
      text.textContent = consentText(texts, relation) ?? t(relation === 'self' ? 'person.consent_self' : 'person.consent_other');
      const young = isUnderFourteen(birthPart.hidden ? birthDateIn(number.value) : birth.value);
      guardianPart.hidden = !(relation === 'other' && young);
    };
    number.addEventListener('input', consentParts);
    kind.addEventListener('change', consentParts);
    birth.addEventListener('input', consentParts);
    consentParts();

    const relations = ['self', 'other'].map((value) => h('input', {
      type: 'radio', name: 'relation', value, checked: value === relation, disabled: value === 'self' && ownExists,
      onchange: () => { relation = value; agreed.checked = false; consentParts(); },
    }));
    const choices = h('fieldset.choices', {}, h('legend', {}, t('person.whom')),
      relations.map((input) => h('label.choice', {}, input, h('span', {}, t(`people.${input.value}`)))));

    const save = async () => {
      const filled = complete([
        [name, name.value.trim() !== '', t('person.name_missing')],
        [number, number.value.trim() !== '', t('person.number_missing')],
        [birth, birthPart.hidden || birth.value !== '', t('person.birth_date_missing')],
        [agreed, agreed.checked, t('person.agree_first')],
        [guardian, guardianPart.hidden || guardian.checked, t('person.guardian_first')],
      ]);
      if (!filled) return;
      const body = {
        relation, name: name.value.trim(), consent_text_version: version(texts, relation),
        document: { kind: kind.value, number: number.value.trim() },
      };
      if (!birthPart.hidden) body.birth_date = birth.value;
      if (!guardianPart.hidden) body.guardian_statement = { text_version: version(texts, 'guardian') };
      let person;
      try {
        person = await api('POST', '/v1/people', { body });
      } catch (cause) {
        return atField(cause, {
          document_invalid: number, person_differs: number, name_invalid: name, guardian_statement_needed: guardian, birth_date: birth,
        });
      }
      const next = query.get('next');
      if (next?.startsWith('/bills')) go(`${next}${next.includes('?') ? '&' : '?'}person=${person.id}`, { replace: true });
      else go(next?.startsWith('/') ? next : '/people', { replace: true });
    };

    const service = /[?&]service=(\w+)/.exec(query.get('next') ?? '')?.[1];
    const invent = (person, forWhom) => {
      const other = relations[1];
      if (forWhom === 'other' && !other.checked) {
        other.checked = true;
        other.dispatchEvent(new Event('change'));
      }
      name.value = person.name;
      kind.value = 'resident_id';
      number.value = person.document_number;
      for (const input of [name, number]) input.dispatchEvent(new Event('input'));
      agreed.focus();
    };
    return [
      choices,
      h('section.card.form', {},
        field(t('person.name'), name),
        field(t('person.kind'), kind),
        field(t('person.number'), number, t('person.number_hint')), birthPart),
      demoPart(service, invent, show),
      h('section.card', {}, consent),
      place, busyButton('button.button.primary', t('person.save'), save, show),
      note(t('person.note')),
    ];
  },
};

/** Whom to invent, for whoever has no insured person at hand. */
function demoPart(service, invent, show) {
  const sample = h('select', { id: 'sample' }, Object.keys(SAMPLES).map((code) => h('option', { value: code }, t(`sample.${code}`))));
  sample.value = Object.keys(SAMPLES).find((code) => SAMPLES[code].service && SAMPLES[code].service === service) ?? 'standard';
  return h('section.card.demo', { 'aria-labelledby': 'demo' }, h('h2', { id: 'demo' }, t('person.demo')),
    field(t('person.case'), sample, t('person.case_hint')),
    busyButton('button.button.fill', [icon('plus', 20), t('person.sample')], async () => {
      const { born, relation } = SAMPLES[sample.value];
      const person = { document_number: syntheticNumber(born), name: syntheticName() };
      // The mock agency enrols whoever asks first as an ordinary person; others are entered there beforehand.
      if (sample.value !== 'standard') await control('POST', '/agency/people', { ...person, city: memory.city ?? undefined, insured: sample.value });
      invent(person, relation);
    }, show));
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
