//! When notifications are repeated, on a clock that only the tests move.

use std::time::Duration;

use kernel::{
    Channel::{self, Alipay, Wechat},
    Timestamp,
};
use mock_providers::{DeliveryState, Fault, FaultKind, FaultTarget, PayRequest};
use rstest::rstest;

use serde_json::json;

use crate::{
    bench::{Bench, START, open_alipay, open_wechat},
    control::post,
};

const NO: &str = "SI20260101000001";
const DAY_AND_MORE: Duration = Duration::from_secs(100_000);

async fn pay(bench: &Bench, platform: Channel) {
    match platform {
        Wechat => {
            bench.wechat_create(&bench.wechat_order(NO, 100)).await;
        }
        Alipay => {
            bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
        }
    }
    bench.mocks.pay(&PayRequest::number(platform, NO)).unwrap();
    bench.mocks.settle().await;
}

fn offsets(bench: &Bench, platform: Channel) -> Vec<i64> {
    let deliveries = bench.mocks.deliveries(platform, NO);
    assert_eq!(deliveries.len(), 1);
    deliveries[0].attempts.iter().map(|attempt| attempt.at.unix_seconds() - START).collect()
}

#[rstest]
#[case(
    Wechat,
    &[
        0, 15, 30, 60, 240, 840, 2_040, 3_840, 5_640, 7_440, 11_040, 21_840, 32_640, 43_440,
        65_040, 86_640,
    ]
)]
#[case(Alipay, &[0, 240, 840, 1_440, 5_040, 12_240, 33_840, 87_840])]
#[tokio::test]
async fn an_unheard_notification_is_repeated_by_the_timetable(
    #[case] platform: Channel,
    #[case] expected: &[i64],
) {
    let bench = Bench::new().await;
    bench.receiver.will_answer(&[(500, "fail"); 20]);
    pay(&bench, platform).await;
    bench.mocks.advance(DAY_AND_MORE).await;
    assert_eq!(offsets(&bench, platform), expected);
    assert_eq!(bench.mocks.deliveries(platform, NO)[0].state, DeliveryState::GivenUp);
    assert_eq!(bench.receiver.received().len(), expected.len());
}

