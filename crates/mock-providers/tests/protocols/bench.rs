//! Mocks, a clock, a callback server, and a merchant with its own few lines of cryptography.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Clock, ControlledClock, SystemEntropy, Timestamp};
use mock_providers::{Facts, Providers, ProvidersOptions};
use reqwest::{Client, Method, Response};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::SystemRandom,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use serde_json::{Value, json};

use crate::receiver::Receiver;

async fn start(options: ProvidersOptions, clock: &Arc<ControlledClock>) -> Providers {
    let entropy = Arc::new(SystemEntropy::default());
    let handed_in: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Providers::start(options, handed_in, entropy).await.unwrap()
}

/// Keys take half a second to make, so all benches use those of the first, on ports of their own.
async fn kept_keys() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kept = target.join("protocols-keys-2");
    if kept.join("mock.json").exists() {
        return kept;
    }
    let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(START)));
    let made = tempfile::TempDir::new_in(target).unwrap();
    let mocks = start(options(&clock), &clock).await;
    mocks.write_folder(made.path()).unwrap();
    mocks.shutdown().await;
    let index = made.path().join("mock.json");
    let mut places: Value = serde_json::from_str(&fs::read_to_string(&index).unwrap()).unwrap();
    for place in ["/wechat/base_url", "/wechat/backup_url", "/alipay/gateway", "/agency/base_url"] {
        *places.pointer_mut(place).unwrap() = json!("http://127.0.0.1:0");
    }
    places["control_url"] = json!("http://127.0.0.1:0");
    fs::write(&index, places.to_string()).unwrap();
    // Another test may have been faster; its keys are as good.
    if fs::rename(made.path(), &kept).is_ok() {
        let _moved: PathBuf = made.keep();
    }
    kept
}

pub struct Bench {
    pub mocks: Providers,
    pub facts: Facts,
    pub clock: Arc<ControlledClock>,
    pub receiver: Receiver,
    pub client: Client,
}

pub const START: i64 = 1_767_225_600;

pub fn options(clock: &Arc<ControlledClock>) -> ProvidersOptions {
    ProvidersOptions {
        first_delivery_delay: Duration::ZERO,
        controlled: Some(Arc::clone(clock)),
        ..ProvidersOptions::default()
    }
}

pub fn install_tls() {
    // Another test of this process may have been first.
    let _before = rustls::crypto::ring::default_provider().install_default();
}

impl Bench {
    pub async fn new() -> Bench {
        Bench::with(options).await
    }

    /// The mocks do not know that their clock can be moved.
    pub async fn on_a_foreign_clock() -> Bench {
        Bench::with(|clock| ProvidersOptions { controlled: None, ..options(clock) }).await
    }

    /// For a service that listens nowhere: nobody answers on that port.
    pub async fn without_a_service() -> Bench {
        let nowhere = ([127, 0, 0, 1], 1).into();
        Bench::with(|clock| ProvidersOptions { service_listen: nowhere, ..options(clock) }).await
    }

    async fn with(options: impl FnOnce(&Arc<ControlledClock>) -> ProvidersOptions) -> Bench {
        install_tls();
        let folder = Some(kept_keys().await);
        let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(START)));
        let options = ProvidersOptions { folder, ..options(&clock) };
        let mocks = start(options, &clock).await;
        let facts = mocks.facts().clone();
        let client = Client::builder().user_agent("merchant/1").no_proxy().build().unwrap();
        Bench { mocks, facts, clock, receiver: Receiver::start().await, client }
    }

    pub fn now(&self) -> i64 {
        self.clock.now().unix_seconds()
    }
}

fn der(pem: &str) -> Vec<u8> {
    // The first section; Alipay's certificate has its issuer's after it.
    let section = pem.split("-----END").next().unwrap();
    let text: String = section.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64.decode(text).unwrap()
}

pub fn sign(private_pem: &str, text: &[u8]) -> String {
    let key = RsaKeyPair::from_pkcs8(&der(private_pem)).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
    BASE64.encode(signature)
}

