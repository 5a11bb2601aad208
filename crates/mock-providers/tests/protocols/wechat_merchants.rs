//! Several merchants of WeChat, and the folder that knows their keys.

use std::{fs, path::Path, sync::Arc};

use kernel::{SystemClock, SystemEntropy};
use mock_providers::{Providers, ProvidersOptions};
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench, NONCE, decrypt, install_tls, sign, verifies},
    control::{get, post},
};

const NO: &str = "SI20260101000001";
const DAY_AND_A_BIT: u64 = 26 * 3_600;

/// A second merchant, as the control API gives it.
struct Second<'a> {
    bench: &'a Bench,
    keys: Value,
}

impl Second<'_> {
    async fn of(bench: &Bench) -> Second<'_> {
        let keys = post(bench, "/wechat/merchants", json!({})).await.json();
        Second { bench, keys }
    }

    fn text(&self, name: &str) -> &str {
        self.keys[name].as_str().unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let stamp = self.bench.now();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let text = format!("{method}\n{path}\n{stamp}\n{NONCE}\n{body}\n");
        let authorization = format!(
            r#"WECHATPAY2-SHA256-RSA2048 mchid="{}",nonce_str="{NONCE}",timestamp="{stamp}",serial_no="{}",signature="{}""#,
            self.text("mchid"),
            self.text("merchant_serial"),
            sign(self.text("merchant_key"), text.as_bytes()),
        );
        let url = format!("{}{path}", self.bench.facts.wechat.base_url);
        let request = self.bench.client.request(method.parse().unwrap(), url);
        let request = request.header("Authorization", authorization).body(body);
        let request = request.header("Content-Type", "application/json");
        Answer::read(request.header("Accept", "application/json").send().await.unwrap()).await
    }

    async fn create(&self, number: &str, total: i64) -> Answer {
        let mut order = self.bench.wechat_order(number, total);
        order["mchid"] = json!(self.text("mchid"));
        self.call("POST", "/v3/pay/transactions/jsapi", &order).await
    }
}

