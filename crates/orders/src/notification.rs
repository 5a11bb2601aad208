//! Notifications as received: verified ones only, one row per told fact, with what they changed.
//!
//! Unverified input never reaches this table. Repeats of a fact are counted on its row, so that a
//! platform's fifteen retries, or a replay within the signature window, cannot fill the database.

mod table;

use kernel::{Channel, Entropy, MerchantKey, NotificationId, PaymentId, Timestamp};
use people::FieldCipher;
use platforms::{PaymentFact, RefundFact};
use ring::digest;
use sea_orm::DatabaseTransaction;

use crate::OrderError;

/// The bytes that a platform sent, kept as evidence.
#[derive(Clone, Copy)]
pub struct RawNotification<'a>(pub &'a [u8]);

/// What is written down about one notification.
pub(crate) struct Told<'a> {
    pub channel: Channel,
    pub merchant: &'a MerchantKey,
    pub kind: &'static str,
    pub digest: String,
    pub external_id: Option<&'a str>,
    pub raw: RawNotification<'a>,
}

impl<'a> Told<'a> {
    pub(crate) fn payment(fact: &'a PaymentFact, raw: RawNotification<'a>) -> Told<'a> {
        let parts = [
            fact.merchant_id(),
            fact.app_id(),
            fact.out_trade_no(),
            fact.transaction_id(),
            fact.currency(),
            &fact.amount().get().to_string(),
        ];
        Told {
            channel: fact.channel(),
            merchant: fact.merchant(),
            kind: "payment",
            digest: digest_of("payment", &parts),
            external_id: fact.notification_id(),
            raw,
        }
    }

    pub(crate) fn refund(fact: &'a RefundFact, raw: RawNotification<'a>) -> Told<'a> {
        let status = format!(
            "{:?} {:?} {:?} {:?}",
            fact.status(),
            fact.amount(),
            fact.returned_so_far(),
            fact.refunded_at()
        );
        let parts = [fact.merchant_id(), fact.out_trade_no(), fact.out_refund_no(), &status];
        Told {
            channel: fact.channel(),
            merchant: fact.merchant(),
            kind: "refund",
            digest: digest_of("refund", &parts),
            external_id: None,
            raw,
        }
    }
}

fn digest_of(kind: &str, parts: &[&str]) -> String {
    let text = serde_json::json!([kind, parts]).to_string();
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// Counts a repeat of a fact that was told before; `false` when it is new.
pub(crate) async fn count_repeat(
    txn: &DatabaseTransaction,
    told: &Told<'_>,
    now: Timestamp,
) -> Result<bool, OrderError> {
    table::count_repeat(txn, told, now).await
}

/// Keeps a new one with what it changed.
pub(crate) async fn keep(
    txn: &DatabaseTransaction,
    told: &Told<'_>,
    effect: &str,
    payment: Option<PaymentId>,
    now: Timestamp,
    tools: (&FieldCipher, &dyn Entropy),
) -> Result<(), OrderError> {
    let (cipher, entropy) = tools;
    let id = NotificationId::generate(now, entropy);
    let sealed = cipher.seal(&format!("notifications.raw:{id}"), told.raw.0);
    table::insert(txn, id, told, effect, payment, sealed, now).await
}
