//! Objections (异议): said once, on the list of a person until they are answered, and nobody else's
//! business.

use kernel::Channel;
use rstest::rstest;
use serde_json::json;

use crate::town::{Answer, Backend, Citizen, Order, Town, command, insured};

async fn objects(citizen: &Citizen<'_>, order: &Order, reason: &str, text: &str) -> Answer {
    let body = json!({ "reason": reason, "evidence_text": text });
    citizen.post(&format!("/api/v1/orders/{}/objections", order.order_no), &body).await
}

#[rstest]
#[tokio::test]
async fn an_objection_waits_for_a_person_and_is_answered(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;

    let told = objects(&citizen, &order, "not_posted", "已扣款,短信为证").await.expect(201);
    assert_eq!((&told["state"], &told["late"]), (&json!("submitted"), &json!(false)));
    let again = objects(&citizen, &order, "other", "再说一次").await;
    assert_eq!(again.refused(409, "objection_open")["objection"], told["id"]);
    assert_eq!(town.cases().await, ["disputed"]);
    let mut readable = town.shown_anywhere("短信为证").await;
    readable.retain(|place| place.starts_with("disputes") || place.starts_with("the file"));
    assert!(readable.is_empty(), "the text is sealed: {readable:?}");

    let (config, id) = (town.config(), told["id"].as_str().unwrap());
    let mut answer = vec!["objections", "--config", &config, "--answer", id];
    answer.extend(["--outcome", "not_upheld", "--text", "已入账,请查看凭证。"]);
    assert!(command(&answer).await.status.success());
    let path = format!("/api/v1/objections/{id}");
    let read = citizen.get(&path).await.expect(200);
    assert_eq!(read["state"], "answered");
    assert_eq!(read["answer"]["outcome"], "not_upheld");
    assert_eq!(read["answer"]["text"], "已入账,请查看凭证。");
    assert!(town.cases().await.is_empty(), "the case is closed with the answer");
    citizen.post(&format!("{path}/withdrawal"), &json!({})).await.refused(409, "objection_ended");
    town.close().await;
}

#[tokio::test]
async fn an_objection_can_be_taken_back_and_said_anew() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    for reason in ["wrong_amount", "paid_twice"] {
        town.pass(1).await;
        let told = objects(&citizen, &order, reason, "请核实").await.expect(201);
        let path = format!("/api/v1/objections/{}/withdrawal", told["id"].as_str().unwrap());
        assert_eq!(citizen.post(&path, &json!({})).await.expect(200)["state"], "withdrawn");
        assert!(town.cases().await.is_empty());
    }
    let list = citizen.get("/api/v1/objections").await.expect(200);
    let reasons: Vec<_> =
        list["objections"].as_array().unwrap().iter().map(|told| &told["reason"]).collect();
    assert_eq!(reasons, ["paid_twice", "wrong_amount"], "newest first");
    town.close().await;
}

#[tokio::test]
async fn after_thirty_days_an_objection_is_late_and_taken_all_the_same() {
    const DAY: u64 = 24 * 60 * 60;
    let town = Town::new(Backend::Embedded).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.settle().await;
    town.clock.advance(std::time::Duration::from_secs(31 * DAY));
    town.settle().await;
    citizen.logs_in_again().await;
    let told = objects(&citizen, &order, "other", "才发现").await.expect(201);
    assert_eq!(told["late"], true);
    town.close().await;
}

#[tokio::test]
async fn nobody_objects_before_paying_or_to_others_orders() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let unpaid = citizen.orders("2023-01").await;
    objects(&citizen, &unpaid, "other", "?").await.refused(409, "objection_before_payment");
    objects(&citizen, &unpaid, "rude", "?").await.refused(400, "invalid_request");
    objects(&citizen, &unpaid, "other", " ").await.refused(400, "invalid_request");

    let stranger = town.citizen(Channel::Wechat, insured("李四")).await;
    objects(&stranger, &unpaid, "other", "?").await.refused(404, "order_not_found");
    let unknown = "/api/v1/objections/01890000-0000-7000-8000-000000000000";
    stranger.get(unknown).await.refused(404, "objection_not_found");
    town.close().await;
}
