//! `/gateway.do`: reads, checks in the gateway's order, calls the method, signs the answer
//! (alipay §1, §8.1).

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use kernel::{Entropy, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Alipay,
    form::{self, Parameters},
    oauth, refund, sign, trade,
};
use crate::{
    faults::{Fault, FaultKind, FaultTarget},
    http,
};

/// Largest difference between a request's timestamp and our wire time. The figure for v2 is not
/// published; v3 says ten minutes.
const AGE_MAX: Duration = Duration::from_secs(600);

/// A definite no in Alipay's form.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: &'static str,
    sub_code: String,
    sub_message: String,
    /// Failures before the signature is proven are not signed.
    signed: bool,
    /// Under `error_response` in place of the method's own node.
    error_root: bool,
}

impl Refusal {
    fn gateway(code: &'static str, sub_code: &str, sub_message: impl Into<String>) -> Refusal {
        let message = match code {
            "40001" => "Missing Required Arguments",
            "40002" => "Invalid Arguments",
            "40004" => "Business Failed",
            "40005" => "Call Limited",
            "40006" => "Insufficient Permissions",
            _ => "Service Currently Unavailable",
        };
        let (sub_code, sub_message) = (sub_code.to_owned(), sub_message.into());
        Refusal { code, message, sub_code, sub_message, signed: false, error_root: false }
    }

    /// 40004 with an `ACQ.` code, signed.
    pub fn business(sub_code: &str, sub_message: &str) -> Refusal {
        let sub_code = format!("ACQ.{sub_code}");
        Refusal { signed: true, ..Refusal::gateway("40004", &sub_code, sub_message) }
    }

    /// 40002 after the signature was proven.
    pub fn invalid(sub_code: &str, sub_message: &str) -> Refusal {
        Refusal { signed: true, ..Refusal::gateway("40002", sub_code, sub_message) }
    }

    /// As [`Self::invalid`], under `error_response`.
    pub fn login(sub_code: &str, sub_message: &str) -> Refusal {
        Refusal { error_root: true, ..Refusal::invalid(sub_code, sub_message) }
    }

    fn unavailable() -> Refusal {
        let refusal = Refusal::gateway("20000", "isp.unknow-error", "系统繁忙");
        Refusal { signed: true, ..refusal }
    }

    fn node(&self) -> Value {
        json!({
            "code": self.code,
            "msg": self.message,
            "sub_code": self.sub_code,
            "sub_msg": self.sub_message,
        })
    }
}

/// A call whose signature is proven.
pub(super) struct Call {
    pub parameters: Parameters,
    /// The business parameters; empty for methods that have none.
    pub biz: Map<String, Value>,
    pub fault: Option<FaultKind>,
}

impl Call {
    /// A non-blank common parameter.
    pub fn common(&self, name: &str) -> Option<&str> {
        value(&self.parameters, name)
    }

    /// A business text of at most `length_max` characters; `None` when absent or empty.
    ///
    /// # Errors
    /// ACQ.INVALID_PARAMETER for another type or a longer text.
    pub fn text(&self, name: &str, length_max: usize) -> Result<Option<&str>, Refusal> {
        match self.biz.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= length_max => {
                Ok(Some(text.as_str()).filter(|text| !text.is_empty()))
            }
            Some(_) => Err(invalid_parameter(name)),
        }
    }

    /// A business text that must be there.
    pub fn required(&self, name: &str, length_max: usize) -> Result<&str, Refusal> {
        self.text(name, length_max)?.ok_or_else(|| invalid_parameter(name))
    }

    /// Whether `query_options` names an option.
    pub fn wants(&self, option: &str) -> bool {
        let options = self.biz.get("query_options").and_then(Value::as_array);
        options.is_some_and(|options| options.iter().any(|name| name == option))
    }
}

pub(super) fn invalid_parameter(name: &str) -> Refusal {
    Refusal::business("INVALID_PARAMETER", &format!("参数有误：{name}"))
}

