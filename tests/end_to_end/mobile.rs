//! The mobile number of an account: by the platform's word, or by a code.

use std::time::Duration;

use kernel::Channel;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Answer, Backend, Citizen, Town, insured};

const NUMBER: &str = "13812345678";

async fn control(town: &Town, path: &str, body: &Value) -> Value {
    let url = format!("{}{path}", town.mocks.facts().control_url);
    let answer = crate::town::client().post(url).body(body.to_string()).send().await;
    serde_json::from_slice(&answer.expect("an answer").bytes().await.expect("bytes")).expect("JSON")
}

async fn asks_for_code(citizen: &Citizen<'_>, number: &str) -> Answer {
    citizen.post("/api/v1/me/mobile/sms-codes", &json!({"mobile": number})).await
}

async fn tells_code(citizen: &Citizen<'_>, number: &str, code: &str) -> Answer {
    citizen.post("/api/v1/me/mobile", &json!({"mobile": number, "sms_code": code})).await
}

fn latest_code(town: &Town, number: &str) -> String {
    town.mocks.sms(number).first().expect("a message").code.clone()
}

fn another(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:06}", (number + 1) % 1_000_000)
}

#[rstest]
#[tokio::test]
async fn the_platform_s_word_binds_the_number(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let user = json!({"user": citizen.user});
    let (wish, number) = match channel {
        Channel::Wechat => {
            let told = control(&town, "/wechat/phone-codes", &user).await;
            (json!({"platform_code": told["code"]}), told["phone_number"].clone())
        }
        Channel::Alipay => {
            let told = control(&town, "/alipay/phone-number", &user).await;
            (json!({"encrypted": told["response"]}), told["mobile"].clone())
        }
    };
    let bound = citizen.post("/api/v1/me/mobile", &wish).await.expect(200);
    let number = number.as_str().expect("a number");
    assert_eq!(bound["masked"], format!("{}****{}", &number[..3], &number[7..]));
    assert_eq!(bound["source"], channel.code());
    let me = citizen.get("/api/v1/me").await.expect(200);
    assert_eq!(me["mobile"], bound);
    assert_eq!(me["own_person_id"], citizen.person_id);
    // Somebody else's evidence is worth nothing.
    let stranger = town.citizen_named("somebody", channel, insured("李四")).await;
    stranger.post("/api/v1/me/mobile", &wish).await.refused(422, "evidence_invalid");
    assert_eq!(citizen.delete("/api/v1/me/mobile").await.status, 204);
    assert_eq!(citizen.get("/api/v1/me").await.expect(200)["mobile"], Value::Null);
    assert_eq!(town.shown_anywhere(number).await, Vec::<String>::new());
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_code_works_once_and_for_its_number_only(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let sent = asks_for_code(&citizen, "＋８６ 138-1234-５６７８").await.expect(202);
    assert_eq!(sent["digits"], 6);
    let code = latest_code(&town, NUMBER);
    tells_code(&citizen, "13912345678", &code).await.refused(422, "sms_code_wrong");
    let stranger = town.citizen_named("somebody", Channel::Wechat, insured("李四")).await;
    tells_code(&stranger, NUMBER, &code).await.refused(422, "sms_code_wrong");
    // As a Chinese keyboard may type them.
    let wide: String =
        code.chars().filter_map(|digit| char::from_u32(digit as u32 + 0xFEE0)).collect();
    assert_eq!(tells_code(&citizen, NUMBER, &wide).await.expect(200)["source"], "sms");
    tells_code(&citizen, NUMBER, &code).await.refused(422, "sms_code_wrong");
    // The number is bound; somebody else who asks is answered like anybody.
    town.clock.advance(Duration::from_secs(60));
    let told = asks_for_code(&stranger, NUMBER).await.expect(202);
    assert_eq!(told.as_object().expect("an object").len(), sent.as_object().expect("one").len());
    town.close().await;
}

#[tokio::test]
async fn five_wrong_tries_end_a_code() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    asks_for_code(&citizen, NUMBER).await.expect(202);
    let code = latest_code(&town, NUMBER);
    for _ in 0..5 {
        tells_code(&citizen, NUMBER, &another(&code)).await.refused(422, "sms_code_wrong");
    }
    tells_code(&citizen, NUMBER, &code).await.refused(422, "sms_code_wrong");
    town.close().await;
}

#[tokio::test]
async fn a_code_ends_after_five_minutes_and_with_the_next_one() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    asks_for_code(&citizen, NUMBER).await.expect(202);
    let first = latest_code(&town, NUMBER);
    town.clock.advance(Duration::from_secs(300));
    tells_code(&citizen, NUMBER, &first).await.refused(422, "sms_code_wrong");
    asks_for_code(&citizen, NUMBER).await.expect(202);
    let second = latest_code(&town, NUMBER);
    town.clock.advance(Duration::from_secs(60));
    asks_for_code(&citizen, NUMBER).await.expect(202);
    let third = latest_code(&town, NUMBER);
    if second != third {
        tells_code(&citizen, NUMBER, &second).await.refused(422, "sms_code_wrong");
    }
    tells_code(&citizen, NUMBER, &third).await.expect(200);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn codes_are_limited_in_time_per_number_and_per_account(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    asks_for_code(&citizen, NUMBER).await.expect(202);
    town.clock.advance(Duration::from_secs(59));
    let told = asks_for_code(&citizen, NUMBER).await.refused(429, "sms_too_soon");
    assert_eq!(told["retry_after_seconds"], 1);
    for _ in 1..5 {
        town.clock.advance(Duration::from_secs(60));
        asks_for_code(&citizen, NUMBER).await.expect(202);
    }
    town.clock.advance(Duration::from_secs(60));
    asks_for_code(&citizen, NUMBER).await.refused(429, "sms_too_many");
    // Nor by another account.
    let other = town.citizen_named("somebody", Channel::Alipay, insured("李四")).await;
    asks_for_code(&other, NUMBER).await.refused(429, "sms_too_many");
    for last in 0..5 {
        town.clock.advance(Duration::from_secs(60));
        asks_for_code(&citizen, &format!("1371234567{last}")).await.expect(202);
    }
    town.clock.advance(Duration::from_secs(60));
    asks_for_code(&citizen, "13612345678").await.refused(429, "sms_too_many");
    assert_eq!(town.mocks.sms(NUMBER).len(), 5);
    town.close().await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_said() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    asks_for_code(&citizen, "12345").await.refused(422, "mobile_invalid");
    asks_for_code(&citizen, "13000000000").await.refused(422, "mobile_refused");
    citizen.post("/api/v1/me/mobile", &json!({})).await.refused(400, "invalid_request");
    // Alipay's envelope from a WeChat session.
    let told = control(&town, "/alipay/phone-number", &json!({"user": citizen.user})).await;
    let wish = json!({"encrypted": told["response"]});
    citizen.post("/api/v1/me/mobile", &wish).await.refused(400, "invalid_request");
    let path = "/api/v1/me/mobile/sms-codes";
    let nobody = town.request(Method::POST, path).json(&json!({"mobile": NUMBER}));
    town.send(nobody).await.refused(401, "not_logged_in");
    town.close().await;
}
