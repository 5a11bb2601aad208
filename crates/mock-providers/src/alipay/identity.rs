//! Who somebody is: the user's profile, the phone number that the client gets encrypted, and the
//! face and identity products, whose page a tester ends (alipay §2.4 to §2.6).

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use kernel::{Entropy, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Alipay, crypt,
    gateway::{Call, Refusal},
    trade::Fields,
};
use crate::{bounded::Bounded, lock, people::PersonNo};

/// A certification that nobody ends is over after a day.
const LIFE: Duration = Duration::from_secs(86_400);

/// The three products, which differ in their words only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    /// `alipay.user.certify.open.*`
    Open,
    /// `datadigital.fincloud.generalsaas.face.certify.*`
    Face,
    /// `datadigital.fincloud.generalsaas.face.verification.*`
    Verification,
}

impl Product {
    /// What a wrong parameter is called.
    fn wrong(self) -> Refusal {
        match self {
            Product::Open => failed("ILLEGAL_ARGUMENT_FORMAT", "参数格式错误"),
            Product::Face | Product::Verification => failed("INVALID_PARAMETER", "参数无效"),
        }
    }

    fn certify_id(self, call: &Call) -> Result<&str, Refusal> {
        call.text("certify_id", 32).ok().flatten().ok_or_else(|| self.wrong())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Certification {
    product: Product,
    outer_order_no: String,
    /// Whom it is about: kind, name and number of the document.
    about: [String; 3],
    return_url: Option<String>,
    started_at: Timestamp,
    passed: Option<bool>,
}

pub(super) type Certifications = Bounded<String, Certification>;

pub(super) fn certifications() -> Certifications {
    Bounded::new(10_000)
}

fn failed(sub_code: &str, message: &str) -> Refusal {
    Refusal::business_of("", sub_code, message)
}

/// `alipay.user.info.share`: only an access token of `alipay.system.oauth.token` opens it.
pub(super) fn profile(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let app = call.app.place;
    let person = alipay.tokens.bearer(app, call.common("auth_token").unwrap_or(""), now)?;
    let mut fields = alipay.ids(app, person, "user_id", "open_id");
    for (name, value) in [
        ("nick_name", "测试用户"),
        ("province", "江苏省"),
        ("city", "无锡市"),
        ("gender", person.gender()),
        ("user_type", "2"),
        ("user_status", "T"),
        ("is_certified", "T"),
    ] {
        fields.insert(name.to_owned(), json!(value));
    }
    Ok(fields)
}

/// How the envelope of a phone number comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhoneEnvelope {
    #[default]
    Good,
    /// The application lacks a setting: no signature.
    Unsigned,
    /// Alipay says no, in a text; its names are camelCase.
    Error,
    /// The same as an object.
    ErrorObject,
}

impl Alipay {
    /// What `my.getPhoneNumber` hands to the mini-program: signed over the quoted ciphertext.
    pub fn phone_number(&self, user: &str, form: PhoneEnvelope) -> (Value, String) {
        let person = PersonNo::of(user);
        let user_id = self.people.user_id(person);
        let mobile = format!("159{}", &user_id[6..14]);
        let refused = json!({
            "code": "40003",
            "msg": "Insufficient Conditions",
            "subCode": "isv.invalid-auth-relations",
            "subMsg": "无效的授权关系",
        });
        let plain = json!({"code": "10000", "msg": "Success", "mobile": mobile}).to_string();
        let response = crypt::encrypt(&self.keys.first.aes_key, &plain);
        let sign = self.sign(format!("\"{response}\"").as_bytes());
        let mut envelope = json!({
            "response": response,
            "sign": sign,
            "sign_type": "RSA2",
            "encrypt_type": "AES",
            "charset": "UTF-8",
        });
        match form {
            PhoneEnvelope::Good => {}
            PhoneEnvelope::Unsigned => {
                envelope.as_object_mut().map(|members| members.remove("sign"));
            }
            PhoneEnvelope::Error => envelope = json!({"response": refused.to_string()}),
            PhoneEnvelope::ErrorObject => envelope = json!({"response": refused}),
        }
        (envelope, mobile)
    }

