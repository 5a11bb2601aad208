/** Where a figure is from. */
import { h } from '../dom.js';
import { t } from '../words.js';

/** Only what an authority publishes is worth a citizen's visit; the rest may be wrong, and sells things. */
const OFFICIAL = /(^|\.)gov\.cn$/;

const addressOf = (source) => (typeof source === 'string' ? source : source.url ?? '');

function hostOf(source) {
  try {
    return new URL(addressOf(source)).hostname;
  } catch {
    return null;
  }
}

const isOfficial = (source) => OFFICIAL.test(hostOf(source) ?? '') && /^https?:/.test(addressOf(source));

/** Links to authorities; nothing else is one. */
export function officialSources(list) {
  const official = (list ?? []).filter(isOfficial);
  return official.length > 0 && h('p.sources', {}, t('guide.source'), ' ', official.map((source, at) => [at > 0 && t('app.comma'),
    h('a', { href: addressOf(source), target: '_blank', rel: 'noreferrer noopener' }, hostOf(source))]));
}

/** Whether no authority stands behind it. */
export const isUnchecked = (list) => list?.length > 0 && !list.some(isOfficial);

/** Both together, where a figure stands alone. */
export const sources = (list) => [officialSources(list), isUnchecked(list) && h('p.sources', {}, t('guide.unchecked'))];
