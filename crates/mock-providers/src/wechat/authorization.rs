//! The door of `/v3`: checks the merchant's signature over the raw bytes, lets ordered faults
//! strike, and signs what goes out.

use std::sync::{Arc, Mutex};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::Channel;
use serde_json::{Value, json};

use super::{
    BODY_BYTES_MAX, Payable, Wechat,
    answer::{InternalCode, Refusal, Sealing, Unsigned, add_headers},
    certificates::Signer,
};
use crate::{
    bounded::Bounded,
    faults::{FaultKind, FaultTarget},
    http::{self, Accidents},
    lock,
    phone::SignatureVerdict,
    refusals::DocumentedRefusal,
};

/// Who signed the request, proven; and the fault that its handler has to play.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub mchid: String,
    /// The serial by which the request names the key of its encrypted members.
    pub serial: Option<String>,
    pub fault: Option<FaultKind>,
}

/// What came to the door.
#[derive(Debug, Default)]
struct Count {
    verified: u64,
    refused: u64,
    repeated_nonces: u64,
}

/// Counts requests and remembers nonces. WeChat is not known to refuse a nonce that comes again, so
/// neither does the mock; whoever tests may want to know.
#[derive(Debug)]
pub(super) struct Door {
    count: Mutex<Count>,
    nonces: Mutex<Bounded<String, ()>>,
}

impl Default for Door {
    fn default() -> Door {
        Door { count: Mutex::default(), nonces: Mutex::new(Bounded::new(100_000)) }
    }
}

impl Door {
    fn let_in(&self, nonce: &str) {
        let mut nonces = lock(&self.nonces);
        let mut count = lock(&self.count);
        count.verified += 1;
        count.repeated_nonces += u64::from(nonces.contains(nonce));
        nonces.insert(nonce.to_owned(), ());
    }

    fn turn_away(&self) {
        lock(&self.count).refused += 1;
    }

    pub fn view(&self) -> Value {
        let Count { verified, refused, repeated_nonces } = &*lock(&self.count);
        json!({"verified": verified, "refused": refused, "repeated_nonces": repeated_nonces})
    }
}

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// Largest difference between the request's time stamp and our wire time.
const AGE_SECONDS_MAX: u64 = 300;

/// The text that a request signature covers (wechat §1.3). Bytes, because the body is opaque here.
fn signed_text(
    method: &str,
    path_and_query: &str,
    stamp: &str,
    nonce: &str,
    body: &[u8],
) -> Vec<u8> {
    let mut text = format!("{method}\n{path_and_query}\n{stamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    text
}

#[derive(Debug, PartialEq, Eq)]
struct Authorization<'a> {
    mchid: &'a str,
    nonce: &'a str,
    timestamp: &'a str,
    serial: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Five items in any order, each once.
    fn parse(header: &'a str) -> Result<Authorization<'a>, &'static str> {
        let (scheme, items) = header
            .trim()
            .split_once(' ')
            .ok_or("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")?;
        if scheme != SCHEME {
            return Err("Http头Authorization认证类型不正确");
        }
        const FORM: &str = "Http头Authorization值格式错误";
        let mut found: [Option<&str>; 5] = [None; 5];
        for item in items.split(',') {
            let (name, value) = item.trim().split_once('=').ok_or(FORM)?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).ok_or(FORM)?;
            let names = ["mchid", "nonce_str", "timestamp", "serial_no", "signature"];
            let at = names.iter().position(|known| *known == name).ok_or(FORM)?;
            if value.is_empty() || found[at].replace(value).is_some() {
                return Err(FORM);
            }
        }
        let [Some(mchid), Some(nonce), Some(timestamp), Some(serial), Some(signature)] = found
        else {
            return Err(FORM);
        };
        Ok(Authorization { mchid, nonce, timestamp, serial, signature })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

fn unauthorised(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "SIGN_ERROR", 268_443_699, message)
}