/// `public_pem` is a public key or a certificate.
pub fn verifies(public_pem: &str, text: &[u8], signature: &str) -> bool {
    let der = der(public_pem);
    let key = if public_pem.contains("CERTIFICATE") {
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        certificate.public_key().subject_public_key.data.to_vec()
    } else {
        use x509_parser::prelude::FromDer;
        let (_, key) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&der).unwrap();
        key.subject_public_key.data.to_vec()
    };
    let Ok(signature) = BASE64.decode(signature) else { return false };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text, &signature).is_ok()
}

pub fn decrypt(apiv3_key: &str, resource: &Value) -> Option<String> {
    let key = UnboundKey::new(&AES_256_GCM, apiv3_key.as_bytes()).unwrap();
    let text = |name: &str| resource[name].as_str().unwrap();
    let nonce = Nonce::try_assume_unique_for_key(text("nonce").as_bytes()).unwrap();
    let mut bytes = BASE64.decode(text("ciphertext")).unwrap();
    let aad = Aad::from(text("associated_data").as_bytes());
    let plain = LessSafeKey::new(key).open_in_place(nonce, aad, &mut bytes).ok()?;
    Some(String::from_utf8(plain.to_vec()).unwrap())
}

/// One WeChat request with everything that can be wrong about it.
pub struct WechatCall {
    pub method: Method,
    pub path: String,
    pub body: String,
    /// What is signed in place of the true text, when set.
    pub signed_text: Option<String>,
    pub timestamp: i64,
    pub serial: String,
    pub mchid: String,
    /// The key that signs, in place of the merchant's first.
    pub key: Option<String>,
    pub answer_serial: Option<String>,
}

/// A WeChat answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn read(response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or("").to_owned())
    }

    /// Whether the answer is signed, by this key under this serial.
    pub fn is_signed_by(&self, serial: &str, public_pem: &str) -> bool {
        let (stamp, nonce) = (self.header("wechatpay-timestamp"), self.header("wechatpay-nonce"));
        let text = format!("{stamp}\n{nonce}\n{}\n", self.text);
        self.header("wechatpay-serial") == serial
            && verifies(public_pem, text.as_bytes(), self.header("wechatpay-signature"))
    }
}

pub const NONCE: &str = "0123456789ABCDEF0123456789ABCDEF";

impl Bench {
    pub fn wechat_call(&self, method: Method, path: &str, body: &Value) -> WechatCall {
        WechatCall {
            method,
            path: path.to_owned(),
            body: if body.is_null() { String::new() } else { body.to_string() },
            signed_text: None,
            timestamp: self.now(),
            serial: self.facts.wechat.merchant_serial.clone(),
            mchid: self.facts.wechat.mchid.clone(),
            key: None,
            answer_serial: None,
        }
    }

    pub fn true_text(&self, call: &WechatCall) -> String {
        let WechatCall { method, path, body, timestamp, .. } = call;
        format!("{method}\n{path}\n{timestamp}\n{NONCE}\n{body}\n")
    }

    pub async fn try_wechat(&self, call: WechatCall) -> reqwest::Result<Response> {
        self.try_wechat_at(&self.facts.wechat.base_url, call).await
    }

    async fn try_wechat_at(&self, host: &str, call: WechatCall) -> reqwest::Result<Response> {
        let text = call.signed_text.clone().unwrap_or_else(|| self.true_text(&call));
        let key = call.key.as_ref().unwrap_or(&self.facts.wechat.merchant_key);
        let signature = sign(key, text.as_bytes());
        let WechatCall { method, path, body, timestamp, serial, mchid, answer_serial, .. } = call;
        let authorization = format!(
            r#"WECHATPAY2-SHA256-RSA2048 nonce_str="{NONCE}",mchid="{mchid}",signature="{signature}",timestamp="{timestamp}",serial_no="{serial}""#
        );
        let url = format!("{host}{path}");
        let mut request = self
            .client
            .request(method, url)
            .header("Authorization", authorization)
            .header("Accept", "application/json")
            .header("Content-Type", "application/json")
            .body(body);
        if let Some(serial) = answer_serial {
            request = request.header("Wechatpay-Serial", serial);
        }
        request.send().await
    }

