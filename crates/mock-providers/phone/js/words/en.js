/** The page's own words in English. Same keys as zh-CN.js; a test compares, and finds what nobody says. */
export default {
  app: {
    name: 'City services', skip: 'Skip to the content', mock: 'Simulation: no real money moves', back: 'Back', tabs: 'Main navigation', loading: 'Loading',
    yuan: 'yuan', comma: ', ', keep: 'No, keep it', elder: 'Large type', elder_off: 'Standard', demo: 'About this demo', sending: 'Sending…', patience: 'Working on it, please wait.',
    now_in: 'Now in English',
    tab: { home: 'Home', records: 'Records', me: 'Me' },
  },
  now: { standard: 'Standard type', large: 'Large type', largest: 'Largest type' },
  size: { standard: 'Standard', large: 'Large', largest: 'Largest' },
  insurance: { pension: 'Pension', medical: 'Medical insurance', unemployment: 'Unemployment insurance', resident_medical: 'Residents’ medical insurance' },
  kind: { difference: 'Difference', back_payment: 'Back-payment', topup: 'Account top-up' },
  kind_mark: { difference: 'diff.', back_payment: 'back', topup: 'top-up' },
  kind_text: { difference: 'What paid months still owe under a new tier or standard; no new months.', back_payment: 'Months that were missed before.', topup: 'Goes to the medical personal account of the social card.' },
  home: {
    title: 'Social insurance', enrolled_in: 'City of enrolment', change: 'Change', change_city: 'city of enrolment', promise: 'Every fen can be traced: booked, returned, or looked at by a person',
    services: 'Pay', no_services: 'Nothing can be paid for this city yet.', know: 'Before you pay', quote_text: 'No login needed; every step is shown', guide_text: 'Standards, and how things are done',
    objection: 'Something is wrong with a payment', objection_text: 'Object from your records', unfinished: 'You have an unfinished payment', unfinished_text: 'If you have not paid, please do so before {time}. If you have, the result will come by itself; do not pay twice.', under_way: 'One of your payments is under way', go_on: 'Continue to pay', look: 'See how it stands', lines: 'Help lines',
  },
  line: { 12333: 'Human resources', 12393: 'Medical insurance', 12366: 'Tax', 95017: 'WeChat Pay', 95188: 'Alipay' },
  service: {
    flex_pension: { name: 'Pension', text: 'Flexible employment' },
    flex_medical: { name: 'Medical insurance', text: 'Flexible employment' },
    flex_unemployment: { name: 'Unemployment insurance', text: 'Flexible employment' },
    resident_medical: { name: 'Residents’ medical insurance', text: 'Children, students, the elderly and others; by the year' },
    back_payment: { name: 'Back-payment', text: 'Months that were missed' },
    account_topup: { name: 'Social-card account top-up', text: 'Cannot be used for pension' },
  },
  cities: {
    title: 'City of enrolment', hint: 'Choose the city where you are insured. It need not be where you are now.', open: 'Open cities ({n})', here: 'Where you are', locate: 'Use my location', locating: 'Locating…', demo_place: 'Demo: Wuxi',
    privacy: 'Your location only suggests a city. It is not kept.', recent: 'Recent', hot: 'Popular', letters: 'Index', search: 'Search for a city', searching: 'Searching…', placeholder: 'City, province, pinyin or initials',
    not_open: 'Coming soon', county: 'Directly under {province}', none: 'No such city. Try another spelling.', no_place: 'No city near you was found. Choose from the list.',
    placed: 'You seem to be in {city}', refused: 'Your location is not known. Choose from the list.',
  },
  platform: { wechat: 'WeChat mini-program', alipay: 'Alipay mini-program' },
  platform_text: { wechat: 'Pays with WeChat Pay', alipay: 'Pays with Alipay' },
  wallet: { wechat: 'WeChat Pay', alipay: 'Alipay' },
  login: {
    title: 'Log in', lead: 'Which mini-program are you in?', text: 'In reality the mini-program logs in by itself. Here you choose the platform that is played.',
    note: 'Logging in needs no password and learns nothing about how you pay.',
  },
  people: {
    title: 'Insured persons', self: 'Myself', other: 'Another', none: 'Nobody has been added yet.', add: 'Add a person', removed: 'A person who was removed', removed_now: '{name} was removed', remove: 'Remove',
    remove_sure: 'Without {name} you can no longer query or pay for this person. Records of past payments stay.', remove_yes: 'Remove', note: 'Names and document numbers are encrypted; only parts are shown.',
    unverified: 'Real name not verified', verify: 'Verify real name', verified: 'Real name verified ({time})', verify_failed: 'The last check did not pass. You can try again.', verify_agree: 'By pressing “Verify real name” you agree to the consent above.',
  },
  person: {
    title: 'Add a person', whom: 'Who is insured', name: 'Name', name_missing: 'Fill in the name.', kind: 'Document', number: 'Document number', number_missing: 'Fill in the document number.', number_hint: 'As registered with the agency. Not the bank card number of the social card.',
    demo: 'Only in this demonstration', case: 'Whom to invent', case_hint: 'Invented numbers use the region code 320299, which was never given out: nobody has such a number.', sample: 'Fill in an invented person', consent_head: 'Consent',
    consent_self: 'To find what is due and to pay it, this service asks the agencies with your name and document number. They are kept encrypted and you can remove them at any time.',
    consent_other: 'You will query and pay for another person. Make sure that they agree. You see amounts and status, not their benefits, and they can end this at any time.',
    agree: 'I have read this and agree', agree_first: 'Please read and tick “I have read this and agree” first.', guardian: 'The insured person is under 14. I am a parent or guardian and agree on their behalf.', guardian_first: 'The insured person is under 14: a guardian must read and tick the statement above.',
    birth_date: 'Birth date', birth_date_missing: 'Fill in the birth date.', birth_date_hint: 'The number of this document does not tell it. It decides whether a guardian has to speak, and is not kept.',
    save: 'Save', note: 'Do not enter real personal data in this demonstration.',
  },
  sample: { standard: 'Flexible worker, 2023 unpaid', gap: 'No medical insurance for two months', missed_months: 'Missed months that can be paid back', resident: 'Resident, pays by the year', elderly: 'Older resident, pays by the year', child: 'Child (a parent pays)' },
  document: {
    resident_id: 'Resident ID card', hkmt_residence: 'Residence permit (Hong Kong, Macao, Taiwan)', foreign_pr: 'Permanent residence card', passport: 'Passport', hk_macau_pass: 'Mainland travel permit (Hong Kong, Macao)', taiwan_pass: 'Mainland travel permit (Taiwan)',
  },
  bills: {
    title: 'Choose months', whom: 'Who is insured', other_person: 'Add', next: 'Next', chosen: '{n} chosen', sum: 'Total', none_chosen: 'No month chosen', year: '{year}', change_tier: 'Change tier', quick: 'Quick choice',
    nothing: 'Nothing is due at present.', demo_years: 'The mock agency has bills of {year} only; that is why these are not this year’s months.', until: 'To be paid by {day}', maintenance: 'The agency’s system is under maintenance until about {time}.', closed_until: 'Not payable at this hour; again from {time}.', closed: 'Not payable at this hour. Please come back later.', decides: 'The agency decides what is due; our calculation is there for you to check.',
  },
  quick: { earliest: 'Earliest month', three: '3 months', year: 'Whole year', none: 'None' },
  bill_state: { paid: 'Paid', locked: 'In payment', expired: 'Too late' },
  explain: {
    head: 'How this amount comes about', each: 'Each month', whole: 'Amount', count: 'Months', base: 'Base', tier: 'Tier', account: 'Of it to the personal account', pool: 'Of it to the pool', policy: 'Standard',
    differs: 'By the standard we compute {ours} yuan; the agency says {theirs} yuan, and the agency decides.', provisional: 'The new standard is not published yet. Last year’s applies for now and is settled later.',
  },
  tiers: {
    title: 'Change tier', choose: 'Tiers of {month}', no: 'Tier {n}', none: 'None chosen', now: 'Now', base: 'Base {base} yuan', monthly: 'a month', state: 'Enrolment: {state}', from: 'From which month', from_hint: 'Unpaid months take the new tier; paid months may get a bill for the difference.',
    note: 'A higher tier costs more each month. The choice is yours; we recommend nothing.', preview: 'See what would change', change: 'Please check, then confirm', before: 'Now', after: 'Then', unpaid: 'Unpaid months', unpaid_text: '{n} {n|month|months} at the new tier', differences: 'Differences for paid months',
    lower: 'Paid months give nothing back when the tier goes down.', own_only: 'Only the insured person chooses their tier.', proven_only: 'Please verify your real name before you choose a tier.', save: 'Change the tier', not_now: 'Not now', saved: 'Changed from {month} on; {n} {n|bill|bills} for differences.', to_bills: 'See what is due',
  },
  quote: {
    title: 'Try a calculation', insurance: 'Insurance', tier: 'Tier', least: 'The least', base: 'Base in yuan', base_hint: '{floor} to {ceiling} yuan; the lowest when left empty.', base_hint_least: 'At least {floor} yuan; the lowest when left empty.', base_whole: 'The base is a whole number of yuan.',
    year: 'Year', first: 'From month', months: 'Months', n_months: '{n} {n|month|months}', ask: 'Calculate', total: 'Total', note: 'For information only; the agency decides what is due.',
    empty: 'No standards of {city} are known here yet, so nothing can be calculated.', none: 'No standard of {month} is known here. Choose another month.', provisional: 'Standards are known until {month}. The last one is used for now; the next will differ.',
  },
  guide: {
    title: 'Guide', lead: 'Standards of {city}', empty: 'No standards of {city} are known here yet.', now: 'In force', announced: 'Announced, not in force yet', carried: 'Provisional (carried forward)', past: 'Earlier', floor: 'Lowest base', ceiling: 'Highest base', document: 'Document', tier: 'Tier', base: 'Base', monthly: 'A month', category: 'Group', yearly: 'A year',
    limit: 'At most {limit} yuan at a time', source: 'Source:', unchecked: 'Compiled from public sources, not verified by an authority.', note: 'What the agencies publish is what counts.',
  },
  guide_part: { channels: 'Other ways to pay', payment_methods: 'Ways to pay here', notices: 'Notices', advice: 'Advice', refund: 'Refunds', objection: 'Objections', topup_guide: 'Account top-up, step by step', more: 'More' },
  guide_list: { reasons: 'When to apply', papers: 'What to bring', places: 'Where', banks: 'Banks', steps: 'How' },
  confirm: {
    title: 'Confirm', total: 'To pay', who: 'For whom', what: 'For what', insured: 'Insured person', relation: 'Relation', number: 'Document', card: 'Social card', city: 'City', wallet: 'Paid with', bills: '{n} {n|bill|bills}', no_months: 'For no month',
    second_head: 'Confirm once more', second: 'I have checked: this pays for {name}, not for myself.', second_first: 'Please check the insured person’s name and number, and tick it.',
    note: 'The bills are then held for you; please pay within 30 minutes.', pay: 'Confirm and pay {amount} yuan', back: 'Go back and change',
  },
  cashier: {
    title: 'Simulated cashier', kind: { wechat: 'WeChat Pay · simulated', alipay: 'Alipay · simulated' }, payee: 'To: social insurance (simulated merchant)', order: 'Order', until: 'Pay before', method: 'Method', balance: 'Simulated balance',
    pay: 'Pay now', cancel: 'Do not pay', more: 'Play something else', more_text: 'A real wallet has no such buttons; they show how the service copes.', vanish: 'Paid, but the page is closed', fail: 'The payment fails', note: 'In reality this is a page of {wallet} itself.',
  },
  closed: { title: 'Page closed', head: 'The mini-program was closed', text: 'The money was paid, but the page did not wait for the result. Open it again: the payment is on the first page or in your records.', open: 'Open it again' },
  trail: { head: 'Progress', ordered: 'Order', paid: 'Payment', booked: 'Booking', not_booked: 'Not booked', undone: 'Booking undone', returned: 'Return' },
  trail_state: { done: 'done', now: 'under way', later: 'to come' },
  order: {
    title: 'Result', pay: 'Pay', voucher: 'See the voucher', receipt: 'See the acknowledgement', again: 'Query what is due', refresh: 'Refresh', asked: 'Asked just now ({time}): not paid yet', cancel: 'Give up this order', because: 'Why: {reason}',
    cancel_sure: 'The order can then not be paid any more, and its bills are due again.', cancel_yes: 'Give it up', about: 'About the order', number: 'Order number', created: 'Ordered at', channel: 'Paid with', paid_at: 'Paid at', transaction: 'Transaction',
    bills: 'Bills ({n})', serial: 'Agency serial', refunds: 'Refunds', object: 'Object to this payment', no_second: 'Please do not pay twice while the result is open.',
  },
  order_unpaid: {
    cancelled: 'You did not pay', cancelled_text: 'No money was taken. To pay after all, do so before {time}; then the order closes by itself.', failed: 'The payment did not succeed', failed_text: 'No money was taken. Please pay again before {time}; then the order closes by itself.',
  },
  records: {
    title: 'Records', none: 'No payments yet.', none_found: 'No record fits.', shown: '{n} {n|record|records} shown', start: 'Pay', more: 'Show more', filter: 'Filter and print', all: 'All', person: 'Person', insurance: 'Insurance', state: 'State', from: 'From', to: 'To', print: 'Download the list (PDF)',
  },
  state: { SUCCESS: 'Booked', CREATED: 'To be paid', PAYING: 'Paying', PAID: 'Paid, booking', REFUNDED: 'Returned', CLOSED: 'Closed' },
  voucher: {
    title: 'Voucher', acknowledgement: 'Payment acknowledgement', serial: 'Serial', code: 'Verification code', issued: 'Issued at', download: 'Download PDF', check: 'Open the public check page', documents: 'Official documents', documents_none: 'The tax or insurance office has not supplied an official document yet.', documents_need: 'They name you in full. Once your real name is verified you can download them here.', lines: 'What was paid',
  },
  objection: {
    title: 'Object', list: 'My objections', reason: 'Reason', choose: 'Choose', reason_missing: 'Choose a reason.', evidence: 'What happened', evidence_missing: 'Say what happened.', evidence_hint: 'When, how much, and what you think is wrong. No document numbers, please.', send: 'Send', withdraw: 'Withdraw', withdrawn: 'Withdrawn', none: 'You have not objected to anything.', limit: 'Please object within 30 days of the payment.',
  },
  objection_reason: { wrong_amount: 'The amount is wrong', not_posted: 'Paid but not booked', paid_twice: 'Charged twice', wrong_person: 'The wrong person', refund_missing: 'A refund did not arrive', other: 'Something else' },
  rights: {
    title: 'My data', lead: 'Your data is yours', export: 'Export my data', export_text: 'Everything that this platform holds about you, names and numbers in part.', export_whole: 'Export in whole (asks once more who you are)', erase: 'Delete my account', erase_text: 'Deletes your data. The financial record stays, as the rules demand, without your name.', erase_sure: 'Really delete? This cannot be undone.', erase_yes: 'Delete', erased: 'Deleted. You are logged out.', payers: 'Who pays for me', payers_none: 'Nobody pays for you.', payers_need: 'Once your real name is verified you see who pays for you, and can end it.', unlink: 'End it', unlinked: 'Ended', since: 'since {time}',
    mobile: 'Mobile number', mobile_none: 'No number bound', bind: 'Bind the platform’s number', unbind: 'Unbind',
  },
  proof: { text: 'Please show once more that it is you.', face: 'With my face', sms: 'With a code to {mobile}', confirm: 'Confirm', none: 'Please add yourself or bind a mobile number first.' },
  topup: { title: 'Account top-up', card: 'Social card number', card_missing: 'Fill in the card number.', card_hint: 'The number of the social card, not of a bank card.', amount: 'Amount in yuan', amount_missing: 'Fill in the amount, with at most two decimals.', send: 'Make the bill', note: 'Goes to the social card’s personal account and cannot be used for pension.', sample: 'Fill in the demo card' },
  me: {
    title: 'Me', guest: 'Not logged in', logged_in: 'Logged in', logged_out: 'Log in to see your records', log_in: 'Log in', log_out: 'Log out', mine: 'Mine', people_text: 'Add, remove, pay for whom', show: 'Display', size: 'Size of type', size_text: '“Large” and “Largest” have larger letters and buttons and more contrast.', language_text: 'Language of this page',
  },
  family: {
    title: 'Family payment', ask: 'Ask my family to pay', lead: 'Ask your family to pay', text: 'Make a link and send it. Your relative logs in, checks, and pays with their own wallet.', make: 'Make a link', what: 'To pay', whatever: 'Whatever is due', need: 'Your real name must be verified first, so that nobody asks in your name.', made: 'The link is ready', link: 'Link for your family',
    until: 'Works until {time}, for one person.', copy: 'Copy the link', copied: 'Copied. Send it to your family.', withdraw: 'Withdraw the link', withdrawn: 'Withdrawn. The link no longer works.', note: 'The link holds neither name nor document number. Your family sees amounts and status only, and you can end it at any time under “My data”.',
    for: 'For whom', valid: 'Valid until', own: 'You made this link yourself. Send it to your family.', accepted: 'You have accepted and can pay.', asked: '{name} asks you to pay', asked_text: 'Make sure that you know them. When you accept, they join your list of insured persons.', whatever_text: 'When you accept, you can see what is due and pay it.', whatever_own: 'Whoever accepts can see what is due for you and pay it, not your benefits.', accept: 'Accept and see what is due', decline: 'Not now',
  },
  mobile: {
    number: 'Mobile number', number_missing: 'Fill in the number.', number_hint: 'Eleven digits, mainland China.', source: 'From', since: 'Bound at', by_message: 'Bind with a text message', send: 'Send me a code', again: 'Send another', again_in: 'Another in {n} s', code: 'Code', code_missing: 'Fill in the code.', code_hint: 'Six digits, valid for 5 minutes. Tell it to nobody.', bind: 'Bind', inbox: 'Demo message: ', inbox_empty: 'No message came. Try again later.',
  },
  mobile_source: { wechat: 'WeChat', alipay: 'Alipay', sms: 'Code by text message' },
  reminders: {
    title: 'Reminders', lead: 'Reminded when it matters', text: 'Each reminder is sent only if you agree. You can pay without any.', want: 'Remind me', once_more: 'Once more', stop: 'Stop', off: 'Off', left: '{n} left', used: 'Used up', away: 'Not available', none: 'This platform has no such reminder yet.', since: 'Last answer: {time}', quiet: 'None is sent between {from} and {to}.', note: 'One agreement is one message: that is the platform’s rule.',
    asks: '{platform} asks', asks_text: '“Social insurance” wants to send you this message once:', played: 'In reality the platform shows this question.', accept: 'Allow', reject: 'Reject',
  },
  problem: {
    broken: 'Something on this page went wrong.', offline: 'There is no connection.', timed_out_here: 'There was no answer in time.', next: 'Please try again later. If you have just paid, do not pay again; your records show the result.', retry: 'Try again', see_order: 'See that order', help: 'Need help? Call',
    not_logged_in: 'You are logged out.', logged_out_text: 'To protect your data, the page is empty now. Log in to come back here.', refill: 'Remove and fill in again', to_records: 'Back to the records', to_people: 'To the insured persons', to_home: 'Back to the first page',
  },
  panel: {
    title: 'Behind the scenes', open: 'Look behind', close: 'Close', lead: 'The phone on the left; on the right, what happens behind it. All times are Beijing’s; tokens, names and document numbers are covered.', docs: 'API documentation', tabs: 'What is shown', timeline: 'Timeline', books: 'Books',
    lanes: 'Which exchanges are shown', order_only: 'Only this order', find: 'Find', empty: 'Nothing yet. Use the phone: every exchange appears here in the order of time.', none_fits: 'No exchange fits.',
    sent: 'Sent', answered: 'Answered', headers: 'Headers', answer_headers: 'Signature headers of the answer', body: 'Body as sent', opened: 'Decrypted', no_answer: 'no answer', ms: '{n} ms', copy: 'Copy as curl', copied: 'Copied',
    mock_hint: 'The server of this page does not answer: is mock or demo still running?', order_none: 'Open an order to see what happened to it, and every entry of its books.', changes: 'Changes that the page saw', history: 'What happened', entries: 'Double entries', debit: 'Debit', credit: 'Credit', amount: 'Amount', balance: 'Received {received} = booked {booked} + in transit {transit} + owed back {owed} + returned {returned} + in question {suspense}', no_entries: 'No entries yet: no money has moved.', no_books: 'Books are shown by demo only; serve gives them to nobody.', record: 'The order as the API tells it',
  },
  lane: { phone: 'Phone → service', mock: 'Phone → mock platform', wechat: 'Service → WeChat', alipay: 'Service → Alipay', agency: 'Service → agency', notice: 'Platform → service' },
  verdict: { verified: 'Signature verified', refused: 'Signature refused', unsigned: 'Unsigned' },
  notice: { accepted: 'Verified and recorded by us; counted as delivered', signature: 'Our verdict: signature not genuine, refused', refused: 'Refused by us', unanswered: 'No answer' },
  account: { channel: 'Owed by the channel', in_transit: 'In transit', premium: 'Contributions payable', topup: 'Top-ups payable', refund_payable: 'Refunds payable', suspense: 'In question' },
};
