/** The page's own words in English. Same keys as zh-CN.js; a test compares. */
export default {
  app: {
    name: 'City services', skip: 'Skip to the content', mock: 'Simulation: no real money moves', back: 'Back', tabs: 'Main navigation', loading: 'Loading',
    yuan: 'yuan', comma: ', ', keep: 'No, keep it', elder: 'Large type', elder_off: 'Standard', elder_long: 'Large type and high contrast',
    tab: { home: 'Home', records: 'Records', me: 'Me' },
  },
  insurance: { pension: 'Pension', medical: 'Medical', unemployment: 'Unemployment', resident_medical: 'Residents’ medical', account_topup: 'Account top-up' },
  home: {
    title: 'Social insurance', enrolled_in: 'City of enrolment', change: 'Change', change_city: 'city of enrolment', promise: 'Every fen can be traced: booked, returned, or looked at by a person',
    services: 'Pay', know: 'Before you pay', quote_text: 'No login needed; every step is shown', guide_text: 'Standards in force and their sources',
    objection: 'Something is wrong with a payment', objection_text: 'Object from your records', unfinished: 'You have an unfinished payment', go_on: 'Continue to pay', look: 'See how it stands', lines: 'Help lines',
  },
  line: { 12333: 'Human resources', 12393: 'Medical insurance', 12366: 'Tax' },
  service: {
    flex_pension: { name: 'Pension', text: 'Flexible employment' },
    flex_medical: { name: 'Medical insurance', text: 'Flexible employment' },
    resident_medical: { name: 'Residents’ medical insurance', text: 'Children, students, the elderly and others; by the year' },
    back_payment: { name: 'Back-payment', text: 'Months that were missed' },
    account_topup: { name: 'Social-card account top-up', text: 'Cannot be used for pension' },
  },
  cities: {
    title: 'City of enrolment', hint: 'Choose the city where you are insured. It need not be where you are now.', here: 'Where you are', locate: 'Use my location', demo_place: 'Demo: Wuxi',
    privacy: 'Your location only suggests a city. It is not kept.', recent: 'Recent', hot: 'Popular', letters: 'Index', search: 'Search for a city', placeholder: 'Name, pinyin or initials',
    not_open: 'Coming soon', none: 'No such city. Try another spelling.', no_place: 'No city near you was found. Choose from the list.',
    placed: 'You seem to be in {city}', refused: 'Your location is not known. Choose from the list.',
  },
  login: {
    title: 'Log in', lead: 'Which mini-program are you in?', text: 'In reality the mini-program logs in by itself. Here you choose the platform that is played.',
    wechat: 'WeChat mini-program', wechat_text: 'Pays with WeChat Pay', wechat_wallet: 'WeChat Pay', alipay: 'Alipay mini-program', alipay_text: 'Pays with Alipay', alipay_wallet: 'Alipay',
    note: 'Logging in exchanges a single-use code of the platform. No password, and nothing about how you pay.',
  },
  people: {
    title: 'Insured persons', self: 'Myself', other: 'Another', none: 'Nobody has been added yet.', add: 'Add a person', removed: 'A person who was removed', remove: 'Remove',
    remove_sure: 'Without {name} you can no longer query or pay for this person. Records of past payments stay.', remove_yes: 'Remove', note: 'Names and document numbers are encrypted; only parts are shown.',
    unverified: 'Real name not verified', verify: 'Verify real name', verified: 'Real name verified ({time})', verify_failed: 'The last check did not pass. You can try again.', verify_agree: 'By pressing “Verify real name” you agree to the consent above.',
  },
  person: {
    title: 'Add a person', whom: 'Who is insured', name: 'Name', kind: 'Document', number: 'Document number', number_hint: 'As registered with the agency. Not the bank card number of the social card.',
    demo: 'Only in this demonstration', case: 'Whom to invent', case_standard: 'Flexible worker, 2023 unpaid', case_gap: 'No medical insurance for two months', case_resident: 'Resident, pays by the year', case_missed_months: 'Missed months that can be paid back', sample: 'Fill in an invented person', consent_head: 'Consent',
    consent_self: 'To find what is due and to pay it, this service asks the agencies with your name and document number. They are kept encrypted and you can remove them at any time.',
    consent_other: 'You will query and pay for another person. Make sure that they agree. You see amounts and status, not their benefits, and they can end this at any time.',
    agree: 'I have read this and agree', agree_first: 'Please read and tick “I have read this and agree” first.', agree_next: 'Tick it, then save again.', guardian: 'The insured person is under 14. I am a parent or guardian and agree on their behalf.',
    save: 'Save', note: 'Do not enter real personal data in this demonstration.', birth_date: 'Birth date', birth_date_hint: 'The number of this document does not tell it. It decides whether a guardian has to speak, and is not kept.',
  },
  document: {
    resident_id: 'Resident ID card', hkmt_residence: 'Residence permit (Hong Kong, Macao, Taiwan)', foreign_pr: 'Permanent residence card', passport: 'Passport', hk_macau_pass: 'Mainland travel permit (Hong Kong, Macao)', taiwan_pass: 'Mainland travel permit (Taiwan)',
  },
  bills: {
    title: 'Choose months', whom: 'Who is insured', other_person: 'Add', next: 'Next', chosen: '{n} chosen', sum: 'Total', none_chosen: 'No month chosen', year: '{year}',
    change_tier: 'Change tier', quick: 'Quick choice', quick_1: 'Earliest month', quick_3: '3 months', quick_12: 'Whole year', quick_none: 'None', paid: 'Paid', locked: 'In payment', due: 'Due', expired: 'Too late',
    nothing: 'Nothing is due at present.', until: 'To be paid by {day}', maintenance: 'The agency’s system is under maintenance until about {time}.', closed_until: 'Not payable at this hour; again from {time}.', closed: 'Not payable at this hour. Please come back later.', decides: 'The agency decides what is due; our calculation is there for you to check.',
  },
  explain: {
    head: 'How this amount comes about', each: 'Each month', count: 'Months', base: 'Base', tier: 'Tier', account: 'Of it to the personal account', pool: 'Of it to the pool', policy: 'Standard',
    differs: 'By the standard we compute {ours} yuan; the agency says {theirs} yuan, and the agency decides.', provisional: 'The new standard is not published yet. Last year’s applies for now and is settled later.',
  },
  tiers: {
    title: 'Change tier', choose: 'Tiers of {year}', no: 'Tier {n}', now: 'Now', base: 'Base {base} yuan', monthly: 'a month', state: 'Enrolment: {state}', from: 'From which month', from_hint: 'Unpaid months take the new tier; paid months may get a bill for the difference.',
    note: 'A higher tier costs more each month. The choice is yours; we recommend nothing.', save: 'See what changes', confirm: 'Change the tier', own_only: 'Only the insured person chooses their tier.', proven_only: 'Please verify your real name before you choose a tier.', saved: 'Changed from {month} on; {n} bills for differences.', to_bills: 'See what is due',
  },
  quote: {
    title: 'Try a calculation', insurance: 'Insurance', tier: 'Tier', least: 'The least', year: 'Year', first: 'From month', months: 'Months', ask: 'Calculate', total: 'Total', note: 'For information only; the agency decides what is due.',
  },
  guide: {
    title: 'Guide', lead: 'Standards of {city}', now: 'In force', past: 'Earlier', carried: 'Provisional (carried forward)', floor: 'Lowest base', ceiling: 'Highest base', document: 'Document', tier: 'Tier', base: 'Base', monthly: 'A month', category: 'Group', yearly: 'A year',
    limit: 'At most {limit} yuan at a time', source: 'Source: ', source_end: '', note: 'Standards are published by the agencies; sources are named.', part: { channels: 'Other ways to pay', payment_methods: 'Ways to pay here', notices: 'Notices', advice: 'Advice', refund: 'Refunds', objection: 'Objections', gap_rule: 'Missing months', topup: 'Account top-up', topup_guide: 'Account top-up, step by step', more: 'More' },
  },
  confirm: {
    title: 'Confirm', total: 'To pay', who: 'For whom', what: 'For what', insured: 'Insured person', relation: 'Relation', number: 'Document', city: 'City', wallet: 'Paid with', bills: '{n} bills',
    second_head: 'Confirm once more', second: 'I have checked: this pays for {name}, not for myself.', second_first: 'Please tick “Confirm once more” first.', second_next: 'Please check the insured person’s name and number, and tick it.',
    note: 'The bills are then held for you; please pay within 30 minutes.', pay: 'Confirm and pay {amount} yuan', back: 'Go back and change',
  },
  cashier: {
    title: 'Simulated cashier', wechat: 'WeChat Pay · simulated', alipay: 'Alipay · simulated', payee: 'To: social insurance (simulated merchant)', order: 'Order', until: 'Pay before', method: 'Method', balance: 'Simulated balance',
    pay: 'Pay now', cancel: 'Do not pay', more: 'Play something else', more_text: 'A real wallet has no such buttons; they show how the service copes.', vanish: 'Paid, but the page is closed', fail: 'The payment fails', note: 'In reality this is a page of {wallet} itself.',
  },
  closed: { title: 'Page closed', head: 'The mini-program was closed', text: 'The money was paid, but the page did not wait for the result. Open it again: the unfinished payment is on the first page.', open: 'Open it again' },
  trail: { head: 'Progress', ordered: 'Ordered', paid: 'Paid', booked: 'Booked', done: 'done', now: 'under way', later: 'to come' },
  order: {
    title: 'Result', pay: 'Pay', pay_on: 'Not paid yet? Go on with this order', voucher: 'See the voucher', receipt: 'See the acknowledgement', again: 'Query what is due', refresh: 'Refresh', cancel: 'Give up this order',
    cancel_sure: 'The order can then not be paid any more, and its bills are due again.', cancel_yes: 'Give it up', about: 'About the order', number: 'Order number', created: 'Ordered at', channel: 'Paid with', paid_at: 'Paid at', transaction: 'Transaction',
    bills: 'Bills ({n})', serial: 'Agency serial', refunds: 'Refunds', object: 'Object to this payment', no_second: 'Please do not pay twice while the result is open.',
  },
  records: {
    title: 'Records', none: 'No payments yet.', none_found: 'No record fits.', start: 'Pay', more: 'Show more', filter: 'Filter and print', all: 'All', person: 'Person', insurance: 'Insurance', state: 'State', from: 'From', to: 'To', print: 'Download the list (PDF)',
  },
  state: { SUCCESS: 'Booked', CREATED: 'To be paid', PAYING: 'Paying', PAID: 'Paid, booking', REFUNDED: 'Returned', CLOSED: 'Closed' },
  voucher: {
    title: 'Voucher', acknowledgement: 'Payment acknowledgement', serial: 'Serial', code: 'Verification code', issued: 'Issued at', capitals: 'Amount in capitals', status: 'Status now', download: 'Download PDF', check: 'Open the public check page', documents: 'Official documents', documents_none: 'The tax or insurance office has not supplied an official document yet.',
    lines: 'What was paid', save: 'Save',
  },
  objection: {
    title: 'Object', list: 'My objections', reason: 'Reason', evidence: 'What happened', evidence_hint: 'When, how much, and what you think is wrong. No document numbers, please.', send: 'Send', sent: 'Sent. You can follow it here.', withdraw: 'Withdraw', none: 'You have not objected to anything.', limit: 'Please object within 30 days of the payment.',
    wrong_amount: 'The amount is wrong', not_posted: 'Paid but not booked', paid_twice: 'Charged twice', wrong_person: 'The wrong person', refund_missing: 'A refund did not arrive', other: 'Something else',
  },
  rights: {
    title: 'My data', lead: 'Your data is yours', export: 'Export my data', export_text: 'Everything that this platform holds about you, names and numbers in part.', export_whole: 'Export in whole (asks once more who you are)', erase: 'Delete my account', erase_text: 'Deletes your data. The financial record stays, as the rules demand, without your name.', erase_sure: 'Really delete? This cannot be undone.', erase_yes: 'Delete', erased: 'Deleted. You are logged out.', payers: 'Who pays for me', payers_none: 'Nobody pays for you.', payers_need: 'Once your real name is verified you see who pays for you, and can end it. Verify it under “Insured persons”.', unlink: 'End it', since: 'since {time}',
    mobile: 'Mobile number', mobile_none: 'No number bound', bind: 'Bind the platform’s number', unbind: 'Unbind',
  },
  proof: { text: 'Please show once more that it is you.', face: 'With my face', sms: 'With a code to {mobile}', confirm: 'Confirm', none: 'Please add yourself or bind a mobile number first.' },
  topup: { title: 'Account top-up', card: 'Social card number', card_hint: 'The number of the social card, not of a bank card.', amount: 'Amount in yuan', send: 'Make the bill', note: 'Goes to the social card’s personal account and cannot be used for pension.', sample: 'Fill in the demo card' },
  me: {
    title: 'Me', guest: 'Not logged in', logged_in: 'Logged in', logged_out: 'Log in to see your records', log_in: 'Log in', log_out: 'Log out', mine: 'Mine', people_text: 'Add, remove, pay for whom', show: 'Display', elder_text: 'Larger letters and buttons', language_text: '界面使用英文',
  },
  family: {
    title: 'Family payment', ask: 'Ask my family to pay', lead: 'Ask your family to pay', text: 'Make a link and send it. Your relative logs in, checks, and pays with their own wallet.', make: 'Make a link', what: 'To pay', whatever: 'Whatever is due', need: 'Your real name must be verified first, so that nobody asks in your name.', made: 'The link is ready', link: 'Link for your family',
    until: 'Works until {time}, for one person.', copy: 'Copy the link', copied: 'Copied. Send it to your family.', withdraw: 'Withdraw the link', withdrawn: 'Withdrawn. The link no longer works.', note: 'The link holds neither name nor document number. Your family sees amounts and status only, and you can end it at any time under “My data”.',
    for: 'For whom', valid: 'Valid until', own: 'You made this link yourself. Send it to your family.', accepted: 'You have accepted and can pay.', asked: '{name} asks you to pay', asked_text: 'Make sure that you know them. When you accept, they join your list of insured persons.', whatever_text: 'When you accept, you can see what is due and pay it.', accept: 'Accept and see what is due', agree_next: 'Tick it, then accept.', decline: 'Not now',
  },
  mobile: {
    number: 'Mobile number', number_hint: 'Eleven digits, mainland China.', source: 'From', source_wechat: 'WeChat', source_alipay: 'Alipay', source_sms: 'Code by text message', since: 'Bound at', by_message: 'Bind with a text message', send: 'Send me a code', again: 'Send another', again_in: 'Another in {n} s', code: 'Code', code_hint: 'Six digits, valid for 5 minutes. Tell it to nobody.', bind: 'Bind', inbox: 'Demo message: ', inbox_empty: 'No message came. Try again later.',
  },
  reminders: {
    title: 'Reminders', lead: 'Reminded when it matters', text: 'Each reminder is sent only if you agree. You can pay without any.', want: 'Remind me', once_more: 'Once more', stop: 'Stop', on: 'On', off: 'Off', left: '{n} left', used: 'Used up', away: 'Not available', none: 'This platform has no such reminder yet.', since: 'Last answer: {time}', quiet: 'None is sent between {from} and {to}.', note: 'One agreement is one message: that is the platform’s rule.',
    asks: '{platform} asks', asks_text: '“Social insurance” wants to send you this message once:', played: 'In reality the platform shows this question.', accept: 'Allow', reject: 'Reject',
  },
  problem: {
    broken: 'Something on this page went wrong.', offline: 'The server of this page does not answer. Is mock or demo still running?', timed_out_here: 'There was no answer in time.', next: 'Please try again later. If you have just paid, do not pay again; your records show the result.', retry: 'Try again', see_order: 'See that order', help: 'Need help? Call',
  },
  panel: {
    title: 'Behind the scenes', open: 'Look behind', close: 'Close', http: 'Mini-program ↔ service', platforms: 'Service ↔ platforms', notices: 'Notifications', order: 'Order', empty: 'Nothing yet. Use the phone, and what happens appears here.', sent: 'Sent', answered: 'Answered', verified: 'Signature verified', refused: 'Signature refused', unsigned: 'Unsigned', none: 'Not checked', ms: '{n} ms', accepted: 'Counted as delivered', not_accepted: 'Not counted as delivered', answer_headers: 'Signature headers of the answer', headers: 'Signature headers', body: 'Body', docs: 'API documentation', mock_side: ' (mock platform)', no_answer: 'no answer', order_none: 'Open an order to see how its state changes, and its journal.', changes: 'Changes that the page saw', history: 'History', clear: 'Clear', latest: 'newest first',
    lead: 'The phone on the left; on the right, what happens behind it. Tokens, names and document numbers are covered.', 
  },
};
