//! Accidents on order and by chance: what happens to answers, to notifications and to hosts, on both
//! platforms.

use std::{collections::BTreeSet, time::Duration};

use kernel::Channel::{self, Alipay, Wechat};
use mock_providers::{
    Chaos, ChaosRule, DeliveryState, DocumentedRefusal, Fault, FaultKind, FaultTarget, PayRequest,
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, open_alipay, open_wechat},
    control::{call, get, post},
    wechat::{paid, refund},
};

const NO: &str = "SI20260101000001";
const DAY_AND_MORE: Duration = Duration::from_secs(100_000);

/// Creates an order; how it was answered: WeChat's status and code, Alipay's code and sub_code.
async fn create(bench: &Bench, platform: Channel) -> (String, String) {
    match platform {
        Wechat => {
            let (status, code) = bench.wechat_create(&bench.wechat_order(NO, 100)).await.code();
            (status.to_string(), code)
        }
        Alipay => {
            let told = bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
            (told.text("code").to_owned(), told.sub_code().to_owned())
        }
    }
}

const fn create_target(platform: Channel) -> FaultTarget {
    match platform {
        Wechat => FaultTarget::WechatCreate,
        Alipay => FaultTarget::AlipayCreate,
    }
}

const fn notification(platform: Channel) -> FaultTarget {
    match platform {
        Wechat => FaultTarget::WechatNotification,
        Alipay => FaultTarget::AlipayNotification,
    }
}

/// Whether what arrived is signed as the platform signs, over what arrived.
fn genuine(bench: &Bench, platform: Channel) -> Vec<bool> {
    let key = &bench.facts.alipay.alipay_public_key;
    let opens = |told: &crate::receiver::Received| match platform {
        Wechat => {
            let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
            open_wechat(&bench.facts, header, &told.body).is_some()
        }
        Alipay => open_alipay(key, &told.body).is_some(),
    };
    bench.receiver.received().iter().map(opens).collect()
}

/// What was told, in its order: `payment`, `refund`.
fn kinds(bench: &Bench, platform: Channel) -> Vec<&'static str> {
    let mut told: Vec<_> = bench
        .mocks
        .deliveries(platform, NO)
        .into_iter()
        .flat_map(|delivery| {
            delivery.attempts.into_iter().map(move |attempt| (attempt.at, delivery.kind))
        })
        .collect();
    told.sort();
    told.into_iter().map(|(_, kind)| kind).collect()
}

async fn give_back(bench: &Bench, platform: Channel) {
    match platform {
        Wechat => {
            let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
            assert_eq!(bench.wechat_post("/v3/refund/domestic/refunds", &body).await.status, 200);
        }
        Alipay => {
            let biz = json!({"out_trade_no": NO, "out_request_no": "R1", "refund_amount": "0.40"});
            assert_eq!(bench.alipay("alipay.trade.refund", &biz).await.text("fund_change"), "Y");
        }
    }
    bench.mocks.advance(Duration::from_secs(5)).await;
}

#[rstest]
#[case::number_used(FaultTarget::WechatCreate, "OUT_TRADE_NO_USED", "403")]
#[case::bank(FaultTarget::WechatCreate, "BANK_ERROR", "500")]
#[case::paid_otherwise(FaultTarget::WechatCreate, "ORDER_PAID", "403")]
#[case::unavailable(FaultTarget::WechatCreate, "SERVICE_UNAVAILABLE", "503")]
#[case::wrong_ip(FaultTarget::AlipayCreate, "ACQ.RISK_MERCHANT_IP_NOT_EXIST", "40004")]
#[case::permission(FaultTarget::AlipayCreate, "isv.insufficient-isv-permissions", "40006")]
#[case::unknown(FaultTarget::AlipayCreate, "aop.unknow-error", "20000")]
#[case::limited(FaultTarget::AlipayCreate, "isv.method-call-limited", "40005")]
#[case::config(FaultTarget::AlipayCreate, "isv.missing-signature-config", "40003")]
#[tokio::test]
async fn every_documented_refusal_comes_on_order_and_applies_nothing(
    #[case] target: FaultTarget,
    #[case] code: &str,
    #[case] class: &str,
) {
    let bench = Bench::new().await;
    let platform = if target == FaultTarget::WechatCreate { Wechat } else { Alipay };
    let order = json!({"target": target.code(), "fault": code});
    assert_eq!(post(&bench, "/faults", order).await.status, 200);
    assert_eq!(create(&bench, platform).await, (class.to_owned(), code.to_owned()));
    assert!(bench.mocks.trade(platform, NO).is_none());
    assert_ne!(create(&bench, platform).await.1, code, "once only");
}

