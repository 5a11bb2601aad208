//! Rights: everything in one document, erasure, and forgetting on time.

use std::time::Duration;

use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    real_name::proves_name,
    town::{Backend, Town, insured},
};

#[rstest]
#[tokio::test]
async fn an_export_holds_everything_and_is_whole_when_the_login_is_fresh(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let wish = json!({
        "relation": "other", "name": "赵六", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured("赵六").number },
    });
    citizen.post("/api/v1/people", &wish).await.expect(201);
    citizen
        .post("/api/v1/me/mobile/sms-codes", &json!({"mobile": "13812345678"}))
        .await
        .expect(202);
    let code = town.mocks.sms("13812345678")[0].code.clone();
    let wish = json!({"mobile": "13812345678", "sms_code": code});
    citizen.post("/api/v1/me/mobile", &wish).await.expect(200);
    let told = citizen.get("/api/v1/me/export").await.expect(200);
    assert_eq!(told["own_data"], "full");
    assert_eq!(told["account"]["identifier"], citizen.platform_id);
    assert_eq!(told["mobile"]["number"], "13812345678");
    let of = |relation: &str, told: &Value| {
        let people = told["people"].as_array().expect("people");
        people.iter().find(|person| person["relation"] == relation).expect("one").clone()
    };
    assert_eq!(of("self", &told)["document_number"], insured("张三").number);
    assert_eq!(of("other", &told)["document_number"], Value::Null, "others are masked always");
    assert_eq!(told["orders"][0]["state"], "SUCCESS");
    assert_eq!(told["consents"].as_array().expect("consents").len(), 2);
    assert_eq!(told["sessions"].as_array().expect("sessions").len(), 1);
    town.clock.advance(Duration::from_secs(600));
    let told = citizen.get("/api/v1/me/export").await.expect(200);
    assert_eq!((&told["own_data"], &told["mobile"]["number"]), (&json!("masked"), &Value::Null));
    assert_eq!(of("self", &told)["document_number"], Value::Null);
    citizen.logs_in_again().await;
    assert_eq!(citizen.get("/api/v1/me/export").await.expect(200)["own_data"], "full");
    town.settle().await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn vouchers_and_objections_are_exported_and_what_was_written_is_erased(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let number = &order.order_no;
    let voucher = citizen.get(&format!("/api/v1/orders/{number}/voucher")).await.expect(200);
    let wish = json!({ "reason": "wrong_amount", "evidence_text": "张三的窗口回执上是另一个金额" });
    let objection =
        citizen.post(&format!("/api/v1/orders/{number}/objections"), &wish).await.expect(201);
    let told = citizen.get("/api/v1/me/export").await.expect(200);
    assert_eq!(told["vouchers"][0]["serial"], voucher["serial"]);
    assert_eq!(told["vouchers"][0]["verification_code"], voucher["verification_code"]);
    assert_eq!(told["vouchers"][0]["order_no"], *number);
    assert_eq!(told["objections"][0]["evidence_text"], wish["evidence_text"]);

    let erase = "/api/v1/me/erasure";
    let confirmed = json!({"confirm": true});
    citizen.post(erase, &confirmed).await.refused(409, "erasure_hindered");
    let id = objection["id"].as_str().expect("an id").parse().expect("a dispute's id");
    let outcome = orders::DisputeOutcome::NotUpheld;
    town.parts.orders.answer_dispute(id, outcome, "已与张三核对").await.expect("an answer");
    citizen.post(erase, &confirmed).await.expect(200);
    let account = told["account"]["account_id"].as_str().expect("an id").parse().expect("an id");
    let kept = town.parts.orders.list_disputes(account).await.expect("the disputes");
    let answer = kept[0].answer.as_ref().expect("the answer");
    assert_eq!((kept[0].evidence.as_str(), answer.text.as_str()), ("", ""));
    assert_eq!(answer.outcome, outcome, "what came of it stays");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn erasure_waits_for_open_orders_and_then_leaves_no_name(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    proves_name(&town, &citizen).await;
    citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let open = citizen.orders("2023-02").await;
    let confirmed = json!({"confirm": true});
    let erase = "/api/v1/me/erasure";
    citizen.post(erase, &json!({"confirm": false})).await.refused(422, "erasure_not_confirmed");
    let refused = citizen.post(erase, &confirmed).await.refused(409, "erasure_hindered");
    assert_eq!(refused["hindrances"][0]["order_no"], open.order_no);
    citizen.cancels(&open).await.expect(200);
    town.settle().await;
    citizen.post(erase, &confirmed).await.expect(200);
    citizen.get("/api/v1/me").await.refused(401, "not_logged_in");
    // The same person is somebody new.
    let anew = town.citizen(Channel::Wechat, insured("张三")).await;
    assert_eq!(anew.get("/api/v1/orders").await.expect(200)["orders"], json!([]));
    assert_eq!(
        anew.get("/api/v1/consents").await.expect(200)["consents"].as_array().map(Vec::len),
        Some(1)
    );
    let audit = town.parts.orders.audit().await.expect("an audit");
    assert!(audit.holds(), "{audit}");
    assert_eq!(audit.posted, audit.receipts);
    town.close().await;
}

/// The channel tells of money after the account is gone: it is posted like any late money.
#[rstest]
#[tokio::test]
async fn money_that_comes_after_an_erasure_is_still_posted(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    citizen.cancels(&order).await.expect(200);
    town.settle().await;
    citizen.post("/api/v1/me/erasure", &json!({"confirm": true})).await.expect(200);
    // A platform that took the money all the same says so with its signature.
    let told = town.notification(channel, &started.out_trade_no, |craft| {
        craft.status = Some(match channel {
            Channel::Wechat => "SUCCESS".to_owned(),
            Channel::Alipay => "TRADE_SUCCESS".to_owned(),
        });
        craft.transaction_id = Some("4200001234202601010000000001".to_owned());
    });
    town.deliver(&told).await.acknowledged(channel);
    town.run_jobs().await;
    let audit = town.parts.orders.audit().await.expect("an audit");
    assert!(audit.holds(), "{audit}");
    assert_eq!(audit.posted, order.amount, "{audit}");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_old_is_forgotten_once_a_day_and_nothing_else(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    proves_name(&town, &citizen).await;
    citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    citizen
        .post("/api/v1/me/mobile/sms-codes", &json!({"mobile": "13812345678"}))
        .await
        .expect(202);
    let count = |report: &city_services::RetentionReport, class: &str| {
        report.lines.iter().find(|line| line.class == class).expect("the class").forgotten
    };
    let report = town.parts.forget(false).await.expect("a report");
    assert!(report.lines.iter().all(|line| line.forgotten == 0), "{report}");
    town.clock.advance(Duration::from_secs(8 * 86_400));
    let dry = town.parts.forget(true).await.expect("a report");
    assert_eq!((count(&dry, "sms_codes"), count(&dry, "verifications")), (1, 0), "{dry}");
    let done = town.parts.forget_daily().await.expect("the database").expect("nobody did it");
    assert_eq!(count(&done, "sms_codes"), 1);
    assert_eq!(done.lines.len(), dry.lines.len());
    assert!(town.parts.forget_daily().await.expect("the database").is_none(), "once a day");
    // After a year and a month the bytes of notifications go; the figures stay provable.
    town.clock.advance(Duration::from_secs(400 * 86_400));
    citizen.logs_in_again().await;
    citizen.delete(&format!("/api/v1/people/{}", citizen.person_id)).await;
    let done = town.parts.forget_daily().await.expect("the database").expect("another day");
    assert!(count(&done, "evidence") >= 2, "{done}");
    assert_eq!(count(&done, "removed_persons"), 0);
    town.clock.advance(Duration::from_secs(1_096 * 86_400));
    let done = town.parts.forget_daily().await.expect("the database").expect("another day");
    assert_eq!((count(&done, "removed_persons"), count(&done, "idle_accounts")), (1, 1), "{done}");
    town.settle().await;
    let audit = town.parts.orders.audit().await.expect("an audit");
    assert!(audit.holds() && audit.posted == audit.receipts, "{audit}");
    town.close().await;
}
