/** The voucher of an order, or the acknowledgement while booking is pending or never came; and the agency's own documents. */
import { h, icon } from '../dom.js';
import { api, offers } from '../api.js';
import { t, timeName } from '../words.js';
import { amount, facts, note, stateMark } from '../parts/pieces.js';
import { billName } from '../parts/bill.js';
import { busyButton } from '../parts/busy.js';
import { isProven } from '../parts/real-name.js';
import { problemSlot } from '../parts/slot.js';
import { saved } from '../parts/saving.js';

const SHOWN_AT_ONCE = 4;

export default {
  path: /^\/orders\/(\w+)\/voucher$/, title: 'voucher.title', login: true, up: '/orders', tab: 'records',
  async render({ parts: [number], signal, retitle }) {
    const [voucher, { person }, offered] = await Promise.all([
      api('GET', `/v1/orders/${number}/voucher`, { signal }), api('GET', `/v1/orders/${number}`, { signal }), offers(),
    ]);
    const own = offered('GET /api/v1/orders/{}/documents') && person?.relation === 'self';
    // They name the person in full, so they are for the person alone, once the name is proven.
    const official = own && isProven(person) ? await api('GET', `/v1/orders/${number}/documents`, { signal }).catch((cause) => {
      if (signal.aborted || cause.status === 401) throw cause;
      return null;
    }) : null;
    if (voucher.kind === 'acknowledgement') retitle(t('voucher.acknowledgement'));
    const { place, show } = problemSlot();
    return [
      h('section.card.voucher-paper', {},
        h('h2', {}, voucher.title),
        h('p.voucher-state', {}, stateMark(voucher.status, voucher.status_label)),
        h('p.voucher-amount', {}, amount(voucher.amount, 'large'), h('span', {}, voucher.amount_capitals)),
        facts(
          voucher.serial && [t('voucher.serial'), h('span.break', {}, voucher.serial)],
          voucher.verification_code && [t('voucher.code'), h('strong', {}, voucher.verification_code)],
          [t('confirm.insured'), h('span.long', {}, voucher.insured_name)], [t('confirm.number'), h('span.break', {}, voucher.insured_number)],
          [t('confirm.city'), voucher.city_name], [t('order.channel'), voucher.channel_label],
          [t('order.paid_at'), timeName(voucher.paid_at)], [t('order.transaction'), h('span.break', {}, voucher.transaction_id)],
          voucher.issued_at && [t('voucher.issued'), timeName(voucher.issued_at)]),
        h('h3', {}, t('voucher.lines')),
        voucher.lines.map((line) => h('div.item', {},
          h('div.item-head', {}, h('strong', {}, billName(line)), amount(line.amount, 'small')),
          h('p.soft', {}, `${line.agency_name} · ${line.status_label}`),
          line.agency_serial && h('p.soft.break', {}, `${t('order.serial')} ${line.agency_serial}`))),
        h('p.soft', {}, voucher.statement)),
      place,
      busyButton('button.button.primary', [icon('download', 20), t('voucher.download')], async () => {
        saved(await api('GET', `/v1/orders/${number}/voucher.pdf`, { as: 'blob' }), `${voucher.serial ?? number}.pdf`);
      }, show),
      voucher.check_url && h('a.button', { href: voucher.check_url, target: '_blank', rel: 'noreferrer noopener' }, t('voucher.check')),
      own && !isProven(person) && h('section.card', {}, h('h2', {}, t('voucher.documents')),
        note(t('voucher.documents_need'), 'info', h('a.link', { href: '#/people' }, t('people.verify')))),
      official && documentsPart(number, official.documents, voucher.lines, show),
    ];
  },
};

/** What the agencies themselves supplied; many are folded away, so that what is ours stays in sight. */
function documentsPart(number, documents, lines, show) {
  const buttons = inOrder(documents, lines).map(({ one, line }) => busyButton('button.button', [icon('paper', 20), documentName(one, line)], async () => {
    saved(await api('GET', `/v1/orders/${number}/documents/${one.id}`, { as: 'blob' }), `${one.agency_serial}.pdf`);
  }, show));
  const head = h('h2', {}, t('voucher.documents'));
  if (buttons.length > SHOWN_AT_ONCE) return h('details.card', {}, h('summary', {}, head), h('div.stack', {}, buttons));
  return h('section.card', {}, head, buttons.length === 0 && h('p.soft', {}, t('voucher.documents_none')), buttons);
}

/** In the order of the voucher's lines, whatever the agency sent first. */
function inOrder(documents, lines) {
  const place = (one) => lines.findIndex((line) => line.bill_no === one.bill_no);
  return [...documents].sort((a, b) => place(a) - place(b)).map((one) => ({ one, line: lines[place(one)] }));
}

/** What it is about, as far as a line of the voucher says so. */
const documentName = (one, line) => (line ? billName(line) : one.source);
