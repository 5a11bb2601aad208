/** The city's first page: services, what is unfinished, standards, whom to call. */
import { h, icon } from '../dom.js';
import { memory, remember } from '../memory.js';
import { api, offers } from '../api.js';
import { t, has } from '../words.js';
import { amount, row, stateMark } from '../parts/pieces.js';

/** States in which a person has something to do or to wait for. */
export const LIVE = new Set(['CREATED', 'PAYING', 'PAID', 'SUSPENDED', 'REFUNDING', 'REFUND_FAILED', 'REVERSED']);

const PICTURES = {
  flex_pension: 'pension', flex_medical: 'medical', resident_medical: 'family', back_payment: 'history', account_topup: 'card',
};

export const elderSwitch = () => h('button.action.pill', {
  type: 'button', id: 'elder-switch',
  onclick: () => remember({ elder: !memory.elder }),
}, t(memory.elder ? 'app.elder_off' : 'app.elder'));

export const languageSwitch = () => h('button.action', {
  type: 'button', id: 'language-switch', lang: memory.language === 'en' ? 'zh-CN' : 'en',
  onclick: () => remember({ language: memory.language === 'en' ? 'zh-CN' : 'en' }),
}, memory.language === 'en' ? '中文' : 'EN');

export default {
  path: /^\/$/, title: 'home.title', tab: 'home', root: true, accent: true, city: true,
  actions: () => [elderSwitch(), languageSwitch()],
  async render({ signal }) {
    const [city, unfinished, offered] = await Promise.all([
      api('GET', `/v1/cities/${memory.city}`, { signal }),
      memory.token ? live(signal) : [],
      offers(),
    ]);
    return [
      h('section.hero', {},
        h('p.hero-label', {}, t('home.enrolled_in')),
        h('p.hero-city', {}, h('strong', {}, city.name), h('span', {}, city.province === city.name ? '' : city.province),
          h('a.hero-change', { href: '#/cities' }, t('home.change'), h('span.unseen', {}, t('home.change_city')))),
        h('p.hero-promise', {}, t('home.promise'))),
      unfinished.map(unfinishedCard),
      h('section.card.list', { 'aria-labelledby': 'services' },
        h('h2', { id: 'services' }, t('home.services')),
        city.services.map((service) => row({
          href: service.code === 'account_topup' ? '#/topup' : `#/bills?service=${service.code}`,
          picture: PICTURES[service.code] ?? 'paper',
          title: has(`service.${service.code}.name`) ? t(`service.${service.code}.name`) : service.label,
          text: has(`service.${service.code}.text`) ? t(`service.${service.code}.text`) : null,
        }))),
      h('section.card.list', { 'aria-labelledby': 'know' },
        h('h2', { id: 'know' }, t('home.know')),
        row({ href: '#/quote', picture: 'calculator', title: t('quote.title'), text: t('home.quote_text') }),
        row({ href: '#/guide', picture: 'book', title: t('guide.title'), text: t('home.guide_text') }),
        offered('POST /api/v1/orders/{}/objections') && row({ href: '#/orders', picture: 'talk', title: t('home.objection'), text: t('home.objection_text') })),
      hotlines(city.hotlines),
    ];
  },
};

async function live(signal) {
  try {
    const { orders } = await api('GET', '/v1/orders?limit=10', { signal });
    return orders.filter((order) => LIVE.has(order.state));
  } catch (cause) {
    // The first page stands without it; the session's end is told where a login is needed.
    if (cause.status === 401) return [];
    throw cause;
  }
}

function unfinishedCard(order) {
  const act = order.next_step.action === 'pay' ? 'home.go_on' : 'home.look';
  return h('section.card.unfinished', { 'aria-labelledby': `o-${order.order_no}` },
    h('div.unfinished-head', {},
      h('h2', { id: `o-${order.order_no}` }, t('home.unfinished')), stateMark(order.state, order.label)),
    h('p.unfinished-amount', {}, amount(order.amount, 'middle')),
    h('p', {}, order.text),
    h('a.button.primary', { href: `#/orders/${order.order_no}` }, t(act)));
}

export function hotlines(lines) {
  if (!lines?.length) return null;
  return h('section.card', { 'aria-labelledby': 'lines' },
    h('h2', { id: 'lines' }, t('home.lines')),
    h('ul.lines', {}, lines.map((line) => h('li', {},
      h('a.line', { href: `tel:${line.number}` }, icon('phone', 20),
        h('span', {}, has(`line.${line.number}`) ? t(`line.${line.number}`) : line.label), h('strong', {}, line.number))))));
}
