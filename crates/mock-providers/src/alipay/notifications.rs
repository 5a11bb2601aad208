//! Trade notifications (alipay §4): a signed form, told anew with a fresh time until the merchant
//! answers `success`.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use kernel::{Channel, Entropy, Fen, Timestamp};
use serde_json::json;

use super::{
    Alipay, AlipayOddity, AppPlace, Refund, Trade, charset, form, funds::Fund, ledger::Standing,
    sign,
};
use crate::{
    faults::FaultTarget,
    keys,
    letter::{Letter, Overrides, SignKind, SignedNotification},
    lock,
};

/// Seconds between attempts: eight sends in about 25 hours (alipay §4.5).
const GAPS_SECONDS: [u64; 7] = [240, 600, 600, 3_600, 7_200, 21_600, 54_000];
/// Of face-to-face products, whose pages speak of three more sends at once.
const GAPS_SECONDS_FACE_TO_FACE: [u64; 10] = [0, 0, 0, 240, 600, 600, 3_600, 7_200, 21_600, 54_000];

/// Fields that a product may leave out.
const OPTIONAL: [&str; 10] = [
    "auth_app_id",
    "body",
    "buyer_logon_id",
    "buyer_pay_amount",
    "fund_bill_list",
    "invoice_amount",
    "point_amount",
    "receipt_amount",
    "seller_email",
    "subject",
];

/// Fields that say that and how a trade was paid.
const OF_A_PAYMENT: [&str; 6] = [
    "buyer_pay_amount",
    "fund_bill_list",
    "gmt_payment",
    "invoice_amount",
    "point_amount",
    "receipt_amount",
];

/// What time alone brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foreseen {
    /// A payment that nobody waited for any more won.
    Paid,
    /// The deadline passed unpaid.
    Closed,
    /// The window for refunds is over.
    Finished,
}

pub(crate) struct AlipayLetter {
    alipay: Arc<Alipay>,
    url: String,
    kind: &'static str,
    app: AppPlace,
    out_trade_no: String,
    amount_fen: i64,
    /// Only told when it has come about at this time.
    foreseen: Option<(Foreseen, Timestamp)>,
    /// Everything but `notify_time` and `sign`, which each attempt writes anew.
    fields: BTreeMap<String, String>,
}

impl fmt::Debug for AlipayLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlipayLetter({}, {})", self.kind, self.out_trade_no)
    }
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// 34 digits: date, 00222, time of the event, 15 digits.
fn new_notify_id(at: Timestamp, entropy: &dyn Entropy) -> String {
    let stamp = digits_of(&at.beijing_text());
    format!("{}00222{}{}", &stamp[..8], &stamp[8..], keys::digits(entropy, 15))
}

/// `yyyy-MM-dd HH:mm:ss.SSS`, which only `gmt_refund` has.
fn with_millis(at: Timestamp) -> String {
    format!("{}.{:03}", at.beijing_text(), at.as_millis().rem_euclid(1000))
}

impl Alipay {
    /// The news that a trade is paid. An unpaid trade is told as if it were paid now, which only a
    /// crafted notification asks for.
    pub(crate) fn payment_letter(self: &Arc<Self>, trade: &Trade, url: &str) -> AlipayLetter {
        let now = self.now();
        let paid_at = trade.paid_at().unwrap_or(now);
        let mut letter = self.letter("payment", trade, trade.total, paid_at, url);
        letter.set("trade_status", "TRADE_SUCCESS");
        letter.set("gmt_payment", &paid_at.beijing_text());
        for name in ["receipt_amount", "invoice_amount", "buyer_pay_amount"] {
            letter.set(name, &trade.total.to_string());
        }
        letter.set("point_amount", "0.00");
        // camelCase here, where the query has snake_case.
        let funds = json!([{"amount": trade.total, "fundChannel": Fund::of(trade).channel()}]);
        letter.set("fund_bill_list", &funds.to_string());
        letter
    }

