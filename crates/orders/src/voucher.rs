//! Vouchers (缴费凭证): what this service says about a booked order, once.
//!
//! A voucher is issued when it is first asked for, not when the last bill is booked: the transaction
//! that books money must wait for nothing but its order, and all vouchers of a city share one counter.
//! What it says is frozen then. What becomes of the order later changes its standing, which is always
//! read from the order.

mod blanking;
mod serial;
mod table;

use agency::BillComponent;
use kernel::{
    AccountId, AgencyCode, BillNo, Channel, CityCode, Fen, Insurance, Month, OrderId, OrderNo,
    PersonId, Timestamp, VoucherId, mask,
};
use migrations::begin_write;
use people::{InsuredPerson, Relation};
use ring::digest as hashing;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::serial::VoucherSerial;
use crate::{
    OrderError, OrderRecord, OrderState, Orders, PaymentState, Posting, PostingState, journal,
    order::table::{self as order_table, FrozenBill},
    payment::table as payment_table,
    posting::table as posting_table,
    refund::table as refund_table,
};

/// The characters of a verification code: no letter that looks like a figure or like another letter.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five bits each: 40 bits, against a check that answers some hundred times a minute.
const CODE_LENGTH: usize = 8;

/// What a voucher says, or an acknowledgement (支付回执) of a payment that has no voucher. Names and
/// numbers of people are masked before they get here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherContent {
    /// Of this form of content.
    pub version: u8,
    /// An acknowledgement has none.
    pub serial: Option<String>,
    pub issued_at: Timestamp,
    pub order_no: String,
    pub city: CityCode,
    pub city_name: String,
    /// `*三`
    pub insured_name: String,
    pub insured_number: String,
    /// Masked name of the account's owner where it is known.
    pub payer_name: Option<String>,
    pub channel: Channel,
    pub transaction_id: String,
    pub paid_at: Timestamp,
    pub lines: Vec<VoucherLine>,
    pub total: Fen,
}

/// One bill: on a voucher a booked one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherLine {
    pub agency: AgencyCode,
    pub agency_name: String,
    pub bill_no: BillNo,
    pub insurance: Insurance,
    pub from: Month,
    pub to: Month,
    pub base: Option<Fen>,
    pub tier_no: Option<u16>,
    pub components: Vec<BillComponent>,
    pub amount: Fen,
    pub agency_serial: Option<String>,
    pub posted_at: Option<Timestamp>,
}

/// Even masked names stay out of logs.
impl std::fmt::Debug for VoucherContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VoucherContent({})", self.order_no)
    }
}

/// That a voucher was issued.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    pub serial: VoucherSerial,
    /// Eight characters, `7K3M9QXT`: whoever knows it has seen the voucher.
    pub code: String,
    /// SHA-256 of the canonical content, hexadecimal.
    pub digest: String,
}

/// Without the code.
impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued({})", self.serial)
    }
}

/// What can be shown of a paid order, and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `None`: an acknowledgement. Nothing is booked, or all was undone before anybody asked.
    pub issued: Option<Issued>,
    pub content: VoucherContent,
    pub state: OrderState,
    /// Where each line's booking stands now, in the order of the lines.
    pub lines: Vec<PostingState>,
    /// When the order last changed.
    pub changed_at: Timestamp,
}

/// A voucher that exists, without its content.
#[derive(Clone, Debug)]
pub struct IssuedVoucher {
    pub issued: Issued,
    pub issued_at: Timestamp,
    pub order_no: String,
}

impl Orders {
    /// The voucher of an order, issued now if the order is booked and has none yet; otherwise the
    /// acknowledgement of its payment. `None`: it is not paid.
    ///
    /// # Errors
    /// [`OrderError::NotFound`] for others' orders.
    pub async fn proof(
        &self,
        account: AccountId,
        order_no: &OrderNo,
    ) -> Result<Option<Proof>, OrderError> {
        let order = order_table::find_by_no(&self.db, account, order_no).await?;
        let mut voucher = table::of_order(&self.db, order.id).await?;
        if voucher.is_none() && is_booked(order.state) {
            self.issue(order.id, account, order.person).await?;
            voucher = table::of_order(&self.db, order.id).await?;
        }
        match voucher {
            Some(row) => self.live(row).await.map(Some),
            None => self.acknowledgement(account, order_no).await,
        }
    }

