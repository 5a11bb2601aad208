/** Files that the service gives, opened or saved. They need the session's token, so a plain link cannot fetch them. */
import { h } from '../dom.js';

/** Long enough for a slow disk; the address is the page's own memory. */
const KEPT_MS = 60_000;

export function saved(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}