#[rstest]
#[case::of_the_other_platform("wechat.create", "ACQ.TOTAL_FEE_EXCEED")]
#[case::of_another_host("wechat.create", "43101")]
#[case::invented("alipay.create", "ACQ.NO_SUCH_CODE")]
#[case::of_a_notification("wechat.notification", "SYSTEM_ERROR")]
#[tokio::test]
async fn a_refusal_that_no_platform_documents_cannot_be_ordered(
    #[case] target: &str,
    #[case] code: &str,
) {
    let bench = Bench::new().await;
    let order = json!({"target": target, "fault": code});
    assert_eq!(post(&bench, "/faults", order).await.status, 400);
}

#[tokio::test]
async fn a_refund_meets_a_closed_account_and_a_login_a_blocked_user() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let order = |target, code| {
        let refusal = FaultKind::Refuse(DocumentedRefusal::named(code).unwrap());
        bench.mocks.set_fault(Fault::next(target, refusal)).unwrap();
    };
    order(FaultTarget::WechatRefund, "USER_ACCOUNT_ABNORMAL");
    let path = "/v3/refund/domestic/refunds";
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    let answer = bench.wechat_post(path, &body).await;
    assert_eq!(answer.code(), (403, "USER_ACCOUNT_ABNORMAL".to_owned()));
    let facts = &bench.facts.wechat;
    assert!(answer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    order(FaultTarget::WechatLogin, "40226");
    let url = format!("{}/sns/jscode2session?appid={}", facts.base_url, facts.app_id);
    let told: Value =
        serde_json::from_str(&bench.client.get(url).send().await.unwrap().text().await.unwrap())
            .unwrap();
    assert_eq!(told["errcode"], 40_226);
    for (fault, code) in
        [(FaultKind::NotEnough, "NOT_ENOUGH"), (FaultKind::Busy, "FREQUENCY_LIMITED")]
    {
        bench.mocks.set_fault(Fault::next(FaultTarget::WechatRefund, fault)).unwrap();
        assert_eq!(bench.wechat_post(path, &body).await.code().1, code);
    }
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatRefund, FaultKind::Closed)).unwrap();
    assert_eq!(bench.wechat_post(path, &body).await.status, 200);
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(bench.wechat_get(&format!("{path}/R1")).await.json()["status"], "CLOSED");
    let other = refund(NO, "R2", 100, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(path, &other).await.status, 200, "closed money stayed");
}

#[rstest]
#[case::drop(FaultKind::DropAfterCommit)]
#[case::gateway_timeout(FaultKind::GatewayTimeout)]
#[case::error(FaultKind::ErrorAfterCommit)]
#[tokio::test]
async fn an_answer_gets_lost_after_its_effect(
    #[case] fault: FaultKind,
    #[values(Wechat, Alipay)] platform: Channel,
) {
    let bench = Bench::new().await;
    bench.mocks.set_fault(Fault::next(create_target(platform), fault)).unwrap();
    let response = match platform {
        Wechat => {
            let order = bench.wechat_order(NO, 100);
            let path = "/v3/pay/transactions/jsapi";
            bench.try_wechat(bench.wechat_call(Method::POST, path, &order)).await
        }
        Alipay => {
            let mut parameters = bench.alipay_parameters("alipay.trade.create");
            let order = bench.alipay_order(NO, "1.00").to_string();
            parameters.insert("biz_content".to_owned(), order);
            bench.alipay_sign(&mut parameters);
            bench.try_alipay(parameters).await
        }
    };
    let whole = match response {
        Ok(response) => {
            let status = response.status().as_u16();
            response.text().await.ok().map(|text| (status, text))
        }
        Err(_) => None,
    };
    match (fault, whole) {
        (FaultKind::DropAfterCommit, whole) => assert_eq!(whole, None),
        (FaultKind::GatewayTimeout, Some((status, text))) => {
            assert_eq!(status, 504);
            assert!(text.starts_with("<html>"), "{text}");
        }
        (_, whole) => assert!(!whole.unwrap().1.contains("prepay_id\":\"wx")),
    }
    assert!(bench.mocks.trade(platform, NO).is_some(), "the effect is there");
}