    /// The news of one refund; `refund_fee` is the sum of all so far.
    pub(crate) fn refund_letter(
        self: &Arc<Self>,
        trade: &Trade,
        refund: &Refund,
        url: &str,
    ) -> AlipayLetter {
        // A crafted letter may be about an earlier refund: only what was returned until then counts.
        let until = trade.refunds.iter().position(|r| r.out_request_no == refund.out_request_no);
        let counted = trade.refunds.iter().take(until.map_or(usize::MAX, |at| at + 1));
        let sum = Fen::sum(counted.map(|refund| refund.amount)).unwrap_or(trade.total);
        let full = sum >= trade.total;
        let mut letter = self.letter("refund", trade, sum, refund.at, url);
        letter.set("trade_status", if full { "TRADE_CLOSED" } else { "TRADE_SUCCESS" });
        if let Standing::Paid { at } = trade.standing {
            letter.set("gmt_payment", &at.beijing_text());
        }
        if full {
            letter.set("gmt_close", &refund.at.beijing_text());
        }
        letter.set("gmt_refund", &with_millis(refund.at));
        letter.set("refund_fee", &sum.to_string());
        letter.set("send_back_fee", &refund.amount.to_string());
        letter.set("out_biz_no", &refund.out_request_no);
        letter
    }

    fn letter(
        self: &Arc<Self>,
        kind: &'static str,
        trade: &Trade,
        amount: Fen,
        event_at: Timestamp,
        url: &str,
    ) -> AlipayLetter {
        let mut letter = AlipayLetter {
            alipay: Arc::clone(self),
            url: url.to_owned(),
            kind,
            app: trade.app,
            out_trade_no: trade.out_trade_no.clone(),
            amount_fen: amount.get(),
            foreseen: None,
            fields: BTreeMap::new(),
        };
        letter.set("notify_type", "trade_status_sync");
        let notify_id = new_notify_id(event_at, self.stage.entropy.as_ref());
        letter.set("notify_id", &notify_id);
        let app = self.keys.at(trade.app);
        letter.set("app_id", &app.app_id);
        letter.set("auth_app_id", &app.app_id);
        letter.set("charset", "utf-8");
        letter.set("version", "1.0");
        letter.set("sign_type", "RSA2");
        letter.set("trade_no", &trade.trade_no);
        letter.set("out_trade_no", &trade.out_trade_no);
        letter.set("seller_id", &app.seller_id);
        letter.set("seller_email", "mock***@example.com");
        letter.set("buyer_logon_id", &self.logon_id(trade.buyer));
        for (name, value) in self.ids(trade.app, trade.buyer, "buyer_id", "buyer_open_id") {
            letter.set(&name, value.as_str().unwrap_or(""));
        }
        letter.set("total_amount", &trade.total.to_string());
        letter.set("subject", &trade.subject);
        // Present and blank when the order has none: a verifier must keep blanks.
        letter.set("body", trade.body.as_deref().unwrap_or(""));
        if let Some(text) = &trade.passback_params {
            letter.set("passback_params", text);
        }
        letter.set("gmt_create", &trade.created_at.beijing_text());
        letter
    }

    /// Tells the merchant, if the order named an address.
    pub(super) fn announce_payment(self: &Arc<Self>, trade: &Trade) {
        if let (Some(url), Some(paid_at)) = (&trade.notify_url, trade.paid_at()) {
            self.stage.post(Arc::new(self.payment_letter(trade, url)), paid_at);
            self.foresee_finish(trade);
        }
    }

    /// Tells that a trade ended unpaid, where the product tells that.
    pub(super) fn announce_close(self: &Arc<Self>, trade: &Trade) {
        if let (Some(url), true) =
            (&trade.notify_url, self.stage.switches.get().alipay_tells_closed)
        {
            self.announce_close_at(trade, url);
        }
    }

    /// Tells it at this address, for which the close call asked.
    pub(super) fn announce_close_at(self: &Arc<Self>, trade: &Trade, url: &str) {
        if let Standing::Closed { at } = trade.standing {
            self.stage.post(Arc::new(self.closed_letter(trade, at, url)), at);
        }
    }

    /// Will tell of a payment that wins after all, if one does.
    pub(super) fn foresee_late_payment(self: &Arc<Self>, trade: &Trade) {
        let Some(won) = trade.won() else { return };
        if let (Some(url), Some(at)) = (&won.notify_url, won.paid_at()) {
            let mut letter = self.payment_letter(&won, url);
            letter.foreseen = Some((Foreseen::Paid, at));
            self.stage.post(Arc::new(letter), at);
            self.foresee_finish(&won);
        }
    }

    fn closed_letter(self: &Arc<Self>, trade: &Trade, at: Timestamp, url: &str) -> AlipayLetter {
        let mut letter = self.letter("close", trade, trade.total, at, url);
        letter.set("trade_status", "TRADE_CLOSED");
        letter.set("gmt_close", &at.beijing_text());
        letter
    }