#[tokio::test]
async fn merchants_have_keys_and_trades_of_their_own() {
    let bench = Bench::new().await;
    let second = Second::of(&bench).await;
    let first = &bench.facts.wechat;
    for name in ["mchid", "apiv3_key", "merchant_serial", "platform_serial", "public_key_id"] {
        assert_ne!(second.keys[name], get(&bench, "/wechat/merchants").await["merchants"][0][name]);
    }
    assert_eq!(second.keys["app_id"], first.app_id, "one mini-program");
    // The same number twice is two trades.
    assert_eq!(bench.wechat_create(&bench.wechat_order(NO, 100)).await.status, 200);
    let created = second.create(NO, 200).await;
    assert_eq!(created.status, 200, "{}", created.text);
    assert!(created.is_signed_by(second.text("platform_serial"), second.text("platform_cert")));
    let pay = json!({"platform": "wechat", "out_trade_no": NO});
    assert_eq!(post(&bench, "/pay", pay).await.status, 400, "whose?");
    let pay = json!({"platform": "wechat", "out_trade_no": NO, "mchid": second.keys["mchid"]});
    assert_eq!(post(&bench, "/pay", pay).await.status, 200);
    bench.mocks.settle().await;
    let told: Value = serde_json::from_str(&bench.receiver.only().body).unwrap();
    assert_eq!(decrypt(&first.apiv3_key, &told["resource"]), None);
    let plain = decrypt(second.text("apiv3_key"), &told["resource"]).unwrap();
    let plain: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!((&plain["mchid"], &plain["amount"]["total"]), (&second.keys["mchid"], &json!(200)));
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "NOTPAY");
    let trades = get(&bench, &format!("/trades?out_trade_no={NO}")).await;
    assert_eq!(trades["trades"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_merchant_signs_for_nobody_else() {
    let bench = Bench::new().await;
    let second = Second::of(&bench).await;
    let mut borrowed = bench.wechat_call(reqwest::Method::GET, "/v3/certificates", &Value::Null);
    borrowed.mchid = second.text("mchid").to_owned();
    assert_eq!(bench.wechat(borrowed).await.status, 401, "a certificate of another merchant");
    let order = bench.wechat_order(NO, 100);
    let other = second.call("POST", "/v3/pay/transactions/jsapi", &order).await;
    assert_eq!(other.json()["detail"]["field"], "/mchid");
}

#[tokio::test]
async fn a_bill_opens_for_its_merchant_only() {
    let bench = Bench::new().await;
    let second = Second::of(&bench).await;
    assert_eq!(second.create(NO, 200).await.status, 200);
    post(&bench, "/pay", json!({"platform": "wechat", "out_trade_no": NO})).await;
    bench.mocks.advance(std::time::Duration::from_secs(DAY_AND_A_BIT)).await;
    let bill = "/v3/bill/tradebill?bill_date=2026-01-01";
    assert_eq!(bench.wechat_get(bill).await.code().1, "NO_STATEMENT_EXIST");
    let offer = second.call("GET", bill, &Value::Null).await.json();
    let url = offer["download_url"].as_str().unwrap();
    let path = url.strip_prefix(&bench.facts.wechat.base_url).unwrap();
    assert_eq!(bench.wechat_get(path).await.code(), (403, "NO_AUTH".to_owned()));
    assert!(second.call("GET", path, &Value::Null).await.text.contains(&format!("`{NO},")));
    let other = path.replace("token=", "token=x");
    assert_eq!(bench.wechat_get(&other).await.code(), (400, "INVALID_REQUEST".to_owned()));
}

#[tokio::test]
async fn keys_of_one_merchant_change_alone() {
    let bench = Bench::new().await;
    let second = Second::of(&bench).await;
    let of = json!({"mchid": second.keys["mchid"]});
    for path in ["/wechat/merchant-certificates/void", "/wechat/certificates/void"] {
        assert_eq!(post(&bench, path, of.clone()).await.json()["mchid"], second.keys["mchid"]);
    }
    assert_eq!(bench.wechat_get("/v3/certificates").await.status, 200);
    assert_eq!(second.call("GET", "/v3/certificates", &Value::Null).await.status, 401);
}

async fn start(folder: &Path) -> Providers {
    install_tls();
    let options =
        ProvidersOptions { folder: Some(folder.to_owned()), ..ProvidersOptions::default() };
    let entropy = Arc::new(SystemEntropy::default());
    Providers::start(options, Arc::new(SystemClock::default()), entropy).await.unwrap()
}

async fn asked(mocks: &Providers, path: &str, body: Value) -> Value {
    let url = format!("{}{path}", mocks.facts().control_url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(url).body(body.to_string()).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_folder_follows_every_change_and_the_next_start_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let index = || serde_json::from_str::<Value>(&read("mock.json")).unwrap();
    let mocks = start(folder.path()).await;
    mocks.write_folder(folder.path()).unwrap();
    let config = folder.path().join("city-services.toml");
    let edited = format!("# mine\n{}", read("city-services.toml"));
    fs::write(&config, &edited).unwrap();

    let fresh = asked(&mocks, "/wechat/merchant-certificates/rotate", json!({})).await;
    let key = asked(&mocks, "/wechat/apiv3-key", json!({})).await["apiv3_key"].clone();
    let second = asked(&mocks, "/wechat/merchants", json!({})).await;
    let now = index();
    assert_eq!(now["wechat"]["merchant_serial"], fresh["serial"]);
    assert_eq!(now["wechat"]["apiv3_key"], key);
    assert_eq!(read("wechat/apiv3_key.txt").trim(), key);
    let signature = sign(&read("wechat/merchant_key.pem"), b"text");
    assert!(verifies(fresh["certificate"].as_str().unwrap(), b"text", &signature));
    let others = &now["wechat_others"][0];
    assert_eq!(others["mchid"], second["mchid"]);
    let certificate = read(others["merchant_cert"].as_str().unwrap());
    assert_eq!(certificate.trim(), second["merchant_cert"].as_str().unwrap().trim());

    // Of the service's configuration only what has to changes.
    let text = read("city-services.toml");
    assert!(text.starts_with("# mine\n"), "{text}");
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["wechat"][0]["merchant_serial"].as_str(), fresh["serial"].as_str());
    assert_eq!(table["wechat"][1]["mchid"].as_str(), second["mchid"].as_str());
    assert_eq!(table["wechat"][0]["templates"].as_array().unwrap().len(), 4);

    mocks.shutdown().await;
    let again = start(folder.path()).await;
    again.write_folder(folder.path()).unwrap();
    assert_eq!(again.facts().wechat.merchant_serial, fresh["serial"].as_str().unwrap());
    assert_eq!(again.facts().wechat_others[0].mchid, second["mchid"].as_str().unwrap());
    assert_eq!(index(), now);
    let table: toml::Table = read("city-services.toml").parse().unwrap();
    assert_eq!(table["wechat"].as_array().unwrap().len(), 2);
}