#[rstest]
#[case(Wechat, &[(200, "{\"code\":\"FAIL\"}")], 1)]
#[case(Wechat, &[(204, "")], 1)]
#[case(Wechat, &[(201, "success"), (302, ""), (500, ""), (200, "")], 4)]
#[case(Alipay, &[(200, "success")], 1)]
#[case(Alipay, &[(200, "\"success\""), (200, "success\n"), (201, "success"), (200, "success")], 4)]
#[tokio::test]
async fn each_platform_has_its_own_idea_of_success(
    #[case] platform: Channel,
    #[case] answers: &[(u16, &'static str)],
    #[case] sent: usize,
) {
    let bench = Bench::new().await;
    bench.receiver.will_answer(answers);
    pay(&bench, platform).await;
    bench.mocks.advance(DAY_AND_MORE).await;
    assert_eq!(offsets(&bench, platform).len(), sent);
    assert_eq!(bench.mocks.deliveries(platform, NO)[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_repeated_wechat_notification_is_signed_anew_and_says_the_same() {
    let bench = Bench::new().await;
    bench.receiver.will_answer(&[(500, "")]);
    pay(&bench, Wechat).await;
    bench.mocks.advance(Duration::from_secs(15)).await;
    let received = bench.receiver.received();
    let opened: Vec<_> = received
        .iter()
        .map(|told| {
            let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
            open_wechat(&bench.facts, header, &told.body).unwrap()
        })
        .collect();
    assert_eq!(opened.len(), 2);
    assert_eq!(opened[0].0["id"], opened[1].0["id"]);
    assert_eq!(opened[0].1, opened[1].1);
    for name in ["Wechatpay-Nonce", "Wechatpay-Timestamp", "Wechatpay-Signature"] {
        assert_ne!(received[0].headers[name], received[1].headers[name]);
    }
}

#[tokio::test]
async fn a_repeated_alipay_notification_has_the_same_id_and_a_new_time() {
    let bench = Bench::new().await;
    bench.receiver.will_answer(&[(200, "fail")]);
    pay(&bench, Alipay).await;
    bench.mocks.advance(Duration::from_secs(240)).await;
    let key = &bench.facts.alipay.alipay_public_key;
    let told: Vec<_> =
        bench.receiver.received().iter().map(|t| open_alipay(key, &t.body).unwrap()).collect();
    assert_eq!(told[0]["notify_id"], told[1]["notify_id"]);
    assert_eq!(told[0]["notify_time"], "2026-01-01 08:00:00");
    assert_eq!(told[1]["notify_time"], "2026-01-01 08:04:00");
}

fn notify_times(bench: &Bench) -> Vec<i64> {
    let key = &bench.facts.alipay.alipay_public_key;
    let time = |body: &str| {
        let said = open_alipay(key, body).unwrap().remove("notify_time").unwrap();
        Timestamp::from_beijing_text(&said).unwrap().unix_seconds()
    };
    bench.receiver.received().iter().map(|told| time(&told.body)).collect()
}

/// A mock whose own clock nobody moves, as the `mock` command has it.
#[tokio::test]
async fn notify_time_is_the_time_of_each_send_however_the_clock_is_moved() {
    let bench = Bench::on_a_foreign_clock().await;
    bench.receiver.will_answer(&[(500, "fail"); 20]);
    pay(&bench, Alipay).await;
    bench.mocks.advance(DAY_AND_MORE).await;
    let times = notify_times(&bench);
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [240, 600, 600, 3_600, 7_200, 21_600, 54_000]);
}

#[tokio::test]
async fn a_wrong_clock_shows_in_notify_time() {
    let bench = Bench::on_a_foreign_clock().await;
    post(&bench, "/clock/skew", json!({"seconds": -90})).await;
    pay(&bench, Alipay).await;
    assert_eq!(notify_times(&bench), [START - 90]);
}

#[rstest]
#[case(FaultKind::WrongSignature)]
#[case(FaultKind::Probe)]
#[case(FaultKind::Tampered)]
#[tokio::test]
async fn a_false_notification_is_followed_by_the_genuine_one(#[case] kind: FaultKind) {
    let bench = Bench::new().await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatNotification, kind)).unwrap();
    bench.receiver.will_answer(&[(401, "")]);
    pay(&bench, Wechat).await;
    bench.mocks.advance(Duration::from_secs(15)).await;
    let received = bench.receiver.received();
    let genuine: Vec<bool> = received
        .iter()
        .map(|told| {
            let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
            open_wechat(&bench.facts, header, &told.body).is_some()
        })
        .collect();
    assert_eq!(genuine, [false, true]);
}

#[rstest]
#[case(Wechat, FaultTarget::WechatNotification)]
#[case(Alipay, FaultTarget::AlipayNotification)]
#[tokio::test]
async fn notifications_come_twice_late_or_never_on_order(
    #[case] platform: Channel,
    #[case] target: FaultTarget,
) {
    let bench = Bench::new().await;
    bench.mocks.set_fault(Fault::next(target, FaultKind::Duplicate)).unwrap();
    pay(&bench, platform).await;
    bench.mocks.advance(DAY_AND_MORE).await;
    assert_eq!(offsets(&bench, platform), [0, 1]);

    let bench = Bench::new().await;
    let fault = Fault { seconds: Some(30), ..Fault::next(target, FaultKind::Delay) };
    bench.mocks.set_fault(fault).unwrap();
    pay(&bench, platform).await;
    bench.mocks.advance(DAY_AND_MORE).await;
    assert_eq!(offsets(&bench, platform), [30]);

    let bench = Bench::new().await;
    bench.mocks.set_fault(Fault::next(target, FaultKind::Lose)).unwrap();
    pay(&bench, platform).await;
    bench.mocks.advance(DAY_AND_MORE).await;
    assert_eq!(offsets(&bench, platform), Vec::<i64>::new());
    assert_eq!(bench.mocks.deliveries(platform, NO)[0].state, DeliveryState::Lost);
}

