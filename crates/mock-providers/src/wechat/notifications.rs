//! Payment and refund notifications (wechat §3): encrypted once per attempt, signed once per
//! attempt, with an id and a content that stay.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Channel, Entropy, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Refund, Trade, TradeState, answer::Sealing, crypt, merchant::Merchant, signer::KeyKind,
};
use crate::{
    faults::FaultTarget,
    keys,
    letter::{Letter, Overrides, SignKind, SignedNotification},
};

/// Seconds between attempts; 15 repetitions in 24 h 4 min (wechat §3.3).
const GAPS_SECONDS: [u64; 15] = [
    15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

/// One event that WeChat tells the merchant.
pub(crate) struct WechatLetter {
    merchant: Arc<Merchant>,
    url: String,
    id: String,
    created_at: Timestamp,
    kind: &'static str,
    /// What kind of key the merchant asked for in the request that this is about.
    named: Option<KeyKind>,
    event_type: String,
    summary: &'static str,
    out_trade_no: String,
    amount_fen: i64,
    plain: Map<String, Value>,
}

impl std::fmt::Debug for WechatLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WechatLetter({}, {})", self.event_type, self.out_trade_no)
    }
}

impl Merchant {
    /// The news that a trade is paid. An unpaid trade is told as if it were paid now, which only a
    /// crafted notification asks for.
    pub(crate) fn payment_letter(self: &Arc<Self>, trade: &Trade, url: &str) -> WechatLetter {
        let now = self.now();
        let mut paid = trade.clone();
        paid.state = TradeState::Success;
        paid.paid_at.get_or_insert(now);
        let entropy = self.stage.entropy.as_ref();
        paid.transaction_id.get_or_insert_with(|| new_transaction_id(now, entropy));
        WechatLetter {
            event_type: "TRANSACTION.SUCCESS".to_owned(),
            summary: "支付成功",
            kind: "payment",
            named: trade.named,
            out_trade_no: trade.out_trade_no.clone(),
            amount_fen: trade.total_fen,
            plain: members(self.trade_object(&paid)),
            ..self.blank_letter(paid.paid_at.unwrap_or(now), url)
        }
    }

    /// The news that a refund came to its end.
    pub(crate) fn refund_letter(self: &Arc<Self>, refund: &Refund, url: &str) -> WechatLetter {
        let ending = refund.last_ending();
        let status = ending.outcome.code();
        let mut plain = json!({
            "mchid": self.mchid,
            "out_trade_no": refund.out_trade_no,
            "transaction_id": refund.transaction_id,
            "out_refund_no": refund.out_refund_no,
            "refund_id": refund.refund_id,
            "refund_status": status,
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": refund.total_fen,
                "refund": refund.amount_fen,
                "payer_total": refund.total_fen,
                "payer_refund": refund.amount_fen,
            },
        });
        if let Some(sub_mchid) = &refund.sub_mchid {
            plain["sp_mchid"] = plain["mchid"].take();
            plain["sub_mchid"] = json!(sub_mchid);
            if let Some(plain) = plain.as_object_mut() {
                plain.remove("mchid");
            }
        }
        if status == "SUCCESS" {
            plain["success_time"] = json!(ending.at.rfc3339());
        }
        WechatLetter {
            event_type: format!("REFUND.{status}"),
            summary: match status {
                "SUCCESS" => "退款成功",
                "CLOSED" => "退款关闭",
                _ => "退款异常",
            },
            kind: "refund",
            named: refund.named,
            out_trade_no: refund.out_trade_no.clone(),
            amount_fen: refund.amount_fen,
            plain: members(plain),
            ..self.blank_letter(ending.at, url)
        }
    }

    /// The self-test's callback (wechat §1.10).
    pub(super) fn announce_echo(
        self: &Arc<Self>,
        echo_message: &str,
        url: &str,
        named: Option<KeyKind>,
    ) {
        let now = self.now();
        let letter = WechatLetter {
            event_type: "SECURITY_ECHO.SUCCESS".to_owned(),
            summary: "回调通知成功",
            kind: "echo",
            named,
            plain: members(json!({"mchid": self.mchid, "echo_message": echo_message})),
            ..self.blank_letter(now, url)
        };
        self.stage.post(Arc::new(letter), now);
    }

    fn blank_letter(self: &Arc<Self>, created_at: Timestamp, url: &str) -> WechatLetter {
        let mut random = [0; 16];
        self.stage.entropy.fill(&mut random);
        // Captured ids are UUIDs whose version digit is 5.
        let id = uuid::Builder::from_sha1_bytes(random).into_uuid().to_string();
        WechatLetter {
            merchant: Arc::clone(self),
            url: url.to_owned(),
            id,
            created_at,
            kind: "",
            named: None,
            event_type: String::new(),
            summary: "",
            out_trade_no: String::new(),
            amount_fen: 0,
            plain: Map::new(),
        }
    }

    /// Tells the merchant at the trade's own address.
    pub(super) fn announce_payment(self: &Arc<Self>, trade: &Trade) {
        let letter = self.payment_letter(trade, &trade.notify_url);
        self.stage.post(Arc::new(letter), trade.paid_at.unwrap_or(self.now()));
    }

    pub(super) fn announce_refund(self: &Arc<Self>, refund: &Refund, url: &str) {
        let letter = self.refund_letter(refund, url);
        self.stage.post(Arc::new(letter), refund.last_ending().at);
    }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// 28 digits, as captured: `4200`, six digits, the date, ten digits.
pub(super) fn new_transaction_id(now: Timestamp, entropy: &dyn Entropy) -> String {
    let date: String = now.beijing_text().chars().filter(char::is_ascii_digit).take(8).collect();
    format!("4200{}{date}{}", keys::digits(entropy, 6), keys::digits(entropy, 10))
}

