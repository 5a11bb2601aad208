/** Builds elements. Text goes in as text nodes only, so nothing an answer says can become markup. */

const SVG = 'http://www.w3.org/2000/svg';
const CHINESE = /[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/;
const CHINESE_RUN = /([\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”]+)/;
/** Elements that hold text only. */
const PLAIN = new Set(['OPTION', 'PRE', 'CODE', 'TITLE', 'TEXTAREA']);

/**
 * `h('button.primary', { type: 'button', onclick }, 'Pay')`. Properties that begin with `on` are
 * listeners; `true` is an empty attribute; `false`, `null` and `undefined` are left out, as are such children.
 * @param {string} selector tag and classes
 * @param {object} [properties]
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') element[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : spoken(element, String(child)));
  }
}

/**
 * A text as it is to be read: in the English version the names of people, places and offices are still Chinese,
 * and a screen reader must know where.
 */
function spoken(element, text) {
  if (document.documentElement.lang !== 'en' || element.lang || !CHINESE.test(text)) return text;
  if (PLAIN.has(element.tagName)) {
    element.lang = 'zh-CN';
    return text;
  }
  const runs = text.split(CHINESE_RUN).filter(Boolean);
  const marked = runs.map((run) => {
    if (!CHINESE.test(run)) return run;
    const part = document.createElement('span');
    part.lang = 'zh-CN';
    part.append(run);
    return part;
  });
  if (marked.length === 1) return marked[0];
  const whole = document.createElement('span');
  whole.append(...marked);
  return whole;
}

/** An icon of the sprite in index.html; decoration only, the words stand beside it. */
export function icon(name, size = 24) {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    width: size, height: size, 'aria-hidden': 'true', focusable: 'false', fill: 'none',
    stroke: 'currentColor', 'stroke-width': 1.75, 'stroke-linecap': 'round', 'stroke-linejoin': 'round',
  })) svg.setAttribute(key, value);
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Puts children in place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

let saying = [];

/**
 * Says something to who cannot see the screen change. The same words twice are said twice; what is said in one
 * moment (a screen's title and the result that stands on it already) is said together, nothing is lost.
 */
export function announce(text) {
  const place = document.getElementById('announcer');
  saying.push(text);
  if (saying.length > 1) return;
  place.textContent = '';
  requestAnimationFrame(() => {
    place.textContent = saying.join(' ');
    saying = [];
  });
}
