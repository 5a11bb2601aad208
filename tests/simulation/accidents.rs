//! What goes wrong outside: platforms and agency that fail, agencies that change their mind, and
//! everybody who calls the callbacks although nothing happened.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::Method,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Channel, Fen};
use mock_providers::{
    Craft, EventKind, Fault, FaultKind, FaultTarget, NotificationRequest, SignKind,
    SignedNotification, TradeView,
    agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind as AgencyFaultKind},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

use crate::{
    temper::OUR_BALANCE,
    world::{World, lock},
};

/// What was said to the service and is not so.
#[derive(Default)]
pub struct Rumours {
    /// Numbers about which a platform's signature says that they are paid, and they were not then.
    pub vouched: BTreeSet<String>,
}

/// Everything but `Slow`, which takes real seconds; an answer that comes too late is one that is lost.
const PLATFORM_FAULTS: [(u64, FaultKind); 19] = [
    (3, FaultKind::WrongSignature),
    (1, FaultKind::Probe),
    (2, FaultKind::WrongAmount),
    (1, FaultKind::OtherMerchant),
    (1, FaultKind::OtherApp),
    (1, FaultKind::OldTimestamp),
    (1, FaultKind::Tampered),
    (3, FaultKind::Duplicate),
    (6, FaultKind::Lose),
    (3, FaultKind::Delay),
    (6, FaultKind::DropAfterCommit),
    (3, FaultKind::ErrorBeforeCommit),
    (4, FaultKind::ErrorAfterCommit),
    (3, FaultKind::Busy),
    (2, FaultKind::GatewayPage),
    (10, FaultKind::Lag),
    (2, FaultKind::Abnormal),
    (2, FaultKind::Closed),
    (2, FaultKind::NotEnough),
];

const TARGETS: [(u64, FaultTarget); 14] = [
    (6, FaultTarget::WechatNotification),
    (6, FaultTarget::AlipayNotification),
    (3, FaultTarget::WechatCreate),
    (7, FaultTarget::WechatQuery),
    (3, FaultTarget::WechatClose),
    (5, FaultTarget::WechatRefund),
    (3, FaultTarget::WechatRefundQuery),
    (1, FaultTarget::WechatLogin),
    (3, FaultTarget::AlipayCreate),
    (7, FaultTarget::AlipayQuery),
    (3, FaultTarget::AlipayClose),
    (5, FaultTarget::AlipayRefund),
    (3, FaultTarget::AlipayRefundQuery),
    (1, FaultTarget::AlipayLogin),
];

const AGENCY_CALLS: [(u64, AgencyOperation); 6] = [
    (2, AgencyOperation::QueryBills),
    (2, AgencyOperation::LockBills),
    (1, AgencyOperation::UnlockBills),
    (10, AgencyOperation::PostPayment),
    (5, AgencyOperation::QueryPosting),
    (1, AgencyOperation::QueryInsured),
];

/// A forgery that proves nothing, or a genuine message that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    BadSignature,
    OtherKey,
    Tampered,
    Probe,
    Old,
    Nonsense,
    Amount,
    Currency,
    Merchant,
    App,
    UnknownNumber,
    SecondTransaction,
    ReusedTransaction,
    /// Genuine and true to form, about a number that nobody paid.
    Success,
}

const LIES: [(u64, Lie); 14] = [
    (2, Lie::BadSignature),
    (2, Lie::OtherKey),
    (1, Lie::Tampered),
    (1, Lie::Probe),
    (1, Lie::Old),
    (1, Lie::Nonsense),
    (2, Lie::Amount),
    (1, Lie::Currency),
    (1, Lie::Merchant),
    (1, Lie::App),
    (1, Lie::UnknownNumber),
    (2, Lie::SecondTransaction),
    (1, Lie::ReusedTransaction),
    (5, Lie::Success),
];

impl Lie {
    /// Whether it must be turned away without a trace.
    fn proves_nothing(self, channel: Channel) -> bool {
        match self {
            Lie::BadSignature | Lie::OtherKey | Lie::Tampered | Lie::Probe | Lie::Nonsense => true,
            // Alipay signs each repetition anew and gives no window.
            Lie::Old => channel == Channel::Wechat,
            _ => false,
        }
    }
}

impl World {
    pub fn platform_fault(&self) {
        for _ in 0..20 {
            let target = self.dice.weighted(&TARGETS).unwrap_or(FaultTarget::WechatQuery);
            let kind = self.dice.weighted(&PLATFORM_FAULTS).unwrap_or(FaultKind::Lose);
            let times = if self.dice.percent(75) { 1 } else { 2 + self.dice.below(5) };
            let times = u32::try_from(times).unwrap_or(1);
            let seconds = (kind == FaultKind::Delay).then(|| self.dice.between(1, 20_000));
            let fault = Fault { target, fault: kind, times, seconds };
            if self.mocks.set_fault(fault).is_ok() {
                self.tell(format!("! {} will go wrong: {kind:?} × {times}", target.code()));
                lock(&self.coverage).count(format!("fault.{kind:?}"));
                return;
            }
        }
    }

