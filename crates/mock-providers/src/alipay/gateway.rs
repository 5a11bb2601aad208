//! `/gateway.do`: reads, checks in the gateway's order, calls the method, signs the answer
//! (alipay §1, §8.1).

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{Extension, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use encoding_rs::Encoding;
use kernel::{Channel, Entropy, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Alipay, AlipayApp, AlipayOddity, bill, charset, create, crypt,
    form::{self, Parameters},
    identity::{self, Product},
    message, oauth, refund,
    seal::{self, Seal},
    sign, trade,
    wallet::Payable,
};
use crate::{
    faults::{FaultKind, FaultTarget},
    http::{self, Accidents},
    lock,
    phone::SignatureVerdict,
    refusals::{AlipayRefusal, DocumentedRefusal},
    settings::AlipayKeyMode,
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
            "20001" => "Insufficient Token Permissions",
            "40005" => "Call Limited",
            "40006" => "Insufficient Permissions",
            "40003" => "Insufficient Conditions",
            _ => "Service Currently Unavailable",
        };
        let (sub_code, sub_message) = (sub_code.to_owned(), sub_message.into());
        Refusal { code, message, sub_code, sub_message, signed: false, error_root: false }
    }

    /// 40004 with an `ACQ.` code, signed.
    pub fn business(sub_code: &str, sub_message: &str) -> Refusal {
        Refusal::business_of("ACQ.", sub_code, sub_message)
    }

    /// 40004 of a product with other names, signed.
    pub fn business_of(prefix: &str, sub_code: &str, sub_message: &str) -> Refusal {
        let sub_code = format!("{prefix}{sub_code}");
        Refusal { signed: true, ..Refusal::gateway("40004", &sub_code, sub_message) }
    }

    /// 20001: the user's token.
    pub fn token(sub_code: &str, sub_message: &str) -> Refusal {
        Refusal { signed: true, ..Refusal::gateway("20001", sub_code, sub_message) }
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
    /// Who calls.
    pub app: Arc<AlipayApp>,
    pub parameters: Parameters,
    /// The business parameters; empty for methods that have none.
    pub biz: Map<String, Value>,
    pub fault: Option<FaultKind>,
    /// Where the caller reached us, for addresses in answers.
    pub host: String,
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

    /// As [`Self::text`], with the method's own word for a wrong parameter.
    pub fn text_or(
        &self,
        name: &str,
        length_max: usize,
        wrong: fn() -> Refusal,
    ) -> Result<Option<&str>, Refusal> {
        self.text(name, length_max).map_err(|_| wrong())
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
    fn check(&self, parameters: &Parameters) -> Result<Arc<AlipayApp>, Refusal> {
        let missing = |name: &str| {
            Refusal::gateway("40001", &format!("isv.missing-{name}"), format!("缺少参数：{name}"))
        };
        let invalid = |name: &str, message: &str| {
            Refusal::gateway("40002", &format!("isv.invalid-{name}"), message)
        };
        let app_id = value(parameters, "app_id").ok_or_else(|| missing("app-id"))?;
        let app = self.keys.app(app_id).ok_or_else(|| invalid("app-id", "无效的AppID参数"))?;
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
        let charset = charset::named(charset)
            .ok_or_else(|| invalid("charset", "字符集错误：仅支持utf-8、gbk、gb2312、gb18030"))?;
        let fresh = beijing_time(timestamp)
            .is_some_and(|said| said.apart(self.stage.clocks.wire()) <= AGE_MAX);
        if !fresh {
            return Err(invalid("timestamp", "非法的时间戳参数"));
        }
        if sign_type != "RSA2" {
            return Err(invalid("signature-type", "无效的签名类型"));
        }
        self.check_serials(app, parameters)?;
        let text = sign::request_text(parameters);
        if app.pair.verifies(&charset::bytes(&text, charset), signature) {
            return Ok(Arc::clone(app));
        }
        let message = format!(
            "验签出错，请确认charset参数放在了URL查询字符串中且各参数值使用charset参数指示的字符集编码，网关生成的验签字符串为：{}",
            escape_html(&text)
        );
        Err(Refusal::gateway("40002", "isv.invalid-signature", message))
    }

    /// In certificate mode every call names the application's certificate and Alipay's roots.
    fn check_serials(&self, app: &AlipayApp, parameters: &Parameters) -> Result<(), Refusal> {
        let missing = |name: &str| {
            let message = format!("缺少参数：{name}");
            Refusal::gateway("40001", &format!("isv.missing-{name}"), message)
        };
        let mode = self.stage.switches.get().alipay_key_mode;
        let own = value(parameters, "app_cert_sn");
        let roots = value(parameters, "alipay_root_cert_sn");
        let certified = match mode {
            AlipayKeyMode::Any => own.is_some() || roots.is_some(),
            AlipayKeyMode::PublicKey => false,
            AlipayKeyMode::Certificate => true,
        };
        if !certified {
            return Ok(());
        }
        let own = own.ok_or_else(|| missing("app-cert-sn"))?;
        let roots = roots.ok_or_else(|| missing("alipay-root-cert-sn"))?;
        if own != app.certificate.sn || roots != self.keys.root_sn {
            let message = "应用公钥证书或支付宝根证书序列号不匹配";
            return Err(Refusal::gateway("40002", "isv.invalid-parameter", message));
        }
        if app.certificate.valid_until < self.stage.clocks.wire() {
            return Err(Refusal::gateway("40002", "isv.app-cert-expired", "应用公钥证书已过期"));
        }
        Ok(())
    }

    fn page(&self, body: Vec<u8>, charset: &'static Encoding) -> Response {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let mut response = body.into_response();
        let kind = format!("text/html;charset={}", charset.name().to_ascii_lowercase());
        if let Ok(kind) = HeaderValue::from_str(&kind) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        if let Ok(trace) = HeaderValue::from_str(&entropy.hex(16)) {
            response.headers_mut().insert("trace_id", trace);
        }
        response
    }

    fn sealed(&self, node: &str, content: &Value, seal: &Seal) -> Response {
        self.page(seal::envelope(self, node, content, seal), seal.charset)
    }

    fn refused(&self, node: &str, refusal: &Refusal, seal: &Seal) -> Response {
        tracing::info!(sub_code = refusal.sub_code, "call refused");
        let node = if refusal.error_root { "error_response" } else { node };
        let oddity = seal.oddity.filter(|_| refusal.signed);
        // Failures are answered in clear, whatever the request was.
        let seal = Seal { signed: refusal.signed, aes_key: None, oddity, ..*seal };
        self.sealed(node, &refusal.node(), &seal)
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
        "alipay.user.info.share" => FaultTarget::AlipayUserInfo,
        "alipay.data.dataservice.bill.downloadurl.query" => FaultTarget::AlipayBill,
        "alipay.open.app.alipaycert.download" => FaultTarget::AlipayCertificate,
        "alipay.open.app.mini.templatemessage.send"
        | "alipay.open.app.messagetemplate.subscribe.query" => FaultTarget::AlipayMessage,
        _ => product(method).map(|_| FaultTarget::AlipayCertify)?,
    })
}

