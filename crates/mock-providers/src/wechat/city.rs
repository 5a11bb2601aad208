//! City Service (wechat §7): paths into it, its message channel, and face verification 2.0.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Channel, Entropy, Timestamp};
use ring::digest;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Wechat,
    messages::SentMessage,
    tokens::{Failed, calls, failed, required},
};
use crate::{bounded::Bounded, lock};

const FACE_LIFE: Duration = Duration::from_secs(3_600);
/// Of a verification that the user never finished.
const CANCELLED: i32 = 90_002;
const PASSED: i32 = 10_000;
const OTHER_PERSON: i32 = 10_003;
const WRONG: Failed = failed(47_001, "data format error");
/// Kinds of pages (wechat §7.2). There is no fourth.
const PAGES: [u64; 5] = [0, 1, 2, 3, 5];
const CHANNELS: [u64; 5] = [0, 1, 2, 3, 5];

struct Face {
    out_seq_no: String,
    openid: String,
    cert_hash: String,
    made_at: Timestamp,
    verify_ret: i32,
}

/// Face verifications by their id, and the numbers that were used.
pub(super) struct Faces {
    by_id: Mutex<Bounded<String, Face>>,
    numbers: Mutex<Bounded<String, ()>>,
}

impl Default for Faces {
    fn default() -> Faces {
        let (by_id, numbers) = (Bounded::new(100_000), Bounded::new(100_000));
        Faces { by_id: Mutex::new(by_id), numbers: Mutex::new(numbers) }
    }
}

/// What the control API tells of a verification that the user went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FaceView {
    pub verify_id: String,
    pub verify_ret: i32,
}

