/** My data: the bound number, who pays for me, export and erasure. */
import { h, fill, announce } from '../dom.js';
import { remember, forgetVisit } from '../memory.js';
import { api } from '../api.js';
import { t, timeName } from '../words.js';
import { note } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { helpLines } from '../parts/problem.js';
import { saved } from '../parts/saving.js';
import { mobilePart } from '../parts/mobile.js';
import { proofPart } from '../parts/proof.js';
import { reload } from '../router.js';

export default {
  path: /^\/rights$/, title: 'rights.title', login: true, up: '/me', tab: 'me',
  async render({ signal }) {
    const [me, { people }, texts] = await Promise.all([api('GET', '/v1/me', { signal }), api('GET', '/v1/people', { signal }), api('GET', '/v1/consent-texts', { signal })]);
    const means = { own: people.find((one) => one.relation === 'self'), mobile: me.mobile, texts };
    // Who pays is told only to who has proven their name.
    const proven = people.some((one) => one.relation === 'self' && one.real_name?.state === 'verified');
    const { payers } = proven ? await api('GET', '/v1/me/payers', { signal }) : { payers: [] };
    const { place, show } = problemSlot();
    return [
      h('section.lead', {}, h('h2', {}, t('rights.lead'))),
      mobilePart(me.mobile),
      h('section.card', {}, h('h2', {}, t('rights.payers')),
        !proven ? note(t('rights.payers_need'), 'info', h('a.link', { href: '#/people' }, t('people.verify'))) : payers.length === 0 && h('p.soft', {}, t('rights.payers_none')),
        payers.map((payer) => h('div.item.payer', { 'data-key': payer.id },
          h('div.item-head', {}, h('strong', {}, payer.masked_name ?? payer.platform_label), h('span.soft', {}, t('rights.since', { time: timeName(payer.since).slice(0, 10) }))),
          payer.masked_name && h('p.soft', {}, payer.platform_label),
          busyButton('button.button.quiet', t('rights.unlink'), async () => {
            await api('DELETE', `/v1/me/payers/${payer.id}`);
            await reload();
            announce(t('rights.unlinked'));
          }, show)))),
      h('section.card', {}, h('h2', {}, t('rights.export')), h('p.soft', {}, t('rights.export_text')),
        busyButton('button.button', t('rights.export'), async () => {
          const all = await api('GET', '/v1/me/export', { raw: true });
          saved(new Blob([JSON.stringify(all, null, 2)], { type: 'application/json' }), 'my-data.json');
        }, show), wholeExport(means, show)),
      erasure(means, show), place, helpLines(),
    ];
  },
};

/** Everything in whole, once it is proven that the owner asks. */
function wholeExport(means, show) {
  const place = h('div.stack');
  const ask = () => fill(place, proofPart('export', means, async (proof) => {
    const all = await api('POST', '/v1/me/export', { body: { proof }, raw: true });
    saved(new Blob([JSON.stringify(all, null, 2)], { type: 'application/json' }), 'my-data-whole.json');
  }, show)).querySelector('button')?.focus();
  fill(place, h('button.button.quiet', { type: 'button', onclick: ask }, t('rights.export_whole')));
  return place;
}

function erasure(means, show) {
  const place = h('div.stack');
  const sure = () => fill(place, h('p', {}, t('rights.erase_sure')), h('div.pair', {},
    h('button.button.bad', { type: 'button', onclick: () => fill(place, proofPart('erasure', means, async (proof) => {
      const told = await api('POST', '/v1/me/erasure', { body: { confirm: true, proof } });
      remember({ token: null, user: null });
      forgetVisit();
      const said = note(told?.message ?? t('rights.erased'));
      fill(document.getElementById('screen'), said, h('a.button.primary', { href: '#/' }, t('app.tab.home')));
      document.querySelector('#screen > a').focus();
      announce(said.textContent);
    }, show)).querySelector('button')?.focus() }, t('rights.erase_yes')),
    h('button.button', { type: 'button', onclick: () => offer().focus() }, t('app.keep')))).querySelector('button').focus();
  const offer = () => fill(place, h('button.button.quiet.bad', { type: 'button', onclick: sure }, t('rights.erase'))).firstChild;
  offer();
  return h('section.card', {}, h('h2', {}, t('rights.erase')), h('p.soft', {}, t('rights.erase_text')), place);
}
