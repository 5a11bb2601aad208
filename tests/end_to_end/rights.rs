//! Rights: everything in one document, erasure, and forgetting on time.

use std::time::Duration;

use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Backend, CONSENT, Citizen, Town, insured};

const MOBILE: &str = "13812345678";

/// Binds a number by a code.
async fn binds_mobile(citizen: &Citizen<'_>) {
    let wish = json!({"mobile": MOBILE});
    citizen.post("/api/v1/me/mobile/sms-codes", &wish).await.expect(202);
    let code = citizen.town.mocks.sms(MOBILE)[0].code.clone();
    let wish = json!({"mobile": MOBILE, "sms_code": code});
    citizen.post("/api/v1/me/mobile", &wish).await.expect(200);
    citizen.town.clock.advance(Duration::from_secs(60));
}

/// Asks for a code for an act, and reads it.
async fn code_for(citizen: &Citizen<'_>, act: &str) -> String {
    let wish = json!({"act": act, "by": "sms"});
    let sent = citizen.post("/api/v1/me/proofs", &wish).await.expect(201);
    assert_eq!((&sent["by"], &sent["masked"]), (&json!("sms"), &json!("138****5678")));
    citizen.town.clock.advance(Duration::from_secs(60));
    citizen.town.mocks.sms(MOBILE)[0].code.clone()
}