    async fn acknowledgement(
        &self,
        account: AccountId,
        order_no: &OrderNo,
    ) -> Result<Option<Proof>, OrderError> {
        let record = self.record(account, order_no).await?;
        if paid(&record).is_none() {
            return Ok(None);
        }
        let masked = self.masked(account, record.order.person).await?;
        let content = self.content(&record, None, masked, self.clock.now())?;
        let lines = content.lines.iter().map(|line| standing(line, &record.postings));
        Ok(Some(Proof {
            issued: None,
            state: record.order.state,
            lines: lines.collect::<Result<_, _>>()?,
            changed_at: record.order.updated_at,
            content,
        }))
    }

    /// Vouchers that were issued for the account's orders, oldest first, up to `limit`.
    ///
    /// # Errors
    /// When the database is away, or a row is not what was issued.
    pub async fn vouchers_of(
        &self,
        account: AccountId,
        limit: u64,
    ) -> Result<Vec<IssuedVoucher>, OrderError> {
        let rows = table::of_account(&self.db, account, limit).await?;
        rows.into_iter()
            .map(|row| {
                let issued_at = Timestamp::from_millis(row.issued_at_ms);
                let (issued, content) = self.read_voucher(row)?;
                Ok(IssuedVoucher { issued, issued_at, order_no: content.order_no })
            })
            .collect()
    }

    /// The voucher of this number, for whoever has its code. `None` for an unknown number and a wrong
    /// code alike.
    ///
    /// # Errors
    /// When the database is away, or the row is not what was issued.
    pub async fn check_voucher(
        &self,
        serial: &str,
        code: &str,
    ) -> Result<Option<Proof>, OrderError> {
        let Some(serial) = VoucherSerial::parse(serial) else { return Ok(None) };
        let Some(row) = table::by_serial(&self.db, &serial).await? else { return Ok(None) };
        let proof = self.live(row).await?;
        let code = normalised(code);
        let right = |issued: &Issued| same(issued.code.as_bytes(), code.as_bytes());
        Ok(proof.issued.as_ref().is_some_and(right).then_some(proof))
    }

    /// Seals what vouchers, documents and disputes keep again under the current key, up to `limit` of
    /// each, and says how many there were; 0 means that nothing here needs an old key any more.
    ///
    /// # Errors
    /// When a row does not open: its key has left the configuration too early.
    pub async fn renew_keys(&self, limit: u64) -> Result<u64, OrderError> {
        let vouchers = self.renew_voucher_keys(limit).await?;
        let documents = self.renew_document_keys(limit).await?;
        Ok(vouchers + documents + self.renew_dispute_keys(limit).await?)
    }

    async fn live(&self, row: table::Model) -> Result<Proof, OrderError> {
        let order = OrderId::from_uuid(row.order_id);
        let (issued, content) = self.read_voucher(row)?;
        let order = order_table::find(&self.db, order).await?;
        let postings = posting_table::of_order(&self.db, order.id).await?;
        let lines = content.lines.iter().map(|line| standing(line, &postings));
        Ok(Proof {
            issued: Some(issued),
            lines: lines.collect::<Result<_, _>>()?,
            content,
            state: order.state,
            changed_at: order.updated_at,
        })
    }