#[rstest]
#[case::slow(FaultKind::Slow, true)]
#[case::slow_for_nothing(FaultKind::SlowBeforeCommit, false)]
#[tokio::test]
async fn an_answer_can_take_its_time(
    #[case] fault: FaultKind,
    #[case] applied: bool,
    #[values(Wechat, Alipay)] platform: Channel,
) {
    let bench = Bench::new().await;
    let slow = Fault { seconds: Some(1), ..Fault::next(create_target(platform), fault) };
    bench.mocks.set_fault(slow).unwrap();
    let answer = create(&bench, platform).await;
    assert_eq!(bench.mocks.trade(platform, NO).is_some(), applied);
    assert_eq!(["500", "20000"].contains(&answer.0.as_str()), !applied, "{answer:?}");
}

#[rstest]
#[tokio::test]
async fn the_merchant_may_hear_of_a_payment_before_its_create_is_answered(
    #[values(Wechat, Alipay)] platform: Channel,
) {
    let bench = Bench::new().await;
    // Also when the first notification normally takes its time.
    post(&bench, "/settings", json!({"first_delivery_delay_ms": 60_000})).await;
    let early = Fault::next(create_target(platform), FaultKind::PaidBeforeAnswer);
    bench.mocks.set_fault(early).unwrap();
    let answer = create(&bench, platform).await;
    assert!(["200", "10000"].contains(&answer.0.as_str()), "{answer:?}");
    assert_eq!(genuine(&bench, platform), [true], "told when the answer arrives");
}

#[rstest]
#[tokio::test]
async fn two_copies_of_a_notification_come_at_once(#[values(Wechat, Alipay)] platform: Channel) {
    let bench = Bench::new().await;
    create(&bench, platform).await;
    bench.mocks.set_fault(Fault::next(notification(platform), FaultKind::Twin)).unwrap();
    bench.mocks.pay(&PayRequest::number(platform, NO)).unwrap();
    bench.mocks.advance(DAY_AND_MORE).await;
    assert_eq!(genuine(&bench, platform), [true, true]);
    let delivery = &bench.mocks.deliveries(platform, NO)[0];
    assert_eq!(delivery.attempts[0].at, delivery.attempts[1].at);
    assert_eq!(delivery.state, DeliveryState::Delivered);
}

#[rstest]
#[tokio::test]
async fn a_refund_is_told_before_its_payment(#[values(Wechat, Alipay)] platform: Channel) {
    let bench = Bench::new().await;
    create(&bench, platform).await;
    bench.mocks.set_fault(Fault::next(notification(platform), FaultKind::Overtaken)).unwrap();
    bench.mocks.pay(&PayRequest::number(platform, NO)).unwrap();
    bench.mocks.settle().await;
    assert_eq!(kinds(&bench, platform), [""; 0]);
    give_back(&bench, platform).await;
    let received = bench.receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(genuine(&bench, platform), [true, true]);
    let first_is_refund = match platform {
        Wechat => received[0].body.contains("REFUND.SUCCESS"),
        Alipay => received[0].body.contains("refund_fee"),
    };
    assert!(first_is_refund);
}

#[rstest]
#[tokio::test]
async fn what_nothing_overtakes_is_told_a_day_later(#[values(Wechat, Alipay)] platform: Channel) {
    let bench = Bench::new().await;
    create(&bench, platform).await;
    bench.mocks.set_fault(Fault::next(notification(platform), FaultKind::Overtaken)).unwrap();
    bench.mocks.pay(&PayRequest::number(platform, NO)).unwrap();
    bench.mocks.advance(Duration::from_secs(86_399)).await;
    assert_eq!(kinds(&bench, platform), [""; 0]);
    bench.mocks.advance(Duration::from_secs(1)).await;
    assert_eq!(kinds(&bench, platform), ["payment"]);
}