/// The identity products' calls, by product and last word.
fn product(method: &str) -> Option<(Product, &str)> {
    let named = [
        ("alipay.user.certify.open.", Product::Open, ["initialize", "certify", "query"]),
        (
            "datadigital.fincloud.generalsaas.face.certify.",
            Product::Face,
            ["initialize", "verify", "query"],
        ),
        (
            "datadigital.fincloud.generalsaas.face.verification.",
            Product::Verification,
            ["initialize", "query", "query"],
        ),
    ];
    named.into_iter().find_map(|(prefix, product, words)| {
        let word = method.strip_prefix(prefix)?;
        words.contains(&word).then_some((product, word))
    })
}

/// The method's own node, success or business failure.
fn called(alipay: &Arc<Alipay>, method: &str, call: &Call) -> Result<Value, Refusal> {
    if method == "alipay.system.oauth.token" {
        // The one answer that has neither code nor message on success.
        return oauth::token(alipay, call).map(Value::Object);
    }
    let fields = match method {
        "alipay.trade.create" => create::create(alipay, call),
        "alipay.trade.query" => trade::query(alipay, call),
        "alipay.trade.close" => trade::close(alipay, call),
        "alipay.trade.cancel" => trade::cancel(alipay, call),
        "alipay.trade.refund" => refund::apply(alipay, call),
        "alipay.trade.fastpay.refund.query" => refund::query(alipay, call),
        "alipay.user.info.share" => identity::profile(alipay, call),
        "alipay.data.dataservice.bill.downloadurl.query" => bill::address(alipay, call),
        "alipay.open.app.alipaycert.download" => certificate(alipay, call),
        "alipay.open.app.mini.templatemessage.send" => message::send(alipay, call),
        "alipay.open.app.messagetemplate.subscribe.query" => message::subscriptions(alipay, call),
        other => match product(other) {
            Some((product, "initialize")) => identity::initialize(alipay, call, product),
            Some((Product::Face, "verify")) => identity::verify(alipay, call),
            Some((product, "query")) => identity::query(alipay, call, product),
            _ => Err(Refusal::gateway("40002", "isv.invalid-method", "不存在的方法名")),
        },
    }?;
    let mut node = Map::new();
    node.insert("code".to_owned(), json!("10000"));
    node.insert("msg".to_owned(), json!("Success"));
    node.extend(fields);
    Ok(Value::Object(node))
}