#[tokio::test]
async fn a_delivered_notification_can_be_sent_again_by_hand() {
    let bench = Bench::new().await;
    pay(&bench, Wechat).await;
    let id = bench.mocks.deliveries(Wechat, NO)[0].id.clone();
    assert!(bench.mocks.resend(&id).await.unwrap().accepted);
    assert!(bench.mocks.resend("d999999").await.is_none());
    assert_eq!(bench.receiver.received().len(), 2);
}

#[tokio::test]
async fn an_unreachable_address_is_a_failed_attempt() {
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 100);
    // Port 9 is for discarding; nobody listens there on a test machine.
    order["notify_url"] = "http://127.0.0.1:9/callbacks".into();
    bench.wechat_create(&order).await;
    bench.mocks.pay(&PayRequest::number(Wechat, NO)).unwrap();
    bench.mocks.settle().await;
    let delivery = &bench.mocks.deliveries(Wechat, NO)[0];
    assert_eq!(delivery.state, DeliveryState::Waiting);
    assert!(delivery.attempts[0].error.is_some());
}

/// A clock that business time outruns, as the `mock` command has it.
#[rstest]
#[tokio::test]
async fn a_scaled_clock_keeps_the_timetable(#[values(Wechat, Alipay)] platform: Channel) {
    let bench = Bench::on_a_foreign_clock().await;
    post(&bench, "/clock/scale", json!({"factor": 1_000})).await;
    bench.receiver.will_answer(&[(500, "fail"); 20]);
    let begun = bench.now();
    pay(&bench, platform).await;
    // A hundred seconds of the machine's are more than a day of business.
    bench.clock.advance(Duration::from_secs(100));
    bench.mocks.settle().await;
    let delivery = &bench.mocks.deliveries(platform, NO)[0];
    let offsets: Vec<i64> =
        delivery.attempts.iter().map(|attempt| attempt.at.unix_seconds() - begun).collect();
    let last = if platform == Wechat { (16, 86_640) } else { (8, 87_840) };
    assert_eq!((offsets.len(), *offsets.last().unwrap()), last);
    assert_eq!(delivery.state, DeliveryState::GivenUp);
}

#[tokio::test]
async fn nobody_follows_a_redirect() {
    let bench = Bench::new().await;
    let elsewhere = crate::receiver::Receiver::start().await;
    bench.receiver.will_redirect_to(&elsewhere.url);
    bench.receiver.will_answer(&[(307, "success")]);
    pay(&bench, Wechat).await;
    assert!(elsewhere.received().is_empty());
    assert_eq!(bench.mocks.deliveries(Wechat, NO)[0].attempts[0].status, Some(307));
    bench.mocks.advance(Duration::from_secs(15)).await;
    assert_eq!(bench.mocks.deliveries(Wechat, NO)[0].state, DeliveryState::Delivered);
}

/// The one test that waits: five real seconds for both platforms together.
#[tokio::test]
async fn an_answer_after_five_seconds_is_none() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/never", silent.local_addr().unwrap());
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 100);
    order["notify_url"] = url.clone().into();
    bench.wechat_create(&order).await;
    bench.alipay_told_at("alipay.trade.create", &bench.alipay_order(NO, "1.00"), &url).await;
    for platform in [Wechat, Alipay] {
        bench.mocks.pay(&PayRequest::number(platform, NO)).unwrap();
    }
    bench.mocks.settle().await;
    for platform in [Wechat, Alipay] {
        let delivery = &bench.mocks.deliveries(platform, NO)[0];
        assert_eq!(delivery.attempts[0].error.as_deref(), Some("no answer in time"));
        assert_eq!(delivery.state, DeliveryState::Waiting);
    }
}
