//! When money is taken: the windows of agencies, maintenance, and the time that an order lives.

use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::{at, demonstration, helps, placed},
    town::{Backend, NONE, Town, insured},
};

const WINDOW: &str = r#"
[[city.pack.window]]
agency = "320200-med"
insurances = ["medical"]
open_day = 11
close_day = 22
close_time = "17:00"
source = ["http://hrss.suzhou.gov.cn/"]
"#;

#[rstest]
#[tokio::test]
async fn nothing_is_ordered_outside_the_window_and_the_next_opening_is_told(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = demonstration(backend, WINDOW).await;
    at(&town, "2023-06-10 23:59:00");
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    assert_eq!(bills[0]["window"]["open"], true, "pension has no window: {bills:?}");
    assert_eq!(bills[1]["window"]["open"], false);
    assert_eq!(bills[1]["window"]["next_opening"], "2023-06-11T00:00:00+08:00");
    let closed = citizen.place("early", &citizen.wish(&bills)).await.refused(409, "out_of_window");
    assert_eq!(closed["next_opening"], "2023-06-11T00:00:00+08:00");
    assert!(closed["detail"].as_str().expect("a text").contains("2023年6月11日 00:00"), "{closed}");
    helps(&closed);
    citizen.place("pension", &citizen.wish(&bills[..1])).await.expect(201);
    let city = citizen.get("/api/v1/cities/320200").await.expect(200);
    let services = city["services"].as_array().expect("a list");
    let medical = services.iter().find(|service| service["code"] == "flex_medical").unwrap();
    assert_eq!(medical["window"]["next_opening"], "2023-06-11T00:00:00+08:00");

    town.clock.advance(std::time::Duration::from_secs(120));
    citizen.place("in-time", &citizen.wish(&bills[1..])).await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

#[tokio::test]
async fn a_window_that_closes_ends_the_order_but_not_what_was_paid() {
    let town = demonstration(Backend::Embedded, WINDOW).await;
    at(&town, "2023-06-22 16:40:00");
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let january = citizen.bills("2023-01", "2023-01").await;
    let february = citizen.bills("2023-02", "2023-02").await;
    let order = citizen.place("january", &citizen.wish(&january[1..])).await.expect(201);
    assert_eq!(order["expires_at"], "2023-06-22T17:00:00+08:00", "not after the close");
    let order = placed(&order, &Value::Null);
    let started = citizen.starts_paying(&order).await;
    let other = citizen.place("february", &citizen.wish(&february[1..])).await.expect(201);
    let other = placed(&other, &Value::Null);
    citizen.pays(&started).expect("the wallet pays");

    // The money is here; the agency is slow, and the window closes meanwhile.
    at(&town, "2023-06-22 17:00:01");
    let refused = citizen.tries_to_pay(&other).await;
    assert!(matches!(refused.json()["code"].as_str(), Some("order_expired" | "out_of_window")));
    town.settle().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.pass(3_600).await;
    citizen.logs_in_again().await;
    assert_eq!(citizen.label(&other).await, "已关闭");
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Nobody is hurried: with less than a quarter of an hour left, or half an hour in the elder version, no
/// order is made, and the next opening is told.
#[rstest]
#[case::time_enough("2023-06-22 16:45:00", "standard", true)]
#[case::a_second_less("2023-06-22 16:45:01", "standard", false)]
#[case::elders_have_time_enough("2023-06-22 16:30:00", "elder", true)]
#[case::elders_need_more("2023-06-22 16:45:00", "elder", false)]
#[tokio::test]
async fn no_order_is_made_shortly_before_the_window_closes(
    #[case] now: &str,
    #[case] display_mode: &str,
    #[case] made: bool,
) {
    let town = demonstration(Backend::Embedded, WINDOW).await;
    at(&town, now);
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await[1..]);
    wish["display_mode"] = json!(display_mode);
    let answer = citizen.place("late", &wish).await;
    if made {
        assert_eq!(answer.expect(201)["expires_at"], "2023-06-22T17:00:00+08:00");
        town.pass(3_600).await;
    } else {
        let soon = answer.refused(409, "out_of_window");
        helps(&soon);
        assert_eq!(soon["closes_at"], "2023-06-22T17:00:00+08:00");
        assert_eq!(soon["next_opening"], "2023-07-11T00:00:00+08:00");
        let told = soon["detail"].as_str().expect("a text");
        for said in ["2023年6月22日 17:00", "2023年7月11日 00:00", "没有扣款", "12393"] {
            assert!(told.contains(said), "{said}: {told}");
        }
        assert_eq!(town.count("orders").await, 0);
    }
    town.close().await;
}

#[tokio::test]
async fn an_elders_order_lives_half_an_hour() {
    let town = Town::configured(Backend::Embedded, "[orders]\nminutes_to_pay = 15").await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    wish["display_mode"] = json!("elder");
    let elder = citizen.place("elder", &wish).await.expect(201);
    assert_eq!(elder["created_at"], "2023-06-15T10:00:00+08:00");
    assert_eq!(elder["expires_at"], "2023-06-15T10:30:00+08:00");
    let mut wish = citizen.wish(&citizen.bills("2023-02", "2023-02").await);
    let usual = citizen.place("usual", &wish).await.expect(201);
    assert_eq!(usual["expires_at"], "2023-06-15T10:15:00+08:00");
    wish["display_mode"] = json!("huge");
    citizen.place("huge", &wish).await.refused(400, "invalid_request");
    town.pass(3_600).await;
    town.close().await;
}

/// The order ends when the agency's system goes away, so that nobody is told a time that does not hold.
#[tokio::test]
async fn an_order_ends_with_the_maintenance_that_is_announced() {
    let announced = r#"
[[city.pack.maintenance]]
agency = "320200-hr"
from = "2023-06-15T10:20:00+08:00"
until = "2023-06-15T10:40:00+08:00"
"#;
    let town = demonstration(Backend::Embedded, announced).await;
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let order = citizen.place("before", &citizen.wish(&bills)).await.expect(201);
    assert_eq!(order["expires_at"], "2023-06-15T10:20:00+08:00");
    at(&town, "2023-06-15 10:06:00");
    let february = citizen.bills("2023-02", "2023-02").await;
    let soon = citizen.place("soon", &citizen.wish(&february)).await.refused(409, "out_of_window");
    assert_eq!(soon["maintenance"], true);
    assert_eq!(soon["next_opening"], "2023-06-15T10:40:00+08:00");
    helps(&soon);
    citizen.place("medical", &citizen.wish(&february[1..])).await.expect(201);
    at(&town, "2023-06-15 10:25:00");
    let away = citizen.place("away", &citizen.wish(&february)).await;
    let away = away.refused(503, "agency_maintenance");
    assert_eq!(away["until"], "2023-06-15T10:40:00+08:00");
    helps(&away);
    town.pass(3_600).await;
    town.close().await;
}