    pub async fn wechat_at(&self, host: &str, call: WechatCall) -> Answer {
        Answer::read(self.try_wechat_at(host, call).await.unwrap()).await
    }

    pub async fn wechat(&self, call: WechatCall) -> Answer {
        Answer::read(self.try_wechat(call).await.unwrap()).await
    }

    pub async fn wechat_post(&self, path: &str, body: &Value) -> Answer {
        self.wechat(self.wechat_call(Method::POST, path, body)).await
    }

    pub async fn wechat_get(&self, path: &str) -> Answer {
        self.wechat(self.wechat_call(Method::GET, path, &Value::Null)).await
    }

    pub fn openid(&self, user: &str) -> String {
        self.mocks.mint_login_code(kernel::Channel::Wechat, user).openid.unwrap()
    }

    pub fn wechat_order(&self, out_trade_no: &str, total: i64) -> Value {
        json!({
            "appid": self.facts.wechat.app_id,
            "mchid": self.facts.wechat.mchid,
            "description": "社保缴费",
            "out_trade_no": out_trade_no,
            "attach": "a=1",
            "notify_url": self.receiver.url,
            "amount": {"total": total, "currency": "CNY"},
            "payer": {"openid": self.openid("小明")},
        })
    }

    pub async fn wechat_create(&self, order: &Value) -> Answer {
        self.wechat_post("/v3/pay/transactions/jsapi", order).await
    }

    pub async fn wechat_query(&self, out_trade_no: &str) -> Answer {
        let mchid = &self.facts.wechat.mchid;
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={mchid}");
        self.wechat_get(&path).await
    }

    pub async fn wechat_close(&self, out_trade_no: &str) -> Answer {
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
        self.wechat_post(&path, &json!({"mchid": self.facts.wechat.mchid})).await
    }
}

/// The content of an Alipay answer and whether its signature fits the exact text.
#[derive(Debug)]
pub struct Told {
    pub root: String,
    pub content: Value,
    pub is_signed: bool,
    /// Alipay's certificate, in certificate mode.
    pub serial: Option<String>,
}

impl Told {
    pub fn sub_code(&self) -> &str {
        self.content["sub_code"].as_str().unwrap_or("")
    }
    pub fn text(&self, name: &str) -> &str {
        self.content[name].as_str().unwrap_or("")
    }
}

