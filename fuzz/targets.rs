//! What is fuzzed, each as a function of bytes that must come back, whatever the bytes are. Messages
//! are signed here as the platform would sign them, so that what lies behind the signature is reached
//! too; what a check promises is asserted.
//!
//! `fuzz/targets/*.rs` hands these to libFuzzer (`tests/fuzz`), a test of `platforms` replays the
//! corpora with them.

use std::{collections::BTreeMap, io::BufReader, sync::Arc, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{ControlledClock, Entropy, MerchantKey, Secret, SeededEntropy, Timestamp};
use platforms::{
    AlipayBalanceStatement, AlipayCertificates, AlipayConfig, AlipayMerchant, AlipayTradeStatement,
    PaymentChannel, WechatConfig, WechatFundStatement, WechatMerchant, WechatTradeStatement,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rsa::{
    RsaPrivateKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
    rand_core::{TryCryptoRng, TryRng},
};
use serde_json::{json, value::RawValue};

pub type Target = fn(&[u8]);

/// Every target under the name of its corpus.
pub const ALL: [(&str, Target); 8] = [
    ("wechat_headers", wechat_headers),
    ("wechat_notification", wechat_notification),
    ("wechat_bill", wechat_bill),
    ("alipay_notification", alipay_notification),
    ("alipay_answer", alipay_answer),
    ("alipay_bill_zip", alipay_bill_zip),
    ("alipay_bill_text", alipay_bill_text),
    ("keys_and_certificates", keys_and_certificates),
];

const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);
const APIV3_KEY: &str = "0123456789abcdef0123456789abcdef";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000000001";
const ROOT: &str = "alipay_trade_query_response";

struct Dice(SeededEntropy);

impl TryRng for Dice {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

struct Pair {
    private_pem: String,
    public_pem: String,
    signer: RsaKeyPair,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let key = RsaPrivateKey::new(&mut Dice(SeededEntropy::new(seed)), 2048).expect("a key");
        let der = key.to_pkcs8_der().expect("DER");
        Pair {
            private_pem: key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string(),
            public_pem: key.to_public_key().to_public_key_pem(LineEnding::LF).expect("PEM"),
            signer: RsaKeyPair::from_pkcs8(der.as_bytes()).expect("a key"),
        }
    }

    fn sign(&self, text: &[u8]) -> String {
        let mut signature = vec![0; self.signer.public().modulus_len()];
        let random = SystemRandom::new();
        self.signer.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).expect("a signature");
        BASE64.encode(signature)
    }
}

/// Accounts with keys that are the same at every start.
struct World {
    platform: Pair,
    own: Pair,
    wechat: WechatMerchant,
    alipay: AlipayMerchant,
}

fn wechat_config(own: &Pair, platform: &Pair) -> WechatConfig {
    WechatConfig {
        key: MerchantKey::new("fuzz-wechat").expect("a key"),
        base_url: "http://127.0.0.1:9".into(),
        backup_base_url: None,
        app_id: "wx0123456789abcdef".into(),
        mchid: "1900000001".into(),
        partner: None,
        merchant_serial: "5157F09EFDC096DE15EBE81A47057A7200000001".into(),
        merchant_key_pem: Secret::new(own.private_pem.clone()),
        merchant_certificate: None,
        apiv3_key: Secret::new(APIV3_KEY),
        platform_certificates: Vec::new(),
        public_keys: vec![(PUBLIC_KEY_ID.into(), platform.public_pem.clone())],
    }
}

fn alipay_config(own: &Pair, platform: &Pair) -> AlipayConfig {
    AlipayConfig {
        key: MerchantKey::new("fuzz-alipay").expect("a key"),
        gateway: "http://127.0.0.1:9/gateway.do".into(),
        app_id: "2021000000000001".into(),
        seller_id: "2088000000000001".into(),
        app_private_key: Secret::new(own.private_pem.clone()),
        alipay_public_keys: vec![platform.public_pem.clone()],
        certificates: None,
        content_key: None,
    }
}

