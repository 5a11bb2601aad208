/** The city picker: place, recent, hot, search, A to Z. The city of enrolment is what matters. */
import { h, icon, fill, announce } from '../dom.js';
import { memory, remember } from '../memory.js';
import { api, query } from '../api.js';
import { t, isChinese } from '../words.js';
import { note } from '../parts/pieces.js';
import { problemSlot } from '../parts/slot.js';
import { go } from '../router.js';
import { elderSwitch, languageSwitch } from './home.js';

const SEARCH_MAX = 20;
const RECENT_MAX = 3;
/** Tai Lake Square in Wuxi: what the demonstration says where the browser does not tell a place. */
const DEMO_PLACE = { lat: '31.4900', lng: '120.3100' };

export default {
  path: /^\/cities$/, title: 'cities.title', up: '/', actions: () => [elderSwitch(), languageSwitch()],
  async render({ signal }) {
    const index = await api('GET', '/v1/cities', { signal });
    const known = new Map(index.groups.flatMap((group) => group.cities).map((city) => [city.code, city]));
    const search = searchPart(signal);
    const recent = memory.recent.map((code) => known.get(code)).filter(Boolean);
    return [
      note(t('cities.hint')),
      search.box,
      search.results,
      h('div.city-lists', { id: 'city-lists' },
        placePart(signal),
        recent.length > 0 && named('cities.recent', tiles(recent)),
        named('cities.hot', tiles(index.hot)),
        h('nav.letters', { 'aria-label': t('cities.letters') }, index.groups.map(({ letter }) =>
          h('button', { type: 'button', onclick: () => jump(letter) }, letter))),
        index.groups.map(({ letter, cities }) => h('section', { 'aria-labelledby': `letter-${letter}` },
          h('h2.letter', { id: `letter-${letter}`, tabindex: -1 }, letter),
          h('ul.city-list.card', {}, cities.map((city) => h('li', {}, line(city))))))),
    ];
  },
};

function jump(letter) {
  const heading = document.getElementById(`letter-${letter}`);
  heading.scrollIntoView({ block: 'start' });
  heading.focus({ preventScroll: true });
}

function named(key, content) {
  return h('section', { 'aria-label': t(key) }, h('h2.list-head', {}, t(key)), content);
}

function choose(city) {
  remember({ city: city.code, recent: [city.code, ...memory.recent.filter((code) => code !== city.code)].slice(0, RECENT_MAX) });
  go('/');
}

/** The name that is read: pinyin helps who does not read Chinese. */
const sound = (city) => (isChinese() ? '' : city.pinyin.charAt(0).toUpperCase() + city.pinyin.slice(1));

function tiles(cities) {
  return h('ul.tiles', {}, cities.map((city) => h('li', {}, h('button.tile', {
    type: 'button', 'data-city': city.code, disabled: !city.open, onclick: () => choose(city),
  }, city.name, !city.open && h('small', {}, t('cities.not_open')), city.open && sound(city) && h('small', {}, sound(city))))));
}

function line(city) {
  return h('button.city-line', { type: 'button', 'data-city': city.code, disabled: !city.open, onclick: () => choose(city) },
    h('span.city-name', {}, city.name, sound(city) && h('small', {}, ` ${sound(city)}`)),
    h('span.city-province', {}, city.province),
    city.open ? icon('next', 18) : h('span.city-soon', {}, t('cities.not_open')));
}

function searchPart(signal) {
  const results = h('div', { 'aria-live': 'polite' });
  let asked = 0;
  const input = h('input', {
    type: 'search', id: 'city-search', maxlength: SEARCH_MAX, placeholder: t('cities.placeholder'), autocomplete: 'off', enterkeyhint: 'search',
  });
  input.addEventListener('input', async () => {
    const mine = ++asked;
    const text = input.value.trim();
    document.getElementById('city-lists').hidden = text !== '';
    if (!text) return fill(results);
    let found;
    try {
      found = (await api('GET', `/v1/cities/search${query({ q: text, limit: 20 })}`, { signal, quiet: true })).cities;
    } catch (cause) {
      if (mine === asked && !signal.aborted) fill(results, note(cause.message || t('problem.offline'), 'warn'));
      return;
    }
    // An answer that a later keystroke has overtaken.
    if (mine !== asked) return;
    fill(results, found.length
      ? h('ul.city-list.card', {}, found.map((city) => h('li', {}, line(city))))
      : note(t('cities.none'), 'warn'));
  });
  const box = h('div.search', { role: 'search' }, icon('search', 20),
    h('label.unseen', { for: 'city-search' }, t('cities.search')), input);
  return { box, results };
}

function placePart(signal) {
  const { place: slot, show } = problemSlot();
  const answer = h('div', {});
  const ask = async (place) => {
    show(null);
    try {
      const { city } = await api('GET', `/v1/cities/nearest${query(place)}`, { signal });
      fill(answer, city ? tiles([city]) : note(t('cities.no_place'), 'warn'));
      announce(city ? t('cities.placed', { city: city.name }) : t('cities.no_place'));
    } catch (cause) {
      show(cause);
    }
  };
  const locate = h('button.button', {
    type: 'button',
    onclick: () => {
      const refused = () => fill(answer, note(t('cities.refused'), 'warn'));
      if (!navigator.geolocation) return refused();
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => ask({ lat: coords.latitude.toFixed(4), lng: coords.longitude.toFixed(4) }), refused,
        { timeout: 8_000, maximumAge: 600_000 });
    },
  }, icon('place', 20), t('cities.locate'));
  const demo = h('button.button.quiet', { type: 'button', onclick: () => ask(DEMO_PLACE) }, t('cities.demo_place'));
  return h('section', { 'aria-label': t('cities.here') }, h('h2.list-head', {}, t('cities.here')),
    h('div.pair', {}, locate, demo), h('p.hint', {}, t('cities.privacy')), answer, slot);
}