impl Wechat {
    fn check(
        &self,
        method: &Method,
        path_and_query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<String, Refusal> {
        let header = text(headers, "authorization")
            .ok_or_else(|| unauthorised("Http头缺少Authorization"))?;
        let said = Authorization::parse(header).map_err(unauthorised)?;
        if said.mchid != self.keys.mchid {
            return Err(unauthorised("商户号不存在或未设置APIv3密钥"));
        }
        if said.serial != self.keys.merchant.serial {
            return Err(unauthorised("商户证书序列号有误。请使用签名私钥匹配的证书序列号"));
        }
        if self.keys.merchant.valid_until < self.stage.clocks.wire() {
            return Err(unauthorised("商户API证书已过期，请更换证书"));
        }
        let seconds = said
            .timestamp
            .parse::<i64>()
            .map_err(|_| unauthorised("Http头Authorization中的timestamp不是整数"))?;
        if seconds.abs_diff(self.stage.clocks.wire().unix_seconds()) > AGE_SECONDS_MAX {
            return Err(unauthorised(
                "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
            ));
        }
        let signed = signed_text(method.as_str(), path_and_query, said.timestamp, said.nonce, body);
        if self.keys.merchant.pair.verifies(&signed, said.signature) {
            self.door.let_in(said.nonce);
            return Ok(said.mchid.to_owned());
        }
        let mut refusal = unauthorised("签名错误");
        // The body part is cut after a few characters, as the real answer does.
        let shown = signed.len() - body.len() - 1 + body.len().min(12);
        refusal.detail = Some(json!({
            "detail": {"issue": "sign not match"},
            "field": "signature",
            "location": "authorization",
            "sign_information": {
                "method": method.as_str(),
                "url": path_and_query,
                "sign_message_length": signed.len(),
                "truncated_sign_message": String::from_utf8_lossy(&signed[..shown]),
            },
        }));
        Err(refusal)
    }

    /// The key that the request asks for, when we have it; otherwise the default.
    fn signer_for(&self, headers: &HeaderMap) -> Signer {
        let named = text(headers, "wechatpay-serial").and_then(|name| self.signer_named(name));
        named.unwrap_or_else(|| self.default_signer())
    }

    async fn signed(&self, response: Response, signer: &Signer, sealing: Sealing) -> Response {
        let (mut head, body) = response.into_parts();
        let body = match to_bytes(body, usize::MAX).await {
            Ok(body) => body,
            Err(cause) => {
                tracing::error!(error = %cause, "an answer could not be read");
                return Refusal::system_error().into_response();
            }
        };
        let internal = head.extensions.remove::<InternalCode>().map_or(0, |code| code.0);
        if head.extensions.remove::<Unsigned>().is_some() {
            return self.finished(Response::from_parts(head, Body::from(body)), internal);
        }
        let seconds = self.stage.clocks.wire().unix_seconds();
        let headers = self.seal(signer, sealing, seconds, &body);
        let mut response = Response::from_parts(head, Body::from(body));
        add_headers(&mut response, headers);
        self.finished(response, internal)
    }

    fn finished(&self, mut response: Response, internal: u32) -> Response {
        add_headers(
            &mut response,
            [
                ("Request-ID", self.request_id(internal)),
                ("Content-Language", "zh-CN".to_owned()),
                ("Cache-Control", "no-cache, must-revalidate".to_owned()),
                ("X-Content-Type-Options", "nosniff".to_owned()),
            ],
        );
        response
    }

    fn unsigned(&self, refusal: Refusal) -> Response {
        self.door.turn_away();
        let internal = refusal.internal;
        tracing::info!(code = refusal.code, message = %refusal.message, "request refused at the door");
        self.finished(refusal.into_response(), internal)
    }
}

fn target(method: &Method, path: &str) -> Option<FaultTarget> {
    let post = method == Method::POST;
    if path == "/v3/certificates" {
        Some(FaultTarget::WechatCertificates)
    } else if path.starts_with("/v3/bill/") {
        Some(FaultTarget::WechatBill)
    } else if path == "/v3/billdownload/file" {
        Some(FaultTarget::WechatBillFile)
    } else if path == "/v3/security/echo" {
        Some(FaultTarget::WechatEcho)
    } else if path.ends_with("/apply-abnormal-refund") {
        Some(FaultTarget::WechatAbnormalRefund)
    } else if path.ends_with("/jsapi") && post {
        Some(FaultTarget::WechatCreate)
    } else if path.ends_with("/close") && post {
        Some(FaultTarget::WechatClose)
    } else if path.starts_with("/v3/pay/") && !post {
        Some(FaultTarget::WechatQuery)
    } else if path.starts_with("/v3/refund/domestic/refunds") {
        Some(if post { FaultTarget::WechatRefund } else { FaultTarget::WechatRefundQuery })
    } else {
        None
    }
}

/// Lets only genuine requests in and only signed answers out.
pub(super) async fn guard(
    State(wechat): State<Arc<Wechat>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        let message = "请求体过大或不完整";
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message);
        return wechat.unsigned(refusal);
    };
    if text(&head.headers, "user-agent").is_none() || text(&head.headers, "accept").is_none() {
        let message = "Http头缺少Accept或User-Agent";
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message);
        return wechat.unsigned(refusal);
    }
    let path_and_query = head.uri.path_and_query().map_or("/", |text| text.as_str()).to_owned();
    let verdict = head.extensions.get::<SignatureVerdict>().cloned().unwrap_or_default();
    let mchid = match wechat.check(&head.method, &path_and_query, &head.headers, &body) {
        Ok(mchid) => mchid,
        Err(refusal) => {
            verdict.refused();
            return wechat.unsigned(refusal);
        }
    };
    verdict.verified();
    let signer = wechat.signer_for(&head.headers);
    let fault =
        target(&head.method, head.uri.path()).and_then(|target| wechat.stage.faults.take(target));
    let kind = fault.map(|fault| fault.fault);
    let sealing = match kind {
        Some(FaultKind::WrongSignature) => Sealing::Wrong,
        Some(FaultKind::Probe) => Sealing::Probe,
        Some(FaultKind::UnknownSerial) => Sealing::UnknownSerial,
        _ => Sealing::Genuine,
    };
    let call = SignedCall { wechat: &wechat, signer };
    if wechat.stage.is_over_the_limit() {
        return call.busy().await;
    }
    if let Some(response) = http::before(fault, &call).await {
        return response;
    }
    let serial = text(&head.headers, "wechatpay-serial").map(str::to_owned);
    head.extensions.insert(Caller { mchid, serial, fault: kind });
    let answer = next.run(Request::from_parts(head, Body::from(body.clone()))).await;
    if kind == Some(FaultKind::PaidBeforeAnswer) {
        wechat.pay_and_tell(&body).await;
    }
    match http::after(fault, &call).await {
        Some(response) => response,
        None => wechat.signed(answer, &call.signer, sealing).await,
    }
}

