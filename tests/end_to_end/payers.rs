//! Paying for others: what a payer sees, who pays for me, and family payment by a link.

use std::time::Duration;

use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Answer, Backend, Citizen, Town, insured};

async fn adds_other(citizen: &Citizen<'_>, name: &str) -> Answer {
    let wish = json!({
        "relation": "other", "name": name, "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured(name).number },
    });
    citizen.post("/api/v1/people", &wish).await
}

async fn people_of(citizen: &Citizen<'_>) -> Vec<Value> {
    citizen.get("/api/v1/people").await.expect(200)["people"].as_array().expect("a list").clone()
}

/// Born in 2009, with a correct check character.
pub fn child(month_day: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let head = format!("3202132009{month_day}000");
    let sum: u32 = head.bytes().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    format!("{head}{}", char::from(b"10X98765432"[sum as usize % 11]))
}

/// The town's business date is 15 June 2023.
#[rstest]
#[case::the_fourteenth_birthday("0615", true)]
#[case::a_day_before_it("0616", false)]
#[tokio::test]
async fn a_guardian_speaks_for_who_is_below_fourteen(
    #[case] month_day: &str,
    #[case] is_fourteen: bool,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut wish = json!({
        "relation": "other", "name": "张小三", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": child(month_day) },
    });
    let added = citizen.post("/api/v1/people", &wish).await;
    if is_fourteen {
        added.expect(201);
    } else {
        added.refused(422, "guardian_statement_needed");
        wish["guardian_statement"] = json!({"text_version": "1999-01"});
        citizen.post("/api/v1/people", &wish).await.refused(400, "invalid_request");
        wish["guardian_statement"] = json!({"text_version": "2026-11"});
        citizen.post("/api/v1/people", &wish).await.expect(201);
        let consents = citizen.get("/api/v1/consents").await.expect(200);
        let purposes: Vec<&str> = consents["consents"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|consent| consent["purpose"].as_str().expect("a purpose"))
            .collect();
        assert_eq!(purposes.iter().filter(|purpose| **purpose == "guardian").count(), 1);
        assert!(purposes.contains(&"pay_for_other") && purposes.contains(&"pay_for_self"));
    }
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn the_insured_person_sees_who_pays_and_ends_it(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let payer = town.citizen(Channel::Alipay, insured("张三")).await;
    let other = adds_other(&payer, "赵六").await.expect(201);
    let citizen = town.newcomer(Channel::Wechat, insured("赵六")).await;
    // Whoever has not proven their name learns nothing: anybody could type the number.
    citizen.get("/api/v1/me/payers").await.refused(403, "real_name_needed");
    citizen.proves_name().await;
    let told = citizen.get("/api/v1/me/payers").await.expect(200);
    let told = &told["payers"][0];
    assert_eq!((&told["masked_name"], &told["platform"]), (&json!("*三"), &json!("alipay")));
    assert_eq!(told["relation"], "other");
    let path = format!("/api/v1/me/payers/{}", told["id"].as_str().expect("an id"));
    // Nobody else ends it, and nobody is ended who is not listed.
    let stranger = town.newcomer_named("somebody", Channel::Wechat, insured("李四")).await;
    stranger.delete(&path).await.refused(403, "real_name_needed");
    stranger.proves_name().await;
    stranger.delete(&path).await.refused(404, "payer_not_found");
    assert_eq!(citizen.delete(&path).await.status, 204);
    assert_eq!(citizen.get("/api/v1/me/payers").await.expect(200)["payers"], json!([]));
    let left: Vec<Value> = people_of(&payer).await;
    assert!(left.iter().all(|person| person["id"] != other["id"]));
    adds_other(&payer, "赵六").await.refused(409, "person_declined");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn family_takes_over_an_order_by_a_link(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.newcomer(Channel::Wechat, insured("赵六")).await;
    let order = citizen.orders("2023-01").await;
    let ask = format!("/api/v1/people/{}/payment-requests", citizen.person_id);
    let wish = json!({"order_no": order.order_no});
    citizen.post(&ask, &wish).await.refused(403, "real_name_needed");
    citizen.proves_name().await;
    let made = citizen.post(&ask, &wish).await.expect(201);
    let path = made["path"].as_str().expect("a path").to_owned();
    assert!(!path.contains(insured("赵六").number) && path.len() < 80);
    assert_eq!(town.get(&path).await.status, 401, "a link needs a login");
    citizen
        .post(&format!("{path}/acceptance"), &json!({"consent_text_version": "2026-11"}))
        .await
        .refused(409, "payment_request_own");

    let mut payer = town.citizen(Channel::Alipay, insured("张三")).await;
    let seen = payer.get(&path).await.expect(200);
    assert_eq!((&seen["masked_name"], &seen["state"]), (&json!("*六"), &json!("open")));
    assert_eq!(seen["order"]["amount"], order.amount.to_string());
    let acceptance = json!({"consent_text_version": "2026-11"});
    let accepted = payer.post(&format!("{path}/acceptance"), &acceptance).await.expect(200);
    assert_eq!(accepted["order_given_up"], true);
    assert_eq!(accepted["person"]["relation"], "other");
    let again = payer.post(&format!("{path}/acceptance"), &acceptance).await.expect(200);
    assert_eq!(again["person"]["id"], accepted["person"]["id"], "asked twice, it is one");
    let third = town.citizen_named("somebody", Channel::Wechat, insured("李四")).await;
    third.get(&path).await.refused(404, "payment_request_not_found");
    third
        .post(&format!("{path}/acceptance"), &acceptance)
        .await
        .refused(404, "payment_request_not_found");
    // The payer orders and pays the same bills with their own wallet.
    payer.person_id = accepted["person"]["id"].as_str().expect("an id").to_owned();
    let (paid, _) = payer.pays_for("2023-01").await;
    town.run_jobs().await;
    assert_eq!(payer.record(&paid).await["state"], "SUCCESS");
    assert_eq!(citizen.record(&order).await["state"], "CLOSED");
    town.close().await;
}

#[tokio::test]
async fn a_link_ends_and_lifts_what_was_declined() {
    let town = Town::new(Backend::Embedded).await;
    let mut citizen = town.newcomer(Channel::Wechat, insured("赵六")).await;
    citizen.proves_name().await;
    let mut payer = town.citizen(Channel::Alipay, insured("张三")).await;
    adds_other(&payer, "赵六").await.expect(201);
    let told = citizen.get("/api/v1/me/payers").await.expect(200);
    let id = told["payers"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(citizen.delete(&format!("/api/v1/me/payers/{id}")).await.status, 204);
    let ask = format!("/api/v1/people/{}/payment-requests", citizen.person_id);
    let link = |made: Value| made["path"].as_str().expect("a path").to_owned();
    let withdrawn = link(citizen.post(&ask, &json!({"city": "320200"})).await.expect(201));
    assert_eq!(citizen.delete(&withdrawn).await.status, 204);
    payer.get(&withdrawn).await.refused(404, "payment_request_not_found");
    let late = link(citizen.post(&ask, &json!({"city": "320200"})).await.expect(201));
    town.clock.advance(Duration::from_secs(3 * 24 * 3600));
    citizen.logs_in_again().await;
    payer.logs_in_again().await;
    payer.get(&late).await.refused(404, "payment_request_not_found");
    assert_eq!(citizen.get(&late).await.expect(200)["state"], "expired");
    let good = link(citizen.post(&ask, &json!({"city": "320200"})).await.expect(201));
    let acceptance = json!({"consent_text_version": "2026-11"});
    payer.post(&format!("{good}/acceptance"), &acceptance).await.expect(200);
    adds_other(&payer, "赵六").await.expect(201);
    town.close().await;
}