    /// Ends a certification as its user. `None`: no such one, or it has ended.
    pub fn certify(&self, certify_id: &str, passed: bool) -> Option<()> {
        let now = self.now();
        let mut all = lock(&self.certifications);
        let known = all.get_mut(certify_id)?;
        if known.passed.is_some() || now.since(known.started_at) >= LIFE {
            return None;
        }
        known.passed = Some(passed);
        Some(())
    }
}

const CERTIFICATES: [&str; 6] = [
    "IDENTITY_CARD",
    "HOME_VISIT_PERMIT_HK_MC",
    "HOME_VISIT_PERMIT_TAIWAN",
    "RESIDENCE_PERMIT_HK_MC",
    "RESIDENCE_PERMIT_TAIWAN",
    "PERMANENT_RESIDENCE_FOREIGNER",
];

pub(super) fn initialize(
    alipay: &Arc<Alipay>,
    call: &Call,
    product: Product,
) -> Result<Fields, Refusal> {
    let wrong = || product.wrong();
    let most = if product == Product::Verification { 64 } else { 32 };
    let number = call.text("outer_order_no", most).ok().flatten().ok_or_else(wrong)?;
    if !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(wrong());
    }
    let kind = call.text("biz_code", 64).ok().flatten().unwrap_or("");
    let known = match product {
        Product::Open => ["FACE", "CERT_PHOTO", "CERT_PHOTO_FACE", "SMART_FACE"].contains(&kind),
        Product::Face => kind == "FACE",
        Product::Verification => kind == "DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION",
    };
    if !known {
        return Err(wrong());
    }
    // The first two products nest what the third has at the top.
    let nested = call.biz.get("identity_param");
    let identity = |name: &str| match product {
        Product::Verification => call.biz.get(name).and_then(Value::as_str),
        Product::Open | Product::Face => nested?.get(name)?.as_str(),
    };
    let kinds_fit = matches!(identity("identity_type"), Some("CERT_INFO" | "AGENT_CERT_INFO"))
        && identity("cert_type").is_some_and(|kind| match product {
            Product::Open => CERTIFICATES.contains(&kind),
            Product::Face | Product::Verification => kind == "IDENTITY_CARD",
        });
    let filled = |name: &str| identity(name).is_some_and(|text| !text.trim().is_empty());
    if !kinds_fit || !filled("cert_name") || !filled("cert_no") {
        return Err(wrong());
    }
    let about = ["cert_type", "cert_name", "cert_no"]
        .map(|name| identity(name).map(str::to_owned).unwrap_or_default());
    let return_url = call.biz.get("merchant_config").and_then(|config| config.get("return_url"));
    let now = alipay.now();
    let mut all = lock(&alipay.certifications);
    if all.newest().any(|known| known.product == product && known.outer_order_no == number) {
        return Err(wrong());
    }
    let entropy: &dyn Entropy = alipay.stage.entropy.as_ref();
    let certify_id = entropy.hex(16);
    let certification = Certification {
        product,
        outer_order_no: number.to_owned(),
        about,
        return_url: return_url.and_then(Value::as_str).map(str::to_owned),
        started_at: now,
        passed: None,
    };
    all.insert(certify_id.clone(), certification);
    let mut fields = Fields::new();
    if product == Product::Verification {
        fields.insert("web_url".to_owned(), json!(page_address(&call.host, &certify_id)));
    }
    fields.insert("certify_id".to_owned(), json!(certify_id));
    Ok(fields)
}

fn page_address(host: &str, certify_id: &str) -> String {
    format!("http://{host}/certifications/{certify_id}")
}

