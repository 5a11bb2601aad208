//! What WeChat Pay answers: bodies, error codes, internal codes, and the signature on them.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::Entropy;
use serde_json::{Value, json};

use super::{Wechat, merchant::Merchant, signer::Signer};

/// The number after the last `-` of `Request-ID`; 0 on success.
#[derive(Clone, Copy, Debug)]
pub(super) struct InternalCode(pub u32);

/// A definite no in WeChat's form.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub internal: u32,
    pub detail: Option<Value>,
}

impl Refusal {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        internal: u32,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal { status, code, internal, message: message.into(), detail: None }
    }

    /// 400 PARAM_ERROR that points at a member of the body.
    pub fn parameter(pointer: &str, value: &Value, message: impl Into<String>) -> Refusal {
        let message = message.into();
        // Long values are cut, as the real answers do.
        let value: String = match value {
            Value::String(text) => text.chars().take(64).collect(),
            Value::Null => String::new(),
            other => other.to_string().chars().take(64).collect(),
        };
        let detail =
            json!({"location": "body", "field": pointer, "value": value, "issue": message});
        Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "PARAM_ERROR",
            internal: 268_435_461,
            message: format!("参数错误：{message}"),
            detail: Some(detail),
        }
    }

    /// 400 PARAM_ERROR for something missing in the path or query.
    pub fn missing_in_uri(name: &str, label: &str) -> Refusal {
        let message = format!(
            "输入源“/uri_template/{name}”映射到字段“{label}”必填性规则校验失败，此字段为必填项"
        );
        let mut refusal =
            Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message);
        refusal.detail = Some(json!({"location": "uri_template", "value": ""}));
        refusal
    }

    pub fn invalid_request(internal: u32, message: &str) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", internal, message)
    }

    /// Same number, other parameters.
    pub fn changed_parameters() -> Refusal {
        Refusal::invalid_request(268_498_688, "请求重入时，参数与首次请求时不一致")
    }

    pub fn not_found(code: &'static str, message: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, code, 268_512_771, message)
    }

    pub fn no_such_path() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "RESOURCE_NOT_EXISTS", 268_435_461, "请求的资源不存在")
    }

    /// 405; no public text has its code.
    pub fn no_such_method() -> Refusal {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Refusal::new(status, "PARAM_ERROR", 268_435_461, "请求方法不支持")
    }

    pub fn system_error() -> Refusal {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Refusal::new(status, "SYSTEM_ERROR", 268_435_456, "系统异常，请稍后重试")
    }

    pub fn busy() -> Refusal {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Refusal::new(status, "FREQUENCY_LIMITED", 268_447_840, "频率超限，请稍后重试")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"code": self.code, "message": self.message});
        if let Some(detail) = self.detail {
            body["detail"] = detail;
        }
        let mut response = json_response(self.status, &body);
        response.extensions_mut().insert(InternalCode(self.internal));
        response
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// 200 with a body.
pub(super) fn found(body: &Value) -> Response {
    json_response(StatusCode::OK, body)
}

/// Marks an answer that goes out without a signature: the file of a bill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsigned;

/// 204 without a body.
pub(super) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The text that a response or callback signature covers (wechat §1.4).
pub(super) fn signed_text(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    text
}

/// How an answer or callback is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealing {
    Genuine,
    /// A signature of other bytes.
    Wrong,
    /// The platform's probe for merchants that do not verify (wechat §1.5).
    Probe,
    /// A genuine signature under a serial that no key has.
    UnknownSerial,
}

impl Merchant {
    /// The five `Wechatpay-*` headers for a body.
    pub(super) fn seal(
        &self,
        signer: &Signer,
        sealing: Sealing,
        wire_seconds: i64,
        body: &[u8],
    ) -> [(&'static str, String); 5] {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let (nonce, timestamp) = (entropy.letters(32), wire_seconds.to_string());
        let mut text = signed_text(&timestamp, &nonce, body);
        if sealing == Sealing::Wrong {
            text.extend_from_slice(b"other bytes");
        }
        let (key, serial) = self.signing(signer);
        let mut signature = key.sign(&text);
        if sealing == Sealing::Probe {
            let at = "WECHATPAY/SIGNTEST/".len();
            signature = format!("WECHATPAY/SIGNTEST/{}", &signature[at..]);
        }
        let serial = match sealing {
            Sealing::UnknownSerial => entropy.hex(20).to_uppercase(),
            _ => serial.to_owned(),
        };
        [
            ("Wechatpay-Timestamp", timestamp),
            ("Wechatpay-Nonce", nonce),
            ("Wechatpay-Signature", signature),
            ("Wechatpay-Serial", serial),
            ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ]
    }
}

impl Wechat {
    pub(super) fn request_id(&self, internal: u32) -> String {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        format!("{}-{internal}", entropy.hex(16).to_uppercase())
    }
}

/// Adds headers whose values are all visible ASCII.
pub(super) fn add_headers(
    response: &mut Response<Body>,
    pairs: impl IntoIterator<Item = (&'static str, String)>,
) {
    for (name, value) in pairs {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"", 45, "5df97f3a701701b4056b270b0f074a93ff1b61349e458c0e64c5367ce6c3561c")]
    #[case(
        br#"{"prepay_id":"wx01000000000000000000000000000000"}"#,
        95,
        "0163a65457c1cc2a028c0efa97a311797d60aed4d4dcef26d54a200e01bcfc08"
    )]
    fn the_signed_text_of_an_answer_is_exact(
        #[case] body: &[u8],
        #[case] length: usize,
        #[case] hash: &str,
    ) {
        let text = signed_text("1767225600", "0123456789abcdef0123456789abcdef", body);
        assert_eq!(text.len(), length);
        assert_eq!(hex::encode(ring::digest::digest(&ring::digest::SHA256, &text)), hash);
    }
}
