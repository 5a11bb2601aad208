/** Topping up the social card's personal account, where a city offers it. */
import { h, icon, fill } from '../dom.js';
import { memory, keepCart } from '../memory.js';
import { api, control } from '../api.js';
import { t } from '../words.js';
import { note, stateMark } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { atField, complete, field } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { isProven } from '../parts/real-name.js';
import { go } from '../router.js';

const AMOUNT = /^\d{1,9}(\.\d{1,2})?$/;
const TAIL = 4;

export default {
  path: /^\/topup$/, title: 'topup.title', login: true, city: true, up: '/',
  async render({ signal }) {
    const { people } = await api('GET', '/v1/people', { signal });
    if (!people.length) {
      go(`/people/new?next=${encodeURIComponent('/topup')}`, { replace: true });
      return [];
    }
    const { place, show } = problemSlot();
    const person = h('select', {}, people.map((one) => h('option', { value: one.id }, one.masked_name)));
    const card = h('input', { type: 'text', inputmode: 'text', autocomplete: 'off', maxlength: 20 });
    const value = h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', maxlength: 12 });
    const standing = h('div', { role: 'status' });
    const look = async () => {
      fill(standing);
      // Only the holder, once proven, sees the card's state.
      if (!isProven(people.find((one) => one.id === person.value))) return;
      try {
        const told = await api('GET', `/v1/people/${person.value}/social-card?city=${memory.city}`, { signal });
        fill(standing, h('p', {}, stateMark(told.state === 'active' ? 'SUCCESS' : 'SUSPENDED', told.label), told.masked_number && ` ${told.masked_number}`),
          told.next_step && note(told.next_step, 'warn'));
      } catch (cause) {
        if (!signal.aborted) show(cause);
      }
    };
    person.addEventListener('change', () => { show(null); look(); });
    await look();
    const send = async () => {
      const filled = complete([
        [card, card.value.trim() !== '', t('topup.card_missing')],
        [value, AMOUNT.test(value.value.trim()), t('topup.amount_missing')],
      ]);
      if (!filled) return;
      try {
        const { bill } = await api('POST', `/v1/people/${person.value}/topups`, {
          body: { city: memory.city, card_no: card.value.trim(), amount: value.value.trim() },
        });
        keepCart({ person: person.value, city: memory.city, refs: [], bills: [bill], card_tail: card.value.trim().slice(-TAIL) });
        go('/confirm');
      } catch (cause) {
        atField(cause, { bank_card_number: card, card_number_invalid: card, card_no: card, identity_mismatch: card, topup_amount: value, topup_limit: value, amount: value });
      }
    };
    return [
      note(t('topup.note'), 'warn'),
      h('section.card.form', {}, field(t('confirm.insured'), person), standing, field(t('topup.card'), card, t('topup.card_hint')), field(t('topup.amount'), value)),
      h('section.card.demo', { 'aria-labelledby': 'demo' }, h('h2', { id: 'demo' }, t('person.demo')),
        busyButton('button.button.fill', [icon('card', 20), t('topup.sample')], async () => {
          const known = await control('GET', '/agency/people', undefined, { quiet: true });
          const wanted = people.find((one) => one.id === person.value);
          card.value = known.find((one) => fits(one.document_number, wanted.masked_number))?.card_no ?? '';
          card.dispatchEvent(new Event('input'));
        }, show)),
      place,
      busyButton('button.button.primary', t('topup.send'), send, show),
    ];
  },
};

/** Whether a number can be the one of which only some characters are shown. */
function fits(number, masked) {
  return number.length === masked.length && [...masked].every((letter, at) => letter === '*' || letter === number[at]);
}