    pub fn agency_fault(&self) {
        let operation = self.dice.weighted(&AGENCY_CALLS).unwrap_or(AgencyOperation::PostPayment);
        let posts = operation == AgencyOperation::PostPayment;
        let code = *self.dice.pick(AgencyCodeWord::ALL).unwrap_or(&AgencyCodeWord::Maintenance);
        let in_minutes = |least, most| {
            let minutes = self.dice.between(least, most);
            self.now().plus(Duration::from_secs(minutes * 60))
        };
        let kinds = [
            (if posts { 14 } else { 3 }, AgencyFaultKind::Refuse { code }),
            (5, AgencyFaultKind::CommitThenDrop),
            (3, AgencyFaultKind::DropBeforeCommit),
            (if posts { 3 } else { 0 }, AgencyFaultKind::Unknown { booked: true }),
            (2, AgencyFaultKind::Unknown { booked: false }),
            (2, AgencyFaultKind::Http500),
            (2, AgencyFaultKind::UnsignedAnswer),
            (1, AgencyFaultKind::Garbage),
        ];
        let weights: Vec<(u64, usize)> =
            kinds.iter().enumerate().map(|(at, (weight, _))| (*weight, at)).collect();
        let mut kind = kinds[self.dice.weighted(&weights).unwrap_or(0)].1.clone();
        if operation == AgencyOperation::QueryPosting && self.dice.percent(30) {
            kind = AgencyFaultKind::StandingUnknown;
        }
        if (posts || operation == AgencyOperation::LockBills) && self.dice.percent(8) {
            kind = AgencyFaultKind::BillsGrow { by: Fen::new(100).expect("one yuan") };
        }
        let times = if self.dice.percent(75) { 1 } else { 2 + self.dice.below(4) };
        let mut fault = AgencyFault {
            operation: Some(operation),
            times: Some(u32::try_from(times).unwrap_or(1)),
            fault: kind,
        };
        if self.dice.percent(10) {
            // The agency closes for the night.
            let (from, until) = (in_minutes(0, 300), in_minutes(301, 900));
            let night = AgencyFaultKind::MaintenanceWindow { from, until };
            fault = AgencyFault { operation: None, times: None, fault: night };
        }
        let word = format!("{:?}", fault.fault);
        let word = word.split([' ', '{']).next().unwrap_or_default().to_owned();
        lock(&self.coverage).count(format!("fault.agency.{word}"));
        self.tell(format!("! the agency will fail: {:?} at {:?}", fault.fault, fault.operation));
        self.mocks.agency().add_fault(fault);
    }

    /// The agency changes a bill, collects it at another counter, closes its window, or takes a booking
    /// back.
    pub fn agency_event(&self) {
        if self.dice.percent(25) {
            return self.agency_takes_back();
        }
        let in_play: Vec<&str> =
            lock(&self.citizens).iter().flat_map(|c| c.people.iter().map(|p| p.number)).collect();
        let people = self.mocks.agency().people();
        let bills: Vec<_> = people
            .iter()
            .filter(|person| in_play.contains(&person.document_number.as_str()))
            .flat_map(|person| &person.bills)
            .filter(|bill| bill.state == "locked" || bill.state == "due")
            .filter(|bill| {
                let month = bill.months.from().to_string();
                bill.state == "locked" || ["2023-01", "2023-02"].contains(&month.as_str())
            })
            .collect();
        // Bills that somebody is about to pay are more interesting.
        let locked: Vec<_> = bills.iter().filter(|bill| bill.state == "locked").copied().collect();
        let from = if !locked.is_empty() && self.dice.percent(70) { &locked } else { &bills };
        let Some(bill) = self.dice.pick(from) else { return };
        let book = self.mocks.agency();
        let (what, done) = match self.dice.below(3) {
            0 => {
                let more = bill.amount.plus(Fen::new(1_234).expect("an amount"));
                ("changes", book.change_bill(&bill.bill_no, more.expect("an amount")))
            }
            1 => ("collects elsewhere", book.pay_elsewhere(&bill.bill_no)),
            _ => ("closes", book.close_bill(&bill.bill_no, self.now())),
        };
        if done.is_ok() {
            self.tell(format!("! the agency {what} {}", bill.bill_no));
            lock(&self.coverage).count(format!("agency.{what}"));
        }
    }

