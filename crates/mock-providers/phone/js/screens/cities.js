/** The city picker: open cities, place, recent, hot, search, A to Z. The city of enrolment is what matters. */
import { h, icon, fill, announce } from '../dom.js';
import { isElder, memory, remember } from '../memory.js';
import { api, query } from '../api.js';
import { t, isChinese } from '../words.js';
import { note } from '../parts/pieces.js';
import { busyButton } from '../parts/busy.js';
import { problemSlot } from '../parts/slot.js';
import { letterRail, jumpTo } from '../parts/rail.js';
import { SEARCH_MAX, searched } from '../parts/city-search.js';
import { go } from '../router.js';
import { elderSwitch, languageSwitch } from './home.js';

const RECENT_MAX = 3;
/** A quick answer needs no sign that somebody is looking. */
const SEARCHING_AFTER_MS = 300;
const LOCATED_WITHIN_MS = 8_000;
/** Tai Lake Square in Wuxi: what the demonstration says where the browser does not tell a place. */
const DEMO_PLACE = { lat: '31.4900', lng: '120.3100' };

export default {
  path: /^\/cities$/, title: 'cities.title', up: '/', actions: () => [elderSwitch(), languageSwitch()],
  async render({ signal }) {
    const index = await api('GET', '/v1/cities', { signal });
    const all = index.groups.flatMap((group) => group.cities);
    const known = new Map(all.map((city) => [city.code, city]));
    const open = all.filter((city) => city.open);
    const search = searchPart(index, signal);
    const recent = memory.recent.map((code) => known.get(code)).filter(Boolean);
    const letters = index.groups.map(({ letter }) => letter);
    const lists = h('div.city-lists', { id: 'city-lists' },
      named(t('cities.open', { n: open.length }), tiles(open)),
      placePart(signal),
      recent.length > 0 && named(t('cities.recent'), tiles(recent)),
      named(t('cities.hot'), tiles(index.hot)),
      // Large type has large targets: letters to touch one by one in place of the rail.
      isElder() && h('nav.letters', { 'aria-label': t('cities.letters') }, letters.map((letter) => h('button', { type: 'button', onclick: () => jumpTo(letter) }, letter))),
      index.groups.map(({ letter, cities }) => h('section', { 'aria-labelledby': `letter-${letter}` },
        h('h2.letter', { id: `letter-${letter}`, tabindex: -1 }, letter),
        h('ul.city-list.card', {}, cities.map((city) => h('li', {}, line(city)))))));
    // Beside the lists all the way down.
    if (!isElder()) lists.prepend(letterRail(letters, t('cities.letters')));
    return [note(t('cities.hint')), search.box, search.results, lists];
  },
};

function named(title, content) {
  return h('section', { 'aria-label': title }, h('h2.list-head', {}, title), content);
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

/** Counties that belong to no city of the list. */
const countyLine = (county) => h('div.city-line.none', {}, h('span.city-name', {}, county.name),
  h('span.city-province', {}, t('cities.county', { province: county.province })), h('span.city-soon', {}, t('cities.not_open')));

function searchPart(index, signal) {
  const results = h('div.city-results', { 'aria-live': 'polite' });
  let asked = 0;
  const input = h('input', {
    type: 'search', id: 'city-search', maxlength: SEARCH_MAX, placeholder: t('cities.placeholder'), autocomplete: 'off', enterkeyhint: 'search',
  });
  const box = h('div.search', { role: 'search' }, icon('search', 20),
    h('label.unseen', { for: 'city-search' }, t('cities.search')), input);
  input.addEventListener('input', async () => {
    const mine = ++asked;
    const text = input.value.trim();
    document.getElementById('city-lists').hidden = text !== '';
    if (!text) return fill(results);
    const waiting = setTimeout(() => mine === asked && fill(results, h('p.searching', {}, h('span.spinner', { 'aria-hidden': 'true' }), t('cities.searching'))), SEARCHING_AFTER_MS);
    try {
      const { cities, counties } = await searched(text, index, signal);
      // An answer that a later keystroke has overtaken.
      if (mine !== asked) return;
      fill(results, cities.length + counties.length > 0
        ? h('ul.city-list.card', {}, [...cities.map(line), ...counties.map(countyLine)].map((one) => h('li', {}, one)))
        : note(t('cities.none'), 'warn'));
    } catch (cause) {
      if (mine === asked && !signal.aborted) fill(results, note(cause.message || t('problem.offline'), 'warn'));
    } finally {
      clearTimeout(waiting);
    }
  });
  return { box, results };
}

function placePart(signal) {
  const { place: slot, show } = problemSlot();
  const answer = h('div', {});
  const say = (words, kind) => {
    fill(answer, note(words, kind));
    announce(words);
  };
  const ask = async (place) => {
    const { city } = await api('GET', `/v1/cities/nearest${query(place)}`, { signal });
    if (!city) return say(t('cities.no_place'), 'warn');
    fill(answer, tiles([city]));
    announce(t('cities.placed', { city: city.name }));
  };
  const locate = busyButton('button.button', [icon('place', 20), t('cities.locate')], async () => {
    say(t('cities.locating'));
    const coords = await new Promise((resolve) => {
      if (!navigator.geolocation) return resolve(null);
      navigator.geolocation.getCurrentPosition((found) => resolve(found.coords), () => resolve(null), { timeout: LOCATED_WITHIN_MS, maximumAge: 600_000 });
    });
    if (!coords) return say(t('cities.refused'), 'warn');
    fill(answer);
    await ask({ lat: coords.latitude.toFixed(4), lng: coords.longitude.toFixed(4) });
  }, show);
  const demo = busyButton('button.button.quiet', t('cities.demo_place'), () => ask(DEMO_PLACE), show);
  return h('section', { 'aria-label': t('cities.here') }, h('h2.list-head', {}, t('cities.here')),
    h('div.pair', {}, locate, demo), h('p.hint', {}, t('cities.privacy')), answer, slot);
}