/// One of Alipay's certificates, for merchants that meet a serial number they do not know.
fn certificate(alipay: &Arc<Alipay>, call: &Call) -> Result<Map<String, Value>, Refusal> {
    let sn = call.required("alipay_cert_sn", 32)?;
    let known = alipay.keys.certificate(sn);
    let known = known.ok_or_else(|| invalid_parameter("alipay_cert_sn"))?;
    let mut fields = Map::new();
    fields.insert("alipay_cert_content".to_owned(), json!(BASE64.encode(&known.pem)));
    Ok(fields)
}

/// Names of business parameters that the trade methods document; others are refused when strict.
fn is_documented(method: &str, name: &str) -> bool {
    let listed: &[&str] = match method {
        "alipay.trade.create" => &[
            "out_trade_no",
            "total_amount",
            "subject",
            "product_code",
            "op_app_id",
            "buyer_id",
            "buyer_open_id",
            "op_buyer_open_id",
            "seller_id",
            "body",
            "timeout_express",
            "time_expire",
            "passback_params",
            "extend_params",
            "business_params",
            "ext_user_info",
            "goods_detail",
            "discountable_amount",
            "undiscountable_amount",
            "enable_pay_channels",
            "disable_pay_channels",
            "store_id",
            "operator_id",
            "terminal_id",
            "merchant_order_no",
            "query_options",
        ],
        "alipay.trade.query" => &["out_trade_no", "trade_no", "query_options"],
        "alipay.trade.close" => &["out_trade_no", "trade_no", "operator_id"],
        "alipay.trade.cancel" => &["out_trade_no", "trade_no"],
        "alipay.trade.refund" => &[
            "out_trade_no",
            "trade_no",
            "refund_amount",
            "out_request_no",
            "refund_reason",
            "operator_id",
            "refund_goods_detail",
            "query_options",
        ],
        "alipay.trade.fastpay.refund.query" => {
            &["out_trade_no", "trade_no", "out_request_no", "query_options"]
        }
        _ => return true,
    };
    listed.contains(&name)
}