fn clock() -> Arc<ControlledClock> {
    Arc::new(ControlledClock::at(NOW))
}

fn wechat_merchant(config: WechatConfig) -> Option<WechatMerchant> {
    WechatMerchant::new(config, clock(), Arc::new(SeededEntropy::new(3))).ok()
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (own, platform) = (Pair::new(1), Pair::new(2));
        let wechat = wechat_merchant(wechat_config(&own, &platform)).expect("an account");
        let alipay = AlipayMerchant::new(alipay_config(&own, &platform), clock());
        World { wechat, alipay: alipay.expect("an account"), own, platform }
    })
}

/// Lines of `name: value`, an empty line, a body.
pub fn wechat_headers(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((data, &b""[..]), |at| (&data[..at], &data[at + 2..]));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(64) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let told = world().wechat.open_notification(NOW, &headers, body);
    assert!(told.is_err(), "nobody signed this");
}

fn open_wechat(body: &[u8]) {
    let world = world();
    let (stamp, nonce) = (NOW.unix_seconds().to_string(), "0123456789ABCDEF0123456789ABCDEF");
    let text = [stamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("wechatpay-timestamp", stamp.as_str()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-serial", PUBLIC_KEY_ID),
        ("wechatpay-signature", &world.platform.sign(&text)),
    ] {
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
    }
    if let Err(refusal) = world.wechat.open_notification(NOW, &headers, body) {
        assert_ne!(refusal.code(), "signature", "WeChat signed this");
    }
}

/// A signed envelope, or after a first byte below 128 the content of one, encrypted.
pub fn wechat_notification(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return open_wechat(data) };
    if *first >= 128 {
        return open_wechat(rest);
    }
    let key = UnboundKey::new(&AES_256_GCM, APIV3_KEY.as_bytes()).expect("a key");
    let mut content = rest.to_vec();
    let nonce = Nonce::assume_unique_for_key(*b"0123456789ab");
    let sealed = LessSafeKey::new(key);
    sealed.seal_in_place_append_tag(nonce, Aad::from(b"x"), &mut content).expect("sealed");
    let events = ["TRANSACTION.SUCCESS", "REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"];
    let envelope = json!({
        "id": "EV-1",
        "event_type": events[usize::from(first % 4)],
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "associated_data": "x",
            "nonce": "0123456789ab",
            "ciphertext": BASE64.encode(content),
        },
    });
    open_wechat(envelope.to_string().as_bytes());
}

/// The text of a trade or of a fund-flow bill, unpacked. However it comes in, it says the same.
pub fn wechat_bill(data: &[u8]) {
    let trades = |source| WechatTradeStatement::open(source)?.collect::<Result<Vec<_>, _>>();
    let funds = |source| WechatFundStatement::open(source)?.collect::<Result<Vec<_>, _>>();
    let [whole, pieces] =
        [data.len().max(1), 7].map(|size| move || BufReader::with_capacity(size, data));
    assert_eq!(trades(whole()), trades(pieces()), "trades do not depend on how they come");
    assert_eq!(funds(whole()), funds(pieces()), "funds do not depend on how they come");
}

/// Plus is a blank, percent and two digits are a byte.
fn decoded(half: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = half.get(at) {
        let pair = (digit(half.get(at + 1)), digit(half.get(at + 2)));
        match (byte, pair) {
            (b'%', (Some(high), Some(low))) => {
                out.push(u8::try_from(high * 16 + low).expect("a byte"));
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(*other),
        }
        at += 1;
    }
    out
}

/// A form without `sign` and `sign_type`; both are added.
pub fn alipay_notification(data: &[u8]) {
    let world = world();
    let mut fields: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for pair in data.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let value = pair.get(at + 1..).unwrap_or_default();
        fields.insert(decoded(&pair[..at]), decoded(value));
    }
    let lines: Vec<Vec<u8>> =
        fields.iter().map(|(name, value)| [name, &b"="[..], value].concat()).collect();
    let sign = world.platform.sign(&lines.join(&b'&'));
    let sign = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let body = [data, b"&sign_type=RSA2&sign=", sign.as_bytes()].concat();
    let told = world.alipay.open_notification(NOW, &HeaderMap::new(), &body);
    let doubled = ["sign", "sign_type"].iter().any(|name| fields.contains_key(name.as_bytes()));
    if let Err(refusal) = told {
        assert!(doubled || refusal.code() != "signature", "Alipay signed this");
    }
}

