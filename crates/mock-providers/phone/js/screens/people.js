/** The insured persons of this account. */
import { h, icon, fill, announce } from '../dom.js';
import { api, offers } from '../api.js';
import { t } from '../words.js';
import { note, personName, relationName } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { reload } from '../router.js';
import { realNamePart } from '../parts/real-name.js';

export default {
  path: /^\/people$/, title: 'people.title', login: true, up: '/me', tab: 'me',
  async render({ signal }) {
    const [{ people }, offered, texts] = await Promise.all([api('GET', '/v1/people', { signal }), offers(), api('GET', '/v1/consent-texts', { signal })]);
    return [
      people.length === 0 && h('section.empty', {}, icon('family', 40), h('p', {}, t('people.none'))),
      people.map((person) => personCard(person, offered, texts)),
      h('a.button.primary', { href: '#/people/new' }, icon('plus', 20), t('people.add')),
      note(t('people.note')),
    ];
  },
};

function personCard(person, offered, texts) {
  const { place, show } = problemSlot({ person: person.id });
  const actions = h('div.person-actions', {});
  const normal = () => fill(actions, h('button.button.quiet.bad', { type: 'button', onclick: ask }, t('people.remove')));
  // Asked in place: no dialog covers the page.
  const ask = () => {
    fill(actions, h('p', {}, t('people.remove_sure', { name: person.masked_name })), h('div.pair', {},
      busyButton('button.button.bad', t('people.remove_yes'), async () => {
        await api('DELETE', `/v1/people/${person.id}`);
        await reload();
        announce(t('people.removed_now', { name: person.masked_name }));
      }, show),
      h('button.button', { type: 'button', onclick: () => { normal(); actions.querySelector('button').focus(); } }, t('app.keep'))));
    actions.querySelector('button').focus();
  };
  normal();
  return h('section.card.person', { 'data-person': person.id, 'data-key': person.id },
    h('div.person-head', {}, h('h2', {}, personName(person)), h('span.mark.plain', {}, relationName(person))),
    h('p.soft.break', {}, person.masked_number),
    offered('POST /api/v1/people/{}/real-name') && realNamePart(person, texts, show),
    offered('POST /api/v1/people/{}/payment-requests') && person.relation === 'self' && person.real_name?.state === 'verified'
      && h('a.button', { href: '#/family' }, icon('family', 20), t('family.ask')),
    place, actions);
}
