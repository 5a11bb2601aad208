/** Topping up the social card's personal account, where a city offers it. */
import { h, fill } from '../dom.js';
import { memory, keepCart } from '../memory.js';
import { api } from '../api.js';
import { t } from '../words.js';
import { busyButton, field, note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';

export default {
  path: /^\/topup$/, title: 'topup.title', login: true, city: true, up: '/',
  async render({ signal }) {
    const { people } = await api('GET', '/v1/people', { signal });
    if (!people.length) {
      go('/people/new', { replace: true });
      return [];
    }
    const { place, show } = problemSlot();
    const person = h('select', {}, people.map((one) => h('option', { value: one.id }, one.masked_name)));
    const card = h('input', { type: 'text', inputmode: 'text', autocomplete: 'off', maxlength: 20 });
    const value = h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', maxlength: 12 });
    const result = h('div.stack', { role: 'status' });
    return [
      note(t('topup.note'), 'warn'),
      h('section.card.form', {}, field(t('confirm.insured'), person), field(t('topup.card'), card, t('topup.card_hint')), field(t('topup.amount'), value)),
      place, result,
      busyButton('button.button.primary', t('topup.send'), async () => {
        const { bill, warning } = await api('POST', `/v1/people/${person.value}/topups`, {
          body: { city: memory.city, card_no: card.value.trim(), amount: value.value.trim() },
        });
        keepCart({ person: person.value, city: memory.city, refs: [], bills: [bill] });
        fill(result, note(warning, 'warn'), h('a.button.primary', { href: '#/confirm' }, t('bills.next')));
      }, show),
    ];
  },
};