    /// Issues in one transaction under the order's lock, unless somebody was faster or the order has
    /// moved on.
    async fn issue(
        &self,
        order: OrderId,
        account: AccountId,
        person: PersonId,
    ) -> Result<(), OrderError> {
        let masked = self.masked(account, person).await?;
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, order).await?;
        if !is_booked(order.state) || table::of_order(&txn, order.id).await?.is_some() {
            return Ok(());
        }
        let record = OrderRecord {
            bills: order_table::bills(&txn, order.id).await?,
            payments: payment_table::of_order(&txn, order.id).await?,
            postings: posting_table::of_order(&txn, order.id).await?,
            refunds: refund_table::of_order(&txn, order.id).await?,
            order,
        };
        let month = Month::of(now);
        let number = table::next_number(&txn, &record.order.city, month).await?;
        let serial = VoucherSerial::new(&record.order.city, month, number);
        let content = self.content(&record, Some(&serial), masked, now)?;
        let text = canonical(&serde_json::to_value(&content).map_err(|_| unwritable(&record))?);
        let digest = digest(&text);
        let code = self.code(serial.as_str(), &digest);
        let sealed = self.cipher.seal(&code_context(serial.as_str(), &digest), code.as_bytes());
        let id = VoucherId::generate(now, &*self.entropy);
        let issued = Issued { serial, code, digest };
        table::insert(&txn, (id, record.order.id), &issued, text, sealed, now).await?;
        journal::note(&txn, &record.order, "voucher_issued", None, now).await?;
        txn.commit().await?;
        metrics::counter!("vouchers_issued").increment(1);
        Ok(())
    }

    /// The insured person, also a removed one, and the account's owner, as a voucher may name them.
    async fn masked(&self, account: AccountId, person: PersonId) -> Result<Masked, OrderError> {
        let people = self.people.list_persons(account).await?;
        let owner = people.iter().find(|person| person.relation == Relation::Own);
        let payer = owner.map(|owner| owner.masked_name.clone());
        let listed = people.iter().find(|listed| listed.id == person);
        let whole = listed.is_some_and(InsuredPerson::is_proven_owner);
        Ok(match listed {
            Some(InsuredPerson { masked_name, masked_number, .. }) => {
                Masked { name: masked_name.clone(), number: masked_number.clone(), payer, whole }
            }
            None => {
                let identity = self.people.identity_for_posting(account, person).await;
                let identity = identity.map_err(OrderError::from_person)?;
                Masked {
                    name: mask::name(identity.name.as_str()),
                    number: identity.document.masked_for_payer(),
                    payer,
                    whole,
                }
            }
        })
    }

    fn content(
        &self,
        record: &OrderRecord,
        serial: Option<&VoucherSerial>,
        masked: Masked,
        now: Timestamp,
    ) -> Result<VoucherContent, OrderError> {
        let order = &record.order;
        let (channel, transaction_id, paid_at) = paid(record).ok_or_else(|| unwritable(record))?;
        let lines = record.bills.iter().map(|bill| self.line(record, bill, masked.whole));
        // A voucher is silent about what is not booked.
        let lines: Vec<VoucherLine> =
            lines.filter(|line| serial.is_none() || line.agency_serial.is_some()).collect();
        let total = Fen::sum(lines.iter().map(|line| line.amount));
        let city = self.catalogue.city(&order.city);
        Ok(VoucherContent {
            version: 1,
            serial: serial.map(ToString::to_string),
            issued_at: now,
            order_no: order.order_no.to_string(),
            city: order.city.clone(),
            city_name: city.map_or_else(|| order.city.to_string(), |city| city.name().to_owned()),
            insured_name: masked.name,
            insured_number: masked.number,
            payer_name: masked.payer,
            channel,
            transaction_id,
            paid_at,
            total: total.filter(|_| !lines.is_empty()).ok_or_else(|| unwritable(record))?,
            lines,
        })
    }

    /// A bill, with its booking if it is booked at this moment. Base, tier and rates tell what somebody
    /// earns or chose, and stand there for the owner whose name is proven.
    fn line(&self, record: &OrderRecord, bill: &FrozenBill, whole: bool) -> VoucherLine {
        let posting = record
            .postings
            .iter()
            .find(|posting| posting.agency == bill.agency && posting.bill_no == bill.bill.bill_no);
        let posted = posting.filter(|posting| posting.state.is_booked());
        let posted = posted.and_then(|posting| posting.posted.as_ref());
        let pack = self.catalogue.pack(&record.order.city);
        let office = pack.and_then(|pack| pack.agencies.iter().find(|o| o.code == bill.agency));
        VoucherLine {
            agency: bill.agency.clone(),
            agency_name: office
                .map_or_else(|| bill.agency.to_string(), |office| office.name.clone()),
            bill_no: bill.bill.bill_no.clone(),
            insurance: bill.insurance,
            from: bill.months.from(),
            to: bill.months.to(),
            base: bill.base.filter(|_| whole),
            tier_no: bill.tier_no.filter(|_| whole),
            components: if whole {
                bill.components.clone()
            } else {
                without_rates(&bill.components)
            },
            amount: bill.bill.amount,
            agency_serial: posted.map(|posted| posted.agency_serial.clone()),
            posted_at: posted.map(|posted| posted.posted_at),
        }
    }

    /// The first 40 bits of a keyed hash over number and content. It is kept sealed, so that keys can
    /// change under vouchers that were printed long ago.
    fn code(&self, serial: &str, digest: &str) -> String {
        let hash =
            self.cipher.lookup_hash("vouchers.code", format!("{serial}:{digest}").as_bytes());
        let bits = hash.get(..10).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
        let sign = |place: usize| {
            let five = usize::try_from(bits >> (5 * place) & 31).unwrap_or(0);
            char::from(CODE_ALPHABET[five])
        };
        (0..CODE_LENGTH).rev().map(sign).collect()
    }
}

