//! Rotation of certificates, bills, abnormal refunds, the self-test and service providers, as a
//! merchant of WeChat Pay sees them.

use std::{collections::BTreeSet, io::Read, time::Duration};

use flate2::read::GzDecoder;
use kernel::Channel::Wechat;
use mock_providers::{Fault, FaultKind, FaultTarget, PayRequest, WechatSigner};
use reqwest::Method;
use ring::digest;
use rsa::{Oaep, RsaPublicKey, pkcs8::DecodePublicKey};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench, decrypt, open_wechat, verifies},
    control::{get, post},
    wechat::{paid, refund},
};

const NO: &str = "SI20260101000001";
const REFUNDS: &str = "/v3/refund/domestic/refunds";
const HOUR: Duration = Duration::from_secs(3_600);

async fn serials(bench: &Bench) -> Vec<String> {
    let list = bench.wechat_get("/v3/certificates").await.json();
    let serial = |entry: &Value| entry["serial_no"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap().iter().map(serial).collect()
}

#[tokio::test]
async fn a_new_certificate_signs_beside_the_old_one() {
    let bench = Bench::new().await;
    let first = bench.facts.wechat.platform_serial.clone();
    let body = json!({"listed_after_seconds": 60, "signs_after_seconds": 120});
    let fresh = post(&bench, "/wechat/certificates/rotate", body).await.json();
    let (serial, pem) = (fresh["serial"].as_str().unwrap(), fresh["certificate"].as_str().unwrap());
    assert_eq!(serials(&bench).await, std::slice::from_ref(&first));
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(serials(&bench).await, [first.clone(), serial.to_owned()]);
    let answer = bench.wechat_query(NO).await;
    assert_eq!(answer.header("wechatpay-serial"), first);
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert!(bench.wechat_query(NO).await.is_signed_by(serial, pem));
    let list = bench.wechat_get("/v3/certificates").await.json();
    let listed = decrypt(&bench.facts.wechat.apiv3_key, &list["data"][1]["encrypt_certificate"]);
    assert_eq!(listed.as_deref(), Some(pem));

    let settings =
        mock_providers::Settings { wechat_signer: WechatSigner::Mixed, ..bench.mocks.settings() };
    bench.mocks.set_settings(settings);
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        seen.insert(bench.wechat_query(NO).await.header("wechatpay-serial").to_owned());
    }
    let public = bench.facts.wechat.public_key_id.clone();
    assert_eq!(seen, BTreeSet::from([first, serial.to_owned(), public]));
}

