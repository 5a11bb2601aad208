/**
 * What the phone remembers.
 *
 * `localStorage` keeps what a mini-program keeps in its own storage: session token, wallet, city, size of
 * type, language. The token is there, not in `sessionStorage`, because who closes the page after paying
 * must come back to their order without a second login; the page loads nothing from outside
 * (`default-src 'self'`), the service ends sessions after 30 minutes of rest, and logging out
 * forgets it. The cart is in `sessionStorage`: another window is another cart. Document numbers and
 * names are kept nowhere.
 */
const PLACE = 'city-services.phone';

/** `large` and `largest` are 长辈版. */
export const SIZES = ['standard', 'large', 'largest'];

const FIRST = {
  token: null, platform: null, user: null, city: null, recent: [], size: 'standard', language: 'zh-CN', panel: null,
};

function read() {
  try {
    return { ...FIRST, ...JSON.parse(localStorage.getItem(PLACE) ?? '{}') };
  } catch {
    return { ...FIRST };
  }
}

const state = read();
const listeners = new Set();

/** The remembered values, to read. */
export const memory = state;

/** Whether it is 长辈版. */
export const isElder = () => state.size !== 'standard';

/** Changes some of them and tells who listens. */
export function remember(changes) {
  Object.assign(state, changes);
  try {
    localStorage.setItem(PLACE, JSON.stringify(state));
  } catch {
    // A browser that keeps nothing still has this page's memory.
  }
  for (const listener of listeners) listener(changes);
}

export function onRemembered(listener) {
  listeners.add(listener);
}

/** Another window of this browser logged in or out: it is this one's session too. */
export function followOtherWindows() {
  addEventListener('storage', (event) => {
    if (event.key !== PLACE || !event.newValue) return;
    const { token, platform, user } = { ...FIRST, ...JSON.parse(event.newValue) };
    if (token !== state.token) remember({ token, platform, user });
  });
}

/** The mock platform's user: one for each browser, so that visitors do not share orders. */
export function mockUser() {
  if (!state.user) remember({ user: `phone-${crypto.randomUUID().slice(0, 8)}` });
  return state.user;
}

const CART = `${PLACE}.cart`;
const ORDERED = `${PLACE}.ordered`;

export function cart() {
  try {
    return JSON.parse(sessionStorage.getItem(CART));
  } catch {
    return null;
  }
}

export function keepCart(value) {
  if (value) sessionStorage.setItem(CART, JSON.stringify(value));
  else sessionStorage.removeItem(CART);
}

/** Whether this window placed an order: nothing is chosen for anybody after that. */
export const hasOrdered = () => sessionStorage.getItem(ORDERED) !== null;
export const noteOrdered = () => sessionStorage.setItem(ORDERED, 'yes');

/** Nothing of a citizen who left is kept. */
export function forgetVisit() {
  sessionStorage.removeItem(CART);
  sessionStorage.removeItem(ORDERED);
}