impl Alipay {
    fn business_parameters(
        &self,
        app: &AlipayApp,
        method: &str,
        parameters: &Parameters,
    ) -> Result<Map<String, Value>, Refusal> {
        let content = value(parameters, "biz_content");
        let plain = match (value(parameters, "encrypt_type"), content) {
            (None, content) => content.map(str::to_owned),
            (Some("AES"), None) => None,
            (Some("AES"), Some(content)) => {
                let plain = crypt::decrypt(&app.aes_key, content);
                let refusal = || Refusal::invalid("isv.invalid-encrypt", "解密异常");
                Some(plain.ok_or_else(refusal)?)
            }
            (Some(_), _) => {
                return Err(Refusal::invalid("isv.invalid-encrypt-type", "无效的加密类型"));
            }
        };
        let map = match plain.as_deref().map(serde_json::from_str::<Value>) {
            None => Map::new(),
            Some(Ok(Value::Object(map))) => map,
            Some(_) => return Err(Refusal::invalid("isv.illegal-json", "非法的json格式数据")),
        };
        let strict = self.stage.switches.get().alipay_strict;
        if strict && let Some(name) = map.keys().find(|name| !is_documented(method, name)) {
            let message = format!("未知参数：{name}");
            return Err(Refusal::invalid("isv.suspected-attack", &message));
        }
        Ok(map)
    }
}

pub(super) async fn answer(
    State(alipay): State<Arc<Alipay>>,
    RawQuery(query): RawQuery,
    verdict: Option<Extension<SignatureVerdict>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let verdict = verdict.map(|Extension(verdict)| verdict).unwrap_or_default();
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let kind = header(header::CONTENT_TYPE).unwrap_or("");
    let read = form::merge(query.as_deref().unwrap_or(""), kind, &body);
    let Ok(parameters) = read else {
        let refusal = Refusal::gateway("40002", "isv.invalid-parameter", "参数无法解析");
        return alipay.refused("error_response", &refusal, &Seal::default());
    };
    let charset = value(&parameters, "charset").and_then(charset::named);
    let seal = Seal {
        charset: charset.unwrap_or(encoding_rs::UTF_8),
        // In public key mode a certificate's number is not looked at, and none is told.
        with_serial: value(&parameters, "app_cert_sn").is_some()
            && alipay.stage.switches.get().alipay_key_mode != AlipayKeyMode::PublicKey,
        ..Seal::default()
    };
    let Some(method) = value(&parameters, "method").map(str::to_owned) else {
        let refusal = Refusal::gateway("40001", "isv.missing-method", "缺少方法名参数");
        return alipay.refused("error_response", &refusal, &seal);
    };
    let plain = method.len() <= 128
        && method.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let node = match plain {
        true => format!("{}_response", method.replace('.', "_")),
        false => "error_response".to_owned(),
    };
    let app = match alipay.check(&parameters) {
        Ok(app) => app,
        Err(refusal) => {
            verdict.refused();
            return alipay.refused(&node, &refusal, &seal);
        }
    };
    verdict.verified();
    let encrypted = value(&parameters, "encrypt_type").is_some();
    let seal = Seal { aes_key: encrypted.then_some(app.aes_key), ..seal };
    let Some(target) = target(&method) else {
        let refusal = Refusal::gateway("40002", "isv.invalid-method", "不存在的方法名");
        return alipay.refused("error_response", &refusal, &seal);
    };
    let biz = match alipay.business_parameters(&app, &method, &parameters) {
        Ok(biz) => biz,
        Err(refusal) => return alipay.refused(&node, &refusal, &seal),
    };
    let fault = alipay.stage.faults.take(target);
    let kind = fault.map(|fault| fault.fault);
    let seal = Seal {
        wrong: kind == Some(FaultKind::WrongSignature),
        oddity: match kind {
            Some(FaultKind::Alipay(oddity)) => Some(oddity),
            _ => None,
        },
        ..seal
    };
    let gate = Gate { alipay: &alipay, node: &node, seal: &seal };
    if alipay.stage.is_over_the_limit() {
        return gate.busy().await;
    }
    if let Some(response) = http::before(fault, &gate).await.or_else(|| gate.before(kind)) {
        return response;
    }
    let host = header(header::HOST).unwrap_or("127.0.0.1").to_owned();
    let call = Call { app, parameters, biz, fault: kind, host };
    if product(&method) == Some((Product::Open, "certify")) {
        // A page for the client, not a call: nothing is signed.
        return identity::open_page(&alipay, &call)
            .unwrap_or_else(|refusal| alipay.refused(&node, &refusal, &seal));
    }
    let outcome = called(&alipay, &method, &call);
    if kind == Some(FaultKind::PaidBeforeAnswer) {
        alipay.pay_and_tell(&call).await;
    }
    if kind == Some(FaultKind::Alipay(AlipayOddity::SystemErrorAfterCommit)) {
        return alipay.refused(&node, &Refusal::business("SYSTEM_ERROR", "系统错误"), &seal);
    }
    if let Some(response) = http::after(fault, &gate).await {
        return response;
    }
    match outcome {
        Ok(content) => alipay.sealed(&node, &content, &Seal { signed: true, ..seal }),
        Err(refusal) => alipay.refused(&node, &refusal, &seal),
    }
}

