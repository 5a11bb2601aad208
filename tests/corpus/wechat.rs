//! WeChat's messages: opened, changed, encrypted and signed anew with the keys that only tests hold.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::Value;

use super::{
    case::{ContentKey, Key, Message, Stage},
    scene::Scene,
    sending::{Sent, edited},
};
use crate::town::sign;

pub fn written(scene: &Scene<'_>, message: &Message) -> Sent {
    let genuine = scene.genuine(message.about);
    let mut envelope: Value = serde_json::from_str(&genuine.body).expect("an envelope");
    encrypt(scene, message, &mut envelope);
    for name in &message.envelope_without {
        remove(&mut envelope, name);
    }
    for (name, value) in &message.envelope {
        set(&mut envelope, name, json(scene, value));
    }
    let body = edited(scene, message, Stage::Body, envelope.to_string().into_bytes());
    let headers = signed(scene, message, &genuine.headers, &body);
    Sent::new(scene, message, &genuine.url, &headers, body)
}

fn content_key(scene: &Scene<'_>, key: ContentKey) -> LessSafeKey {
    let text = match key {
        ContentKey::Ours => &scene.town.mocks.facts().wechat.apiv3_key,
        ContentKey::Neighbour => &scene.neighbour.apiv3_key,
    };
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, text.as_bytes()).expect("a key of 32 bytes"))
}

/// Opens what the envelope holds and puts back what the file says.
fn encrypt(scene: &Scene<'_>, message: &Message, envelope: &mut Value) {
    let how = &message.encryption;
    let resource = &mut envelope["resource"];
    let text = |resource: &Value, name: &str| {
        resource[name].as_str().expect("a member of the resource").to_owned()
    };
    let nonce = text(resource, "nonce");
    let nonce = || Nonce::try_assume_unique_for_key(nonce.as_bytes()).expect("12 bytes");
    let data = text(resource, "associated_data");
    let mut bytes = BASE64.decode(text(resource, "ciphertext")).expect("base64");
    let plain = content_key(scene, ContentKey::Ours)
        .open_in_place(nonce(), Aad::from(data.as_bytes()), &mut bytes)
        .expect("the mock's own message");

    let mut content: Value = serde_json::from_slice(plain).expect("a plaintext");
    for name in &message.without {
        remove(&mut content, name);
    }
    for (name, value) in &message.content {
        set(&mut content, name, json(scene, value));
    }
    let mut bytes = edited(scene, message, Stage::Content, content.to_string().into_bytes());

    let data = how.associated_data.clone().unwrap_or(data);
    content_key(scene, how.key)
        .seal_in_place_append_tag(nonce(), Aad::from(data.as_bytes()), &mut bytes)
        .expect("encrypted");
    bytes.truncate(bytes.len().saturating_sub(how.cut));
    if let Some(place) = how.flip {
        bytes[place] ^= 1;
    }
    resource["associated_data"] = data.into();
    resource["ciphertext"] = BASE64.encode(bytes).into();
}

fn signed(
    scene: &Scene<'_>,
    message: &Message,
    genuine: &[(String, String)],
    body: &[u8],
) -> Vec<(String, String)> {
    let (how, facts, neighbour) = (&message.signing, scene.town.mocks.facts(), scene.neighbour);
    let (key, serial) = match how.key {
        Key::Platform => (&facts.wechat.platform_key, &facts.wechat.platform_serial),
        Key::Public => (&facts.wechat.public_key_private, &facts.wechat.public_key_id),
        Key::Merchant => (&facts.wechat.merchant_key, &facts.wechat.merchant_serial),
        Key::OtherPlatform => (&facts.alipay.alipay_private_key, &facts.wechat.platform_serial),
        Key::Neighbour => (&neighbour.platform_key, &neighbour.platform_serial),
        Key::Stranger => (&neighbour.stranger_key, &facts.wechat.platform_serial),
    };
    let serial = how.serial.as_ref().map_or_else(|| serial.clone(), |text| scene.text(text));
    let seconds = scene.town.now().unix_seconds() + how.skew_seconds;
    let time = how.timestamp.as_ref().map_or(seconds.to_string(), |text| scene.text(text));
    let mut headers = genuine.to_vec();
    let mut replace = |wanted: &str, value: String| {
        let found = headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        std::mem::replace(&mut found.expect("a signed message").1, value)
    };
    let nonce = replace("wechatpay-nonce", String::new());
    let nonce = how.nonce.as_ref().map_or(nonce, |text| scene.text(text));
    let text = [time.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
    let signature = sign(key, &text);
    let shown = match &how.signature {
        None => signature,
        Some(template) => template.replace("${signature}", &signature),
    };
    replace("wechatpay-nonce", nonce);
    replace("wechatpay-timestamp", time);
    replace("wechatpay-serial", serial);
    replace("wechatpay-signature", shown);
    headers
}

fn json(scene: &Scene<'_>, value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => {
            let word = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            match word.and_then(|word| scene.fen(word)) {
                // An amount alone is a number.
                Some(fen) => fen.into(),
                None if text == "${null}" => Value::Null,
                None => scene.text(text).into(),
            }
        }
        other => serde_json::to_value(other).expect("a value"),
    }
}

fn place<'v>(value: &'v mut Value, path: &str) -> (&'v mut serde_json::Map<String, Value>, String) {
    let mut names: Vec<&str> = path.split('.').collect();
    let last = names.pop().expect("a name");
    let mut inside = value;
    for name in names {
        inside = inside.get_mut(name).unwrap_or_else(|| panic!("no member `{path}`"));
    }
    (inside.as_object_mut().expect("an object"), last.to_owned())
}

fn set(value: &mut Value, path: &str, to: Value) {
    let (object, name) = place(value, path);
    object.insert(name, to);
}

fn remove(value: &mut Value, path: &str) {
    let (object, name) = place(value, path);
    assert!(object.remove(&name).is_some(), "no member `{path}`");
}
