//! Notifications (异步通知): a form, verified over all its pairs, then read.
//!
//! The values are signed as they are after one decoding, in the notification's own charset. That
//! is checked on bytes, so a GBK notification needs no table: every value that is read here is
//! ASCII in both charsets.
//!
//! There is no freshness check. `notify_time` is the time of each try, so a window would be sound
//! only if every product recomputed it and every clock agreed, which no document promises; a
//! window too narrow would lose money for a day. A repeated genuine notification is harmless: what
//! it says is bound to a trade number and acts once.

use std::collections::BTreeMap;

use kernel::{Channel, Fen, MerchantKey, Timestamp};
use percent_encoding::percent_decode;

use super::{
    certificate::Serial,
    keys::{AlipayKeys, Unproven},
    sign::{Reading, notification_text},
};
use crate::{
    Notice, PaymentFact, RefundFact, RefundStatus, Refusal, Told,
    call::plain_code,
    facts::{is_name, message_name},
};

/// Genuine notifications have a few kilobytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
const PAIRS_MAX: usize = 256;

pub(super) fn open(
    keys: &AlipayKeys,
    merchant: &MerchantKey,
    now: Timestamp,
    body: &[u8],
) -> Result<Notice, Refusal> {
    let form = Form::parse(body)?;
    form.verify(keys, now)?;

    // Genuine from here on.
    read(&form, merchant).map_err(|_| Refusal::Unreadable)
}

fn read(form: &Form, merchant: &MerchantKey) -> Result<Notice, Refusal> {
    match form.value("notify_type")? {
        Some("trade_status_sync") => {}
        // No family is named, and yet it tells of a trade: money must not be acknowledged unread.
        None if form.value("trade_status")?.is_some() => {}
        other => return Ok(Notice::Ignored { kind: plain_code(other.unwrap_or_default()) }),
    }
    let status = form.required("trade_status")?;
    if form.tells_a_refund()? {
        return refund(form, merchant, status);
    }
    match status {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => payment(form, merchant).map(Notice::Payment),
        // WAIT_BUYER_PAY, TRADE_CLOSED without a refund, and what may come.
        other => Ok(Notice::Ignored { kind: plain_code(other) }),
    }
}

fn payment(form: &Form, merchant: &MerchantKey) -> Result<PaymentFact, Refusal> {
    let paid_at = Timestamp::from_beijing_text(form.required("gmt_payment")?);
    let payer_id = match form.value("buyer_open_id")? {
        Some(open_id) => Some(open_id),
        None => form.value("buyer_id")?,
    };
    Ok(PaymentFact {
        told: Told::Notification,
        channel: Channel::Alipay,
        merchant: merchant.clone(),
        merchant_id: form.value("seller_id")?.unwrap_or_default().to_owned(),
        app_id: form.value("app_id")?.unwrap_or_default().to_owned(),
        out_trade_no: form.name("out_trade_no")?.to_owned(),
        transaction_id: form.name("trade_no")?.to_owned(),
        amount: Fen::from_yuan(form.required("total_amount")?).map_err(|_| Refusal::Malformed)?,
        currency: "CNY".into(),
        paid_at: paid_at.map_err(|_| Refusal::Malformed)?,
        payer_id: payer_id.map(str::to_owned),
        notification_id: message_name(form.value("notify_id")?.map(str::to_owned)),
        went_back: false,
    })
}

/// A refund's notification repeats the trade's status: `TRADE_SUCCESS` after a part,
/// `TRADE_CLOSED` after the whole. Its `refund_fee` is the sum of all refunds so far, so the
/// amount of this one stays unknown.
fn refund(form: &Form, merchant: &MerchantKey, status: &str) -> Result<Notice, Refusal> {
    let out_trade_no = form.name("out_trade_no")?;
    let number = match form.value("out_biz_no")? {
        Some(number) => Some(number),
        None => form.value("out_request_no")?,
    };
    let out_refund_no = match (number, status) {
        (Some(number), _) => number,
        // A refund made without a number bears the trade's number.
        (None, "TRADE_SUCCESS" | "TRADE_CLOSED") => out_trade_no,
        // A finished trade that merely mentions its refunds.
        (None, other) => return Ok(Notice::Ignored { kind: plain_code(other) }),
    };
    if !is_name(out_refund_no) {
        return Err(Refusal::Malformed);
    }
    // A number alone says that a refund was asked for, not that money moved.
    let status = match (form.refund_fee()?, form.value("gmt_refund")?) {
        (None | Some(Fen::ZERO), None) => RefundStatus::Processing,
        _ => RefundStatus::Succeeded,
    };
    let refunded_at = form.value("gmt_refund")?.map(Timestamp::from_beijing_text).transpose();
    Ok(Notice::Refund(RefundFact {
        told: Told::Notification,
        channel: Channel::Alipay,
        merchant: merchant.clone(),
        merchant_id: form.value("seller_id")?.unwrap_or_default().to_owned(),
        out_trade_no: out_trade_no.to_owned(),
        out_refund_no: out_refund_no.to_owned(),
        status,
        amount: None,
        returned_so_far: form.refund_fee()?,
        refunded_at: refunded_at.map_err(|_| Refusal::Malformed)?,
    }))
}

