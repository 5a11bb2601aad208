//! Payments: starting one, and recording money that a platform vouches for.

pub(crate) mod table;

use std::net::IpAddr;

use kernel::{AccountId, Channel, Fen, OrderNo, OutTradeNo, PaymentId, Timestamp};
use migrations::begin_write;
use people::FieldCipher;
use platforms::{
    ChannelError, Created, Payer, PayerIdKind, PaymentChannel, PaymentFact, PaymentRequest,
    Prepared, Refused, WalletParameters,
};
use sea_orm::DatabaseTransaction;
use serde_json::json;

pub use self::table::{Payment, PaymentState};
use crate::{
    OrderError, OrderEvent, OrderState, Orders,
    case::{self, CaseKind, Doubt},
    inquiry,
    job::{self, JobKind},
    journal::{self, Entry, account},
    notification::{self, RawNotification, Told},
    order::{
        halve,
        table::{self as order_table, FrozenBill, Order},
    },
    posting,
    refund::{Giving, RefundCause},
    stray,
};

/// What the client needs to open its wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedPayment {
    pub out_trade_no: OutTradeNo,
    pub amount: Fen,
    pub expires_at: Timestamp,
    pub wallet: WalletParameters,
}

/// What became of a told fact. In every case it is on record, and may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It changed something now.
    Now,
    /// It was known; nothing changed.
    Before,
    /// It does not fit what we asked for: nothing is marked paid, a case is open.
    Case(CaseKind),
}

impl Recorded {
    /// The label in the notification's row, in logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Recorded::Now => "recorded",
            Recorded::Before => "before",
            Recorded::Case(kind) => kind.code(),
        }
    }
}

impl Orders {
    /// Starts the payment of an order, or continues the one that is open with the same bytes.
    ///
    /// The payment and its exact request are stored before the channel is called. When the channel's
    /// answer is lost the same call may simply be repeated.
    ///
    /// # Errors
    /// [`OrderError::NotPayable`], [`OrderError::Expired`], [`OrderError::OtherChannel`], a bill that
    /// changed meanwhile, or the channel's answer.
    pub async fn start_payment(
        &self,
        payer: AccountId,
        order_no: &OrderNo,
        channel: Channel,
        client_ip: Option<IpAddr>,
    ) -> Result<StartedPayment, OrderError> {
        let now = self.clock.now();
        let order = order_table::find_by_no(&self.db, payer, order_no).await?;
        let collector = self.directory.collector(&order.city, channel)?;
        let payer = self.payer(&order, &*collector).await?;
        still_payable(&order, now)?;
        // Another channel may have collected meanwhile; the agency knows.
        let kept = match self.still_taken(&order).await {
            Ok(()) => self.lock_at_agencies(&order).await,
            closed => closed,
        };
        if let Err(error) = kept {
            // Nothing was asked of a channel yet, and these bills will not come back as they were.
            if order.state == OrderState::Created && !error.retryable() {
                self.give_up(&order).await?;
            }
            return Err(error);
        }
        let kind = payer.kind;
        let mut begun = self.begin_at_channel(&order, &*collector, payer, client_ip, now).await;
        // The platform changed the kind of its names since the last login. Where it told both, the other
        // one is tried, with a number of its own.
        if let Err(OrderError::Channel(ChannelError::Refused(Refused::PayerIdKind))) = &begun
            && self.people.use_other_name(order.account, kind.code()).await?
        {
            let payer = self.payer(&order, &*collector).await?;
            begun = self.begin_at_channel(&order, &*collector, payer, client_ip, now).await;
        }
        let (payment, created) = begun?;
        Ok(StartedPayment {
            out_trade_no: payment.out_trade_no,
            amount: payment.amount,
            expires_at: order.expires_at,
            wallet: collector.wallet_parameters(&created)?,
        })
    }

