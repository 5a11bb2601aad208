//! Alipay's messages: a form, changed and signed anew with the keys that only tests hold.

use std::collections::BTreeMap;

use super::{
    case::{Form, Key, Message, Over},
    scene::Scene,
    sending::Sent,
};
use crate::town::sign;

type Fields = BTreeMap<String, Vec<u8>>;

pub fn written(scene: &Scene<'_>, message: &Message) -> Sent {
    let genuine = scene.genuine(message.about);
    let mut query = reqwest::Url::parse("http://form/").expect("an address");
    query.set_query(Some(&genuine.body));
    let mut fields: Fields = query
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned().into_bytes()))
        .collect();
    fields.remove("sign");
    let said = scene.town.now().as_millis() + message.signing.skew_seconds * 1000;
    let said = kernel::Timestamp::from_millis(said).beijing_text();
    fields.insert("notify_time".to_owned(), said.into_bytes());
    for name in &message.without {
        assert!(fields.remove(name).is_some(), "no field `{name}`");
    }
    for (name, value) in &message.content {
        let text = value.as_str().expect("a form has texts only");
        fields.insert(name.clone(), scene.text(text).into_bytes());
    }
    for (name, bytes) in &message.content_hex {
        fields.insert(name.clone(), hex::decode(bytes).expect("hexadecimal"));
    }
    let signature = sign(key(scene, message.signing.key), &signed_text(message, &fields));
    let shown = match &message.signing.signature {
        None => signature,
        Some(template) => template.replace("${signature}", &signature),
    };
    fields.insert("sign".to_owned(), shown.into_bytes());
    let body = encoded(&message.form, &fields).into_bytes();
    Sent::new(scene, message, &genuine.url, &genuine.headers, body)
}

fn key<'s>(scene: &'s Scene<'_>, key: Key) -> &'s str {
    let facts = scene.town.mocks.facts();
    match key {
        Key::Platform => &facts.alipay.alipay_private_key,
        Key::Merchant => &facts.alipay.app_private_key,
        Key::OtherPlatform => &facts.wechat.platform_key,
        Key::Neighbour => &scene.neighbour.alipay_key,
        Key::Stranger => &scene.neighbour.stranger_key,
        Key::Public => panic!("only WeChat has a public key besides its certificate"),
    }
}

fn signed_text(message: &Message, fields: &Fields) -> Vec<u8> {
    let over = message.signing.over;
    if over == Over::Encoded {
        return encoded(&message.form, fields).into_bytes();
    }
    let lines = fields.iter().filter(|(name, value)| match name.as_str() {
        "sign_type" => over == Over::SignType,
        "alipay_cert_sn" => over != Over::NoCertificateSerial,
        _ => over != Over::NoBlanks || !value.is_empty(),
    });
    let lines: Vec<Vec<u8>> =
        lines.map(|(name, value)| [name.as_bytes(), b"=", value].concat()).collect();
    lines.join(&b'&')
}

fn encoded(form: &Form, fields: &Fields) -> String {
    let mut pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(form, name.as_bytes()), escaped(form, value)))
        .collect();
    if form.reversed {
        pairs.reverse();
    }
    pairs.join("&")
}

fn escaped(form: &Form, bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => {
                text.push(char::from(*byte));
            }
            b' ' if !form.percent_blanks => text.push('+'),
            other if form.small_hex => text.push_str(&format!("%{other:02x}")),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