#[tokio::test]
async fn a_merchant_with_a_public_key_only_has_no_list() {
    let bench = Bench::new().await;
    post(&bench, "/settings", json!({"wechat_certificates": false})).await;
    let answer = bench.wechat_get("/v3/certificates").await;
    assert_eq!(answer.code(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    let facts = &bench.facts.wechat;
    assert!(answer.is_signed_by(&facts.public_key_id, &facts.public_key));
}

async fn file(bench: &Bench, offer: &Value) -> Answer {
    let url = offer["download_url"].as_str().unwrap();
    let path = url.strip_prefix(&bench.facts.wechat.base_url).unwrap();
    bench.wechat_get(path).await
}

fn sha1(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// 1 January 2026, 08:00 in Beijing, with a payment and a refund of it.
async fn day_with_money() -> Bench {
    let bench = Bench::new().await;
    paid(&bench, NO, 38_000).await;
    let body = refund(NO, "R1", 10_000, 38_000, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
    bench
}

const BILL: &str = "/v3/bill/tradebill?bill_date=2026-01-01";

#[tokio::test]
async fn a_bill_is_there_from_ten_oclock_and_its_link_for_five_minutes() {
    let bench = day_with_money().await;
    assert_eq!(bench.wechat_get(BILL).await.code(), (400, "PARAM_ERROR".to_owned()), "not today");
    bench.mocks.advance(25 * HOUR).await;
    assert_eq!(bench.wechat_get(BILL).await.code(), (400, "STATEMENT_CREATING".to_owned()));
    bench.mocks.advance(HOUR).await;
    let offer = bench.wechat_get(BILL).await;
    let facts = &bench.facts.wechat;
    assert!(offer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    let offer = offer.json();
    let bill = file(&bench, &offer).await;
    assert_eq!((bill.status, bill.header("wechatpay-signature")), (200, ""));
    assert_eq!(offer["hash_value"], sha1(bill.text.as_bytes()));
    bench.mocks.advance(Duration::from_secs(299)).await;
    assert_eq!(file(&bench, &offer).await.status, 200);
    bench.mocks.advance(Duration::from_secs(1)).await;
    assert_eq!(file(&bench, &offer).await.code(), (400, "INVALID_REQUEST".to_owned()));
    let empty = bench.wechat_get("/v3/bill/tradebill?bill_date=2025-12-31").await;
    assert_eq!(empty.code(), (400, "NO_STATEMENT_EXIST".to_owned()));
}

#[rstest]
#[case("ALL", 2, "`2,`380.00,`100.00,`0.00,`1.68000,`380.00,`100.00")]
#[case("SUCCESS", 1, "`1,`380.00,`2.28000,`380.00")]
#[case("REFUND", 1, "`1,`0.00,`100.00,`0.00,`-0.60000,`0.00,`100.00")]
#[tokio::test]
async fn a_bill_has_the_published_form(
    #[case] kind: &str,
    #[case] count: usize,
    #[case] sum: &str,
) {
    let bench = day_with_money().await;
    post(&bench, "/settings", json!({"wechat_bill_oddities": false})).await;
    bench.mocks.advance(26 * HOUR).await;
    let offer = bench.wechat_get(&format!("{BILL}&bill_type={kind}")).await.json();
    let text = file(&bench, &offer).await.text;
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("交易时间,公众账号ID,商户号"));
    assert_eq!(lines.len(), count + 4, "head, rows, head of the sum, sum, end: {text}");
    let columns = lines[0].split(',').count();
    for row in &lines[1..=count] {
        assert!(row.starts_with("`2026-01-01 08:00:0"), "{row}");
        assert_eq!(row.split(",`").count(), columns, "{row}");
    }
    assert_eq!(lines[count + 2], sum);
}

#[tokio::test]
async fn a_packed_bill_has_the_hash_of_the_unpacked_text() {
    let bench = day_with_money().await;
    bench.mocks.advance(26 * HOUR).await;
    let path = "/v3/bill/fundflowbill?bill_date=2026-01-01&tar_type=GZIP";
    let offer = bench.wechat_get(path).await.json();
    let url = offer["download_url"].as_str().unwrap();
    let target = url.strip_prefix(&bench.facts.wechat.base_url).unwrap();
    let call = bench.wechat_call(Method::GET, target, &Value::Null);
    let packed = bench.try_wechat(call).await.unwrap().bytes().await.unwrap();
    let mut text = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    assert_eq!(offer["hash_value"], sha1(text.as_bytes()));
    assert!(text.starts_with('\u{feff}'));
    assert!(text.contains("`收入,`380.00,`380.00"), "{text}");
    assert!(text.contains("`支出,`2.28,`377.72"), "{text}");
    assert!(text.trim_end().ends_with("`4.0,`2.0,`380.60,`2.0,`102.28"), "{text}");
}

#[rstest]
#[case(FaultKind::BillMissingRow, "`1,`0.00,`100.00")]
#[case(FaultKind::BillOtherAmount, "`2,`380.01,`100.00")]
#[case(FaultKind::BillUnknownRow, "`3,`503.45,`100.00")]
#[tokio::test]
async fn a_bill_differs_on_order(#[case] fault: FaultKind, #[case] sum: &str) {
    let bench = day_with_money().await;
    bench.mocks.advance(26 * HOUR).await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatBill, fault)).unwrap();
    let offer = bench.wechat_get(BILL).await.json();
    let bill = file(&bench, &offer).await;
    assert!(bill.text.contains(sum), "{}", bill.text);
    assert_eq!(offer["hash_value"], sha1(bill.text.as_bytes()));
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatBill, FaultKind::WrongHash)).unwrap();
    let offer = bench.wechat_get(BILL).await.json();
    assert_ne!(offer["hash_value"], sha1(file(&bench, &offer).await.text.as_bytes()));
}

/// Encrypts as a merchant does.
fn closed(public_pem: &str, text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    struct Zeros;
    impl rsa::rand_core::TryRng for Zeros {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(1)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(1)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(1);
            Ok(())
        }
    }
    impl rsa::rand_core::TryCryptoRng for Zeros {}
    let key = RsaPublicKey::from_public_key_pem(public_pem).unwrap();
    let sealed = key.encrypt(&mut Zeros, Oaep::<sha1::Sha1>::new(), text.as_bytes()).unwrap();
    STANDARD.encode(sealed)
}