fn value<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// Reads exactly `yyyy-MM-dd HH:mm:ss`.
pub(super) fn beijing_time(text: &str) -> Option<Timestamp> {
    let shaped = text.len() == 19 && text.as_bytes()[10] == b' ';
    Timestamp::from_beijing_text(text).ok().filter(|_| shaped)
}

fn escape_html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

impl Alipay {
    /// The gateway's own checks, before any method is looked at.
    fn check(&self, parameters: &Parameters) -> Result<(), Refusal> {
        let missing = |name: &str| {
            Refusal::gateway("40001", &format!("isv.missing-{name}"), format!("缺少参数：{name}"))
        };
        let invalid = |name: &str, message: &str| {
            Refusal::gateway("40002", &format!("isv.invalid-{name}"), message)
        };
        let app_id = value(parameters, "app_id").ok_or_else(|| missing("app-id"))?;
        if app_id != self.keys.app_id {
            return Err(invalid("app-id", "无效的AppID参数"));
        }
        let signature = value(parameters, "sign").ok_or_else(|| missing("signature"))?;
        let sign_type = value(parameters, "sign_type").ok_or_else(|| missing("signature-type"))?;
        let timestamp = value(parameters, "timestamp").ok_or_else(|| missing("timestamp"))?;
        let version = value(parameters, "version").ok_or_else(|| missing("version"))?;
        let charset = value(parameters, "charset").unwrap_or("");
        if version != "1.0" {
            return Err(invalid("parameter", "无效的version参数"));
        }
        if value(parameters, "format").is_some_and(|f| !f.eq_ignore_ascii_case("json")) {
            return Err(invalid("format", "无效的数据格式"));
        }
        if !charset.eq_ignore_ascii_case("utf-8") {
            return Err(invalid("charset", "字符集错误：仅支持utf-8"));
        }
        let fresh = beijing_time(timestamp)
            .is_some_and(|said| said.apart(self.stage.clocks.wire()) <= AGE_MAX);
        if !fresh {
            return Err(invalid("timestamp", "非法的时间戳参数"));
        }
        if sign_type != "RSA2" {
            return Err(invalid("signature-type", "无效的签名类型"));
        }
        let text = sign::request_text(parameters);
        if self.keys.app.verifies(text.as_bytes(), signature) {
            return Ok(());
        }
        let message = format!(
            "验签出错，请确认charset参数放在了URL查询字符串中且各参数值使用charset参数指示的字符集编码，网关生成的验签字符串为：{}",
            escape_html(&text)
        );
        Err(Refusal::gateway("40002", "isv.invalid-signature", message))
    }

    /// `{"node":{…},"sign":"…"}`, signed over the node's exact text.
    fn envelope(&self, node: &str, content: &Value, signed: bool, wrong: bool) -> String {
        let content = content.to_string();
        if !signed {
            return format!("{{\"{node}\":{content}}}");
        }
        let text = if wrong { format!("{content} ") } else { content.clone() };
        let signature = self.keys.alipay.sign(text.as_bytes());
        format!("{{\"{node}\":{content},\"sign\":\"{signature}\"}}")
    }

    fn page(&self, body: String) -> Response {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let mut response = body.into_response();
        let kind = HeaderValue::from_static("text/html;charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Ok(trace) = HeaderValue::from_str(&entropy.hex(16)) {
            response.headers_mut().insert("trace_id", trace);
        }
        response
    }

    fn refused(&self, node: &str, refusal: &Refusal) -> Response {
        tracing::info!(sub_code = refusal.sub_code, "call refused");
        let node = if refusal.error_root { "error_response" } else { node };
        self.page(self.envelope(node, &refusal.node(), refusal.signed, false))
    }
}

fn target(method: &str) -> Option<FaultTarget> {
    Some(match method {
        "alipay.system.oauth.token" => FaultTarget::AlipayLogin,
        "alipay.trade.create" => FaultTarget::AlipayCreate,
        "alipay.trade.query" => FaultTarget::AlipayQuery,
        "alipay.trade.close" => FaultTarget::AlipayClose,
        "alipay.trade.cancel" => FaultTarget::AlipayCancel,
        "alipay.trade.refund" => FaultTarget::AlipayRefund,
        "alipay.trade.fastpay.refund.query" => FaultTarget::AlipayRefundQuery,
        _ => return None,
    })
}

