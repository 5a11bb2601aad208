//! The door of `/v3`: checks the merchant's signature over the raw bytes, lets ordered faults
//! strike, and signs what goes out.

use std::sync::{Arc, Mutex};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use kernel::Channel;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    BODY_BYTES_MAX, Payable, Wechat,
    answer::{InternalCode, Refusal, Sealing, Unsigned, add_headers},
    credentials::CertificateStanding,
    language::Language,
    merchant::Merchant,
    signer::{KeyKind, Signer},
};
use crate::{
    bounded::Bounded,
    faults::{Fault, FaultKind, FaultTarget},
    http::{self, Accidents},
    lock,
    phone::SignatureVerdict,
    refusals::DocumentedRefusal,
};

/// Who signed the request, proven; and the fault that its handler has to play.
#[derive(Clone)]
pub(super) struct Caller {
    pub merchant: Arc<Merchant>,
    /// The serial by which the request names the key of its encrypted members.
    pub serial: Option<String>,
    /// What kind of key that is.
    pub named: Option<KeyKind>,
    pub fault: Option<Fault>,
}

impl Caller {
    /// Whether this is the fault that was ordered.
    pub fn meets(&self, kind: FaultKind) -> bool {
        self.fault.is_some_and(|fault| fault.fault == kind)
    }
}

/// What came to the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DoorView {
    pub verified: u64,
    pub refused: u64,
    /// Verified, with a nonce that came before.
    pub repeated_nonces: u64,
}

/// Counts requests and remembers nonces. WeChat is not known to refuse a nonce that comes again, so
/// neither does the mock; whoever tests may want to know.
#[derive(Debug)]
pub(super) struct Door {
    count: Mutex<DoorView>,
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

    pub fn view(&self) -> DoorView {
        *lock(&self.count)
    }
}

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// Largest difference between the request's time stamp and our wire time.
const AGE_SECONDS_MAX: u64 = 300;

/// How much of a body is kept to be verified; a longer one is read to its end and thrown away.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much is thrown away before the connection is given up.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;

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

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

fn unauthorised(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "SIGN_ERROR", 268_443_699, message)
}

fn bad_request(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message)
}

/// What came in: everything that a signature covers.
struct Received<'a> {
    method: &'a Method,
    path_and_query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Received<'_> {
    fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    fn signed_text(&self, stamp: &str, nonce: &str) -> Vec<u8> {
        signed_text(self.method.as_str(), self.path_and_query, stamp, nonce, self.body)
    }

    /// What every 401 says of what was verified (wechat §1.9). The body's part is cut after a few characters.
    fn sign_information(&self, said: Option<&Authorization<'_>>) -> Value {
        let (stamp, nonce) = said.map_or(("", ""), |said| (said.timestamp, said.nonce));
        let whole = self.signed_text(stamp, nonce);
        let body = String::from_utf8_lossy(self.body);
        let shown: String = body.chars().take(8).collect();
        let cut =
            signed_text(self.method.as_str(), self.path_and_query, stamp, nonce, shown.as_bytes());
        json!({
            "method": self.method.as_str(),
            "url": self.path_and_query,
            "sign_message_length": whole.len(),
            "truncated_sign_message": String::from_utf8_lossy(&cut),
        })
    }

    /// What is wrong with the headers that every request has; `None` when nothing is.
    fn header_fault(&self) -> Option<Refusal> {
        let header = |name| text(self.headers, name);
        let (Some(accept), Some(_)) = (header("accept"), header("user-agent")) else {
            return Some(bad_request("Http头缺少Accept或User-Agent"));
        };
        let kind = |text: &str| text.split(';').next().unwrap_or_default().trim().to_lowercase();
        let takes = ["application/json", "application/*", "*/*"];
        let is_file = self.path() == "/v3/billdownload/file";
        if !is_file && !accept.split(',').any(|one| takes.contains(&kind(one).as_str())) {
            return Some(bad_request("Http头Accept仅支持application/json"));
        }
        let is_json = header("content-type").is_some_and(|text| kind(text) == "application/json");
        if !self.body.is_empty() && !is_json {
            return Some(bad_request("Http头Content-Type仅支持application/json"));
        }
        (self.body.len() > BODY_BYTES_MAX).then(|| bad_request("请求体过大"))
    }
}