    /// A notification that was made before is made once more.
    pub async fn repeat_notification(&self) {
        let trades = self.mocks.trades();
        let Some(trade) = self.dice.pick(&trades) else { return };
        let deliveries = self.mocks.deliveries(trade.platform, &trade.out_trade_no);
        let Some(delivery) = self.dice.pick(&deliveries) else { return };
        let Some(attempt) = self.mocks.resend(&delivery.id).await else { return };
        lock(&self.coverage).count("notification.again");
        let mut again = delivery.clone();
        again.attempts = vec![attempt];
        self.tell("(again, out of turn)");
        self.delivered(&again).await;
    }

    /// Somebody calls a callback with something that the platform would not send.
    pub async fn lie(&self) {
        let trades = self.mocks.trades();
        // Money about which our books decided already is more interesting: late, or too much.
        let delicate = self.delicate_numbers().await;
        let of_delicate = |trade: &&TradeView| delicate.contains(&trade.out_trade_no);
        let chosen: Vec<TradeView> = trades.iter().filter(of_delicate).cloned().collect();
        let delicate = !chosen.is_empty() && self.dice.percent(70);
        let Some(trade) = self.dice.pick(if delicate { &chosen } else { &trades }) else { return };
        let Some(mut lie) = self.dice.weighted(&LIES) else { return };
        if delicate && self.dice.percent(60) {
            lie = Lie::Success;
        }
        let paid = trade.paid_at.is_some();
        let known = lock(&self.rumours).vouched.contains(&trade.out_trade_no);
        let craft = match self.craft(lie, trade, &trades) {
            Some(craft) => craft,
            None => return,
        };
        let request = NotificationRequest {
            platform: trade.platform,
            out_trade_no: trade.out_trade_no.clone(),
            out_refund_no: None,
            mchid: None,
            craft,
        };
        let Ok(mut told) = self.mocks.craft_notification(&request) else { return };
        match lie {
            Lie::OtherKey => self.sign_with_our_key(trade.platform, &mut told),
            Lie::Nonsense => told.body = format!("{}x", told.body.replace('=', "")),
            _ => {}
        }
        let as_if_paid = match lie {
            Lie::Success | Lie::SecondTransaction | Lie::ReusedTransaction => true,
            Lie::Old => !lie.proves_nothing(trade.platform),
            _ => false,
        };
        // Also when it was paid and we have not heard of it yet: whoever tells first is believed.
        if as_if_paid && !(paid && self.is_booked(&trade.out_trade_no).await) {
            lock(&self.rumours).vouched.insert(trade.out_trade_no.clone());
        }
        lock(&self.coverage).count(format!("lie.{lie:?}"));
        let before = self.changes().await;
        let (status, accepted) = self.deliver(trade.platform, &told).await;
        self.tell(format!(
            "somebody tells of {} {} ({lie:?}): {status}",
            trade.platform, trade.out_trade_no
        ));
        if lie.proves_nothing(trade.platform) {
            if accepted {
                self.breach(format!("a forgery ({lie:?}) was acknowledged"));
            }
            if self.changes().await != before {
                self.breach(format!("a forgery ({lie:?}) changed the database"));
            }
        } else if accepted && lie != Lie::UnknownNumber {
            self.is_on_record("payment", &trade.out_trade_no).await;
        } else if !accepted && status != 0 && !known {
            self.breach(format!("a genuine message ({lie:?}) was answered {status}"));
        }
    }

    /// Something breaks for good; told again, it is the same.
    pub fn break_for_good(&self) {
        let always = |operation, fault| {
            self.mocks.agency().add_fault(AgencyFault::always(operation, fault));
        };
        let platforms = |targets: &[FaultTarget], fault| {
            for target in targets {
                let fault = Fault { times: 1_000_000, ..Fault::next(*target, fault) };
                self.mocks.set_fault(fault).expect("a fault of this target");
            }
        };
        let refunds = [FaultTarget::WechatRefund, FaultTarget::AlipayRefund];
        let queries = [FaultTarget::WechatQuery, FaultTarget::AlipayQuery];
        let notifications = [FaultTarget::WechatNotification, FaultTarget::AlipayNotification];
        let what = match self.temper.breaks {
            0 => {
                always(AgencyOperation::PostPayment, AgencyFaultKind::Http500);
                "posting"
            }
            1 => {
                let code = AgencyCodeWord::BillLocked;
                always(AgencyOperation::PostPayment, AgencyFaultKind::Refuse { code });
                "bills are held elsewhere"
            }
            2 => {
                always(AgencyOperation::PostPayment, AgencyFaultKind::CommitThenDrop);
                always(AgencyOperation::QueryPosting, AgencyFaultKind::StandingUnknown);
                "standing of postings"
            }
            3 => {
                platforms(&refunds, FaultKind::ErrorAfterCommit);
                "answers to refunds"
            }
            OUR_BALANCE => {
                platforms(&refunds, FaultKind::NotEnough);
                "our balance"
            }
            5 => {
                platforms(&queries, FaultKind::ErrorBeforeCommit);
                "questions to platforms"
            }
            _ => {
                platforms(&queries, FaultKind::DropAfterCommit);
                platforms(&notifications, FaultKind::Lose);
                "questions to platforms, and notifications"
            }
        };
        self.tell(format!("! broken for good: {what}"));
        lock(&self.coverage).count(format!("broken.{what}"));
    }