    /// Will tell that the deadline has passed unpaid, where the product tells that.
    pub(super) fn foresee_close(self: &Arc<Self>, trade: &Trade) {
        if let (Some(url), true) =
            (&trade.notify_url, self.stage.switches.get().alipay_tells_closed)
        {
            let at = trade.expires_at;
            let letter = self.closed_letter(trade, at, url);
            let letter = AlipayLetter { foreseen: Some((Foreseen::Closed, at)), ..letter };
            self.stage.post(Arc::new(letter), at);
        }
    }

    /// Will tell that the trade is finished, where the product tells that.
    fn foresee_finish(self: &Arc<Self>, trade: &Trade) {
        if let (Some(url), Some(at), true) = (
            &trade.notify_url,
            trade.finishes_at(),
            self.stage.switches.get().alipay_tells_finished,
        ) {
            let mut letter = self.payment_letter(trade, url);
            letter.set("trade_status", "TRADE_FINISHED");
            letter.set("notify_id", &new_notify_id(at, self.stage.entropy.as_ref()));
            letter.kind = "finish";
            letter.foreseen = Some((Foreseen::Finished, at));
            self.stage.post(Arc::new(letter), at);
        }
    }

    pub(super) fn announce_refund(self: &Arc<Self>, trade: &Trade, refund: &Refund) {
        if let Some(url) = &trade.notify_url {
            self.stage.post(Arc::new(self.refund_letter(trade, refund, url)), refund.at);
        }
    }
}

impl AlipayLetter {
    fn set(&mut self, name: &str, value: &str) {
        self.fields.insert(name.to_owned(), value.to_owned());
    }

    fn changed(&self, overrides: &Overrides) -> BTreeMap<String, String> {
        let mut fields = self.fields.clone();
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        let yuan = overrides.amount_fen.and_then(Fen::new).map(|fen| fen.to_string());
        if self.kind == "refund" {
            set("refund_fee", yuan);
        } else {
            for name in ["total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount"] {
                set(name, yuan.clone());
            }
        }
        set("seller_id", overrides.merchant_id.clone());
        set("app_id", overrides.app_id.clone());
        set("out_trade_no", overrides.out_trade_no.clone());
        set("trade_no", overrides.transaction_id.clone());
        set("trade_status", overrides.status.clone());
        let text = |text: &str| Some(text.to_owned());
        match overrides.oddity {
            Some(AlipayOddity::NewId) => {
                let now = self.alipay.now();
                set("notify_id", Some(new_notify_id(now, self.alipay.stage.entropy.as_ref())));
            }
            Some(AlipayOddity::UnknownNumber) => set("out_trade_no", text("MOCK_UNKNOWN_NUMBER")),
            Some(AlipayOddity::GbkCharset) => set("charset", text("gbk")),
            Some(AlipayOddity::HtmlEscaped) => {
                let funds = self.fields.get("fund_bill_list");
                set("fund_bill_list", funds.map(|funds| funds.replace('"', "&quot;")));
            }
            Some(AlipayOddity::ExtraField) => set("mock_new_field", text("将来的字段 a=1&b=2")),
            Some(AlipayOddity::FinishedFirst) => set("trade_status", text("TRADE_FINISHED")),
            Some(AlipayOddity::WaitBuyerPay) => set("trade_status", text("WAIT_BUYER_PAY")),
            Some(AlipayOddity::CertificateSerial | AlipayOddity::CertificateSerialUnsigned) => {
                set("alipay_cert_sn", text(&self.alipay.signer(false).1.sn));
            }
            _ => {}
        }
        self.tell_no_payment(&mut fields);
        if overrides.oddity == Some(AlipayOddity::FewFields) {
            fields.retain(|name, _| !OPTIONAL.contains(&name.as_str()));
        }
        fields
    }

    /// A trade that is said to be unpaid, or over without a payment, says nothing of one.
    fn tell_no_payment(&self, fields: &mut BTreeMap<String, String>) {
        let status = fields.get("trade_status").map(String::as_str);
        if self.kind == "refund" || !matches!(status, Some("WAIT_BUYER_PAY" | "TRADE_CLOSED")) {
            return;
        }
        if status == Some("TRADE_CLOSED") {
            let now = self.alipay.now().beijing_text();
            fields.entry("gmt_close".to_owned()).or_insert(now);
        }
        fields.retain(|name, _| !OF_A_PAYMENT.contains(&name.as_str()));
    }