/// How the faults of a signed call are answered.
struct SignedCall<'a> {
    wechat: &'a Arc<Wechat>,
    signer: Signer,
}

impl SignedCall<'_> {
    async fn refuse(&self, refusal: Refusal) -> Response {
        self.wechat.signed(refusal.into_response(), &self.signer, Sealing::Genuine).await
    }
}

impl Accidents for SignedCall<'_> {
    async fn unavailable(&self) -> Response {
        self.refuse(Refusal::system_error()).await
    }
    async fn busy(&self) -> Response {
        self.refuse(Refusal::busy()).await
    }
    async fn refused(&self, refusal: DocumentedRefusal) -> Option<Response> {
        let (status, code, internal, message) = refusal.of_wechat_pay()?;
        let status = StatusCode::from_u16(status).ok()?;
        Some(self.refuse(Refusal::new(status, code, internal, message)).await)
    }
}

impl Wechat {
    /// The user pays what this create request is about, and every notification about it has had its
    /// attempt when this returns.
    async fn pay_and_tell(self: &Arc<Self>, body: &[u8]) {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let number = request["out_trade_no"].as_str().unwrap_or_default().to_owned();
        if let Err(refusal) = self.pay(&Payable::Number(number.clone()), None) {
            tracing::info!(%refusal, "the user could not pay before the answer");
            return;
        }
        self.stage.office.tell_now(Channel::Wechat, &number).await;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "GET",
        "/v3/pay/transactions/out-trade-no/SI20260101000001?mchid=1900000001",
        "",
        117,
        "0674be4508a3bf93753eae577eba9702f1514dccc9323ecb4a71b5e39188b287"
    )]
    #[case(
        "POST",
        "/v3/pay/transactions/out-trade-no/SI20260101000001/close",
        r#"{"mchid":"1900000001"}"#,
        129,
        "63fc62a65713ac58249438df4c7493ef3af73cc4080bc594fc2d98059d8c6724"
    )]
    #[case(
        "POST",
        "/v3/pay/transactions/jsapi",
        r#"{"description":"社保缴费"}"#,
        107,
        "e8a47543aa6241b6e47169463ed52ec5ba3ceaadfe1eea4f9c322482f7fd8588"
    )]
    fn the_signed_text_of_a_request_is_exact(
        #[case] method: &str,
        #[case] path: &str,
        #[case] body: &str,
        #[case] length: usize,
        #[case] hash: &str,
    ) {
        let nonce = "0123456789ABCDEF0123456789ABCDEF";
        let text = signed_text(method, path, "1767225600", nonce, body.as_bytes());
        assert_eq!(text.len(), length);
        assert_eq!(hex::encode(ring::digest::digest(&ring::digest::SHA256, &text)), hash);
    }

    #[test]
    fn the_five_items_come_in_any_order() {
        let said = Authorization::parse(
            r#"WECHATPAY2-SHA256-RSA2048 signature="a+b/c==",serial_no="S",timestamp="1", nonce_str="N",mchid="M""#,
        );
        let expected = Authorization {
            mchid: "M",
            nonce: "N",
            timestamp: "1",
            serial: "S",
            signature: "a+b/c==",
        };
        assert_eq!(said, Ok(expected));
    }

    #[rstest]
    #[case("")]
    #[case("Bearer x")]
    #[case(r#"WECHATPAY2-SHA256-RSA2048 mchid="M""#)]
    #[case(r#"WECHATPAY2-SHA256-RSA2048 mchid="M",mchid="M",nonce_str="N",timestamp="1",serial_no="S",signature="s""#)]
    #[case(r#"WECHATPAY2-SHA256-RSA2048 mchid=M,nonce_str="N",timestamp="1",serial_no="S",signature="s""#)]
    #[case(r#"WECHATPAY2-SM2-WITH-SM3 mchid="M",nonce_str="N",timestamp="1",serial_no="S",signature="s""#)]
    fn other_headers_are_refused(#[case] header: &str) {
        assert!(Authorization::parse(header).is_err());
    }
}
