//! Vouchers (缴费凭证): what this service says about a booked order, once.
//!
//! A voucher is issued when it is first asked for, not when the last bill is booked: the transaction
//! that books money must wait for nothing but its order, and all vouchers of a city share one counter.
//! What it says is frozen then. What becomes of the order later changes its standing, which is always
//! read from the order.

mod blanking;
mod code;
mod content;
mod serial;
mod table;

use std::collections::{BTreeSet, HashMap};

use agency::BillComponent;

use kernel::{
    AccountId, Channel, Fen, Month, OrderId, OrderNo, PersonId, Timestamp, VoucherId, mask,
};
use migrations::begin_write;
use people::{InsuredPerson, Relation};

use self::content::{VERSION, canonical, complete, digest};
pub use self::{
    content::{VoucherContent, VoucherLine},
    serial::VoucherSerial,
};
use crate::{
    OrderError, OrderRecord, OrderState, Orders, PaymentState, Posting, PostingState, journal,
    order::table::{self as order_table, FrozenBill},
    payment::table as payment_table,
    posting::table as posting_table,
    refund::table as refund_table,
};

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
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// `None`: an acknowledgement. Nothing is booked, or all was undone before anybody asked.
    pub issued: Option<Issued>,
    /// By this whoever holds the paper proves that it is real: eight characters.
    pub code: String,
    pub content: VoucherContent,
    pub state: OrderState,
    /// Where each line's booking stands now, in the order of the lines.
    pub lines: Vec<PostingState>,
    /// When the order last changed.
    pub changed_at: Timestamp,
}

/// Without the code.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({}, {})", self.number(), self.state)
    }
}

impl Proof {
    /// What stands on the paper as its number: that of the voucher, or of the order.
    pub fn number(&self) -> &str {
        match &self.issued {
            Some(issued) => issued.serial.as_str(),
            None => &self.content.order_no,
        }
    }

    /// Whether it is about money for a medical personal account, which is no contribution. The two never
    /// stand in one order.
    pub fn is_topup(&self) -> bool {
        self.content.lines.iter().any(|line| !line.kind.is_premium())
    }
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
        let Some((_, transaction_id, _)) = paid(&record) else { return Ok(None) };
        let masked = self.masked(account, record.order.person).await?;
        let content = self.content(&record, None, masked, self.clock.now())?;
        let lines = content.lines.iter().map(|line| standing(line, &record.postings));
        let codes = code::of_acknowledgement(&self.cipher, order_no.as_str(), &transaction_id);
        Ok(Some(Proof {
            issued: None,
            code: codes.into_iter().next().unwrap_or_default(),
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

    /// The voucher of this number, or the acknowledgement of this order, for whoever has its code. `None`
    /// for an unknown number and a wrong code alike.
    ///
    /// # Errors
    /// When the database is away, or the row is not what was issued.
    pub async fn check_voucher(
        &self,
        number: &str,
        code: &str,
    ) -> Result<Option<Proof>, OrderError> {
        let Some(serial) = VoucherSerial::parse(number) else {
            return self.check_acknowledgement(number, code).await;
        };
        let Some(row) = table::by_serial(&self.db, &serial).await? else { return Ok(None) };
        let proof = self.live(row).await?;
        let code = code::normalised(code);
        Ok(code::same(proof.code.as_bytes(), code.as_bytes()).then_some(proof))
    }

    /// An acknowledgement stays true when a voucher has followed it: it shows how the order stands now.
    async fn check_acknowledgement(
        &self,
        order_no: &str,
        code: &str,
    ) -> Result<Option<Proof>, OrderError> {
        let Ok(order_no) = OrderNo::new(code::plain(order_no)) else { return Ok(None) };
        let order = match order_table::find_by_number(&self.db, &order_no).await {
            Ok(order) => order,
            Err(OrderError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let proof = match self.acknowledgement(order.account, &order_no).await {
            Ok(proof) => proof,
            // The account is erased, and with it whose payment it was.
            Err(OrderError::PersonNotFound) => None,
            Err(error) => return Err(error),
        };
        let code = code::normalised(code);
        Ok(proof.filter(|proof| {
            let transaction_id = &proof.content.transaction_id;
            let codes = code::of_acknowledgement(&self.cipher, order_no.as_str(), transaction_id);
            codes.iter().any(|known| code::same(known.as_bytes(), code.as_bytes()))
        }))
    }

    /// Masked names of insured persons of an account, removed ones among them. Absent: nothing is known
    /// of them any more.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn masked_names(
        &self,
        account: AccountId,
        persons: &BTreeSet<PersonId>,
    ) -> Result<HashMap<PersonId, String>, OrderError> {
        let mut names = HashMap::new();
        for person in persons {
            match self.masked(account, *person).await {
                Ok(masked) => {
                    names.insert(*person, masked.name);
                }
                Err(OrderError::PersonNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(names)
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
        let (issued, mut content) = self.read_voucher(row)?;
        let order = order_table::find(&self.db, order).await?;
        if content.version < VERSION {
            complete(&mut content, &order_table::bills(&self.db, order.id).await?);
        }
        let postings = posting_table::of_order(&self.db, order.id).await?;
        let lines = content.lines.iter().map(|line| standing(line, &postings));
        Ok(Proof {
            code: issued.code.clone(),
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
        let serial = loop {
            let number = table::next_number(&txn, &record.order.city, month).await?;
            // A number whose check character could be misread is never given out.
            if let Some(serial) = VoucherSerial::new(&record.order.city, month, number) {
                break serial;
            }
        };
        let content = self.content(&record, Some(&serial), masked, now)?;
        let text = canonical(&serde_json::to_value(&content).map_err(|_| unwritable(&record))?);
        let digest = digest(&text);
        let code = code::of_voucher(&self.cipher, serial.as_str(), &digest);
        let sealed = self.cipher.seal(&code::context(serial.as_str(), &digest), code.as_bytes());
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
            version: VERSION,
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
            kind: bill.kind,
            category: bill.category.clone(),
            agency_serial: posted.map(|posted| posted.agency_serial.clone()),
            posted_at: posted.map(|posted| posted.posted_at),
        }
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
