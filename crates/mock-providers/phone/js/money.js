/** Yuan as the service writes them: texts with two decimals. Sums are made in whole fen; no float is money. */

/** @param {string} yuan such as `898.80` */
export function fen(yuan) {
  const match = /^(\d+)(?:\.(\d{1,2}))?$/.exec(yuan);
  if (!match) throw new Error(`no amount: ${yuan}`);
  return BigInt(match[1]) * 100n + BigInt((match[2] ?? '').padEnd(2, '0'));
}

export function yuan(fen) {
  return `${fen / 100n}.${String(fen % 100n).padStart(2, '0')}`;
}

export function sum(amounts) {
  return yuan(amounts.reduce((total, amount) => total + fen(amount), 0n));
}

/** With commas between thousands, to read. */
export function grouped(amount) {
  const [whole, cents] = amount.split('.');
  return `${whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}.${(cents ?? '').padEnd(2, '0')}`;
}