#[rstest]
#[case(Wechat, FaultKind::WrongAmount, Some(("/amount/total", json!(101))))]
#[case(Wechat, FaultKind::OtherMerchant, Some(("/mchid", json!("1900009999"))))]
#[case(Wechat, FaultKind::OtherApp, Some(("/appid", json!("wx00000000000000ff"))))]
#[case(Wechat, FaultKind::OldTimestamp, Some(("/amount/total", json!(100))))]
#[case(Wechat, FaultKind::UnknownSerial, None)]
#[case(Wechat, FaultKind::WrongAssociatedData, None)]
#[case(Alipay, FaultKind::WrongAmount, Some(("/total_amount", json!("1.01"))))]
#[case(Alipay, FaultKind::OtherMerchant, Some(("/seller_id", json!("2088000000009999"))))]
#[case(Alipay, FaultKind::OtherApp, Some(("/app_id", json!("2021000000009999"))))]
#[case(Alipay, FaultKind::OldTimestamp, Some(("/notify_time", json!("2026-01-01 07:50:00"))))]
#[case(Alipay, FaultKind::WrongSignature, None)]
#[tokio::test]
async fn a_lie_is_told_once_and_the_truth_follows(
    #[case] platform: Channel,
    #[case] fault: FaultKind,
    #[case] says: Option<(&str, Value)>,
) {
    let bench = Bench::new().await;
    create(&bench, platform).await;
    bench.receiver.will_answer(&[(401, "fail")]);
    bench.mocks.set_fault(Fault::next(notification(platform), fault)).unwrap();
    bench.mocks.pay(&PayRequest::number(platform, NO)).unwrap();
    bench.mocks.advance(Duration::from_secs(240)).await;
    let received = bench.receiver.received();
    assert_eq!(received.len(), 2);
    let contents: Vec<Option<Value>> = received
        .iter()
        .map(|told| match platform {
            Wechat => {
                let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
                open_wechat(&bench.facts, header, &told.body).map(|(_, content)| content)
            }
            Alipay => {
                let key = &bench.facts.alipay.alipay_public_key;
                open_alipay(key, &told.body).map(|fields| json!(fields))
            }
        })
        .collect();
    match (&says, &contents[0]) {
        (Some((place, value)), Some(content)) => assert_eq!(content.pointer(place), Some(value)),
        (None, told) => assert_eq!(told, &None),
        (said, None) => panic!("{said:?} was to be signed correctly"),
    }
    if platform == Wechat && fault == FaultKind::OldTimestamp {
        let stamp = received[0].headers["Wechatpay-Timestamp"].to_str().unwrap();
        assert_eq!(stamp, (crate::bench::START - 600).to_string());
    }
    let truth = contents[1].as_ref().unwrap();
    if let Some((place, value)) = says.filter(|_| fault != FaultKind::OldTimestamp) {
        assert_ne!(truth.pointer(place), Some(&value), "the second one is true");
    }
}

#[tokio::test]
async fn the_same_seed_meets_the_same_accidents_at_notifications() {
    let run = async |seed| {
        let bench = Bench::new().await;
        let rule = |fault, per_ten_thousand| ChaosRule {
            target: FaultTarget::AlipayNotification,
            fault,
            per_ten_thousand,
            seconds: None,
        };
        let rules = vec![rule(FaultKind::Lose, 3_000), rule(FaultKind::Twin, 4_000)];
        let chaos = serde_json::to_value(Chaos { seed, rules }).unwrap();
        assert_eq!(post(&bench, "/chaos", chaos).await.status, 200);
        let mut counts = Vec::new();
        for number in 0..40 {
            let number = format!("SI{number}");
            bench.alipay_create(&bench.alipay_order(&number, "1.00")).await;
            bench.mocks.pay(&PayRequest::number(Alipay, &number)).unwrap();
            bench.mocks.settle().await;
            counts.push(bench.mocks.deliveries(Alipay, &number)[0].attempts.len());
        }
        counts
    };
    let first = run(7).await;
    assert_eq!(run(7).await, first);
    let seen: BTreeSet<usize> = first.into_iter().collect();
    assert_eq!(seen, BTreeSet::from([0, 1, 2]), "lost, told, told twice");
}

