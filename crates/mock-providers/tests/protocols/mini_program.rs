//! The calls of a mini-program's server: tokens, phone numbers, messages, City Service and faces.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench},
    control::{get, post},
};

const STABLE: &str = "/cgi-bin/stable_token";

async fn ask(bench: &Bench, path: &str, body: &Value) -> Value {
    let url = format!("{}{path}", bench.facts.wechat.base_url);
    let answer =
        Answer::read(bench.client.post(url).body(body.to_string()).send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "errors are 200, too");
    answer.json()
}

async fn stable(bench: &Bench, force: bool) -> Value {
    let facts = &bench.facts.wechat;
    let body = json!({
        "grant_type": "client_credential", "appid": facts.app_id, "secret": facts.app_secret,
        "force_refresh": force,
    });
    ask(bench, STABLE, &body).await
}

async fn with_token(bench: &Bench, path: &str, body: &Value) -> Value {
    let token = stable(bench, false).await["access_token"].as_str().unwrap().to_owned();
    ask(bench, &format!("{path}?access_token={token}"), body).await
}

#[tokio::test]
async fn the_stable_token_is_the_same_until_its_last_five_minutes() {
    let bench = Bench::new().await;
    let first = stable(&bench, false).await;
    assert_eq!(first["expires_in"], 7_200);
    bench.mocks.advance(Duration::from_secs(6_899)).await;
    let again = stable(&bench, false).await;
    assert_eq!(
        (&again["access_token"], &again["expires_in"]),
        (&first["access_token"], &json!(301))
    );
    bench.mocks.advance(Duration::from_secs(1)).await;
    let next = stable(&bench, false).await;
    assert_ne!(next["access_token"], first["access_token"]);
    let phone = "/wxa/business/getuserphonenumber";
    let use_it = async |token: &Value| {
        let path = format!("{phone}?access_token={}", token.as_str().unwrap());
        ask(&bench, &path, &json!({"code": "x"})).await["errcode"].as_i64()
    };
    assert_eq!(use_it(&first["access_token"]).await, Some(40_029), "both are valid for a while");
    bench.mocks.advance(Duration::from_secs(300)).await;
    assert_eq!(use_it(&first["access_token"]).await, Some(42_001));
    assert_eq!(use_it(&next["access_token"]).await, Some(40_029));
    // Forced, the old one dies at once; forced again too soon, nothing happens.
    let forced = stable(&bench, true).await;
    assert_eq!(use_it(&next["access_token"]).await, Some(40_001));
    assert_eq!(stable(&bench, true).await["access_token"], forced["access_token"]);
    post(&bench, "/wechat/tokens/invalidate", json!({})).await;
    assert_eq!(use_it(&forced["access_token"]).await, Some(40_001));
}

#[rstest]
#[case(json!({}), 41_002)]
#[case(json!({"appid": "wxother"}), 40_013)]
#[case(json!("text"), 47_001)]
#[tokio::test]
async fn a_token_needs_its_app(#[case] body: Value, #[case] errcode: i64) {
    let bench = Bench::new().await;
    let answer = ask(&bench, STABLE, &body).await;
    assert_eq!(answer["errcode"], errcode);
    assert!(answer["errmsg"].as_str().unwrap().contains(" rid: "));
}

#[tokio::test]
async fn a_phone_code_gives_a_number_once() {
    let bench = Bench::new().await;
    let minted = post(&bench, "/wechat/phone-codes", json!({"user": "小明"})).await.json();
    let body = json!({"code": minted["code"]});
    let told = with_token(&bench, "/wxa/business/getuserphonenumber", &body).await;
    assert_eq!(told["phone_info"]["purePhoneNumber"], minted["phone_number"]);
    assert_eq!(told["phone_info"]["watermark"]["appid"], bench.facts.wechat.app_id);
    let again = with_token(&bench, "/wxa/business/getuserphonenumber", &body).await;
    assert_eq!(again["errcode"], 40_029);
}