#[rstest]
#[tokio::test]
async fn an_export_holds_everything_and_is_whole_with_a_proof(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let documents = format!("/api/v1/orders/{}/documents", order.order_no);
    citizen.get(&documents).await.expect(200);
    let wish = json!({
        "relation": "other", "name": "赵六", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured("赵六").number },
    });
    let other = citizen.post("/api/v1/people", &wish).await.expect(201);
    binds_mobile(&citizen).await;
    let of = |relation: &str, told: &Value| {
        let people = told["people"].as_array().expect("people");
        people.iter().find(|person| person["relation"] == relation).expect("one").clone()
    };
    let export = "/api/v1/me/export";
    let told = citizen.get(export).await.expect(200);
    assert_eq!(
        told["own_data"], "masked",
        "a login proves nothing: a mini-program logs in silently"
    );
    assert_eq!(
        (&told["mobile"]["number"], &told["account"]["identifier"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(of("self", &told)["document_number"], Value::Null);

    let wish = json!({"proof": {"sms_code": code_for(&citizen, "export").await}});
    let told = citizen.post(export, &wish).await.expect(200);
    assert_eq!(told["own_data"], "full");
    assert_eq!(told["account"]["identifier"], citizen.platform_id);
    assert_eq!(told["mobile"]["number"], MOBILE);
    assert_eq!(of("self", &told)["document_number"], insured("张三").number);
    assert_eq!(of("other", &told)["document_number"], Value::Null, "others are masked always");
    assert_eq!(told["orders"][0]["state"], "SUCCESS");
    assert_eq!(told["consents"].as_array().expect("consents").len(), 3);
    assert_eq!(told["sessions"].as_array().expect("sessions").len(), 1);
    assert_eq!(told["verifications"][0]["state"], "passed");
    assert_eq!(told["documents"][0]["order_no"], order.order_no);
    assert_eq!(
        (&told["acts"][0]["act"], &told["acts"][0]["proof"]),
        (&json!("export"), &json!("sms"))
    );
    citizen.post(export, &wish).await.refused(422, "sms_code_wrong");

    // Whoever was taken off the list and is kept still is named as well, masked.
    citizen.delete(&format!("/api/v1/people/{}", other["id"].as_str().expect("an id"))).await;
    town.clock.advance(Duration::from_secs(5));
    let proof = citizen.proves_act("export").await;
    let told = citizen.post(export, &json!({"proof": proof})).await.expect(200);
    assert_eq!(told["removed_people"][0]["masked_name"], "*六");
    assert!(told["removed_people"][0]["removed_at"].is_string());
    assert_eq!(told["acts"][0]["proof"], "face", "the latest first");
    citizen.post(export, &json!({"proof": proof})).await.refused(409, "verification_over");
    assert_eq!(town.count("acts").await, 2);
    town.settle().await;
    town.close().await;
}

/// A proof is for its act, its account and its time, and a number that was bound just now is no proof.
#[rstest]
#[tokio::test]
async fn a_proof_counts_for_its_act_alone(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let wish = json!({"act": "erasure", "by": "sms"});
    citizen.post("/api/v1/me/proofs", &wish).await.refused(409, "mobile_needed");
    binds_mobile(&citizen).await;
    let erase = "/api/v1/me/erasure";
    citizen.post(erase, &json!({"confirm": true})).await.refused(403, "proof_needed");
    let code = code_for(&citizen, "export").await;
    let wrong = json!({"confirm": true, "proof": {"sms_code": code}});
    citizen.post(erase, &wrong).await.refused(422, "sms_code_wrong");
    let bind = json!({"mobile": MOBILE, "sms_code": code});
    citizen.post("/api/v1/me/mobile", &bind).await.refused(422, "sms_code_wrong");
    let face = citizen.proves_act("export").await;
    let wrong = json!({"confirm": true, "proof": face});
    citizen.post(erase, &wrong).await.refused(409, "verification_over");
    let wish = json!({"act": "erasure", "by": "face", "consent_text_version": CONSENT});
    let unseen = citizen.post("/api/v1/me/proofs", &wish).await.expect(201);
    let early = json!({"confirm": true, "proof": {"verification_id": unseen["verification_id"]}});
    citizen.post(erase, &early).await.refused(409, "proof_pending");
    let both = json!({"sms_code": "123456", "verification_id": unseen["verification_id"]});
    for proof in [json!({}), both] {
        let wish = json!({"confirm": true, "proof": proof});
        citizen.post(erase, &wish).await.refused(400, "invalid_request");
    }
    let wish = json!({"act": "erasure", "by": "face"});
    citizen.post("/api/v1/me/proofs", &wish).await.refused(400, "invalid_request");
    // Two days later somebody holds the telephone and binds their own number.
    town.clock.advance(Duration::from_secs(2 * 86_400));
    citizen.logs_in_again().await;
    binds_mobile(&citizen).await;
    let wish = json!({"act": "erasure", "by": "sms"});
    citizen.post("/api/v1/me/proofs", &wish).await.refused(409, "proof_too_fresh");
    assert_eq!(town.count("acts").await, 0);
    town.clock.advance(Duration::from_secs(86_400));
    citizen.logs_in_again().await;
    let code = code_for(&citizen, "erasure").await;
    let wish = json!({"confirm": true, "proof": {"sms_code": code}});
    citizen.post(erase, &wish).await.expect(200);
    let kept = town.column("SELECT act || ' ' || proof FROM acts").await;
    assert_eq!(kept, ["erasure sms"], "what was done is known when the account is gone");
    town.close().await;
}

/// Everybody who holds a voucher may look it up, so what was erased must not live on there.
#[rstest]
#[tokio::test]
async fn an_erased_name_is_on_no_voucher(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let path = format!("/api/v1/orders/{}/voucher", order.order_no);
    let voucher = citizen.get(&path).await.expect(200);
    let (serial, code) = (&voucher["serial"], &voucher["verification_code"]);
    let (serial, code) = (serial.as_str().expect("a text"), code.as_str().expect("a text"));
    let check = format!("/api/v1/vouchers/{serial}?code={code}");
    let before = town.get(&check).await.expect(200);
    assert_eq!((&before["insured_name"], &before["payer"]), (&json!("*三"), &json!("*三")));
    assert!(before["lines"][0]["base"].is_string());
    let digest = town.column("SELECT digest FROM vouchers").await;
    citizen.erases().await.expect(200);
    let after = town.get(&check).await.expect(200);
    assert_eq!((&after["insured_name"], &after["insured_number"]), (&json!("—"), &json!("—")));
    assert!(!after.to_string().contains('三'), "{after}");
    for line in after["lines"].as_array().expect("lines") {
        assert_eq!((&line["base"], &line["tier_no"]), (&Value::Null, &Value::Null));
    }
    for same in ["serial", "amount", "status", "transaction_id"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let page = town.get(&format!("/check?serial={serial}&code={code}")).await;
    assert!(page.status == 200 && !page.body.contains("*三"), "{}", page.body);
    assert_eq!(town.column("SELECT digest FROM vouchers").await, digest, "of what was issued");
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
    citizen.erases().await.expect(200);
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
    citizen.erases().await.expect(200);
    citizen.get("/api/v1/me").await.refused(401, "not_logged_in");
    // The same person is somebody new.
    let anew = town.newcomer(Channel::Wechat, insured("张三")).await;
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
    citizen.erases().await.expect(200);
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

/// The further classes, each after its own time.
#[rstest]
#[tokio::test]
async fn documents_texts_numbers_and_names_go_when_their_time_is_over(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let path = format!("/api/v1/orders/{}", order.order_no);
    let voucher = citizen.get(&format!("{path}/voucher")).await.expect(200);
    citizen.get(&format!("{path}/documents")).await.expect(200);
    let envelope = citizen.plays("/alipay/phone-number", &json!({"user": citizen.user})).await;
    let wish = json!({"encrypted": envelope["response"]});
    citizen.post("/api/v1/me/mobile", &wish).await.expect(200);
    let wish = json!({"reason": "other", "evidence_text": "请核对"});
    let objection = citizen.post(&format!("{path}/objections"), &wish).await.expect(201);
    let id = objection["id"].as_str().expect("an id").parse().expect("a dispute's id");
    let outcome = orders::DisputeOutcome::NotUpheld;
    town.parts.orders.answer_dispute(id, outcome, "已核对").await.expect("an answer");
    let face = citizen.proves_act("export").await;
    citizen.post("/api/v1/me/export", &json!({"proof": face})).await.expect(200);
    let classes = ["phone_proofs", "acts", "documents", "mobiles", "objections", "vouchers"];
    let mut passed = 0;
    for (day, gone) in [
        (179, [0, 0, 0, 0, 0, 0]),
        (181, [1, 0, 0, 0, 0, 0]),
        (366, [0, 1, 0, 0, 0, 0]),
        (401, [0, 0, 2, 0, 0, 0]),
        (1_090, [0, 0, 0, 0, 0, 0]),
        (1_096, [0, 0, 0, 1, 1, 0]),
        (2_100, [0, 0, 0, 0, 0, 0]),
        (3_100, [0, 0, 0, 0, 0, 0]),
        (3_651, [0, 0, 0, 0, 0, 1]),
    ] {
        town.clock.advance(Duration::from_secs((day - passed) * 86_400));
        passed = day;
        citizen.logs_in_again().await;
        let dry = town.parts.forget(true).await.expect("a report");
        let report = town.parts.forget(false).await.expect("a report");
        for report in [&dry, &report] {
            let forgotten = classes.map(|class| {
                report.lines.iter().find(|line| line.class == class).expect("the class").forgotten
            });
            assert_eq!(forgotten, gone, "day {day}: {report}");
        }
    }
    let (serial, code) = (&voucher["serial"], &voucher["verification_code"]);
    let (serial, code) = (serial.as_str().expect("a text"), code.as_str().expect("a text"));
    let after = town.get(&format!("/api/v1/vouchers/{serial}?code={code}")).await.expect(200);
    assert_eq!((&after["insured_name"], &after["amount"]), (&json!("—"), &voucher["amount"]));
    let told = citizen.get("/api/v1/objections").await.expect(200);
    assert_eq!(told["objections"][0]["evidence_text"], "");
    assert_eq!(town.count("phone_proofs").await, 1, "the envelope works for nobody ever again");
    town.settle().await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_old_is_forgotten_once_a_day_and_nothing_else(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
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
