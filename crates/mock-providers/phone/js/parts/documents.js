/** Synthetic resident IDs for the demonstration, and the little the page itself knows about them. */

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS = '10X98765432';

/** The check character of seventeen digits (GB 11643-1999). */
function check(digits) {
  return CHECKS[WEIGHTS.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0) % 11];
}

/** A valid number that belongs to nobody; the mock agency enrols whoever asks first. */
export function syntheticNumber(birth = longAgo()) {
  const order = String(300 + crypto.getRandomValues(new Uint16Array(1))[0] % 690).padStart(3, '0');
  const digits = `320213${birth}${order}`;
  return digits + check(digits);
}

const GIVEN = ['安', '宁', '和', '平', '康', '乐', '明', '清'];

/** An invented name. */
export function syntheticName() {
  const [one, two] = crypto.getRandomValues(new Uint8Array(2));
  return `测${GIVEN[one % GIVEN.length]}${GIVEN[two % GIVEN.length]}`;
}

/** Whether a resident ID says that the person is under fourteen, when a guardian must speak. */
export function isUnderFourteen(number, today = new Date()) {
  const match = /^\d{6}(\d{4})(\d{2})(\d{2})\d{3}[\dXx]$/.exec(number.trim());
  if (!match) return false;
  const fourteenth = new Date(Number(match[1]) + 14, Number(match[2]) - 1, Number(match[3]));
  return fourteenth > today;
}

/** A day between 1900 and 1919: two invented people of one demonstration hardly ever get the same number. */
function longAgo() {
  const [year, month, day] = crypto.getRandomValues(new Uint8Array(3));
  const two = (number) => String(number).padStart(2, '0');
  return `19${two(year % 20)}${two(1 + month % 12)}${two(1 + day % 28)}`;
}