/// The method's own node, success or business failure.
fn called(alipay: &Arc<Alipay>, method: &str, call: &Call) -> Result<Value, Refusal> {
    if method == "alipay.system.oauth.token" {
        // The one answer that has neither code nor message on success.
        return oauth::token(alipay, call).map(Value::Object);
    }
    let fields = match method {
        "alipay.trade.create" => trade::create(alipay, call),
        "alipay.trade.query" => trade::query(alipay, call),
        "alipay.trade.close" => trade::close(alipay, call),
        "alipay.trade.cancel" => trade::cancel(alipay, call),
        "alipay.trade.refund" => refund::apply(alipay, call),
        _ => refund::query(alipay, call),
    }?;
    let mut node = Map::new();
    node.insert("code".to_owned(), json!("10000"));
    node.insert("msg".to_owned(), json!("Success"));
    node.extend(fields);
    Ok(Value::Object(node))
}

fn business_parameters(parameters: &Parameters) -> Result<Map<String, Value>, Refusal> {
    match value(parameters, "biz_content").map(serde_json::from_str::<Value>) {
        None => Ok(Map::new()),
        Some(Ok(Value::Object(map))) => Ok(map),
        Some(_) => Err(Refusal::invalid("isv.illegal-json", "非法的json格式数据")),
    }
}

pub(super) async fn answer(
    State(alipay): State<Arc<Alipay>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let read = form::merge(query.as_deref().unwrap_or(""), kind.unwrap_or(""), &body);
    let Ok(parameters) = read else {
        let refusal = Refusal::gateway("40002", "isv.invalid-parameter", "参数无法解析");
        return alipay.refused("error_response", &refusal);
    };
    let Some(method) = value(&parameters, "method").map(str::to_owned) else {
        let refusal = Refusal::gateway("40001", "isv.missing-method", "缺少方法名参数");
        return alipay.refused("error_response", &refusal);
    };
    let plain = method.len() <= 128
        && method.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let node = match plain {
        true => format!("{}_response", method.replace('.', "_")),
        false => "error_response".to_owned(),
    };
    if let Err(refusal) = alipay.check(&parameters) {
        return alipay.refused(&node, &refusal);
    }
    let Some(target) = target(&method) else {
        let refusal = Refusal::gateway("40002", "isv.invalid-method", "不存在的方法名");
        return alipay.refused("error_response", &refusal);
    };
    let biz = match business_parameters(&parameters) {
        Ok(biz) => biz,
        Err(refusal) => return alipay.refused(&node, &refusal),
    };
    let fault = alipay.stage.faults.take(target);
    let kind = fault.map(|fault| fault.fault);
    match kind {
        Some(FaultKind::ErrorBeforeCommit) => {
            return alipay.refused(&node, &Refusal::unavailable());
        }
        Some(FaultKind::Busy) => {
            let limited = Refusal::gateway("40005", "isv.app-call-limited", "应用调用次数超限");
            return alipay.refused(&node, &Refusal { signed: true, ..limited });
        }
        Some(FaultKind::GatewayPage) => return http::gateway_page(),
        _ => {}
    }
    let outcome = called(&alipay, &method, &Call { parameters, biz, fault: kind });
    match fault {
        Some(Fault { fault: FaultKind::DropAfterCommit, .. }) => return http::dropped(),
        Some(Fault { fault: FaultKind::ErrorAfterCommit, .. }) => {
            return alipay.refused(&node, &Refusal::unavailable());
        }
        Some(Fault { fault: FaultKind::Slow, seconds, .. }) => {
            tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(0))).await;
        }
        _ => {}
    }
    match outcome {
        Ok(content) => {
            let wrong = kind == Some(FaultKind::WrongSignature);
            alipay.page(alipay.envelope(&node, &content, true, wrong))
        }
        Err(refusal) => alipay.refused(&node, &refusal),
    }
}