async fn with_key(bench: &Bench, path: &str, body: &Value) -> Answer {
    let mut call = bench.wechat_call(Method::POST, path, body);
    call.answer_serial = Some(bench.facts.wechat.public_key_id.clone());
    bench.wechat(call).await
}

#[tokio::test]
async fn an_abnormal_refund_is_sent_to_another_account() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatRefund, FaultKind::Abnormal)).unwrap();
    let body = refund(NO, "R1", 100, 100, &bench.receiver.url);
    let id = bench.wechat_post(REFUNDS, &body).await.json()["refund_id"].clone();
    let path = format!("{REFUNDS}/{}/apply-abnormal-refund", id.as_str().unwrap());
    let sealed = |text: &str| closed(&bench.facts.wechat.public_key, text);
    let mut ask = json!({
        "out_refund_no": "R1", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT",
        "bank_account": sealed("6222020000000000000"), "real_name": sealed("张三"),
    });
    let early = with_key(&bench, &path, &ask).await;
    assert_eq!(early.code(), (400, "INVALID_REQUEST".to_owned()), "still under way");
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(bench.wechat_get(&format!("{REFUNDS}/R1")).await.json()["status"], "ABNORMAL");
    let named = ask["bank_account"].take();
    ask["bank_account"] = json!("bm90IGVuY3J5cHRlZA==");
    let plain = with_key(&bench, &path, &ask).await;
    assert_eq!(plain.json()["detail"]["field"], "/bank_account");
    ask["bank_account"] = named;
    ask["bank_type"] = json!("MOCK_DEBIT");
    let elsewhere = with_key(&bench, &path, &ask).await;
    assert_eq!(elsewhere.json()["detail"]["field"], "/bank_type", "not one of fifteen banks");
    ask["bank_type"] = json!("ICBC_DEBIT");
    assert_eq!(with_key(&bench, &path, &ask).await.json()["status"], "PROCESSING");
    assert_eq!(
        with_key(&bench, &path, &ask).await.json()["refund_id"],
        id,
        "told twice, done once"
    );
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(bench.wechat_get(&format!("{REFUNDS}/R1")).await.json()["status"], "SUCCESS");
}

#[tokio::test]
async fn the_self_test_echoes_and_calls_back() {
    let bench = Bench::new().await;
    let sealed = closed(&bench.facts.wechat.public_key, "secret echo");
    let body = json!({
        "echo_message": "hello", "encrypted_echo_message": sealed,
        "notify_url": bench.receiver.url,
    });
    let unnamed = bench.wechat_post("/v3/security/echo", &body).await;
    assert_eq!(unnamed.code(), (400, "PARAM_ERROR".to_owned()));
    let answer = with_key(&bench, "/v3/security/echo", &body).await;
    assert_eq!((answer.status, answer.json()["echo_message"].clone()), (200, json!("hello")));
    assert_ne!(answer.json()["encrypted_echo_message"], sealed, "encrypted for the merchant");
    bench.mocks.settle().await;
    let told = bench.receiver.only();
    let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
    let (envelope, content) = open_wechat(&bench.facts, header, &told.body).unwrap();
    assert_eq!(envelope["event_type"], "SECURITY_ECHO.SUCCESS");
    assert_eq!(envelope["resource"]["original_type"], "security");
    assert_eq!(content["echo_message"], "hello");
    assert!(!verifies(&bench.facts.wechat.public_key, b"x", "x"));
}

const SUB_APP: &str = "wxd678efh567hg6999";

/// An order of the service provider's for a sub-merchant, paid in that one's own mini-program.
fn sub_order(bench: &Bench) -> Value {
    let mut order = bench.wechat_order(NO, 100);
    let members = order.as_object_mut().unwrap();
    let (app, mchid) = (members.remove("appid").unwrap(), members.remove("mchid").unwrap());
    let minted = bench.mocks.mint_login_code_for(Wechat, "小明", SUB_APP).unwrap();
    order["payer"] = json!({"sub_openid": minted.openid});
    order["sp_appid"] = app;
    order["sp_mchid"] = mchid;
    order["sub_mchid"] = json!("1900000109");
    order["sub_appid"] = json!(SUB_APP);
    order
}