#[tokio::test]
async fn a_message_needs_an_acceptance() {
    let bench = Bench::new().await;
    let send = "/cgi-bin/message/subscribe/send";
    let mut body = json!({
        "touser": bench.openid("小明"), "template_id": "TEMPLATE",
        "data": {"thing1": {"value": "社保缴费成功"}, "amount2": {"value": "898.80元"}},
    });
    assert_eq!(with_token(&bench, send, &body).await["errcode"], 43_101);
    let accept = json!({"user": "小明", "template_id": "TEMPLATE"});
    assert_eq!(post(&bench, "/wechat/subscriptions", accept).await.status, 204);
    assert_eq!(with_token(&bench, send, &body).await["errmsg"], "ok");
    assert_eq!(with_token(&bench, send, &body).await["errcode"], 43_101, "one accept, one message");
    let sent = get(&bench, "/wechat/messages").await;
    assert_eq!(sent["messages"][0]["body"]["data"]["amount2"]["value"], "898.80元");
    let declined = with_token(&bench, send, &body).await["errmsg"].as_str().unwrap().to_owned();
    assert!(declined.starts_with("user refuse to accept the msg rid: "), "{declined}");
    for (at, value, place) in [
        ("/data/thing1/value", json!("一".repeat(21)), "data.thing1.value invalid"),
        ("/data/thing1/value", json!(""), "data.thing1.value is emtpy"),
        ("/data/time3", json!({"value": "25:99"}), "data.time3.value invalid"),
        ("/data/thing", json!({"value": "没有编号"}), "data.thing.value invalid"),
        ("/lang", json!("fr"), "lang invalid"),
        ("/miniprogram_state", json!("foo"), "miniprogram_state invalid"),
        ("/surprise", json!(1), "surprise invalid"),
        ("/data", json!({}), "data is emtpy"),
    ] {
        let mut wrong = body.clone();
        let (parent, name) = at.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[name] = value;
        let told = with_token(&bench, send, &wrong).await;
        assert_eq!(told["errcode"], 47_003, "{at}: {told}");
        let expected = format!("argument invalid! {place} rid: ");
        assert!(told["errmsg"].as_str().unwrap().starts_with(&expected), "{told}");
    }
    body["touser"] = json!("oNobody");
    assert_eq!(with_token(&bench, send, &body).await["errcode"], 40_003);
}

#[tokio::test]
async fn city_service_knows_paths_and_cards() {
    let bench = Bench::new().await;
    let path = json!({
        "page_type": 1, "src_channel": 1, "city_name": "无锡",
        "params": r#"[{"key":"city","value":"无锡"}]"#,
    });
    let built = with_token(&bench, "/cityservice/getservicepath", &path).await;
    assert!(built["query_string"].as_str().unwrap().contains("city=%E6%97%A0%E9%94%A1"));
    let searched = json!({
        "page_type": 5, "src_channel": 1, "city_name": "无锡",
        "ext_params": [{"key": "keyword", "value": "社保"}],
    });
    let built = with_token(&bench, "/cityservice/getservicepath", &searched).await;
    assert!(built["query_string"].as_str().unwrap().contains("keyword="), "{built}");
    for wrong in [
        json!({"page_type": 1, "src_channel": 1}),
        json!({"page_type": 4, "src_channel": 1}),
        json!({"page_type": 1, "src_channel": 4, "city_name": "无锡"}),
        json!({"page_type": 1, "src_channel": 1, "city_name": "无锡", "ext_params": []}),
        json!({"page_type": 5, "src_channel": 1, "city_name": "无锡", "ext_params": [{"key": "other", "value": ""}]}),
    ] {
        let told = with_token(&bench, "/cityservice/getservicepath", &wrong).await;
        assert_eq!(told["errcode"], 47_001, "{wrong}");
    }
    let card = json!({
        "openid": bench.openid("小明"), "biz_template_id": "T1", "order_no": "SI1",
        "data": {"first": {"value": "缴费成功"}},
    });
    let sent = with_token(&bench, "/cityservice/sendmsgdata", &card).await;
    assert!(sent["result_page_url"].as_str().unwrap().ends_with("order_no=SI1"));
    for (name, value) in [("keyfoo", json!({"value": "x"})), ("keyword", json!({"value": "x"}))] {
        let mut card = card.clone();
        card["data"][name] = value;
        assert_eq!(with_token(&bench, "/cityservice/sendmsgdata", &card).await["errcode"], 47_001);
    }
}

#[tokio::test]
async fn a_face_passes_only_for_the_announced_person() {
    let bench = Bench::new().await;
    let openid = bench.openid("小明");
    let begin = json!({
        "out_seq_no": "SEQ-00001", "openid": openid,
        "cert_info": {"cert_type": "IDENTITY_CARD", "cert_name": "张三", "cert_no": "310101199801011234"},
    });
    let begun = with_token(&bench, "/cityservice/face/identify/getverifyid", &begin).await;
    assert_eq!(begun["expires_in"], 3_600);
    let hash = "3c241f7ff324977aeb91f173bb2a7b06569e6fd784d5573db34a636d8671108b";
    let mut query = json!({
        "verify_id": begun["verify_id"], "out_seq_no": "SEQ-00001", "openid": openid,
        "cert_hash": hash,
    });
    let tell = "/cityservice/face/identify/queryverifyinfo";
    assert_eq!(with_token(&bench, tell, &query).await["verify_ret"], 90_002, "not shown yet");
    let shown = json!({"verify_id": begun["verify_id"]});
    assert_eq!(post(&bench, "/wechat/faces", shown).await.json()["verify_ret"], 10_000);
    assert_eq!(with_token(&bench, tell, &query).await["verify_ret"], 10_000);
    query["cert_hash"] = json!(hash.replace('3', "4"));
    assert_eq!(with_token(&bench, tell, &query).await["verify_ret"], 10_003);
    let again = with_token(&bench, "/cityservice/face/identify/getverifyid", &begin).await;
    assert_eq!(again["errcode"], 47_001, "a number is used once");
}