impl Wechat {
    /// Whose request it is, proven by its signature.
    fn check(&self, received: &Received<'_>) -> Result<Arc<Merchant>, Refusal> {
        let said = text(received.headers, "authorization")
            .ok_or("Http头缺少Authorization")
            .and_then(Authorization::parse);
        let refused = |said: Option<&Authorization<'_>>, message: &str| {
            let mut refusal = unauthorised(message);
            refusal.detail = Some(json!({
                "detail": {"issue": "sign not match"},
                "field": "signature",
                "location": "authorization",
                "sign_information": received.sign_information(said),
            }));
            refusal
        };
        let said = said.map_err(|message| refused(None, message))?;
        let proven = self.proven(&said, received);
        let merchant = proven.map_err(|message| refused(Some(&said), message))?;
        self.door.let_in(said.nonce);
        Ok(merchant)
    }

    fn proven(
        &self,
        said: &Authorization<'_>,
        received: &Received<'_>,
    ) -> Result<Arc<Merchant>, &'static str> {
        let merchant = self.merchant(said.mchid).ok_or("商户号不存在或未设置APIv3密钥")?;
        let known = merchant.merchant_certificate(said.serial);
        let (certified, standing) =
            known.ok_or("商户证书序列号有误。请使用签名私钥匹配的证书序列号")?;
        match standing {
            CertificateStanding::Valid => {}
            CertificateStanding::Expired => return Err("商户API证书已过期，请更换证书"),
            CertificateStanding::Voided => return Err("商户API证书已作废，请更换证书"),
            CertificateStanding::Replaced => {
                return Err("商户API证书已被更换，请使用最新的证书及其私钥");
            }
        }
        let seconds = said.timestamp.parse::<i64>();
        let seconds = seconds.map_err(|_| "Http头Authorization中的timestamp不是整数")?;
        if seconds.abs_diff(self.stage.clocks.wire().unix_seconds()) > AGE_SECONDS_MAX {
            return Err("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟");
        }
        let signed = received.signed_text(said.timestamp, said.nonce);
        if certified.pair.verifies(&signed, said.signature) {
            Ok(merchant)
        } else {
            Err("签名错误")
        }
    }

    fn finished(&self, mut response: Response, internal: u32, language: Language) -> Response {
        add_headers(
            &mut response,
            [
                ("Request-ID", self.request_id(internal)),
                ("Content-Language", language.code().to_owned()),
                ("Cache-Control", "no-cache, must-revalidate".to_owned()),
                ("X-Content-Type-Options", "nosniff".to_owned()),
                ("Keep-Alive", "timeout=8".to_owned()),
            ],
        );
        response
    }

    fn unsigned(&self, refusal: Refusal, language: Language) -> Response {
        self.door.turn_away();
        let internal = refusal.internal;
        tracing::info!(code = refusal.code, message = %refusal.message, "request refused at the door");
        self.finished(refusal.told_in(language).into_response(), internal, language)
    }
}

/// What a call is answered with: by whose key, in which language.
struct SignedCall<'a> {
    wechat: &'a Wechat,
    merchant: &'a Merchant,
    signer: Signer,
    language: Language,
}

