/** The city's first page: services, what is unfinished, standards, whom to call. */
import { h, icon } from '../dom.js';
import { isElder, memory, remember } from '../memory.js';
import { api, offers } from '../api.js';
import { t, has } from '../words.js';
import { note, row } from '../parts/pieces.js';
import { unfinished, unfinishedCard } from '../parts/unfinished.js';

const PICTURES = {
  flex_pension: 'pension', flex_medical: 'medical', flex_unemployment: 'shield', resident_medical: 'family', back_payment: 'history', account_topup: 'card',
};

export const elderSwitch = () => h('button.action.pill', {
  type: 'button', id: 'elder-switch',
  onclick: () => remember({ size: isElder() ? 'standard' : 'large' }),
}, t(isElder() ? 'app.elder_off' : 'app.elder'));

export const languageSwitch = () => h('button.action', {
  type: 'button', id: 'language-switch', lang: memory.language === 'en' ? 'zh-CN' : 'en',
  onclick: () => remember({ language: memory.language === 'en' ? 'zh-CN' : 'en' }),
}, memory.language === 'en' ? '中文' : 'EN');

export default {
  path: /^\/$/, title: 'home.title', tab: 'home', root: true, accent: true, city: true,
  actions: () => [elderSwitch(), languageSwitch()],
  async render({ signal }) {
    const [city, orders, offered] = await Promise.all([
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
      orders.map(unfinishedCard),
      h('section.card.list', { 'aria-labelledby': 'services' },
        h('h2', { id: 'services' }, t('home.services')),
        city.services.length === 0 && note(t('home.no_services')),
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
    return await unfinished(signal);
  } catch (cause) {
    // The first page stands without it; the session's end is told where a login is needed.
    if (cause.status === 401) return [];
    throw cause;
  }
}

export function hotlines(lines) {
  if (!lines?.length) return null;
  return h('section.card', { 'aria-labelledby': 'lines' },
    h('h2', { id: 'lines' }, t('home.lines')),
    h('ul.lines', {}, lines.map((line) => h('li', {},
      h('a.line', { href: `tel:${line.number}` }, icon('phone', 20),
        h('span', {}, has(`line.${line.number}`) ? t(`line.${line.number}`) : line.label), h('strong', {}, line.number))))));
}
