// Starts the real program, `city-services demo`, on free ports, and ends it afterwards.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Keys are made and two purchases are played before it serves on. */
const STARTS_WITHIN_MS = 90_000;

export default async function start() {
  // One that runs already is used as it is: for working on the page.
  if (process.env.PHONE_PAGE) return undefined;
  const program = process.env.CITY_SERVICES;
  if (!program) throw new Error('CITY_SERVICES names the program, such as target/debug/city-services');
  const folder = mkdtempSync(join(tmpdir(), 'phone-page-'));
  const child = spawn(program, ['demo', '--port', '0', '--dir', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  const address = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the program did not start in time:\n${said}`)), STARTS_WITHIN_MS);
    const listen = (chunk) => {
      said += chunk;
      // The last lines repeat the address when everything stands.
      if (!said.includes('a minute\'s walk')) return;
      const found = /phone page\s+(http:\S+\/phone\/)/.exec(said);
      if (found) { clearTimeout(timer); resolve(found[1]); }
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}:\n${said}`)));
  });
  process.env.PHONE_PAGE = address;
  process.env.DEMO_SAID = said;
  return async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
}