impl SignedCall<'_> {
    async fn signed(&self, response: Response, sealing: Sealing) -> Response {
        let (mut head, body) = response.into_parts();
        let body = match to_bytes(body, usize::MAX).await {
            Ok(body) => body,
            Err(cause) => {
                tracing::error!(error = %cause, "an answer could not be read");
                return Refusal::system_error().into_response();
            }
        };
        let told = head.extensions.remove::<InternalCode>();
        let is_file = head.extensions.remove::<Unsigned>().is_some();
        if told.is_none() && !head.status.is_success() {
            // A reader of paths, queries or methods said no in its own words.
            let refusal =
                Refusal { status: head.status, ..bad_request("请求的路径或参数有误") };
            return Box::pin(self.refuse(refusal)).await;
        }
        let internal = told.map_or(0, |code| code.0);
        let body = self.language.told(body, head.status);
        if is_file {
            let response = Response::from_parts(head, Body::from(body));
            return self.wechat.finished(response, internal, self.language);
        }
        let seconds = self.wechat.stage.clocks.wire().unix_seconds();
        let headers = self.merchant.seal(&self.signer, sealing, seconds, &body);
        let mut response = Response::from_parts(head, Body::from(body));
        add_headers(&mut response, headers);
        self.wechat.finished(response, internal, self.language)
    }

    async fn refuse(&self, refusal: Refusal) -> Response {
        self.signed(refusal.into_response(), Sealing::Genuine).await
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

/// The body, when it came whole and is not longer than anything. What is too long is read to its end, so
/// that its sender hears the answer.
async fn read(body: Body) -> Option<Bytes> {
    let (mut stream, mut kept, mut count) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.ok()?;
        count = count.saturating_add(chunk.len());
        if count > DRAINED_BYTES_MAX {
            return None;
        }
        if count <= READ_BYTES_MAX {
            kept.extend_from_slice(&chunk);
        }
    }
    (count <= READ_BYTES_MAX).then(|| Bytes::from(kept))
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
    let language = Language::asked(&head.headers);
    let Some(body) = read(body).await else {
        return wechat.unsigned(bad_request("请求体过大或不完整"), language);
    };
    let path_and_query = head.uri.path_and_query().map_or("/", |text| text.as_str()).to_owned();
    let received = Received {
        method: &head.method,
        path_and_query: &path_and_query,
        headers: &head.headers,
        body: &body,
    };
    let verdict = head.extensions.get::<SignatureVerdict>().cloned().unwrap_or_default();
    let (merchant, header_fault) = match (wechat.check(&received), received.header_fault()) {
        (Ok(merchant), fault) => (merchant, fault),
        (Err(refusal), fault) => {
            verdict.refused();
            // Who sends no such header may not know how to sign either; the first is told first.
            return wechat.unsigned(fault.unwrap_or(refusal), language);
        }
    };
    verdict.verified();
    let signer = merchant.answer_signer(&head.headers);
    let call = SignedCall { wechat: &wechat, merchant: &merchant, signer, language };
    if let Some(refusal) = header_fault {
        return call.refuse(refusal).await;
    }
    let fault =
        target(&head.method, head.uri.path()).and_then(|target| wechat.stage.faults.take(target));
    let kind = fault.map(|fault| fault.fault);
    let sealing = match kind {
        Some(FaultKind::WrongSignature) => Sealing::Wrong,
        Some(FaultKind::Probe) => Sealing::Probe,
        Some(FaultKind::UnknownSerial) => Sealing::UnknownSerial,
        _ => Sealing::Genuine,
    };
    if wechat.stage.is_over_the_limit() {
        return call.busy().await;
    }
    if let Some(response) = http::before(fault, &call).await {
        return response;
    }
    let serial = text(&head.headers, "wechatpay-serial").map(str::to_owned);
    let named = merchant.named_kind(&head.headers);
    head.extensions.insert(Caller { merchant: Arc::clone(&merchant), serial, named, fault });
    let answer = next.run(Request::from_parts(head, Body::from(body.clone()))).await;
    if kind == Some(FaultKind::PaidBeforeAnswer) {
        merchant.pay_and_tell(&body).await;
    }
    match http::after(fault, &call).await {
        Some(response) => response,
        None => call.signed(answer, sealing).await,
    }
}

impl Merchant {
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
