/** What the side panel must not show: tokens, codes, document numbers, names, telephone numbers. */
const SECRET = new Set(['token', 'code', 'sms_code', 'platform_code', 'encrypted', 'verification_code', 'confirmation']);
const PERSONAL = new Set(['number', 'name', 'mobile', 'card_no', 'document_number', 'birth_date', 'identifier', 'evidence_text']);
/** What holds a `number` that speaks of a person; an office's help line is nobody's. */
const NUMBERED = new Set(['document', 'mobile']);
/** Members named `name` or `code` that speak of no person. */
const PUBLIC_SHAPE = /^[a-z][a-z0-9_.-]*$/;

/** What opens a family's request stands in its path. */
const OPENING_PATH = /(\/payment-requests\/)([^/?]{4})[^/?]+/;

/** A path without what only its reader may know. */
export const hiddenPath = (path) => path.replace(OPENING_PATH, '$1$2…');

/** A copy of a JSON value with such members covered; `inside` is the member that holds it. */
export function hidden(value, inside = '') {
  if (Array.isArray(value)) return value.map((item) => hidden(item, inside));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => {
    if (typeof member !== 'string') return [key, hidden(member, key)];
    if (SECRET.has(key) && !PUBLIC_SHAPE.test(member) && !(key === 'code' && /^\d{6}$/.test(member))) return [key, `${member.slice(0, 4)}…`];
    if (key === 'token') return [key, '…'];
    if (PERSONAL.has(key) && isPersonal(inside, key, value)) return [key, covered(member)];
    return [key, hiddenPath(member)];
  }));
}

function isPersonal(inside, key, holder) {
  if (key === 'name') return ['document', 'document_number', 'relation'].some((other) => other in holder);
  if (key === 'number') return NUMBERED.has(inside);
  return true;
}

function covered(text) {
  return text.length < 5 ? `${'*'.repeat(Math.max(text.length - 1, 1))}${text.slice(-1)}` : `${text.slice(0, 3)}***${text.slice(-2)}`;
}
