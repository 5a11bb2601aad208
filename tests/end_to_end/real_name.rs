//! Real names: the face is shown to the platform, and only the platform's answer to us counts.

use std::time::Duration;

use kernel::Channel;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Backend, Citizen, Town, insured};

const REASON: &str = "state";

async fn control(town: &Town, path: &str, body: &Value) -> u16 {
    let url = format!("{}{path}", town.mocks.facts().control_url);
    let answer = crate::town::client().post(url).body(body.to_string()).send().await;
    answer.expect("an answer").status().as_u16()
}

async fn begin(citizen: &Citizen<'_>) -> crate::town::Answer {
    citizen.post(&format!("/api/v1/people/{}/real-name", citizen.person_id), &json!({})).await
}

async fn result(citizen: &Citizen<'_>, verification: &Value) -> crate::town::Answer {
    let id = verification["verification_id"].as_str().expect("an id");
    let path = format!("/api/v1/people/{}/real-name/{id}/result", citizen.person_id);
    citizen.post(&path, &json!({"verify_result": "ok"})).await
}

/// The citizen shows their face, or somebody else's.
async fn shows_face(town: &Town, begun: &Value, passes: bool) {
    let action = &begun["action"];
    let status = match action["kind"].as_str().expect("a kind") {
        "wechat_face" => {
            let id = &action["parameters"]["verifyId"];
            let verify_ret = if passes { 10_000 } else { 10_004 };
            control(town, "/wechat/faces", &json!({"verify_id": id, "verify_ret": verify_ret}))
                .await
        }
        "alipay_certify" => {
            assert!(action["url"].as_str().expect("a page").contains("sign="));
            let id = &action["certify_id"];
            control(town, "/alipay/certifications", &json!({"certify_id": id, "passed": passes}))
                .await
        }
        other => panic!("an unknown kind {other}"),
    };
    assert_eq!(status, 200);
}

/// Proves a citizen's name from begin to end.
pub async fn proves_name(town: &Town, citizen: &Citizen<'_>) {
    let begun = begin(citizen).await.expect(201);
    shows_face(town, &begun, true).await;
    assert_eq!(result(citizen, &begun).await.expect(200)["real_name"]["state"], "verified");
}

#[rstest]
#[tokio::test]
async fn a_face_proves_the_name_of_its_owner(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    assert_eq!(begun["person"]["real_name"]["state"], "pending");
    let again = begin(&citizen).await.expect(200);
    assert_eq!(again["verification_id"], begun["verification_id"], "beginning twice is one");
    shows_face(&town, &begun, true).await;
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
    let citizen = town.citizen(channel, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    // Nobody has looked into a camera, whatever the client says.
    let told = result(&citizen, &begun).await.expect(200)["real_name"].clone();
    match channel {
        Channel::Wechat => {
            assert_eq!((&told[REASON], &told["failure"]), (&json!("failed"), &json!("cancelled")))
        }
        Channel::Alipay => assert_eq!(told[REASON], "pending"),
    }
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn another_face_does_not_pass_and_a_new_try_may(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    shows_face(&town, &begun, false).await;
    let told = result(&citizen, &begun).await.expect(200);
    assert_eq!(told["real_name"][REASON], "failed");
    assert!(!told["next"].as_str().expect("a next step").is_empty());
    result(&citizen, &begun).await.refused(409, "verification_over");
    let anew = begin(&citizen).await.expect(201);
    assert_ne!(anew["verification_id"], begun["verification_id"]);
    shows_face(&town, &anew, true).await;
    assert_eq!(result(&citizen, &anew).await.expect(200)["real_name"][REASON], "verified");
    town.close().await;
}

#[tokio::test]
async fn a_verification_is_of_its_person_and_account_alone() {
    let town = Town::new(Backend::Embedded).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let begun = begin(&citizen).await.expect(201);
    shows_face(&town, &begun, true).await;
    // Another account does not find it, nor does another person of the same account.
    let stranger = town.citizen_named("somebody", Channel::Wechat, insured("李四")).await;
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
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let wish = json!({
        "relation": "other", "name": "赵六", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured("赵六").number },
    });
    let other = citizen.post("/api/v1/people", &wish).await.expect(201);
    let path = format!("/api/v1/people/{}/real-name", other["id"].as_str().expect("an id"));
    citizen.post(&path, &json!({})).await.refused(409, "real_name_own_only");
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
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    town.fault(Channel::Wechat, "face", mock_providers::FaultKind::GatewayPage);
    begin(&citizen).await.refused(502, "platform_unavailable");
    let begun = begin(&citizen).await.expect(201);
    shows_face(&town, &begun, true).await;
    town.fault(Channel::Wechat, "face", mock_providers::FaultKind::GatewayPage);
    result(&citizen, &begun).await.refused(502, "platform_unavailable");
    assert_eq!(result(&citizen, &begun).await.expect(200)["real_name"][REASON], "verified");
    let path = format!("/api/v1/people/{}/real-name", citizen.person_id);
    assert_eq!(town.send(town.request(Method::POST, &path)).await.status, 401);
    town.close().await;
}
