//! Reminders (提醒): one message for what happened, for those who asked, and never at night.

use std::time::Duration;

use kernel::{Channel, Fen};
use mock_providers::{AlipayOddity, FaultKind};
use orders::TakeBack;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Answer, Backend, Citizen, Town, insured, replaced};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// What ended is looked at when it is settled.
const SETTLED: u64 = 30;

async fn answers(citizen: &Citizen<'_>, kind: &str, answer: &str) -> Answer {
    let body = json!({ "kind": kind, "answer": answer });
    citizen.put("/api/v1/me/reminders", &body).await
}

/// The kind's line in the list.
fn line(list: &Value, kind: &str) -> Value {
    let lines = list["reminders"].as_array().expect("a list");
    lines.iter().find(|line| line["kind"] == kind).expect("each kind").clone()
}

/// The user said yes to the platform's question, and the mini-program told us.
async fn accepts(citizen: &Citizen<'_>, kind: &str) -> Value {
    let list = citizen.get("/api/v1/me/reminders").await.expect(200);
    let template = line(&list, kind)["template_id"].clone();
    if citizen.channel == Channel::Wechat {
        let wish = json!({ "user": citizen.user, "template_id": template });
        let url = format!("{}/wechat/subscriptions", citizen.town.mocks.facts().control_url);
        let told = crate::town::client().post(url).body(wish.to_string()).send().await;
        assert!(told.expect("an answer").status().is_success());
    }
    answers(citizen, kind, "accept").await.expect(200)
}

/// What users of a wallet got: template and words, by place.
async fn messages(town: &Town, channel: Channel) -> Vec<(String, Value)> {
    let url = format!("{}/{channel}/messages", town.mocks.facts().control_url);
    let told = crate::town::client().get(url).send().await.expect("an answer");
    let told: Value = serde_json::from_slice(&told.bytes().await.expect("bytes")).expect("JSON");
    let read = |message: &Value| {
        let words =
            if channel == Channel::Wechat { &message["body"]["data"] } else { &message["data"] };
        (message["template_id"].as_str().expect("a template").to_owned(), words.clone())
    };
    told["messages"].as_array().expect("a list").iter().map(read).collect()
}

/// The place of a word in the mocks' templates.
fn place(channel: Channel, number: usize) -> String {
    match channel {
        Channel::Wechat => format!("{}{number}", ["thing", "amount", "time", "thing"][number - 1]),
        Channel::Alipay => format!("keyword{number}"),
    }
}

async fn booked(town: &Town, citizen: &Citizen<'_>) -> crate::town::Order {
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.pass(SETTLED).await;
    order
}

