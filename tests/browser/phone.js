// The phone as a person uses it. Every test gets a browser of its own, so a citizen of their own, and fails on a
// console error, a broken script, or a request to another origin.
import { test as base, expect } from '@playwright/test';
import { readFileSync } from 'node:fs';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export { expect };

class Phone {
  constructor(page) {
    this.page = page;
    this.screen = page.locator('#screen');
    this.next = page.locator('.foot .button.primary');
    this.result = page.locator('.result');
  }

  /** Opens the page, as somebody who chose this before. */
  async open(remembered = {}) {
    await this.page.addInitScript((values) => {
      const place = 'city-services.phone';
      if (!localStorage.getItem(place)) localStorage.setItem(place, JSON.stringify(values));
    }, remembered);
    await this.page.goto(process.env.PHONE_PAGE);
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
    await this.page.locator('.consent input[type=checkbox]').first().check();
    await this.page.locator('#screen > .button.primary').click();
  }

  /** Lets the page invent somebody; `kind` as the demonstration names it. */
  async invent(kind) {
    if (kind) await this.page.locator('.demo select').selectOption(kind);
    await this.page.locator('.demo .fill').click();
    await expect(this.page.locator('.consent input[type=checkbox]').first()).toBeFocused();
  }

  /** From nothing to the months that are due. */
  async toBills(wallet, service = 'flex_pension') {
    await this.chooseCity();
    await this.page.locator(`a[href="#/bills?service=${service}"]`).click();
    await this.logIn(wallet);
    await this.addPerson();
    await this.stands('bills.title');
    await expect(this.page.locator('.month[aria-pressed="true"]').first()).toBeVisible();
  }

  async toCashier() {
    await this.next.click();
    await this.confirms();
    await this.stands('cashier.title');
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
  /** HTTP statuses that a test provokes; the browser writes each failed request to the console. */
  provoked: [[], { option: true }],

  context: async ({ context, provoked }, use) => {
    const complaints = [];
    const origin = new URL(process.env.PHONE_PAGE).origin;
    const watch = (page) => {
      page.on('console', (message) => {
        if (message.type() !== 'error') return;
        if (provoked.some((status) => message.text().includes(`the server responded with a status of ${status}`))) return;
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
