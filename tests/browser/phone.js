// The phone as a person uses it. Every test gets a browser of its own, so a citizen of their own, and fails on a
// console error, a broken script, or a request to another origin.
import { test as base, expect } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The page's own way to invent numbers that belong to nobody. */
const documents = import(`data:text/javascript,${encodeURIComponent(readFileSync(join(__dirname, '../../crates/mock-providers/phone/js/parts/documents.js'), 'utf8'))}`);

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export { expect };

class Phone {
  constructor(page) {
    this.page = page;
    this.screen = page.locator('#screen');
    this.next = page.locator('.foot .button.primary');
    this.foot = page.locator('.foot');
    this.result = page.locator('.result');
    this.problem = page.locator('.problem');
    this.announced = page.locator('#announcer');
  }

  /** Plays the platforms and the agency. */
  async control(method, path, data) {
    const address = process.env.PHONE_PAGE.replace(/phone\/$/, path.replace(/^\//, ''));
    const answer = await this.page.request.fetch(address, { method, data });
    if (!answer.ok()) throw new Error(`${method} ${path} answered ${answer.status()}: ${await answer.text()}`);
    return answer.status() === 204 ? null : answer.json();
  }

  /** Somebody whom only this test knows, in the mock agency's book: `insured` and `faults` as its control API has them. */
  async somebody(more = {}) {
    const { syntheticName, syntheticNumber } = await documents;
    const person = { document_number: syntheticNumber(), name: syntheticName() };
    if (Object.keys(more).length) await this.control('POST', '/agency/people', { ...person, city: '320200', ...more });
    return person;
  }

  /**
   * Opens the page as a citizen who is logged in and has an insured person already, at an address; for stories that begin there.
   * @returns {Promise<string>} the person's id
   */
  async arrive(address, { wallet = 'wechat', insured, faults, remembered = {} } = {}) {
    const user = `story-${Math.random().toString(36).slice(2, 10)}`;
    const person = await this.somebody({ ...(insured && { insured }), ...(faults && { faults }) });
    const { code } = await this.control('POST', '/login-codes', { platform: wallet, user });
    const session = await this.asked('POST', '/v1/sessions', { platform: wallet, code });
    const own = await this.asked('POST', '/v1/people', {
      relation: 'self', name: person.name, consent_text_version: '2026-11', document: { kind: 'resident_id', number: person.document_number },
    }, session.token);
    await this.open({ token: session.token, platform: wallet, user, city: '320200', ...remembered }, address);
    return own.id;
  }

  /** At the months that are due, with the earliest chosen. */
  async arriveAtBills(options = {}) {
    const id = await this.arrive(`/bills?service=${options.service ?? 'flex_pension'}`, options);
    await this.stands('bills.title');
    return id;
  }

  async asked(method, path, data, token) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await this.page.request.fetch(`${process.env.PHONE_PAGE}api${path}`, { method, data, headers });
    if (!answer.ok()) throw new Error(`${method} ${path} answered ${answer.status()}: ${await answer.text()}`);
    return answer.status() === 204 ? null : answer.json();
  }

  /** Fills in a person by hand and saves. */
  async fillIn({ document_number, name }) {
    await this.stands('person.title');
    await this.page.locator('#person-name').fill(name);
    await this.page.locator('#person-number').fill(document_number);
    await this.page.locator('#agreed').check();
    await this.save();
  }

  save() {
    return this.page.locator('#screen > .button.primary').click();
  }

  /** The API as the page's own citizen. */
  async api(method, path, data) {
    return this.asked(method, path, data, await this.page.evaluate(() => JSON.parse(localStorage.getItem('city-services.phone')).token));
  }

  /** Opens the page, as somebody who chose this before. */
  async open(remembered = {}, address = '') {
    await this.page.addInitScript((values) => {
      const place = 'city-services.phone';
      if (!localStorage.getItem(place)) localStorage.setItem(place, JSON.stringify(values));
    }, remembered);
    await this.page.goto(process.env.PHONE_PAGE + (address && `#${address}`));
  }

  at(fragment) {
    return this.page.goto(`${process.env.PHONE_PAGE}#${fragment}`);
  }

  /** Waits for a screen by the key of its title. */
  async stands(title) {
    // One that is being replaced by the same screen in other words does not count: a click on it would be lost.
    await expect(this.page.locator(`#screen[data-screen="${title}"]:not([aria-busy])`)).toBeVisible();
  }

  async chooseCity(code = '320200') {
    await this.stands('cities.title');
    await this.page.locator(`.tiles [data-city="${code}"]`).first().click();
    await this.stands('home.title');
  }

  async logIn(wallet) {
    await this.stands('login.title');
    await this.page.locator(`.wallet.${wallet}`).click();
  }

  /** Fills in an invented person and saves. */
  async addPerson({ relation = 'self' } = {}) {
    await this.stands('person.title');
    await this.page.locator(`input[name=relation][value=${relation}]`).check();
    await this.invent();
    await this.page.locator('#agreed').check();
    await this.save();
  }

  /** Lets the page invent somebody; `kind` as the demonstration names it. */
  async invent(kind) {
    if (kind) await this.page.locator('.demo select').selectOption(kind);
    await this.page.locator('.demo .fill').click();
    await expect(this.page.locator('#agreed')).toBeFocused();
  }

  /** From nothing to the form for a person, on the way to a service. */
  async toPerson(wallet, service = 'flex_pension') {
    await this.chooseCity();
    await this.page.locator(`a[href="#/bills?service=${service}"]`).click();
    await this.logIn(wallet);
    await this.stands('person.title');
  }

  /** From nothing to the months that are due. */
  async toBills(wallet, service = 'flex_pension') {
    await this.toPerson(wallet, service);
    await this.addPerson();
    await this.stands('bills.title');
    await expect(this.page.locator('.month[aria-pressed="true"]').first()).toBeVisible();
  }

  async toCashier() {
    await this.next.click();
    await this.confirms();
    await this.stands('cashier.title');
  }

  /** From the chosen months to 缴费成功. */
  async pay() {
    await this.toCashier();
    await this.page.locator('.cashier .button.primary').click();
    await this.succeeds();
    return this.number();
  }

  /** Whoever's name is not proven, and whoever pays for another, confirms a second time. */
  async confirms() {
    await this.stands('confirm.title');
    await this.page.locator('.second input').check();
    await this.next.click();
  }

  /** Proves the real name of one's own person, and comes back to where one was. */
  async proves() {
    const here = new URL(this.page.url()).hash.slice(1);
    await this.at('/people');
    await this.page.getByRole('button', { name: '实名核验' }).click();
    await expect(this.page.locator('.person')).toContainText('已实名核验');
    await this.at(here);
  }

  /** The order's number, from the address. */
  number() {
    return /#\/(?:orders|pay)\/(\w+)/.exec(this.page.url())[1];
  }

  async succeeds() {
    await expect(this.page.locator('.result[data-state="SUCCESS"]')).toBeVisible();
  }

  /** What axe finds on the screen as it stands; serious and critical findings fail. */
  async isAccessible(name) {
    await this.page.evaluate(axe);
    const found = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const grave = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(' | ')}`);
    expect(grave, `axe on ${name}`).toEqual([]);
  }
}

export const test = base.extend({
  /** HTTP statuses that a test provokes, or `offline`; the browser writes each failed request to the console. */
  provoked: [[], { option: true }],

  context: async ({ context, provoked }, use) => {
    const complaints = [];
    const origin = new URL(process.env.PHONE_PAGE).origin;
    const watch = (page) => {
      page.on('console', (message) => {
        if (message.type() !== 'error') return;
        if (provoked.some((what) => message.text().includes(what === 'offline' ? 'net::ERR_FAILED' : `the server responded with a status of ${what}`))) return;
        complaints.push(`console: ${message.text()}`);
      });
      page.on('pageerror', (cause) => complaints.push(`script: ${cause.stack ?? cause}`));
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== origin) complaints.push(`request to ${url.origin}`);
      });
    };
    context.on('page', watch);
    await use(context);
    expect(complaints).toEqual([]);
  },

  phone: async ({ page }, use) => {
    await use(new Phone(page));
  },
});

export const phoneOn = (page) => new Phone(page);