/// How the faults of one call are answered.
struct Gate<'a> {
    alipay: &'a Arc<Alipay>,
    node: &'a str,
    seal: &'a Seal,
}

impl Gate<'_> {
    fn refuse(&self, refusal: &Refusal) -> Response {
        self.alipay.refused(self.node, refusal, self.seal)
    }

    /// What only Alipay answers in place of the method.
    fn before(&self, kind: Option<FaultKind>) -> Option<Response> {
        let FaultKind::Alipay(oddity) = kind? else { return None };
        let unsigned = Refusal { signed: false, ..Refusal::unavailable() };
        let under_error = Refusal { error_root: true, ..Refusal::unavailable() };
        let unsigned_under_error = Refusal { signed: false, ..under_error.clone() };
        Some(match oddity {
            AlipayOddity::UnsignedError => self.refuse(&unsigned),
            AlipayOddity::ErrorRoot => self.refuse(&under_error),
            AlipayOddity::UnsignedErrorRoot => self.refuse(&unsigned_under_error),
            AlipayOddity::DropBeforeCommit => http::dropped(),
            _ => return None,
        })
    }
}

impl Accidents for Gate<'_> {
    async fn unavailable(&self) -> Response {
        self.refuse(&Refusal::unavailable())
    }
    async fn busy(&self) -> Response {
        let limited = Refusal::gateway("40005", "isv.app-call-limited", "应用调用次数超限");
        self.refuse(&Refusal { signed: true, ..limited })
    }
    async fn refused(&self, refusal: DocumentedRefusal) -> Option<Response> {
        let AlipayRefusal { code, sub_code, message, signed, error_root } = refusal.of_alipay()?;
        let refusal = Refusal::gateway(code, sub_code, message);
        Some(self.refuse(&Refusal { signed, error_root, ..refusal }))
    }
}

impl Alipay {
    /// The user pays what this create call is about, and every notification about it has had its
    /// attempt when this returns.
    async fn pay_and_tell(self: &Arc<Self>, call: &Call) {
        let Ok(Some(number)) = call.text("out_trade_no", 64) else { return };
        let trade = lock(&self.ledger).by_number(call.app.place, number, self.now()).cloned();
        let Some(trade) = trade else { return };
        if let Err(refusal) = self.pay(&Payable::TradeNo(trade.trade_no), None) {
            tracing::info!(%refusal, "the user could not pay before the answer");
            return;
        }
        self.stage.office.tell_now(Channel::Alipay, number).await;
    }
}