#[rstest]
#[tokio::test]
async fn a_booked_order_is_told_once(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    assert_eq!(town.parts.remind().await, 0);
    let list = accepts(&citizen, "posted").await;
    let posted = line(&list, "posted");
    assert_eq!(posted["template_id"], "mock-posted");
    assert_eq!((&posted["wanted"], &posted["left"]), (&json!(true), &json!(1)));
    assert_eq!((&list["quiet_from"], &list["quiet_to"]), (&json!("21:00"), &json!("08:00")));
    assert_eq!(
        line(&list, "refund")["updated_at"],
        Value::Null,
        "each kind is asked for by itself"
    );

    let order = booked(&town, &citizen).await;
    assert_eq!(town.parts.remind().await, 1);
    let got = messages(&town, channel).await;
    let [(template, words)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(template, "mock-posted");
    let word = |number| words[place(channel, number)]["value"].as_str().expect("a word");
    assert_eq!(word(1), "经办机构已入账,缴费成功");
    assert_eq!(word(2), format!("{}元", order.amount));
    assert!(word(3).starts_with("2023-06-15 10:0"), "{}", word(3));
    assert!(!got[0].1.to_string().contains("张三"), "no name without its mask");

    assert_eq!(town.parts.remind().await, 0, "once");
    let list = citizen.get("/api/v1/me/reminders").await.expect(200);
    assert_eq!(line(&list, "posted")["left"], 0);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn who_said_no_hears_nothing(#[values(Channel::Wechat, Channel::Alipay)] channel: Channel) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    town.parts.remind().await;
    accepts(&citizen, "posted").await;
    let list = answers(&citizen, "posted", "reject").await.expect(200);
    assert_eq!(line(&list, "posted")["wanted"], false);
    booked(&town, &citizen).await;
    assert_eq!(town.parts.remind().await, 0);
    assert!(messages(&town, channel).await.is_empty());
    answers(&citizen, "weather", "accept").await.refused(400, "invalid_request");
    answers(&citizen, "posted", "perhaps").await.refused(400, "invalid_request");
    town.close().await;
}

/// The platform knows better than we do what the user wants.
#[rstest]
#[tokio::test]
async fn a_message_that_the_user_does_not_want_is_no_error(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    town.parts.remind().await;
    // Told to us, and taken back in the wallet's own settings.
    for _ in 0..2 {
        answers(&citizen, "posted", "accept").await.expect(200);
    }
    if channel == Channel::Alipay {
        town.fault(channel, "message", FaultKind::Alipay(AlipayOddity::Unsubscribed));
    }
    booked(&town, &citizen).await;
    assert_eq!(town.parts.remind().await, 0);
    assert!(messages(&town, channel).await.is_empty());
    let list = citizen.get("/api/v1/me/reminders").await.expect(200);
    assert_eq!(line(&list, "posted")["left"], 0, "nothing accepted is left");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_refund_is_told_with_its_amount(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    town.parts.remind().await;
    accepts(&citizen, "refund").await;
    let order = booked(&town, &citizen).await;
    assert_eq!(town.parts.remind().await, 0, "only refunds were asked for");
    let bills = order.wish["bills"].as_array().expect("bills");
    let medical = bills.iter().find(|bill| bill["insurance"] != "pension").expect("a bill");
    let wish = TakeBack {
        order_no: order.order_no.parse().expect("a number"),
        bill_no: Some(medical["bill_no"].as_str().expect("a number").parse().expect("a number")),
        agency: None,
        refundable_seen: order.amount,
        reason: "缴费人申请撤销".to_owned(),
    };
    town.parts.orders.take_back(&wish).await.expect("taken back");
    town.pass(600).await;
    assert_eq!(town.parts.remind().await, 1);
    let got = messages(&town, channel).await;
    let [(template, words)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(template, "mock-refund");
    assert_eq!(words[place(channel, 1)]["value"], "退款已完成");
    let amount = Fen::from_yuan(medical["amount"].as_str().expect("an amount")).expect("yuan");
    assert_eq!(words[place(channel, 2)]["value"], format!("{amount}元"));
    town.close().await;
}

/// 李四 paid until March: in June April and May are missing.
#[rstest]
#[tokio::test]
async fn missing_months_are_told_once_a_month(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let late = town.citizen(channel, insured("李四")).await;
    for _ in 0..3 {
        accepts(&late, "gap").await;
    }
    assert_eq!(town.parts.remind().await, 1);
    let got = messages(&town, channel).await;
    let [(template, words)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(template, "mock-gap");
    assert_eq!(words[place(channel, 1)]["value"], "医疗保险有 2 个月未缴");
    for days in [1, 15] {
        town.clock.advance(Duration::from_secs(days * DAY));
        let told = u32::from(days == 15);
        assert_eq!(town.parts.remind().await, told, "after {days} days more");
    }
    town.close().await;
}

#[tokio::test]
async fn who_misses_nothing_is_not_warned() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("李四")).await;
    town.clock.set(kernel::Timestamp::from_rfc3339("2023-04-20T10:00:00+08:00").expect("a time"));
    accepts(&citizen, "gap").await;
    assert_eq!(town.parts.remind().await, 0, "this month is not over");
    town.close().await;
}

#[tokio::test]
async fn a_window_that_closes_soon_is_told_to_those_who_owe() {
    let window = "\n[[city.pack.window]]\nagency = \"320200-hr\"\nopen_day = 5\n\
                  open_time = \"00:00\"\nclose_day = 18\nclose_time = \"24:00\"\n\
                  source = [\"https://example.org/window\"]\n";
    let town = Town::with(Backend::Embedded, |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let topup = "[city.pack.topup]";
        let text = replaced(&text, topup, format!("{window}\n{topup}"));
        std::fs::write(config, text).expect("a configuration");
    })
    .await;
    let citizen = town.citizen(Channel::Wechat, insured("李四")).await;
    accepts(&citizen, "window").await;
    // The 15th: three days are left.
    assert_eq!(town.parts.remind().await, 1);
    let got = messages(&town, Channel::Wechat).await;
    let [(template, words)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(template, "mock-window");
    assert_eq!(words["thing1"]["value"], "缴费期即将结束,您有待缴账单");
    assert_eq!(words["thing4"]["value"], "请在 6月18日 前缴费");
    town.close().await;
}

#[tokio::test]
async fn nothing_is_sent_at_night() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    town.parts.remind().await;
    accepts(&citizen, "posted").await;
    let (order, started) = citizen.pays_unheard("2023-01").await;
    // Half past nine in the evening.
    town.clock.advance(Duration::from_secs(11 * HOUR + HOUR / 2));
    town.settle().await;
    town.pass(SETTLED).await;
    let number = order.order_no.parse().expect("a number");
    assert_eq!(town.parts.orders.refundable(&number).await.expect("an amount"), order.amount);
    assert!(!started.out_trade_no.is_empty());
    assert_eq!(town.parts.remind().await, 0);
    assert!(messages(&town, Channel::Wechat).await.is_empty());
    town.clock.advance(Duration::from_secs(11 * HOUR));
    assert_eq!(town.parts.remind().await, 1);
    town.close().await;
}

#[tokio::test]
async fn what_was_answered_is_exported_and_erased() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    accepts(&citizen, "gap").await;
    let export = citizen.get("/api/v1/me/export").await.expect(200);
    let answered = export["reminders"].as_array().expect("a list");
    assert_eq!(answered.len(), 1, "{export}");
    assert_eq!((&answered[0]["kind"], &answered[0]["wanted"]), (&json!("gap"), &json!(true)));
    citizen.post("/api/v1/me/erasure", &json!({ "confirm": true })).await.expect(200);
    assert_eq!(town.count("reminder_permissions").await, 0);
    town.close().await;
}