    fn craft(&self, lie: Lie, trade: &TradeView, trades: &[TradeView]) -> Option<Craft> {
        let wechat = trade.platform == Channel::Wechat;
        let mut craft = Craft { kind: EventKind::Payment, ..Craft::default() };
        match lie {
            Lie::BadSignature => craft.sign = SignKind::Bad,
            Lie::Tampered if wechat => craft.tampered = true,
            Lie::Probe if wechat => craft.sign = SignKind::Probe,
            Lie::Tampered | Lie::Probe => return None,
            Lie::Old => craft.timestamp_offset_seconds = -600,
            Lie::Amount => craft.amount_fen = Some(trade.total_fen + 1),
            Lie::Currency if wechat => craft.currency = Some("USD".to_owned()),
            Lie::Currency => return None,
            Lie::Merchant => craft.merchant_id = Some("1999999999".to_owned()),
            Lie::App => craft.app_id = Some("wx0000000000000000".to_owned()),
            Lie::UnknownNumber => {
                craft.claimed_out_trade_no = Some("SI20230101000000000UNKNOWN00".to_owned());
            }
            Lie::SecondTransaction => {
                craft.transaction_id = Some(format!("42000099{:020}", self.dice.below(1 << 40)));
            }
            Lie::ReusedTransaction => {
                let other = trades.iter().find(|other| {
                    other.platform == trade.platform
                        && other.paid_at.is_some()
                        && other.out_trade_no != trade.out_trade_no
                })?;
                craft.transaction_id.clone_from(&other.transaction_id);
            }
            Lie::OtherKey | Lie::Nonsense | Lie::Success => {}
        }
        Some(craft)
    }

    /// Brings a message to the door, past the platform's own sender.
    async fn deliver(&self, channel: Channel, told: &SignedNotification) -> (u16, bool) {
        let path = told.url.splitn(4, '/').nth(3).unwrap_or_default();
        let mut request = Request::builder().method(Method::POST).uri(format!("/{path}"));
        for (name, value) in &told.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(told.body.clone())).expect("a request");
        let Some(response) = self.notify(request).await else { return (0, false) };
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 4_096).await.unwrap_or_default();
        let accepted = match channel {
            Channel::Wechat => status == 200 || status == 204,
            Channel::Alipay => status == 200 && body == "success",
        };
        (status, accepted)
    }

    /// A signature that verifies, with a key that proves nothing: the merchant's own.
    fn sign_with_our_key(&self, channel: Channel, told: &mut SignedNotification) {
        let facts = self.mocks.facts();
        match channel {
            Channel::Wechat => {
                let header = |wanted: &str| {
                    let found =
                        told.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                    found.map(|(_, value)| value.clone()).unwrap_or_default()
                };
                let (time, nonce) = (header("wechatpay-timestamp"), header("wechatpay-nonce"));
                let text = format!("{time}\n{nonce}\n{}\n", told.body);
                let signature = sign(&facts.wechat.merchant_key, text.as_bytes());
                for (name, value) in &mut told.headers {
                    if name.eq_ignore_ascii_case("wechatpay-signature") {
                        value.clone_from(&signature);
                    }
                }
            }
            Channel::Alipay => {
                let mut form = reqwest::Url::parse("http://form/").expect("an address");
                form.set_query(Some(&told.body));
                let mut fields: std::collections::BTreeMap<String, String> =
                    form.query_pairs().into_owned().collect();
                fields.remove("sign");
                let signed = fields.iter().filter(|(name, _)| *name != "sign_type");
                let text: Vec<String> =
                    signed.map(|(name, value)| format!("{name}={value}")).collect();
                let signature = sign(&facts.alipay.app_private_key, text.join("&").as_bytes());
                fields.insert("sign".to_owned(), signature);
                form.query_pairs_mut().clear().extend_pairs(fields);
                told.body = form.query().unwrap_or_default().to_owned();
            }
        }
    }
}

fn sign(private_pem: &str, text: &[u8]) -> String {
    let der: String = private_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(der).expect("a key in PEM");
    let key = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).expect("a signature");
    BASE64.encode(signature)
}