    /// What is signed; the odd ways are those that libraries get wrong.
    fn text(fields: &BTreeMap<String, String>, oddity: Option<AlipayOddity>) -> String {
        let mut fields = fields.clone();
        match oddity {
            Some(AlipayOddity::CertificateSerialUnsigned) => {
                fields.remove("alipay_cert_sn");
            }
            Some(AlipayOddity::BlanksUnsigned) => fields.retain(|_, value| !value.is_empty()),
            Some(AlipayOddity::SignTypeSigned) => {
                let lines = fields.iter().map(|(name, value)| format!("{name}={value}"));
                return lines.collect::<Vec<_>>().join("&");
            }
            _ => {}
        }
        sign::notification_text(&fields)
    }
}

impl Letter for AlipayLetter {
    fn channel(&self) -> Channel {
        Channel::Alipay
    }
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }
    fn event(&self) -> &str {
        self.fields.get("out_biz_no").map_or("", String::as_str)
    }
    fn amount_fen(&self) -> i64 {
        self.amount_fen
    }
    fn other_merchant(&self) -> &'static str {
        "2088000000009999"
    }
    fn other_app(&self) -> &'static str {
        "2021000000009999"
    }
    fn fault_target(&self) -> FaultTarget {
        FaultTarget::AlipayNotification
    }

    fn written(&self, now: Timestamp, _: Timestamp, overrides: &Overrides) -> SignedNotification {
        let mut fields = self.changed(overrides);
        // When this attempt is sent: the time of the timetable, not the one of signatures, which
        // nobody moves. A clock that is wrong on purpose is wrong here too.
        let skew = self.alipay.stage.clocks.skew_seconds();
        let seconds = overrides.timestamp_offset_seconds.saturating_add(skew);
        let said = now.as_millis().saturating_add(seconds.saturating_mul(1000));
        let said = Timestamp::from_millis(said);
        fields.insert("notify_time".to_owned(), said.beijing_text());
        let gbk = overrides.oddity == Some(AlipayOddity::GbkCharset);
        let charset = if gbk { encoding_rs::GBK } else { encoding_rs::UTF_8 };
        let mut text = AlipayLetter::text(&fields, overrides.oddity);
        if overrides.sign != SignKind::Good {
            text.push_str("other text");
        }
        let (pair, _) = self.alipay.signer(overrides.oddity == Some(AlipayOddity::OtherKey));
        if overrides.oddity != Some(AlipayOddity::Unsigned) {
            fields.insert("sign".to_owned(), pair.sign(&charset::bytes(&text, charset)));
        }
        let encoded = |text: &str| form::encode(&charset::bytes(text, charset));
        let mut pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        self.alipay.stage.shuffle(&mut pairs);
        let named = if gbk { "gbk" } else { "utf-8" };
        let kind = format!("application/x-www-form-urlencoded; charset={named}");
        SignedNotification {
            url: self.url.clone(),
            headers: vec![("Content-Type".to_owned(), kind)],
            body: pairs.join("&"),
        }
    }

    fn stands(&self) -> bool {
        let Some((foreseen, at)) = self.foreseen else { return true };
        let now = self.alipay.now();
        let mut ledger = lock(&self.alipay.ledger);
        let trade = ledger.by_number(self.app, &self.out_trade_no, now);
        trade.is_some_and(|trade| match foreseen {
            Foreseen::Paid => trade.paid_at() == Some(at),
            Foreseen::Closed => trade.standing == Standing::Closed { at },
            Foreseen::Finished => trade.status(now) == "TRADE_FINISHED",
        })
    }

    /// Exactly seven bytes, strictly: how much white space Alipay forgives is not known.
    fn accepts(&self, status: u16, answer: &str) -> bool {
        status == 200 && answer == "success"
    }
    fn gaps_seconds(&self) -> &'static [u64] {
        match self.alipay.stage.switches.get().alipay_face_to_face {
            true => &GAPS_SECONDS_FACE_TO_FACE,
            false => &GAPS_SECONDS,
        }
    }
    /// The real figure is not published; five to ten seconds are assumed.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(5)
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededEntropy;

    use super::*;

    #[test]
    fn the_timetable_is_the_published_one() {
        let minutes = GAPS_SECONDS.map(|gap| gap / 60);
        assert_eq!(minutes, [4, 10, 10, 60, 120, 360, 900]);
    }

    #[test]
    fn a_notify_id_has_thirty_four_digits() {
        let id = new_notify_id(Timestamp::from_unix_seconds(1_767_225_600), &SeededEntropy::new(1));
        assert!(id.starts_with("2026010100222080000"), "{id}");
        assert_eq!(id.len(), 34);
    }
}
