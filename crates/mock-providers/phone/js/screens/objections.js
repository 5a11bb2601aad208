/** Objections (异议): saying what is not right about a payment, and reading the answer. */
import { h, icon, announce } from '../dom.js';
import { api } from '../api.js';
import { t, timeName } from '../words.js';
import { facts, note } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { atField, complete, field } from '../parts/fields.js';
import { problemSlot } from '../parts/slot.js';
import { go, reload } from '../router.js';

const REASONS = ['not_posted', 'wrong_amount', 'paid_twice', 'wrong_person', 'refund_missing', 'other'];
const EVIDENCE_MAX = 1_000;

/** One for an order. */
export const objection = {
  path: /^\/orders\/(\w+)\/objection$/, title: 'objection.title', login: true, up: '/orders', tab: 'records',
  render({ parts: [number] }) {
    const { place, show } = problemSlot();
    // Nothing is chosen for whoever objects.
    const reason = h('select', { id: 'reason' }, h('option', { value: '' }, t('objection.choose')),
      REASONS.map((code) => h('option', { value: code }, t(`objection_reason.${code}`))));
    const evidence = h('textarea', { id: 'evidence', maxlength: EVIDENCE_MAX, rows: 5 });
    const send = async () => {
      if (!complete([[reason, reason.value !== '', t('objection.reason_missing')], [evidence, evidence.value.trim() !== '', t('objection.evidence_missing')]])) return;
      try {
        await api('POST', `/v1/orders/${number}/objections`, { body: { reason: reason.value, evidence_text: evidence.value.trim() } });
      } catch (cause) {
        return atField(cause, { evidence_text: evidence });
      }
      go('/objections', { replace: true });
    };
    return [
      h('section.card.form', {},
        facts([t('order.number'), h('span.break', {}, number)]),
        field(t('objection.reason'), reason), field(t('objection.evidence'), evidence, t('objection.evidence_hint'))),
      note(t('objection.limit')), place,
      busyButton('button.button.primary', t('objection.send'), send, show),
    ];
  },
};

/** All of this account. */
export const objections = {
  path: /^\/objections$/, title: 'objection.list', login: true, up: '/me', tab: 'me',
  async render({ signal }) {
    const list = (await api('GET', '/v1/objections', { signal })).objections;
    return list.length ? list.map(card) : [h('section.empty', {}, icon('talk', 40), h('p', {}, t('objection.none')))];
  },
};

function card(one) {
  const { place, show } = problemSlot();
  return h('section.card.objection', { 'data-key': one.id },
    h('div.item-head', {}, h('h2', {}, one.reason_label), h('span.mark.plain', {}, one.label)),
    h('p', {}, one.evidence_text), h('p', {}, one.text),
    one.answer && note(`${one.answer.outcome_label}：${one.answer.text}`),
    h('p.soft', {}, timeName(one.submitted_at)),
    h('a.link', { href: `#/orders/${one.order_no}` }, t('problem.see_order')), place,
    one.state === 'submitted' && busyButton('button.button.quiet', t('objection.withdraw'), async () => {
      const ended = await api('POST', `/v1/objections/${one.id}/withdrawal`, { body: {} });
      await reload();
      announce(ended?.text ?? t('objection.withdrawn'));
    }, show));
}
