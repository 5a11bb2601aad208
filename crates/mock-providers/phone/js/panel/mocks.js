/** Looks at what the mocks saw: exchanges with the service, and notifications. Only while somebody can see it. */

const EVERY_MS = 1_500;
const KEPT = 200;
const NOTICES = 30;

/** @param {() => boolean} visible @param {(kind: 'platforms'|'notices'|'away', found: object[]|boolean) => void} tell */
export function watchMocks(visible, tell) {
  let known = [];
  let last = 0;
  let notices = '';
  const look = async () => {
    if (visible() && !document.hidden) {
      try {
        const { exchanges } = await read(`exchanges?after=${last}`);
        if (exchanges.length) {
          const byNumber = new Map([...known, ...exchanges].map((entry) => [entry.no, entry]));
          known = [...byNumber.values()].slice(-KEPT);
          // One that has no answer yet is asked for again.
          const open = known.find((entry) => !entry.ended);
          last = open ? open.no - 1 : known.at(-1).no;
          tell('platforms', known);
        }
        const told = (await read(`notices?limit=${NOTICES}`)).notices;
        const text = JSON.stringify(told);
        if (text !== notices) {
          notices = text;
          tell('notices', told);
        }
        tell('away', false);
      } catch {
        // The phone says what that means for a citizen; here it is said what to look at.
        tell('away', true);
      }
    }
    setTimeout(look, EVERY_MS);
  };
  look();
}

async function read(address) {
  const response = await fetch(address, { cache: 'no-store' });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}
