//! The state before, and the words that a file may use for what only the run knows.

use std::collections::BTreeMap;

use kernel::{Channel, Fen};
use mock_providers::{
    FaultKind, NotificationRequest, SignedNotification,
    agency::{self, AgencyCodeWord, AgencyFault, AgencyOperation},
};

use super::{
    alipay,
    case::{About, Case, Message, Other, Standing},
    sending::Sent,
    wechat,
};
use crate::town::{Citizen, Neighbour, Order, Started, Town, insured};

pub struct Scene<'a> {
    pub town: &'a Town,
    pub neighbour: &'a Neighbour,
    pub channel: Channel,
    order: Order,
    started: Started,
    other: Option<(Order, Started)>,
    /// The refund's number and amount, when there is one.
    refund: Option<(String, i64)>,
}

impl<'a> Scene<'a> {
    /// Brings the order into its state before the first message.
    pub async fn set(
        town: &'a Town,
        neighbour: &'a Neighbour,
        channel: Channel,
        case: &Case,
    ) -> Scene<'a> {
        let refused = matches!(case.order, Standing::Refunding | Standing::Refunded);
        // The agency refuses every posting of the one and takes the other's.
        let citizen = town.citizen(channel, insured(if refused { "杨缴" } else { "张三" })).await;
        let part = case.order == Standing::PartRefunding;
        let order = one_month(&citizen, "2023-01", part).await;
        let started = citizen.starts_paying(&order).await;
        match case.order {
            Standing::Unpaid => {}
            Standing::Closed => {
                citizen.cancels(&order).await.expect(200);
            }
            Standing::Paying => {
                town.lose_notifications(channel);
                citizen.pays(&started).expect("the wallet pays");
                town.mocks.settle().await;
                assert!(town.mocks.faults().is_empty(), "the notification is lost");
            }
            Standing::Paid | Standing::Posted => {
                citizen.pays(&started).expect("the wallet pays");
                town.mocks.settle().await;
                if case.order == Standing::Posted {
                    town.run_jobs().await;
                }
            }
            Standing::Refunding | Standing::Refunded | Standing::PartRefunding => {
                give_back(&citizen, &started, part).await;
            }
        }
        let other = match case.other {
            None => None,
            Some(standing) => {
                let other = one_month(&citizen, "2023-02", false).await;
                let paying = citizen.starts_paying(&other).await;
                if standing == Other::Paying {
                    town.lose_notifications(channel);
                }
                citizen.pays(&paying).expect("the wallet pays");
                town.mocks.settle().await;
                if standing == Other::Posted {
                    town.run_jobs().await;
                }
                Some((other, paying))
            }
        };
        let refunds = "SELECT out_refund_no || ' ' || CAST(amount_fen AS TEXT) FROM refunds";
        let refund = town.column(refunds).await.first().map(|row| {
            let (number, fen) = row.split_once(' ').expect("two words");
            (number.to_owned(), fen.parse().expect("an amount"))
        });
        let scene = Scene { town, neighbour, channel, order, started, other, refund };
        if case.order == Standing::Refunded {
            let told: Message =
                toml::from_str("about = \"refund\"\nanswer = \"acknowledged\"").expect("a message");
            scene.written(&told).send(town).await.acknowledged(channel);
        }
        let expected = match case.order {
            Standing::Unpaid | Standing::Paying => "PAYING",
            Standing::Paid => "PAID",
            Standing::Posted => "SUCCESS",
            Standing::Closed => "CLOSED",
            Standing::Refunding => "REFUNDING",
            Standing::Refunded => "REFUNDED",
            Standing::PartRefunding => "SUCCESS_PARTIAL",
        };
        assert_eq!(scene.state().await, expected, "the state before");
        assert_eq!(town.cases().await, crate::town::NONE, "nothing is doubted before");
        scene
    }

    /// Writes and signs a message.
    pub fn written(&self, message: &Message) -> Sent {
        match self.channel {
            Channel::Wechat => wechat::written(self, message),
            Channel::Alipay => alipay::written(self, message),
        }
    }

    /// The platform's own message, from which the file's changes start.
    pub fn genuine(&self, about: About) -> SignedNotification {
        let number = match about {
            About::Payment | About::Refund => &self.started.out_trade_no,
            About::OtherPayment => &self.other.as_ref().expect("an other order").1.out_trade_no,
        };
        let request = match about {
            About::Refund => NotificationRequest::refund(self.channel, number),
            About::Payment | About::OtherPayment => {
                NotificationRequest::payment(self.channel, number)
            }
        };
        self.town.mocks.craft_notification(&request).expect("a message of the platform")
    }

    /// `${word}` becomes what the run knows; everything else stays.
    pub fn text(&self, template: &str) -> String {
        let mut parts = template.split("${");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (word, rest) = part.split_once('}').expect("`${` has its `}`");
            text.push_str(&match self.fen(word) {
                Some(fen) if self.channel == Channel::Alipay => {
                    Fen::new(fen).expect("an amount").to_string()
                }
                Some(fen) => fen.to_string(),
                None => self.word(word),
            });
            text.push_str(rest);
        }
        text
    }

    /// `total`, `refund` and these with a sum or difference in fen.
    pub fn fen(&self, word: &str) -> Option<i64> {
        let at = word.find(['+', '-']).unwrap_or(word.len());
        let (name, more) = word.split_at(at);
        let fen = match name {
            "total" => self.order.amount.get(),
            "refund" => self.refund.as_ref().expect("a refund").1,
            _ => return None,
        };
        let more: i64 = if more.is_empty() { 0 } else { more.parse().expect("fen") };
        Some(fen + more)
    }

    fn word(&self, word: &str) -> String {
        if let Some(count) = word.strip_prefix("a*") {
            return "a".repeat(count.parse().expect("a count"));
        }
        if let Some(count) = word.strip_prefix("nest*") {
            let count = count.parse().expect("a count");
            return format!("{}{}", "[".repeat(count), "]".repeat(count));
        }
        let (wechat, alipay) = (&self.town.mocks.facts().wechat, &self.town.mocks.facts().alipay);
        let other = || &self.other.as_ref().expect("an other order").1.out_trade_no;
        let transaction = |number: &str| {
            let trade = self.town.mocks.trade(self.channel, number).expect("a trade");
            trade.transaction_id.expect("a paid trade")
        };
        let words: BTreeMap<&str, &str> = match self.channel {
            Channel::Wechat => BTreeMap::from([
                ("merchant", &*wechat.mchid),
                ("app", &*wechat.app_id),
                ("neighbour", &*self.neighbour.mchid),
                ("neighbour_app", &*self.neighbour.wechat_app_id),
                ("certificate", &*wechat.platform_serial),
                ("public_key", &*wechat.public_key_id),
                ("own_certificate", &*wechat.merchant_serial),
                ("neighbour_certificate", &*self.neighbour.platform_serial),
            ]),
            Channel::Alipay => BTreeMap::from([
                ("merchant", &*alipay.seller_id),
                ("app", &*alipay.app_id),
                ("neighbour", &*self.neighbour.seller_id),
                ("neighbour_app", &*self.neighbour.alipay_app_id),
            ]),
        };
        match word {
            "number" => self.started.out_trade_no.clone(),
            "other_number" => other().clone(),
            "transaction" => transaction(&self.started.out_trade_no),
            "other_transaction" => transaction(other()),
            "refund_number" => self.refund.as_ref().expect("a refund").0.clone(),
            "small_certificate" => wechat.platform_serial.to_ascii_lowercase(),
            "now" => self.town.now().unix_seconds().to_string(),
            known => (*words.get(known).unwrap_or_else(|| panic!("no word `{known}`"))).to_owned(),
        }
    }

    pub async fn state(&self) -> String {
        state(self.town, &self.order).await
    }

    /// How many payments of the first order are paid.
    pub async fn paid(&self) -> usize {
        let sql = format!(
            "SELECT p.state FROM payments p JOIN orders o ON o.id = p.order_id \
             WHERE o.order_no = '{}' AND p.state = 'paid'",
            self.order.order_no
        );
        self.town.column(&sql).await.len()
    }

    /// What is on record as told, by row: its effect and how often it was told.
    pub async fn told(&self) -> BTreeMap<String, (String, i64)> {
        let sql = "SELECT fact_digest || ' ' || effect || ' ' || CAST(deliveries AS TEXT) \
                   FROM notifications";
        let rows = self.town.column(sql).await;
        let row = |row: &String| {
            let [digest, effect, count] = row.split(' ').collect::<Vec<_>>()[..] else {
                panic!("three words")
            };
            (digest.to_owned(), (effect.to_owned(), count.parse().expect("a count")))
        };
        rows.iter().map(row).collect()
    }

    /// Compares what there is with what the file says.
    pub async fn assert_end(&self, case: &Case, told_before: &BTreeMap<String, (String, i64)>) {
        let (town, after) = (self.town, &case.after);
        assert_eq!(self.state().await, after.order, "the order");
        assert_eq!(town.cases().await, after.cases, "the cases");
        assert_eq!(self.paid().await, after.paid, "the paid payments");
        let rows = self.told().await;
        let new: Vec<_> = rows.iter().filter(|(id, _)| !told_before.contains_key(*id)).collect();
        let mut effects: Vec<&str> = new.iter().map(|(_, (effect, _))| &**effect).collect();
        effects.sort_unstable();
        let mut expected: Vec<&str> = after.told.iter().map(|effect| &**effect).collect();
        expected.sort_unstable();
        assert_eq!(effects, expected, "the notifications");
        if let Some(deliveries) = &after.deliveries {
            let counted: Vec<i64> = new.iter().map(|(_, (_, count))| *count).collect();
            assert_eq!(&counted, deliveries, "how often each was told");
        }
        let refunds = town.column("SELECT state FROM refunds ORDER BY id").await;
        assert_eq!(refunds, after.refunds, "the refunds");
        assert_eq!(town.booked(&self.order).len(), after.booked, "the booked bills");
        if let (Some((other, _)), Some(expected)) = (&self.other, &after.other) {
            assert_eq!(&state(self.town, other).await, expected, "the other order");
        }
    }
}