/// An answer whose root node is signed as it stands, if it has one.
pub fn alipay_answer(data: &[u8]) {
    let key = &world().platform.public_pem;
    assert_eq!(platforms::fuzzing::alipay_answer(data, ROOT, key), None, "nobody signed this");
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The last of doubled members, unlike what is fuzzed.
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else { return };
    let Some(node) = members.get(ROOT).map(|node| node.get()) else { return };
    let Some(open) = text.trim_end().strip_suffix('}') else { return };
    let body = format!("{open},\"sign\":\"{}\"}}", world().platform.sign(node.as_bytes()));
    if let Some(read) = platforms::fuzzing::alipay_answer(body.as_bytes(), ROOT, key) {
        assert_eq!(read, node, "what is read is what was signed");
    }
}

pub fn alipay_bill_zip(data: &[u8]) {
    let _read = AlipayTradeStatement::read(data);
    let _read = AlipayBalanceStatement::read(data);
}

/// Detail and summary as UTF-8, parted by a zero; packed as Alipay packs them.
pub fn alipay_bill_text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (detail, summary) = text.split_once('\0').unwrap_or((&text, ""));
    alipay_bill_zip(&zip(&[("业务明细.csv", detail), ("业务明细(汇总).csv", summary)]));
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |mut crc: u32, byte: &u8| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
        crc
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// Stored, with GBK names.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let size = |length: usize| u32::try_from(length).expect("a small file").to_le_bytes();
    let short = |length: usize| u16::try_from(length).expect("a short name").to_le_bytes();
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let gbk = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
        let (name, content) = (gbk(name), gbk(text));
        let length = size(content.len());
        let common =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc(&content).to_le_bytes(), &length, &length]
                .concat();
        let common = [&common[..], &short(name.len()), &[0, 0]].concat();
        let at = size(out.len());
        out.extend([&b"PK\x03\x04"[..], &common, &name, &content].concat());
        directory.extend([&b"PK\x01\x02\x14\0"[..], &common, &[0; 10], &at, &name].concat());
    }
    let count = short(files.len());
    let (at, length) = (size(out.len()), size(directory.len()));
    [&out[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &length, &at, &[0, 0]].concat()
}

/// One text in place of each key and certificate that a configuration names.
pub fn keys_and_certificates(data: &[u8]) {
    let World { own, platform, .. } = world();
    let text = String::from_utf8_lossy(data).into_owned();
    let wechat = |change: &dyn Fn(&mut WechatConfig)| {
        let mut config = wechat_config(own, platform);
        change(&mut config);
        let _account = wechat_merchant(config);
    };
    wechat(&|config| config.merchant_key_pem = Secret::new(text.clone()));
    wechat(&|config| config.platform_certificates = vec![text.clone()]);
    wechat(&|config| config.public_keys = vec![(PUBLIC_KEY_ID.into(), text.clone())]);
    let alipay = |change: &dyn Fn(&mut AlipayConfig)| {
        let mut config = alipay_config(own, platform);
        change(&mut config);
        if let Err(error) = AlipayMerchant::new(config, clock()) {
            assert!(!error.to_string().contains("MII"), "errors hold no key");
        }
    };
    alipay(&|config| config.app_private_key = Secret::new(text.clone()));
    alipay(&|config| config.alipay_public_keys = vec![text.clone()]);
    alipay(&|config| {
        config.certificates = Some(AlipayCertificates {
            application: text.clone(),
            alipay: vec![text.clone()],
            roots: text.clone(),
        });
    });
}