struct Masked {
    name: String,
    number: String,
    payer: Option<String>,
    /// Whoever asks is the person, by a platform's word.
    whole: bool,
}

/// A bill's parts as a payer may see them.
fn without_rates(components: &[BillComponent]) -> Vec<BillComponent> {
    components.iter().map(|part| BillComponent { rate_bp: None, ..part.clone() }).collect()
}

const fn is_booked(state: OrderState) -> bool {
    matches!(state, OrderState::Success | OrderState::SuccessPartial)
}

/// How and when the order was paid.
fn paid(record: &OrderRecord) -> Option<(Channel, String, Timestamp)> {
    let payment = record.payments.iter().find(|payment| payment.state == PaymentState::Paid)?;
    Some((payment.channel, payment.transaction_id.clone()?, payment.paid_at?))
}

/// Where the booking of a line stands now.
fn standing(line: &VoucherLine, postings: &[Posting]) -> Result<PostingState, OrderError> {
    let posting = postings
        .iter()
        .find(|posting| posting.agency == line.agency && posting.bill_no == line.bill_no);
    posting.map(|posting| posting.state).ok_or_else(|| OrderError::Row {
        table: "postings",
        column: "bill_no",
        row: line.bill_no.to_string(),
    })
}

/// A booked order without a paid payment or a booked bill: our own rows contradict each other.
fn unwritable(record: &OrderRecord) -> OrderError {
    OrderError::Row { table: "orders", column: "state", row: record.order.id.to_string() }
}

/// Binds the sealed code to its voucher: in another row, or beside other content, it does not open.
fn code_context(serial: &str, digest: &str) -> String {
    format!("vouchers.code:{serial}:{digest}")
}

fn digest(text: &str) -> String {
    hex::encode(hashing::digest(&hashing::SHA256, text.as_bytes()))
}

/// JSON in one form only: members sorted by name, no blanks (as RFC 8785, for values without fractions).
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            let members = names.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

/// A code as people type it: small letters, hyphens and blanks are forgiven, and letters that are not
/// used stand for the figures that they look like.
fn normalised(code: &str) -> String {
    code.chars()
        .take(32)
        .filter(|sign| !sign.is_whitespace() && *sign != '-')
        .map(|sign| match sign.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            sign => sign,
        })
        .collect()
}

/// Compares without telling by its duration how much agrees.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differing = left.iter().zip(right).fold(0, |differing, (a, b)| differing | (a ^ b));
    std::hint::black_box(differing) == 0 && left.len() == right.len()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_has_one_form() {
        let left = json!({ "b": [1, { "z": null, "a": "引\"号" }], "a": true });
        let right: Value =
            serde_json::from_str(r#" { "a" : true, "b":[1,{"a":"引\"号","z":null}] } "#).unwrap();
        assert_eq!(canonical(&left), r#"{"a":true,"b":[1,{"a":"引\"号","z":null}]}"#);
        assert_eq!(canonical(&left), canonical(&right));
    }

    #[rstest]
    #[case("7K3M-9QXT", true)]
    #[case("7k3m 9qxt", true)]
    #[case("7K3M9QXT", true)]
    #[case("7K3M9QX", false)]
    #[case("7K3M9QXTT", false)]
    #[case("", false)]
    fn a_code_is_forgiven_its_form(#[case] typed: &str, #[case] right: bool) {
        assert_eq!(same(b"7K3M9QXT", normalised(typed).as_bytes()), right);
    }
}