/// Looked up and not asked for: after a day nobody is logged in any more.
async fn state(town: &Town, order: &Order) -> String {
    let sql = format!("SELECT state FROM orders WHERE order_no = '{}'", order.order_no);
    town.column(&sql).await.remove(0)
}

/// Orders one bill of a month, or all of them.
async fn one_month(citizen: &Citizen<'_>, month: &str, all: bool) -> Order {
    let mut bills = citizen.bills(month, month).await;
    if !all {
        bills.truncate(1);
    }
    let wish = citizen.wish(&bills);
    let placed = citizen.place(&format!("order-of-{month}"), &wish).await.expect(201);
    Order {
        order_no: placed["order_no"].as_str().expect("a number").to_owned(),
        amount: Fen::from_yuan(placed["amount"].as_str().expect("an amount")).expect("yuan"),
        wish,
    }
}

/// Paid, refused by the agency, and the refund is accepted by the platform but not told as done.
async fn give_back(citizen: &Citizen<'_>, started: &Started, part: bool) {
    let (town, channel) = (citizen.town, citizen.channel);
    if part {
        let refuse = agency::FaultKind::Refuse { code: AgencyCodeWord::BillChanged };
        town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::PostPayment, refuse));
    }
    citizen.pays(started).expect("the wallet pays");
    town.mocks.settle().await;
    if channel == Channel::Alipay {
        // Its answer would say that the money is back already.
        town.fault(channel, "refund", FaultKind::DropAfterCommit);
        town.lose_notifications(channel);
    }
    town.run_jobs().await;
    town.mocks.settle().await;
    let trade = town.mocks.trade(channel, &started.out_trade_no).expect("a trade");
    assert_eq!(trade.refunds.len(), 1, "the platform has accepted one refund");
}