/// `…face.certify.verify`: the address of the page.
pub(super) fn verify(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let certify_id = Product::Face.certify_id(call)?;
    known(alipay, certify_id, Product::Face)?;
    let mut fields = Fields::new();
    fields.insert("certify_url".to_owned(), json!(page_address(&call.host, certify_id)));
    Ok(fields)
}

fn known(alipay: &Alipay, certify_id: &str, product: Product) -> Result<Certification, Refusal> {
    let all = lock(&alipay.certifications);
    let known = all.get(certify_id).filter(|known| known.product == product);
    known.cloned().ok_or_else(|| failed("OPEN_CERTIFY_BILL_NOT_EXIST", "认证单据不存在"))
}

pub(super) fn query(
    alipay: &Arc<Alipay>,
    call: &Call,
    product: Product,
) -> Result<Fields, Refusal> {
    let certify_id = product.certify_id(call)?;
    let known = known(alipay, certify_id, product)?;
    let mut fields = Fields::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if product == Product::Verification {
        let state = match known.passed {
            None => "PROCESSING",
            Some(true) => "SUCCESS",
            Some(false) => "FAIL",
        };
        set("certify_state", json!(state));
        if let Some(passed) = known.passed {
            set("score", json!(if passed { "97.50" } else { "12.30" }));
            set("quality", json!("0.92"));
            set("attack_flag", json!("F"));
            // One pixel.
            set("alive_photo", json!("R0lGODlhAQABAAAAACwAAAAAAQABAAA="));
        }
        return Ok(fields);
    }
    let Some(passed) = known.passed else {
        return Err(match alipay.now().since(known.started_at) >= LIFE {
            true => failed("CERTIFY_ID_EXPIRED", "认证已失效"),
            false => failed("OPEN_CERTIFY_BILL_STATUS_ERROR", "认证单据状态异常"),
        });
    };
    set("passed", json!(if passed { "T" } else { "F" }));
    if product == Product::Open {
        let [cert_type, cert_name, cert_no] = &known.about;
        let about = json!({"cert_type": cert_type, "cert_name": cert_name, "cert_no": cert_no});
        // JSON texts inside strings.
        set("identity_info", json!(about.to_string()));
        set("material_info", json!("{}"));
    }
    if !passed {
        set("fail_reason", json!("刷脸不通过"));
    }
    Ok(fields)
}

/// `alipay.user.certify.open.certify`, which the client opens as a page: leads to ours.
pub(super) fn open_page(alipay: &Alipay, call: &Call) -> Result<Response, Refusal> {
    let certify_id = Product::Open.certify_id(call)?;
    known(alipay, certify_id, Product::Open)?;
    Ok(Redirect::to(&page_address(&call.host, certify_id)).into_response())
}

#[derive(Deserialize)]
pub(super) struct End {
    passed: Option<String>,
}

/// The page: two links, and the way back when one was taken.
pub(super) async fn page(
    State(alipay): State<Arc<Alipay>>,
    Path(certify_id): Path<String>,
    Query(End { passed }): Query<End>,
) -> Response {
    let known = lock(&alipay.certifications).get(&certify_id).cloned();
    let Some(known) = known else {
        return (StatusCode::NOT_FOUND, "no such certification").into_response();
    };
    match passed.as_deref() {
        None => Html(
            "<!doctype html><meta charset=utf-8><title>mock</title><p><a href=\"?passed=T\">pass</a></p><p><a href=\"?passed=F\">fail</a></p>",
        )
        .into_response(),
        Some(answer @ ("T" | "F")) => {
            if alipay.certify(&certify_id, answer == "T").is_none() {
                return (StatusCode::CONFLICT, "this certification has ended").into_response();
            }
            match known.return_url {
                Some(url) if url.starts_with("http") => Redirect::to(&url).into_response(),
                _ => Html("<!doctype html><title>mock</title><p>done</p>").into_response(),
            }
        }
        Some(_) => (StatusCode::BAD_REQUEST, "passed is T or F").into_response(),
    }
}
