//! Starting a payment: the wish is written down to the byte, then the channel is asked.
//!
//! A create call can be under way for a while, be answered late or never, and run beside another one
//! for the same number (two telephones). So each is written down under the order's lock before it is
//! made, with when it was made and how many may have reached the channel: only who knows that nothing
//! is under way may say that a number was never there.

use std::net::IpAddr;

use kernel::{AccountId, Channel, Fen, OrderNo, OutTradeNo, PaymentId, Timestamp};
use migrations::begin_write;
use people::FieldCipher;
use platforms::{
    ChannelError, Created, Payer, PayerIdKind, PaymentChannel, PaymentRequest, Prepared, Refused,
    WalletParameters,
};

use super::table::{self, Payment, PaymentState, Refusal};
use crate::{
    OrderError, OrderEvent, OrderState, Orders, inquiry,
    job::{self, JobKind},
    journal,
    order::{
        halve,
        table::{self as order_table, FrozenBill, Order},
    },
};

/// What the client needs to open its wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedPayment {
    pub out_trade_no: OutTradeNo,
    pub amount: Fen,
    pub expires_at: Timestamp,
    pub wallet: WalletParameters,
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
        let (payment, fresh) =
            self.prepare_payment(order, collector, payer, client_ip, now).await?;
        let created = match fresh {
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
    ) -> Result<(Payment, Option<Created>), OrderError> {
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, order.id).await?;
        still_payable(&order, now)?;
        let attempts = table::of_order(&txn, order.id).await?;
        if let Some(mut open) = attempts.into_iter().find(|payment| payment.state.is_open()) {
            let fresh = fresh_token(&open, collector, now);
            if fresh.is_none() {
                // Read now: an earlier call of this function may be long over.
                let now = self.clock.now();
                table::begin_create(&txn, open.id, now).await?;
                txn.commit().await?;
                open.create_tried_at = now;
            }
            return Ok((open, fresh));
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
            refusal: None,
            created_at: now,
            create_tried_at: now,
            create_doubts: 1,
            request: self.cipher.seal(&request_context(id), prepared.as_str().as_bytes()),
        };
        table::insert(&txn, &payment).await?;
        journal::advance(&txn, &mut order, OrderEvent::PaymentStarted, None, now).await?;
        let first_question = now.plus(inquiry::FIRST_QUESTION_AFTER);
        job::put(&txn, JobKind::AskChannel, order.id, id, (first_question, now), &*self.entropy)
            .await?;
        txn.commit().await?;
        Ok((payment, None))
    }

    /// Asks the channel to create the attempt; the try is written down already.
    async fn create_at_channel(
        &self,
        payment: &Payment,
        collector: &dyn PaymentChannel,
    ) -> Result<Created, OrderError> {
        let prepared = open_request(&self.cipher, payment)?;
        match collector.create_payment(&prepared).await {
            Ok(created) => self.keep_token(payment, created).await,
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
            Err(
                error @ (ChannelError::Refused(_)
                | ChannelError::NotSent
                | ChannelError::BadRequest(_)),
            ) => {
                self.not_created(payment, &error).await?;
                Err(error.into())
            }
            // It may be there now: its questions go on.
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what opens the wallet, if the attempt is still wanted.
    async fn keep_token(&self, payment: &Payment, created: Created) -> Result<Created, OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, payment.order).await?;
        // Read again under the lock: the notification may have been faster than the answer, and so may
        // the end of the order.
        let current = table::find(&txn, payment.id).await?;
        table::set_token(&txn, &current, &created.token, now).await?;
        if current.state.is_open() || current.state == PaymentState::Paid {
            txn.commit().await?;
            return Ok(created);
        }
        // Ended here while the call was under way, and payable there from now on.
        let (kind, times) = (JobKind::AskChannel, (now, now));
        job::put_again(&txn, kind, order.id, payment.id, times, &*self.entropy).await?;
        txn.commit().await?;
        self.wake_workers();
        Err(OrderError::PaymentInProgress)
    }

    /// This call did not create the attempt. When no other one can have, the channel will not collect
    /// this number, and no money moved. A number that only names the payer in a way that the channel does
    /// not take any more ends alone: the order can still be paid under another one.
    async fn not_created(&self, payment: &Payment, error: &ChannelError) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, payment.order).await?;
        table::end_create(&txn, payment.id, now).await?;
        let current = table::find(&txn, payment.id).await?;
        let certain = current.state == PaymentState::Prepared
            && current.token.is_none()
            && current.create_doubts == 0;
        let refused = match error {
            ChannelError::Refused(reason) if certain => Some(reason),
            _ => None,
        };
        if let Some(reason) = refused {
            table::set_refused(&txn, payment.id, Refusal::of(reason), now).await?;
        }
        let order_ends = refused.is_some_and(|reason| *reason != Refused::PayerIdKind);
        if order_ends {
            journal::advance(&txn, &mut order, OrderEvent::PaymentRefused, None, now).await?;
        }
        txn.commit().await?;
        if order_ends {
            self.unlock_at_agencies(&order).await;
        }
        Ok(())
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