/// All pairs of the body, decoded once, sorted by name.
struct Form(BTreeMap<String, Vec<u8>>);

impl Form {
    /// A name that occurs twice is refused: one of the two would be verified and perhaps the other
    /// be read.
    fn parse(body: &[u8]) -> Result<Form, Refusal> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Refusal::Malformed);
        }
        let mut pairs = BTreeMap::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default());
            let value = decode(halves.next().unwrap_or_default());
            let name = String::from_utf8(name).map_err(|_| Refusal::Malformed)?;
            if pairs.len() == PAIRS_MAX || pairs.insert(name, value).is_some() {
                return Err(Refusal::Malformed);
            }
        }
        Ok(Form(pairs))
    }

    /// The message does not choose the algorithm: anything but RSA2 is refused.
    fn verify(&self, keys: &AlipayKeys, now: Timestamp) -> Result<(), Refusal> {
        if self.required("sign_type")? != "RSA2" {
            return Err(Refusal::Malformed);
        }
        let signature = self.required("sign")?;
        let serial = self.value("alipay_cert_sn")?.and_then(Serial::parse);
        let mut refusal = Refusal::Signature;
        let mut tried: Vec<Vec<u8>> = Vec::new();
        for reading in Reading::ALL {
            let text = self.text(reading);
            // Most notifications read the same in every way; do not let a forger make us check
            // the same bytes four times.
            if tried.contains(&text) {
                continue;
            }
            match keys.verify_notification(&text, signature, serial, now) {
                Ok(()) => {
                    let labels = [("channel", "alipay"), ("reading", reading.code())];
                    metrics::counter!("notification_signature_reading", &labels).increment(1);
                    return Ok(());
                }
                Err(Unproven::Signature) => {}
                Err(Unproven::Certificate(_)) => refusal = Refusal::UnknownKey,
            }
            tried.push(text);
        }
        Err(refusal)
    }

    fn text(&self, reading: Reading) -> Vec<u8> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        notification_text(pairs, reading)
    }

    /// A value of visible ASCII; `None` when it is absent or blank.
    fn value(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(bytes) = self.0.get(name) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        if text.len() > 1024 || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err(Refusal::Malformed);
        }
        Ok(Some(text))
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.value(name)?.ok_or(Refusal::Malformed)
    }

    /// A number or name without which nothing can be told.
    fn name(&self, name: &str) -> Result<&str, Refusal> {
        self.required(name).and_then(
            |text| {
                if is_name(text) { Ok(text) } else { Err(Refusal::Malformed) }
            },
        )
    }

    /// The sum of all refunds so far.
    fn refund_fee(&self) -> Result<Option<Fen>, Refusal> {
        let fee = self.value("refund_fee")?.map(Fen::from_yuan).transpose();
        fee.map_err(|_| Refusal::Malformed)
    }

    fn tells_a_refund(&self) -> Result<bool, Refusal> {
        let refunded = self.refund_fee()?.is_some_and(|fee| !fee.is_zero());
        Ok(refunded || self.value("gmt_refund")?.is_some() || self.value("out_biz_no")?.is_some())
    }
}

/// One pass: plus is a blank, percent and two digits are a byte, everything else stays.
fn decode(half: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = half.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).collect()
}

/// What `body` is signed over under `reading`, for the published vectors.
#[cfg(test)]
pub(super) fn signed_text(body: &[u8], reading: Reading) -> Result<Vec<u8>, Refusal> {
    Form::parse(body).map(|form| form.text(reading))
}
