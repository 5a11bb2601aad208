/** Warnings about months without medical insurance, where the service gives them. */
import { memory } from '../memory.js';
import { api, offers, query } from '../api.js';
import { note } from './pieces.js';

/** What the service knows of a gap, or nothing. */
export async function gapOf(person, signal) {
  const offered = await offers();
  if (!offered('GET /api/v1/people/{}/gaps')) return null;
  try {
    return await api('GET', `/v1/people/${person.id}/gaps${query({ city: memory.city })}`, { signal });
  } catch (cause) {
    // A warning that cannot be had stops nobody from paying.
    if (signal.aborted || cause.status === 401) throw cause;
    return null;
  }
}

export const gapNote = (gap) => (!gap || gap.level === 'none' ? null : note(`${gap.text}${gap.next_step?.text ?? ''}`, 'warn'));