    /// A payment whose token opens the wallet now: the open one, or a new one.
    async fn begin_at_channel(
        &self,
        order: &Order,
        collector: &dyn PaymentChannel,
        payer: Payer,
        client_ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(Payment, Created), OrderError> {
        let payment = self.prepare_payment(order, collector, payer, client_ip, now).await?;
        let created = match fresh_token(&payment, collector, now) {
            Some(created) => created,
            None => match self.create_at_channel(&payment, collector).await {
                Err(OrderError::Channel(ChannelError::Refused(Refused::Limit))) => {
                    return Err(self.in_parts(order).await?);
                }
                created => created?,
            },
        };
        Ok((payment, created))
    }

    /// What to say when a channel takes no such amount at once: nothing was paid, the bills are free.
    async fn in_parts(&self, order: &Order) -> Result<OrderError, OrderError> {
        let bills = order_table::bills(&self.db, order.id).await?;
        let bills =
            bills.iter().map(|frozen| (frozen.months, &frozen.bill.bill_no, frozen.bill.amount));
        Ok(match halve(bills) {
            Some(parts) => OrderError::PayInParts { max: None, parts },
            None => ChannelError::Refused(Refused::Limit).into(),
        })
    }

    /// The payer's name at the platform. An id of another app would pay into the void.
    async fn payer(
        &self,
        order: &Order,
        collector: &dyn PaymentChannel,
    ) -> Result<Payer, OrderError> {
        let account = self.people.account(order.account).await?.ok_or(OrderError::NotFound)?;
        if account.channel != collector.channel()
            || account.app_id != collector.app_id()
            || order.channel != collector.channel()
        {
            return Err(OrderError::OtherChannel);
        }
        let (kind, id) = self.people.external_id(order.account).await?;
        let kind = if kind == PayerIdKind::UserId.code() {
            PayerIdKind::UserId
        } else {
            PayerIdKind::OpenId
        };
        Ok(Payer { kind, id })
    }

    async fn prepare_payment(
        &self,
        order: &Order,
        collector: &dyn PaymentChannel,
        payer: Payer,
        client_ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Payment, OrderError> {
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, order.id).await?;
        still_payable(&order, now)?;
        let attempts = table::of_order(&txn, order.id).await?;
        if let Some(open) = attempts.into_iter().find(|payment| payment.state.is_open()) {
            return Ok(open);
        }
        let id = PaymentId::generate(now, &*self.entropy);
        let request = PaymentRequest {
            out_trade_no: OutTradeNo::generate(self.rules.number_prefix, now, &*self.entropy),
            amount: order.amount,
            description: description(&order_table::bills(&txn, order.id).await?).to_owned(),
            payer,
            expires_at: order.expires_at,
            notify_url: self.rules.callback_url(
                collector.channel(),
                collector.merchant(),
                "payments",
            ),
            client_ip,
        };
        let prepared = collector.prepare_payment(&request)?;
        let payment = Payment {
            id,
            order: order.id,
            channel: collector.channel(),
            merchant: collector.merchant().clone(),
            merchant_id: collector.merchant_id().to_owned(),
            app_id: collector.app_id().to_owned(),
            out_trade_no: request.out_trade_no,
            amount: order.amount,
            state: PaymentState::Prepared,
            token: None,
            token_at: None,
            transaction_id: None,
            paid_at: None,
            created_at: now,
            request: self.cipher.seal(&request_context(id), prepared.as_str().as_bytes()),
        };
        table::insert(&txn, &payment).await?;
        journal::advance(&txn, &mut order, OrderEvent::PaymentStarted, None, now).await?;
        let first_question = now.plus(inquiry::FIRST_QUESTION_AFTER);
        job::put(&txn, JobKind::AskChannel, order.id, id, (first_question, now), &*self.entropy)
            .await?;
        txn.commit().await?;
        Ok(payment)
    }

    async fn create_at_channel(
        &self,
        payment: &Payment,
        collector: &dyn PaymentChannel,
    ) -> Result<Created, OrderError> {
        let prepared = open_request(&self.cipher, payment)?;
        match collector.create_payment(&prepared).await {
            Ok(created) => {
                let now = self.clock.now();
                let txn = begin_write(&self.db).await?;
                order_table::lock(&txn, payment.order).await?;
                // Read again under the lock: the notification may have been faster than the answer.
                let current = table::find(&txn, payment.id).await?;
                table::set_token(&txn, &current, &created.token, now).await?;
                txn.commit().await?;
                Ok(created)
            }
            // Paid, closed or changed: only the channel knows what happened to this number. Asked now,
            // it is either paid, or ended so that the next start gets a number of its own.
            Err(ChannelError::Refused(
                Refused::AlreadyPaid | Refused::Closed | Refused::ParametersChanged,
            )) => {
                if let Err(error) = self.end_attempt(payment).await {
                    tracing::info!(%error, "a refused number stays open until the next question");
                    let now = self.clock.now();
                    job::hasten(&self.db, JobKind::AskChannel, payment.id, now).await?;
                }
                Err(OrderError::PaymentInProgress)
            }
            Err(ChannelError::Refused(reason)) => {
                // A number that was accepted before may be paid yet: its questions go on.
                match (payment.token.is_none(), &reason) {
                    (false, _) => {}
                    (true, Refused::PayerIdKind) => self.refuse_number(payment).await?,
                    (true, _) => self.refuse_payment(payment).await?,
                }
                Err(ChannelError::Refused(reason).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// This number names the payer in a way that the channel does not take any more; the order can still
    /// be paid under another one.
    async fn refuse_number(&self, payment: &Payment) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        order_table::lock(&txn, payment.order).await?;
        if table::find(&txn, payment.id).await?.state.is_open() {
            table::set_state(&txn, payment.id, PaymentState::Refused, now).await?;
        }
        txn.commit().await?;
        Ok(())
    }

    /// The channel will not collect this number, and no money moved.
    async fn refuse_payment(&self, payment: &Payment) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, payment.order).await?;
        if !table::find(&txn, payment.id).await?.state.is_open() {
            return Ok(());
        }
        table::set_state(&txn, payment.id, PaymentState::Refused, now).await?;
        journal::advance(&txn, &mut order, OrderEvent::PaymentRefused, None, now).await?;
        txn.commit().await?;
        self.unlock_at_agencies(&order).await;
        Ok(())
    }

    /// Records money that a platform vouches for. Told twice, it acts once.
    ///
    /// `raw` is the notification as received; a fact from a query has none.
    ///
    /// # Errors
    /// Only when nothing could be stored: then the platform must tell again.
    pub async fn record_payment(
        &self,
        fact: &PaymentFact,
        raw: Option<RawNotification<'_>>,
    ) -> Result<Recorded, OrderError> {
        let now = self.clock.now();
        let told = raw.map(|raw| Told::payment(fact, raw));
        let number = (fact.channel(), fact.merchant(), fact.out_trade_no());
        let known = table::find_by_number(&self.db, number.0, number.1, number.2).await?;
        let txn = begin_write(&self.db).await?;
        let (recorded, payment) = match known {
            None => {
                self.doubt(&txn, fact, CaseKind::UnknownOrder, None, now).await?;
                (Recorded::Case(CaseKind::UnknownOrder), None)
            }
            Some(known) => {
                let mut order = order_table::lock(&txn, known.order).await?;
                let payment = table::find(&txn, known.id).await?;
                (self.apply_fact(&txn, &mut order, &payment, fact, now).await?, Some(payment.id))
            }
        };
        if let Some(told) = &told
            && !notification::count_repeat(&txn, told, now).await?
        {
            let tools = (&self.cipher, &*self.entropy);
            notification::keep(&txn, told, recorded.code(), payment, now, tools).await?;
        }
        txn.commit().await?;
        if recorded == Recorded::Now {
            self.wake.notify_one();
        }
        metrics::counter!("payments_recorded", "channel" => fact.channel().code(), "effect" => recorded.code())
            .increment(1);
        Ok(recorded)
    }

    async fn apply_fact(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        payment: &Payment,
        fact: &PaymentFact,
        now: Timestamp,
    ) -> Result<Recorded, OrderError> {
        if let Some(kind) = mismatch(payment, fact) {
            let opened = self.doubt(txn, fact, kind, Some((order, payment)), now).await?;
            if opened && kind == CaseKind::WrongAmount && payment.state != PaymentState::Paid {
                journal::advance(txn, order, OrderEvent::WrongMoneyArrived, None, now).await?;
            }
            return Ok(Recorded::Case(kind));
        }
        if payment.state == PaymentState::Paid {
            if payment.transaction_id.as_deref() == Some(fact.transaction_id()) {
                return Ok(Recorded::Before);
            }
            let kind = CaseKind::SecondTransaction;
            self.doubt(txn, fact, kind, Some((order, payment)), now).await?;
            return Ok(Recorded::Case(kind));
        }
        if table::transaction_is_known(txn, fact, payment.id).await? {
            // One transaction cannot pay two numbers: without this look the unique index would refuse
            // it for as long as the platform repeats.
            let kind = CaseKind::TransactionReused;
            self.doubt(txn, fact, kind, Some((order, payment)), now).await?;
            return Ok(Recorded::Case(kind));
        }
        let surplus =
            table::of_order(txn, order.id).await?.iter().any(|p| p.state == PaymentState::Paid);
        table::set_paid(txn, payment.id, fact, now).await?;
        stray::matched(txn, fact, now).await?;
        let received = |credit: String| Entry {
            debit: account::channel(payment.channel, &payment.merchant),
            credit,
            amount: fact.amount(),
            payment: Some(payment.id),
            bill_no: None,
        };
        if surplus {
            let entry = received(account::suspense());
            journal::advance(txn, order, OrderEvent::SurplusArrived, Some(entry), now).await?;
            let cause = RefundCause::Surplus;
            let giving = Giving { payment, amount: fact.amount(), cause, bill_no: None };
            self.give_back(txn, order, giving, now).await?;
            return Ok(Recorded::Now);
        }
        let claimed = self.claim_bills(txn, order).await?;
        let entry = received(account::in_transit());
        journal::advance(txn, order, OrderEvent::MoneyArrived, Some(entry), now).await?;
        if !claimed {
            let cause = RefundCause::BillClaimedElsewhere;
            let giving = Giving { payment, amount: fact.amount(), cause, bill_no: None };
            self.give_back(txn, order, giving, now).await?;
            journal::advance(txn, order, OrderEvent::RefundStarted, None, now).await?;
            return Ok(Recorded::Now);
        }
        posting::plan(txn, order, payment.id, now, &*self.entropy).await?;
        Ok(Recorded::Now)
    }

    /// Makes sure that the bills are the order's before it is posted: late money for a closed order
    /// claims them again, unless another order has them by now.
    async fn claim_bills(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
    ) -> Result<bool, OrderError> {
        for frozen in order_table::bills(txn, order.id).await? {
            let claimant = order_table::claimant(txn, &frozen.agency, &frozen.bill.bill_no).await?;
            if claimant.is_some_and(|claimant| claimant != order.id) {
                return Ok(false);
            }
        }
        order_table::set_live(txn, order.id, true).await?;
        Ok(true)
    }

    /// Opens a case about a genuine fact that does not fit, and counts its money; `false` when it is
    /// open already.
    async fn doubt(
        &self,
        txn: &DatabaseTransaction,
        fact: &PaymentFact,
        kind: CaseKind,
        about: Option<(&Order, &Payment)>,
        now: Timestamp,
    ) -> Result<bool, OrderError> {
        let expected = about.map(|(order, payment)| {
            json!({
                "order_no": order.order_no, "amount": payment.amount, "merchant_id": payment.merchant_id,
                "app_id": payment.app_id, "transaction_id": payment.transaction_id,
            })
        });
        let evidence = json!({
            "expected": expected,
            "told": {
                "out_trade_no": fact.out_trade_no(), "transaction_id": fact.transaction_id(),
                "amount": fact.amount(), "currency": fact.currency(), "merchant_id": fact.merchant_id(),
                "app_id": fact.app_id(), "paid_at": fact.paid_at(), "notification_id": fact.notification_id(),
            },
        });
        // One doubt is about one number and one transaction; both lengths are the platform's.
        let subject = format!(
            "{}:{}:{:.64}:{:.64}",
            fact.channel(),
            fact.merchant(),
            fact.out_trade_no(),
            fact.transaction_id()
        );
        stray::keep(txn, fact, kind, &case::subject(kind, &subject), now).await?;
        let doubt = Doubt {
            kind,
            subject,
            order: about.map(|(order, _)| order.id),
            account: Some((fact.channel(), fact.merchant().clone())),
            amount: Some(fact.amount()),
            evidence,
        };
        case::open(txn, doubt, now, &*self.entropy).await
    }
}

/// The first thing that does not fit what we asked for.
fn mismatch(payment: &Payment, fact: &PaymentFact) -> Option<CaseKind> {
    if fact.merchant_id() != payment.merchant_id {
        Some(CaseKind::WrongMerchant)
    } else if fact.app_id() != payment.app_id {
        Some(CaseKind::WrongApp)
    } else if fact.currency() != "CNY" {
        Some(CaseKind::WrongCurrency)
    } else if fact.amount() != payment.amount {
        Some(CaseKind::WrongAmount)
    } else {
        None
    }
}

/// What the wallet shows. A top-up must not look like a contribution.
fn description(bills: &[FrozenBill]) -> &'static str {
    if bills.iter().all(|frozen| frozen.kind.is_premium()) {
        "社会保险费"
    } else {
        "个人账户充值"
    }
}

/// Wallets need a minute; a shorter rest would only make the citizen fail.
fn still_payable(order: &Order, now: Timestamp) -> Result<(), OrderError> {
    if !order.state.is_payable() {
        return Err(OrderError::NotPayable(order.state));
    }
    if now.plus(std::time::Duration::from_secs(60)) >= order.expires_at {
        return Err(OrderError::Expired);
    }
    Ok(())
}

fn fresh_token(
    payment: &Payment,
    collector: &dyn PaymentChannel,
    now: Timestamp,
) -> Option<Created> {
    let (token, since) = (payment.token.clone()?, payment.token_at?);
    // A token near its end would die in the citizen's hand.
    let fresh = collector.token_lifetime().is_none_or(|life| now.since(since) < life / 2);
    fresh.then_some(Created { token })
}

fn request_context(id: PaymentId) -> String {
    format!("payments.request:{id}")
}

/// The stored request, byte for byte.
fn open_request(cipher: &FieldCipher, payment: &Payment) -> Result<Prepared, OrderError> {
    let bytes = cipher.open(&request_context(payment.id), &payment.request)?;
    let unreadable = |_| OrderError::Row {
        table: "payments",
        column: "request_sealed",
        row: payment.id.to_string(),
    };
    String::from_utf8(bytes).map(Prepared::restore).map_err(unreadable)
}
