/** Where the focus is, told so that it is found again after what stands there was drawn anew. */

const phone = () => document.getElementById('phone');

/** What an element is called, the surest first. */
function names(element) {
  const found = [];
  if (element.id) found.push(`#${CSS.escape(element.id)}`);
  if (element.dataset.key) found.push(`[data-key="${CSS.escape(element.dataset.key)}"]`);
  if (element.matches('a[href]')) found.push(`a[href="${CSS.escape(element.getAttribute('href'))}"]`);
  if (element.name && element.value) found.push(`[name="${CSS.escape(element.name)}"][value="${CSS.escape(element.value)}"]`);
  return found;
}

/** @returns {{names: string[], text: string, tag: string, scopes: string[]}|null} */
export function focusSpot() {
  const element = document.activeElement;
  if (!element || element === document.body || !phone().contains(element)) return null;
  const scopes = [];
  for (let place = element.parentElement?.closest('[data-key]'); place; place = place.parentElement?.closest('[data-key]')) {
    scopes.push(`[data-key="${CSS.escape(place.dataset.key)}"]`);
  }
  return { names: names(element), text: element.textContent.trim(), tag: element.tagName, scopes };
}

/** Gives the focus back: to the same thing, or else to the head of what it was in, or to `fallback`. */
export function focusAgain(spot, fallback = document.getElementById('title')) {
  if (!spot) return;
  const present = document.activeElement;
  // It never went away, or somebody has already said where to.
  if (present && present !== document.body && phone().contains(present)) return;
  const places = [...spot.scopes, '#phone'].map((scope) => document.querySelector(scope)).filter(Boolean);
  for (const place of places) {
    const named = spot.names.map((name) => place.querySelector(name)).find(Boolean);
    const same = named ?? (spot.text && [...place.querySelectorAll(spot.tag)].find((one) => one.textContent.trim() === spot.text));
    if (same && same.checkVisibility() && !same.disabled) return same.focus({ preventScroll: true });
    const head = place.id !== 'phone' && place.querySelector('h2, h3');
    if (head) return headed(head);
  }
  fallback?.focus({ preventScroll: true });
}

function headed(head) {
  head.tabIndex = -1;
  head.focus({ preventScroll: true });
}

/** Draws again what holds the focus, and keeps it. */
export function keepingFocus(draw, fallback) {
  const spot = focusSpot();
  draw();
  focusAgain(spot, fallback?.());
}
