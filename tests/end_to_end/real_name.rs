//! Real names: the face is shown to the platform, and only the platform's answer to us counts.

use std::time::Duration;

use kernel::Channel;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Backend, CONSENT, Citizen, Town, insured};

const REASON: &str = "state";

async fn begin(citizen: &Citizen<'_>) -> crate::town::Answer {
    let consent = json!({"consent_text_version": CONSENT});
    citizen.post(&format!("/api/v1/people/{}/real-name", citizen.person_id), &consent).await
}

async fn result(citizen: &Citizen<'_>, verification: &Value) -> crate::town::Answer {
    let id = verification["verification_id"].as_str().expect("an id");
    let path = format!("/api/v1/people/{}/real-name/{id}/result", citizen.person_id);
    citizen.post(&path, &json!({"verify_result": "ok"})).await
}

#[rstest]
#[tokio::test]
async fn a_face_proves_the_name_of_its_owner(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.newcomer(channel, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    assert_eq!(begun["person"]["real_name"]["state"], "pending");
    let again = begin(&citizen).await.expect(200);
    assert_eq!(again["verification_id"], begun["verification_id"], "beginning twice is one");
    citizen.shows_face(&begun["action"], true).await;
    let person = result(&citizen, &begun).await.expect(200);
    let (source, state) = (&person["real_name"]["source"], &person["real_name"][REASON]);
    assert_eq!(state, "verified");
    assert_eq!(
        source,
        match channel {
            Channel::Wechat => "wechat_face",
            Channel::Alipay => "alipay_certify",
        }
    );
    assert_eq!(person["real_name"]["verified_at"], town.now().rfc3339());
    assert_eq!(result(&citizen, &begun).await.expect(200)["real_name"], person["real_name"]);
    let begun = begin(&citizen).await.expect(200);
    assert_eq!((&begun["action"], &begun["verification_id"]), (&Value::Null, &Value::Null));
    let list = citizen.get("/api/v1/people").await.expect(200);
    assert_eq!(list["people"][0]["real_name"], person["real_name"]);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn the_client_s_word_proves_nothing(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(channel, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    // Nobody has looked into a camera, whatever the client says.
    let told = result(&citizen, &begun).await.expect(200)["real_name"].clone();
    match channel {
        // WeChat does not tell one who has not begun from one who gave up.
        Channel::Wechat => assert_eq!(told["failure"], "cancelled"),
        Channel::Alipay => assert_eq!(told["failure"], Value::Null),
    }
    assert_eq!(told[REASON], "pending");
    town.close().await;
}

/// Whoever asks too early loses nothing: the face can still be shown, and it was none of the day's tries.
#[rstest]
#[tokio::test]
async fn asking_too_early_ends_nothing_and_costs_no_try(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(channel, insured("张三")).await;
    let mut begun = begin(&citizen).await.expect(201);
    for _ in 0..7 {
        assert_eq!(result(&citizen, &begun).await.expect(200)["real_name"][REASON], "pending");
        town.clock.advance(Duration::from_secs(5));
        let again = begin(&citizen).await;
        assert!([200, 201].contains(&again.status), "{}", again.body);
        begun = again.json();
    }
    assert_eq!(result(&citizen, &begun).await.expect(200)["real_name"][REASON], "pending");
    citizen.shows_face(&begun["action"], true).await;
    assert_eq!(result(&citizen, &begun).await.expect(200)["real_name"][REASON], "verified");
    town.close().await;
}

#[tokio::test]
async fn no_face_is_asked_for_without_consent() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    let path = format!("/api/v1/people/{}/real-name", citizen.person_id);
    for wish in [json!({}), json!({"consent_text_version": "1999-01"})] {
        citizen.post(&path, &wish).await.refused(400, "invalid_request");
    }
    assert_eq!(town.count("verifications").await, 0);
    begin(&citizen).await.expect(201);
    let consents = citizen.get("/api/v1/consents").await.expect(200);
    let consents = consents["consents"].as_array().expect("a list");
    let mut purposes: Vec<_> = consents.iter().filter_map(|one| one["purpose"].as_str()).collect();
    // Of the same moment; which stands first says nothing.
    purposes.sort_unstable();
    assert_eq!(purposes, ["pay_for_self", "real_name"]);
    town.close().await;
}

/// Taking the consent back makes the name unproven, and with it the view narrow.
#[tokio::test]
async fn a_consent_to_the_face_can_be_taken_back() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let consents = citizen.get("/api/v1/consents").await.expect(200);
    let of = |purpose: &str| {
        let all = consents["consents"].as_array().expect("a list");
        let one = all.iter().find(|one| one["purpose"] == purpose).expect("a consent");
        format!("/api/v1/consents/{}/withdrawal", one["id"].as_str().expect("an id"))
    };
    let stranger = town.citizen_named("somebody", Channel::Wechat, insured("李四")).await;
    stranger.post(&of("real_name"), &json!({})).await.refused(404, "consent_not_found");
    let left = citizen.post(&of("real_name"), &json!({})).await.expect(200);
    let withdrawn = |purpose: &str| {
        let all = left["consents"].as_array().expect("a list");
        all.iter().any(|one| one["purpose"] == purpose && one["withdrawn_at"].is_string())
    };
    assert!(withdrawn("real_name") && !withdrawn("pay_for_self"), "{left}");
    let list = citizen.get("/api/v1/people").await.expect(200);
    assert_eq!(list["people"][0]["real_name"][REASON], "none");
    // Without the consent to pay, the person leaves the list.
    citizen.post(&of("pay_for_self"), &json!({})).await.expect(200);
    citizen.post(&of("pay_for_self"), &json!({})).await.expect(200);
    assert_eq!(citizen.get("/api/v1/people").await.expect(200)["people"], json!([]));
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn another_face_does_not_pass_and_a_new_try_may(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(channel, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    citizen.shows_face(&begun["action"], false).await;
    let told = result(&citizen, &begun).await.expect(200);
    assert_eq!(told["real_name"][REASON], "failed");
    assert!(!told["next"].as_str().expect("a next step").is_empty());
    result(&citizen, &begun).await.refused(409, "verification_over");
    let anew = begin(&citizen).await.expect(201);
    assert_ne!(anew["verification_id"], begun["verification_id"]);
    citizen.shows_face(&anew["action"], true).await;
    assert_eq!(result(&citizen, &anew).await.expect(200)["real_name"][REASON], "verified");
    town.close().await;
}

#[tokio::test]
async fn a_verification_is_of_its_person_and_account_alone() {
    let town = Town::new(Backend::Embedded).await;
    let mut citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    citizen.shows_face(&begun["action"], true).await;
    // Another account does not find it, nor does another person of the same account.
    let stranger = town.newcomer_named("somebody", Channel::Wechat, insured("李四")).await;
    let id = begun["verification_id"].as_str().expect("an id");
    let of = |person: &str| format!("/api/v1/people/{person}/real-name/{id}/result");
    stranger
        .post(&of(&stranger.person_id), &json!({}))
        .await
        .refused(404, "verification_not_found");
    stranger.post(&of(&citizen.person_id), &json!({})).await.refused(404, "person_not_found");
    // The person leaves, and another takes their place: the result is not theirs.
    citizen.delete(&format!("/api/v1/people/{}", citizen.person_id)).await;
    let wish = json!({
        "relation": "self", "name": "李四", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured("李四").number },
    });
    let other = citizen.post("/api/v1/people", &wish).await.expect(201);
    citizen.person_id = other["id"].as_str().expect("an id").to_owned();
    result(&citizen, &begun).await.refused(404, "verification_not_found");
    let list = citizen.get("/api/v1/people").await.expect(200);
    assert_eq!(list["people"][0]["real_name"][REASON], "none");
    town.close().await;
}

#[tokio::test]
async fn nobody_else_s_face_is_asked_for_and_tries_are_counted_and_end() {
    let town = Town::new(Backend::Embedded).await;
    let mut citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    let wish = json!({
        "relation": "other", "name": "赵六", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured("赵六").number },
    });
    let other = citizen.post("/api/v1/people", &wish).await.expect(201);
    let path = format!("/api/v1/people/{}/real-name", other["id"].as_str().expect("an id"));
    let consent = json!({"consent_text_version": CONSENT});
    citizen.post(&path, &consent).await.refused(409, "real_name_own_only");
    for _ in 0..5 {
        let begun = begin(&citizen).await.expect(201);
        // Nothing is believed after the platform's hour.
        town.clock.advance(Duration::from_secs(3_600));
        // The session has ended meanwhile.
        citizen.logs_in_again().await;
        result(&citizen, &begun).await.refused(409, "verification_over");
    }
    begin(&citizen).await.refused(429, "real_name_too_often");
    town.close().await;
}

#[tokio::test]
async fn a_platform_that_is_away_is_said_so_and_costs_no_trust() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    town.fault(Channel::Wechat, "face", mock_providers::FaultKind::GatewayPage);
    begin(&citizen).await.refused(502, "platform_unavailable");
    let begun = begin(&citizen).await.expect(201);
    citizen.shows_face(&begun["action"], true).await;
    town.fault(Channel::Wechat, "face", mock_providers::FaultKind::GatewayPage);
    result(&citizen, &begun).await.refused(502, "platform_unavailable");
    assert_eq!(result(&citizen, &begun).await.expect(200)["real_name"][REASON], "verified");
    let path = format!("/api/v1/people/{}/real-name", citizen.person_id);
    assert_eq!(town.send(town.request(Method::POST, &path)).await.status, 401);
    town.close().await;
}