#[tokio::test]
async fn a_service_provider_takes_money_for_another() {
    let bench = Bench::new().await;
    let order = sub_order(&bench);
    let own = bench.facts.wechat.mchid.clone();
    let path = "/v3/pay/partner/transactions/jsapi";
    let refused = async |name: &str, value: Value| {
        let mut order = order.clone();
        match value {
            Value::Null => drop(order.as_object_mut().unwrap().remove(name)),
            value => order[name] = value,
        }
        let answer = bench.wechat_post(path, &order).await;
        let internal = answer.header("request-id").rsplit('-').next().unwrap().to_owned();
        (answer.json()["detail"]["field"].clone(), internal)
    };
    let field = |name: &str, internal: &str| (json!(name), internal.to_owned());
    assert_eq!(refused("sub_mchid", json!(own)).await, field("/sub_mchid", "268443705"));
    assert_eq!(refused("sub_mchid", Value::Null).await, field("/sub_mchid", "268443704"));
    assert_eq!(refused("sub_appid", Value::Null).await, field("/sub_appid", "268435461"));
    let of_ours = json!({"sub_openid": bench.openid("小明")});
    let refusal = field("/payer/sub_openid", "268435461");
    assert_eq!(refused("payer", of_ours).await, refusal, "of another mini-program");

    assert_eq!(bench.wechat_post(path, &order).await.status, 200);
    bench.mocks.pay(&PayRequest::number(Wechat, NO)).unwrap();
    let of = |sub: &str| {
        format!("/v3/pay/partner/transactions/out-trade-no/{NO}?sp_mchid={own}&sub_mchid={sub}")
    };
    let told = bench.wechat_get(&of("1900000109")).await.json();
    assert_eq!(told["sub_mchid"], "1900000109");
    let both = json!({
        "sub_openid": order["payer"]["sub_openid"], "sp_openid": bench.openid("小明"),
    });
    assert_eq!(told["payer"], both, "who paid, in both mini-programs");
    assert!(told.get("mchid").is_none());
    let nobodys = format!("/v3/pay/partner/transactions/out-trade-no/{NO}?sp_mchid={own}");
    let missing = bench.wechat_get(&nobodys).await;
    assert!(missing.header("request-id").ends_with("-268443704"));
    assert_eq!(bench.wechat_get(&of("1900000110")).await.status, 404);
    assert_eq!(bench.wechat_query(NO).await.status, 404, "not a trade of its own");
    let mut back = refund(NO, "R1", 1, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &back).await.status, 404);
    back["sub_mchid"] = json!("1900000109");
    assert_eq!(bench.wechat_post(REFUNDS, &back).await.status, 200);
    assert_eq!(bench.wechat_get(&format!("{REFUNDS}/R1")).await.status, 404);
    assert_eq!(bench.wechat_get(&format!("{REFUNDS}/R1?sub_mchid=1900000109")).await.status, 200);
}

#[tokio::test]
async fn a_code_of_a_sub_merchants_mini_program_logs_in_there() {
    let bench = Bench::new().await;
    let minted = post(
        &bench,
        "/login-codes",
        json!({"platform": "wechat", "user": "小明", "app_id": SUB_APP}),
    )
    .await
    .json();
    assert_ne!(minted["openid"], bench.openid("小明"));
    let facts = &bench.facts.wechat;
    let login = async |app_id: &str| {
        let url = format!(
            "{}/sns/jscode2session?appid={app_id}&secret={}&js_code={}&grant_type=authorization_code",
            facts.base_url,
            facts.app_secret,
            minted["code"].as_str().unwrap()
        );
        let text = bench.client.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(login(&facts.app_id).await["errcode"], 40_029, "not a code of this one");
    assert_eq!(login("wxunknown").await["errcode"], 40_013);
    assert_eq!(login(SUB_APP).await["openid"], minted["openid"]);
}

#[tokio::test]
async fn a_payment_slips_in_before_the_close() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatClose, FaultKind::PaidMeanwhile)).unwrap();
    assert_eq!(bench.wechat_close(NO).await.code(), (400, "ORDERPAID".to_owned()));
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "SUCCESS");
    let listed = get(&bench, &format!("/trades?out_trade_no={NO}")).await;
    assert_eq!(listed["trades"][0]["state"], "SUCCESS");
}
