/** Paying for the family (亲情代缴): asking somebody by a link, and what the one who is asked sees. */
import { h, icon, fill } from '../dom.js';
import { memory, remember } from '../memory.js';
import { api } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, busyButton, facts, field, itemName, note, tick } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';
import { guardianText } from './new-person.js';

/** Making a link. Only for oneself, and only whose name is proven. */
export const ask = {
  path: /^\/family$/, title: 'family.title', login: true, city: true, up: '/people', tab: 'me',
  async render({ query, signal }) {
    const [{ people }, city] = await Promise.all([api('GET', '/v1/people', { signal }), api('GET', `/v1/cities/${memory.city}`, { signal })]);
    const self = people.find((one) => one.relation === 'self');
    const proven = self?.real_name?.state === 'verified';
    const order_no = query.get('order');
    const { place, show } = problemSlot();
    const made = h('div.stack', { role: 'status' });
    const make = busyButton('button.button.primary', t('family.make'), async () => {
      const body = order_no ? { order_no } : { city: memory.city };
      const { token, request } = await api('POST', `/v1/people/${self.id}/payment-requests`, { body });
      fill(made, link(token, request, show));
      made.scrollIntoView({ block: 'nearest' });
    }, show);
    return [
      h('section.lead', {}, h('h2', {}, t('family.lead')), h('p', {}, t('family.text'))),
      proven
        ? h('section.card', {}, facts([t('confirm.insured'), self.masked_name], [t('confirm.city'), city.name], [t('family.what'), order_no ? h('span.break', {}, order_no) : t('family.whatever')]), make)
        : [note(t('family.need'), 'warn'), h('a.button.primary', { href: '#/people' }, t('people.verify'))],
      place, made,
      note(t('family.note')),
    ];
  },
};

function link(token, request, show) {
  const address = `${location.origin}${location.pathname}#/family/${token}`;
  const shown = h('input', { type: 'text', readonly: true, value: address, id: 'family-link', onfocus: (event) => event.target.select() });
  const card = h('section.card.form.family-link', {}, h('h2', {}, t('family.made')),
    field(t('family.link'), shown, t('family.until', { time: timeName(request.expires_at) })),
    busyButton('button.button.primary', [icon('paper', 20), t('family.copy')], async () => {
      shown.select();
      // Without the right to the clipboard the link stands there, selected.
      await navigator.clipboard?.writeText(address).catch(() => null);
      fill(told, note(t('family.copied')));
    }, show),
    busyButton('button.button.quiet.bad', t('family.withdraw'), async () => {
      await api('DELETE', `/v1/payment-requests/${token}`);
      fill(card, note(t('family.withdrawn')));
    }, show));
  const told = h('div', { role: 'status' });
  card.append(told);
  return card;
}

/** What a link asks for. */
export const asked = {
  path: /^\/family\/([\w-]+)$/, title: 'family.title', login: true, up: '/',
  async render({ parts: [token], signal }) {
    const [request, texts] = await Promise.all([
      api('GET', `/v1/payment-requests/${encodeURIComponent(token)}`, { signal }), api('GET', '/v1/consent-texts', { signal }),
    ]);
    const { place, show } = problemSlot();
    const consent = texts.texts.find((text) => text.current && text.purpose === 'pay_for_other');
    const agreed = tick(t('person.agree'));
    const guardian = request.needs_guardian_statement && tick(guardianText(texts).text);
    const whom = h('section.card', { 'aria-labelledby': 'asked-whom' }, h('h2', { id: 'asked-whom' }, t('family.for')),
      facts([t('confirm.insured'), h('strong', {}, request.masked_name)], [t('confirm.number'), request.masked_number], [t('confirm.city'), request.city_name],
        [t('family.valid'), timeName(request.expires_at)]));
    const what = request.order
      ? h('section.card', {}, h('h2', {}, t('confirm.what')), request.order.items.map((item) => h('div.item', {}, h('div.item-head', {},
          h('strong', {}, itemName(item)), amount(item.amount, 'small')))),
        h('div.item-head', {}, h('strong', {}, t('bills.sum')), amount(request.order.amount, 'middle')))
      : note(t('family.whatever_text'));
    if (request.own) {
      return [note(t('family.own'), 'warn'), whom, what, place, request.state === 'open' && busyButton('button.button.bad', t('family.withdraw'), async () => {
        await api('DELETE', `/v1/payment-requests/${token}`);
        go('/people', { replace: true });
      }, show)];
    }
    const toBills = (person, city) => {
      remember({ city });
      go(`/bills?person=${person}`, { replace: true });
    };
    if (request.person_id) {
      return [note(t('family.accepted')), whom, h('button.button.primary', { type: 'button', onclick: () => toBills(request.person_id, request.city) }, t('tiers.to_bills'))];
    }
    return [
      h('section.lead', {}, h('h2', {}, t('family.asked', { name: request.masked_name })), h('p', {}, t('family.asked_text'))),
      whom, what,
      h('section.card', {}, h('div.consent', {}, h('h2', {}, t('person.consent_head')), h('p', {}, consent?.text ?? t('person.consent_other')), agreed, guardian)),
      place,
      busyButton('button.button.primary', t('family.accept'), async () => {
        if (!agreed.querySelector('input').checked) {
          agreed.querySelector('input').focus();
          throw Object.assign(new Error('consent'), { status: 0, code: 'consent', body: { message: t('person.agree_first'), next_step: t('family.agree_next') } });
        }
        const body = { consent_text_version: request.consent_text_version };
        if (guardian && guardian.querySelector('input').checked) body.guardian_statement = { text_version: guardianText(texts).version };
        const taken = await api('POST', `/v1/payment-requests/${encodeURIComponent(token)}/acceptance`, { body });
        toBills(taken.person.id, taken.city);
      }, show),
      h('a.button.quiet', { href: '#/' }, t('family.decline')),
    ];
  },
};