/// Hexadecimal SHA-256 over the three members in base64 (wechat §7.5).
fn cert_hash(kind: &str, name: &str, number: &str) -> String {
    let [kind, name, number] = [kind, name, number].map(|text| BASE64.encode(text));
    let text = format!("cert_type={kind}&cert_name={name}&cert_no={number}");
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

impl Wechat {
    /// The user holds the face before the camera, with this result.
    pub(crate) fn show_face(&self, verify_id: &str, verify_ret: Option<i32>) -> Option<FaceView> {
        let mut faces = lock(&self.faces.by_id);
        let face = faces.get_mut(verify_id)?;
        face.verify_ret = verify_ret.unwrap_or(PASSED);
        Some(FaceView { verify_id: verify_id.to_owned(), verify_ret: face.verify_ret })
    }

    fn begin_face(&self, asked: &Value) -> Result<Value, Failed> {
        let number = required(asked, "out_seq_no")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !(5..=32).contains(&number.len()) || !number.bytes().all(plain) {
            return Err(WRONG);
        }
        let openid = required(asked, "openid")?;
        if self.app.people.by_openid(openid).is_none() {
            return Err(failed(40_003, "invalid openid"));
        }
        let info = &asked["cert_info"];
        let (kind, name) = (required(info, "cert_type")?, required(info, "cert_name")?);
        if kind != "IDENTITY_CARD" {
            return Err(WRONG);
        }
        let hash = cert_hash(kind, name, required(info, "cert_no")?);
        let mut numbers = lock(&self.faces.numbers);
        if numbers.contains(number) {
            return Err(failed(47_001, "out_seq_no duplicated"));
        }
        numbers.insert(number.to_owned(), ());
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let verify_id = entropy.hex(32);
        let face = Face {
            out_seq_no: number.to_owned(),
            openid: openid.to_owned(),
            cert_hash: hash,
            made_at: self.now(),
            verify_ret: CANCELLED,
        };
        lock(&self.faces.by_id).insert(verify_id.clone(), face);
        let seconds = FACE_LIFE.as_secs();
        Ok(json!({"errcode": 0, "errmsg": "ok", "verify_id": verify_id, "expires_in": seconds}))
    }

    fn tell_face(&self, asked: &Value) -> Result<Value, Failed> {
        let (id, number) = (required(asked, "verify_id")?, required(asked, "out_seq_no")?);
        let (hash, openid) = (required(asked, "cert_hash")?, required(asked, "openid")?);
        let faces = lock(&self.faces.by_id);
        let face = faces.get(id).filter(|face| face.out_seq_no == number && face.openid == openid);
        let face = face.ok_or(failed(47_001, "verify_id not found"))?;
        let verify_ret = match face.verify_ret {
            // Of another person than the one who was announced.
            PASSED if face.cert_hash != hash => OTHER_PERSON,
            _ if self.now().since(face.made_at) >= FACE_LIFE => CANCELLED,
            result => result,
        };
        Ok(json!({"errcode": 0, "errmsg": "ok", "verify_ret": verify_ret}))
    }

    fn path(&self, asked: &Value) -> Result<Value, Failed> {
        let one_of = |name: &str, known: &[u64]| {
            asked[name].as_u64().filter(|number| known.contains(number)).ok_or(WRONG)
        };
        let page = one_of("page_type", &PAGES)?;
        one_of("src_channel", &CHANNELS)?;
        if [1, 3, 5].contains(&page) {
            required(asked, "city_name")?;
        }
        if page == 3 {
            required(asked, "content_name")?;
        }
        if page == 0 {
            required(asked, "service_id")?;
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("page_type", &page.to_string());
        if let Some(city) = asked["city_name"].as_str() {
            query.append_pair("city_name", city);
        }
        match &asked["params"] {
            Value::Null => {}
            Value::String(text) => {
                let pairs: Vec<Value> = serde_json::from_str(text).map_err(|_| WRONG)?;
                let mut names = BTreeSet::new();
                for pair in &pairs {
                    let (name, value) = (required(pair, "key")?, pair["value"].as_str());
                    if !names.insert(name) {
                        return Err(WRONG);
                    }
                    query.append_pair(name, value.ok_or(WRONG)?);
                }
                if pairs.len() > 10 {
                    return Err(WRONG);
                }
            }
            _ => return Err(WRONG),
        }
        match &asked["ext_params"] {
            Value::Null => {}
            // Only lists of services can be searched.
            Value::Array(pairs) if page == 5 => {
                for pair in pairs {
                    let value = pair["value"].as_str().ok_or(WRONG)?;
                    if required(pair, "key")? != "keyword" {
                        return Err(WRONG);
                    }
                    query.append_pair("keyword", value);
                }
            }
            _ => return Err(WRONG),
        }
        Ok(json!({
            "errcode": 0,
            "errmsg": "ok",
            "path": "pages/cityservice/index",
            "query_string": query.finish(),
            "business_type": {"app_id": "wx308bd2aeb83d3345", "username": "gh_mockcityservice"},
        }))
    }

    fn channel_message(&self, asked: &Value) -> Result<Value, Failed> {
        let (openid, template) = (required(asked, "openid")?, required(asked, "biz_template_id")?);
        let order = required(asked, "order_no")?;
        if self.app.people.by_openid(openid).is_none() {
            return Err(failed(40_003, "invalid openid"));
        }
        let data = asked["data"].as_object().filter(|data| !data.is_empty()).ok_or(WRONG)?;
        let numbered = |name: &str| {
            let number = name.strip_prefix("keynote").or_else(|| name.strip_prefix("keyword"));
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let known = |name: &str| name == "first" || name == "remark" || numbered(name);
        let members = [
            "openid",
            "biz_template_id",
            "order_no",
            "url",
            "result_page_style_id",
            "deal_msg_style_id",
            "card_style_id",
            "data",
        ];
        if !asked.as_object().is_some_and(|all| all.keys().all(|n| members.contains(&&**n))) {
            return Err(WRONG);
        }
        if !data.iter().all(|(name, entry)| known(name) && entry["value"].is_string()) {
            return Err(WRONG);
        }
        self.messages.record(SentMessage {
            platform: Channel::Wechat,
            kind: "city_service",
            openid: openid.to_owned(),
            template_id: template.to_owned(),
            at: self.now(),
            body: asked.clone(),
        });
        let page: String = form_urlencoded::byte_serialize(order.as_bytes()).collect();
        let url = format!("https://mock.invalid/cityservice/result?order_no={page}");
        Ok(json!({"errcode": 0, "errmsg": "ok", "result_page_url": url}))
    }
}

calls! {
    service_path, WechatCity, path;
    message, WechatMessage, channel_message;
    verify_id, WechatFace, begin_face;
    verify_info, WechatFace, tell_face;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_certificate_is_exact() {
        let hash = cert_hash("IDENTITY_CARD", "张三", "310101199801011234");
        assert_eq!(hash, "3c241f7ff324977aeb91f173bb2a7b06569e6fd784d5573db34a636d8671108b");
    }
}
