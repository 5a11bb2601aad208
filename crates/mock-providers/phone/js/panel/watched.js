/** The order that the phone shows, and the changes of its state that the page has seen. */

export const watching = new EventTarget();
/** @type {{record: object, changes: Array<{at: Date, state: string, label: string}>}|null} */
let present = null;

export function watched(record) {
  if (present?.record.order_no !== record.order_no) present = { record, changes: [] };
  present.record = record;
  if (present.changes.at(-1)?.state !== record.state) present.changes.push({ at: new Date(), state: record.state, label: record.label });
  watching.dispatchEvent(new Event('change'));
}

export const presentOrder = () => present;