#[tokio::test]
async fn an_answer_may_carry_a_serial_that_no_key_has() {
    let bench = Bench::new().await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatQuery, FaultKind::UnknownSerial)).unwrap();
    let serial = bench.wechat_query(NO).await.header("wechatpay-serial").to_owned();
    let facts = &bench.facts.wechat;
    assert_eq!(serial.len(), 40);
    assert!(![&facts.platform_serial, &facts.public_key_id].contains(&&serial));
    assert_eq!(bench.wechat_query(NO).await.header("wechatpay-serial"), facts.platform_serial);
}

#[rstest]
#[tokio::test]
async fn too_many_calls_in_a_second_are_limited(#[values(Wechat, Alipay)] platform: Channel) {
    let bench = Bench::new().await;
    create(&bench, platform).await;
    bench.mocks.advance(Duration::from_secs(1)).await;
    post(&bench, "/settings", json!({"calls_per_second_max": 2})).await;
    let limited = match platform {
        Wechat => ("429", "FREQUENCY_LIMITED"),
        Alipay => ("40005", "isv.app-call-limited"),
    };
    for count in 0..4 {
        let (class, code) = create(&bench, platform).await;
        assert_eq!((&*class, &*code) == limited, count >= 2, "call {count}: {class} {code}");
    }
    bench.mocks.advance(Duration::from_secs(1)).await;
    assert_ne!(create(&bench, platform).await.1, limited.1);
}

#[tokio::test]
async fn the_backup_host_goes_on_while_the_main_one_is_away() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    let path = format!("/v3/pay/transactions/out-trade-no/{NO}?mchid={}", bench.facts.wechat.mchid);
    let down = async |down: bool| {
        let answer = post(&bench, "/settings", json!({"wechat_main_host_down": down})).await;
        assert_eq!(answer.status, 200);
    };
    down(true).await;
    let unreachable = async || {
        // A client of its own has no connection from before.
        let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
        let failed = fresh.get(&bench.facts.wechat.base_url).send().await;
        failed.is_err_and(|error| error.is_connect())
    };
    while !unreachable().await {
        tokio::task::yield_now().await;
    }
    let call = bench.wechat_call(Method::GET, &path, &Value::Null);
    let broken = match bench.try_wechat(call).await {
        Ok(response) => response.text().await.is_err(),
        Err(_) => true,
    };
    assert!(broken, "connections from before are cut");
    // The signature does not name the host.
    let call = bench.wechat_call(Method::GET, &path, &Value::Null);
    let answer = bench.wechat_at(&bench.facts.wechat.backup_url, call).await;
    assert_eq!(answer.json()["trade_state"], "NOTPAY");
    down(false).await;
    while unreachable().await {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.wechat_query(NO).await.status, 200);
}

#[tokio::test]
async fn callbacks_move_to_the_public_key_by_the_plan() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    assert_eq!(get(&bench, "/wechat/migration").await, json!({"migration": null}));
    let begun = post(&bench, "/wechat/migration", json!({})).await.json();
    assert_eq!(begun["migration"]["per_ten_thousand"], 10);
    bench.mocks.advance(Duration::from_secs(4 * 86_400)).await;
    assert_eq!(get(&bench, "/wechat/migration").await["migration"]["per_ten_thousand"], 2_000);
    bench.mocks.advance(Duration::from_secs(2 * 86_400)).await;
    assert_eq!(get(&bench, "/wechat/migration").await["migration"]["day"], 7);
    let serial = async || {
        let ask = json!({"platform": "wechat", "out_trade_no": NO, "deliver": false});
        let crafted = post(&bench, "/notifications", ask).await.json();
        crafted["headers"]["Wechatpay-Serial"].as_str().unwrap().to_owned()
    };
    let facts = &bench.facts.wechat;
    assert_eq!(serial().await, facts.public_key_id);
    assert_eq!(bench.wechat_query(NO).await.header("wechatpay-serial"), facts.platform_serial);
    let half = json!({"per_ten_thousand": 5_000});
    post(&bench, "/wechat/migration", half).await;
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        seen.insert(serial().await);
    }
    assert_eq!(seen.len(), 2, "both kinds of key");
    call(&bench, Method::DELETE, "/wechat/migration", &Value::Null).await;
    assert_eq!(serial().await, facts.platform_serial);
    assert_eq!(
        post(&bench, "/wechat/migration", json!({"per_ten_thousand": 10_001})).await.status,
        400
    );
}
