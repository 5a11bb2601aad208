/** Synthetic resident IDs for the demonstration, and the little the page itself knows about them. */

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS = '10X98765432';
/** A code in Wuxi's range that GB/T 2260 never gave to any district: nobody alive can hold such a number. */
const REGION = '320299';
/** Years of birth, so that everybody is as old as who they play. */
export const BORN = { worker: [1972, 1998], elderly: [1948, 1958], child: [2016, 2022] };

/** The check character of seventeen digits (GB 11643-1999). */
function check(digits) {
  return CHECKS[WEIGHTS.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0) % 11];
}

/**
 * A number of the right form that belongs to nobody; the mock agency enrols whoever asks first.
 * @param {[number, number]} [years] first and last year of birth
 */
export function syntheticNumber(years = BORN.worker) {
  const order = String(300 + crypto.getRandomValues(new Uint16Array(1))[0] % 690).padStart(3, '0');
  const digits = `${REGION}${birthday(years)}${order}`;
  return digits + check(digits);
}

const GIVEN = ['安', '宁', '和', '平', '康', '乐', '明', '清'];

/** An invented name. */
export function syntheticName() {
  const [one, two] = crypto.getRandomValues(new Uint8Array(2));
  return `测${GIVEN[one % GIVEN.length]}${GIVEN[two % GIVEN.length]}`;
}

/** The birth date in a number of eighteen characters, `2016-05-31`; no other number tells one. */
export function birthDateIn(number) {
  const match = /^\d{6}(\d{4})(\d{2})(\d{2})\d{3}[\dXx]$/.exec(number.trim());
  return match ? match.slice(1).join('-') : '';
}

/** Whether who was born then is under fourteen, when a guardian must speak. */
export function isUnderFourteen(birthDate, today = new Date()) {
  if (!birthDate) return false;
  const [year, month, day] = birthDate.split('-').map(Number);
  return new Date(year + 14, month - 1, day) > today;
}

function birthday([first, last]) {
  const [year, month, day] = crypto.getRandomValues(new Uint8Array(3));
  const two = (number) => String(number).padStart(2, '0');
  return `${first + year % (last - first + 1)}${two(1 + month % 12)}${two(1 + day % 28)}`;
}
