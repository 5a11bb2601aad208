/** Warnings about months without medical insurance, where the service gives them. */
import { memory } from '../memory.js';
import { api, offers, query } from '../api.js';
import { note } from './pieces.js';

export async function gapPart(person, signal) {
  const offered = await offers();
  if (!offered('GET /api/v1/people/{}/gaps')) return null;
  try {
    const gap = await api('GET', `/v1/people/${person.id}/gaps${query({ city: memory.city })}`, { signal });
    return gap.level === 'none' ? null : note(gap.text, 'warn');
  } catch (cause) {
    // A warning that cannot be had stops nobody from paying.
    if (signal.aborted || cause.status === 401) throw cause;
    return null;
  }
}
