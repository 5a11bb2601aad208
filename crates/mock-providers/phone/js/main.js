/**
 * The mini-program on a phone-sized page, against the real service.
 *
 * Players: screens (one module each), `router` (address → screen), `api` (every HTTP exchange), `panel` (what an
 * integrator sees), and the mocks that serve this page and play wallet, platform and agency. What the
 * service does not describe in its OpenAPI is not offered here.
 */
import { followOtherWindows, isElder, memory, onRemembered } from './memory.js';
import { start, reload } from './router.js';
import { t } from './words.js';
import { announce } from './dom.js';
import { watchFoot } from './parts/foot.js';
import { startPanel } from './panel/panel.js';
import home from './screens/home.js';
import cities from './screens/cities.js';
import guide from './screens/guide.js';
import quote from './screens/quote.js';
import login from './screens/login.js';
import people from './screens/people.js';
import newPerson from './screens/new-person.js';
import bills from './screens/bills.js';
import tiers from './screens/tiers.js';
import confirm from './screens/confirm.js';
import cashier from './screens/cashier.js';
import order from './screens/order.js';
import records from './screens/records.js';
import voucher from './screens/voucher.js';
import { objection, objections } from './screens/objections.js';
import rights from './screens/rights.js';
import topup from './screens/topup.js';
import reminders from './screens/reminders.js';
import * as family from './screens/family.js';
import me from './screens/me.js';
import closed from './screens/closed.js';

function dress() {
  const root = document.documentElement;
  root.lang = memory.language;
  root.classList.toggle('elder', isElder());
  root.classList.toggle('largest', memory.size === 'largest');
  document.getElementById('skip').textContent = t('app.skip');
  document.getElementById('mock-text').textContent = t('app.mock');
  document.getElementById('mock-strip').setAttribute('aria-label', t('app.mock'));
}

dress();
onRemembered(async (changes) => {
  if (!('language' in changes || 'size' in changes)) return;
  dress();
  await reload({ typed: true });
  announce('language' in changes ? t('app.now_in') : t(`now.${memory.size}`));
});
followOtherWindows();
watchFoot();
startPanel(document.getElementById('panel'));
start([home, cities, guide, quote, login, people, newPerson, bills, tiers, confirm, cashier, closed, voucher, objection, objections,
  rights, reminders, family.ask, family.asked, topup, order, records, me]);