impl Bench {
    pub fn alipay_parameters(&self, method: &str) -> BTreeMap<String, String> {
        [
            ("app_id", self.facts.alipay.app_id.as_str()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &self.clock.now().beijing_text()),
            ("version", "1.0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    pub fn alipay_sign(&self, parameters: &mut BTreeMap<String, String>) {
        let kept = parameters.iter().filter(|(_, value)| !value.trim().is_empty());
        let pairs: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
        let signature = sign(&self.facts.alipay.app_private_key, pairs.join("&").as_bytes());
        parameters.insert("sign".to_owned(), signature);
    }

    /// Common parameters in the query, `biz_content` in the body, as the official clients do.
    pub async fn try_alipay(
        &self,
        mut parameters: BTreeMap<String, String>,
    ) -> reqwest::Result<Response> {
        let body: BTreeMap<&str, String> =
            parameters.remove("biz_content").map(|biz| ("biz_content", biz)).into_iter().collect();
        let request = self.client.post(&self.facts.alipay.gateway).query(&parameters);
        request.form(&body).send().await
    }

    pub async fn alipay_send(&self, parameters: BTreeMap<String, String>) -> Told {
        self.alipay_read(self.try_alipay(parameters).await.unwrap()).await
    }

    pub async fn alipay_read(&self, response: Response) -> Told {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/html;charset=utf-8");
        assert!(response.headers().contains_key("trace_id"));
        let text = response.text().await.unwrap();
        let raw: BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(&text).unwrap();
        let envelope = ["sign", "alipay_cert_sn"];
        let node = |name: &&String| !envelope.contains(&name.as_str());
        let root = raw.keys().find(node).unwrap();
        let content = &raw[root];
        let serial = raw.get("alipay_cert_sn").map(|sn| serde_json::from_str(sn.get()).unwrap());
        let key = match serial.as_deref() {
            Some(sn) if *sn == self.facts.alipay.alipay_next_cert_sn => {
                &self.facts.alipay.alipay_next_cert
            }
            Some(sn) => {
                assert_eq!(sn, self.facts.alipay.alipay_cert_sn);
                &self.facts.alipay.alipay_cert
            }
            None => &self.facts.alipay.alipay_public_key,
        };
        let is_signed = raw.get("sign").is_some_and(|sign| {
            let sign: String = serde_json::from_str(sign.get()).unwrap();
            verifies(key, content.get().as_bytes(), &sign)
        });
        let content_value = serde_json::from_str(content.get()).unwrap();
        Told { root: root.clone(), content: content_value, is_signed, serial }
    }

    pub async fn alipay(&self, method: &str, biz: &Value) -> Told {
        self.alipay_told_at(method, biz, "").await
    }

    pub async fn alipay_told_at(&self, method: &str, biz: &Value, notify_url: &str) -> Told {
        let mut parameters = self.alipay_parameters(method);
        parameters.insert("biz_content".to_owned(), biz.to_string());
        if !notify_url.is_empty() {
            parameters.insert("notify_url".to_owned(), notify_url.to_owned());
        }
        self.alipay_sign(&mut parameters);
        self.alipay_send(parameters).await
    }

    pub fn open_id(&self, user: &str) -> String {
        self.mocks.mint_login_code(kernel::Channel::Alipay, user).open_id.unwrap()
    }

    pub fn alipay_order(&self, out_trade_no: &str, yuan: &str) -> Value {
        json!({
            "out_trade_no": out_trade_no,
            "total_amount": yuan,
            "subject": "社保缴费 2026",
            "product_code": "JSAPI_PAY",
            "op_app_id": self.facts.alipay.app_id,
            "buyer_open_id": self.open_id("小明"),
            "passback_params": "a%3D1%26b",
        })
    }

    pub async fn alipay_create(&self, order: &Value) -> Told {
        self.alipay_told_at("alipay.trade.create", order, &self.receiver.url.clone()).await
    }
}

/// Decodes a notification's form and checks its signature; `None` when it does not fit.
pub fn open_alipay(public_pem: &str, body: &str) -> Option<BTreeMap<String, String>> {
    let mut fields: BTreeMap<String, String> =
        form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let signature = fields.remove("sign").unwrap();
    let signed = fields.iter().filter(|(name, _)| *name != "sign_type");
    let text: Vec<String> = signed.map(|(name, value)| format!("{name}={value}")).collect();
    verifies(public_pem, text.join("&").as_bytes(), &signature).then_some(fields)
}

/// Checks a WeChat notification's signature, decrypts it, and gives envelope and content.
pub fn open_wechat(
    facts: &Facts,
    header: impl Fn(&str) -> String,
    body: &str,
) -> Option<(Value, Value)> {
    let text =
        format!("{}\n{}\n{body}\n", header("Wechatpay-Timestamp"), header("Wechatpay-Nonce"));
    let key = match header("Wechatpay-Serial") {
        serial if serial == facts.wechat.platform_serial => &facts.wechat.platform_cert,
        serial if serial == facts.wechat.public_key_id => &facts.wechat.public_key,
        _ => return None,
    };
    if !verifies(key, text.as_bytes(), &header("Wechatpay-Signature")) {
        return None;
    }
    let envelope: Value = serde_json::from_str(body).unwrap();
    let plain = decrypt(&facts.wechat.apiv3_key, &envelope["resource"])?;
    let content = serde_json::from_str(&plain).unwrap();
    Some((envelope, content))
}