impl WechatLetter {
    fn plaintext(&self, overrides: &Overrides) -> String {
        let mut plain = self.plain.clone();
        let mut set = |name: &str, value: Option<&String>| {
            if let Some(value) = value {
                plain.insert(name.to_owned(), json!(value));
            }
        };
        let merchant = if self.plain.contains_key("sp_mchid") { "sp_mchid" } else { "mchid" };
        set(merchant, overrides.merchant_id.as_ref());
        set("out_trade_no", overrides.out_trade_no.as_ref());
        set("transaction_id", overrides.transaction_id.as_ref());
        if self.kind == "refund" {
            set("refund_status", overrides.status.as_ref());
        } else {
            let app = if self.plain.contains_key("sp_appid") { "sp_appid" } else { "appid" };
            set(app, overrides.app_id.as_ref());
            set("trade_state", overrides.status.as_ref());
        }
        if let Some(amount) = plain.get_mut("amount").and_then(Value::as_object_mut) {
            if let Some(fen) = overrides.amount_fen {
                let (all, payer) = match self.kind {
                    "refund" => ("refund", "payer_refund"),
                    _ => ("total", "payer_total"),
                };
                amount.insert(all.to_owned(), json!(fen));
                amount.insert(payer.to_owned(), json!(fen));
            }
            if let Some(currency) = &overrides.currency {
                amount.insert("currency".to_owned(), json!(currency));
            }
        }
        Value::Object(plain).to_string()
    }

    /// One JSON object with its members in random order, as deliveries differ in it.
    fn shuffled(&self, mut members: Vec<(&str, String)>) -> String {
        self.merchant.stage.shuffle(&mut members);
        let texts = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", texts.collect::<Vec<_>>().join(","))
    }
}

impl Letter for WechatLetter {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }
    fn amount_fen(&self) -> i64 {
        self.amount_fen
    }
    fn other_merchant(&self) -> &'static str {
        "1900009999"
    }
    fn other_app(&self) -> &'static str {
        "wx00000000000000ff"
    }
    fn fault_target(&self) -> FaultTarget {
        FaultTarget::WechatNotification
    }

    fn written(&self, _: Timestamp, wire: Timestamp, overrides: &Overrides) -> SignedNotification {
        let entropy: &dyn Entropy = self.merchant.stage.entropy.as_ref();
        let original_type = match self.kind {
            "refund" => "refund",
            "echo" => "security",
            _ => "transaction",
        };
        let nonce = entropy.letters(12);
        let key = self.merchant.credentials.apiv3_key();
        let plain = self.plaintext(overrides);
        let (algorithm, mut cipher) = match overrides.sm4 {
            true => ("AEAD_SM4_GCM", crypt::encrypt_sm4(&key, &nonce, original_type, &plain)),
            false => ("AEAD_AES_256_GCM", crypt::encrypt(&key, &nonce, original_type, &plain)),
        };
        if overrides.tampered
            && let Ok(mut bytes) = BASE64.decode(&cipher)
        {
            bytes[0] ^= 1;
            cipher = BASE64.encode(bytes);
        }
        let text = |value: &str| json!(value).to_string();
        let associated_data = match overrides.wrong_associated_data {
            true => "other",
            false => original_type,
        };
        let resource = self.shuffled(vec![
            ("original_type", text(original_type)),
            ("algorithm", text(algorithm)),
            ("ciphertext", text(&cipher)),
            ("associated_data", text(associated_data)),
            ("nonce", text(&nonce)),
        ]);
        let body = self.shuffled(vec![
            ("id", text(&self.id)),
            ("create_time", text(&self.created_at.rfc3339())),
            ("resource_type", text("encrypt-resource")),
            ("event_type", text(&self.event_type)),
            ("summary", text(self.summary)),
            ("resource", resource),
        ]);
        let sealing = match overrides.sign {
            SignKind::Good => Sealing::Genuine,
            SignKind::Bad => Sealing::Wrong,
            SignKind::Probe => Sealing::Probe,
            SignKind::UnknownSerial => Sealing::UnknownSerial,
        };
        let seconds = wire.unix_seconds().saturating_add(overrides.timestamp_offset_seconds);
        let signer = self.merchant.callback_signer(self.named);
        let seal = self.merchant.seal(&signer, sealing, seconds, body.as_bytes());
        let mut headers: Vec<(String, String)> = [
            ("Content-Type", "application/json"),
            ("Accept", "*/*"),
            ("User-Agent", "Mozilla/4.0"),
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("Connection", "Keep-Alive"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let mut random = [0; 16];
        entropy.fill(&mut random);
        let id = uuid::Builder::from_random_bytes(random).into_uuid();
        headers.push(("Request-Id".to_owned(), format!("|{id}")));
        headers.extend(seal.map(|(name, value)| (name.to_owned(), value)));
        SignedNotification { url: self.url.clone(), headers, body }
    }

    /// Only the status counts; the body of a 200 is never read.
    fn accepts(&self, status: u16, _: &str) -> bool {
        status == 200 || status == 204
    }
    fn gaps_seconds(&self) -> &'static [u64] {
        &GAPS_SECONDS
    }
    fn time_limit(&self) -> Duration {
        Duration::from_secs(5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timetable_is_the_published_one() {
        let offsets: Vec<u64> = GAPS_SECONDS
            .iter()
            .scan(0, |sum, gap| {
                *sum += gap;
                Some(*sum)
            })
            .collect();
        let published = [
            15, 30, 60, 240, 840, 2_040, 3_840, 5_640, 7_440, 11_040, 21_840, 32_640, 43_440,
            65_040, 86_640,
        ];
        assert_eq!(offsets, published);
    }
}
