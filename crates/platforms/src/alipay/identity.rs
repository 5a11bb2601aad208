//! Identity verification (支付宝身份验证, `alipay.user.certify.open.*`): begin, lead the citizen to the
//! page, and ask how it went. Only the query proves anything; the client's callback does not.

use std::fmt;

use kernel::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    AlipayLogin,
    client::{Call, Sorted, refusal, sorted},
    payment::{content, read},
    response::{Codes, Reply},
};
use crate::ChannelError;

/// How the citizen proves who they are (认证场景码).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertifyScene {
    /// Face.
    Face,
    /// Photo of the certificate.
    Photo,
    /// Both.
    PhotoAndFace,
    /// Alipay chooses.
    Smart,
}

impl CertifyScene {
    const fn code(self) -> &'static str {
        match self {
            CertifyScene::Face => "FACE",
            CertifyScene::Photo => "CERT_PHOTO",
            CertifyScene::PhotoAndFace => "CERT_PHOTO_FACE",
            CertifyScene::Smart => "SMART_FACE",
        }
    }
}

/// Kinds of certificates that Alipay verifies (证件类型).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertifyDocument {
    ResidentId,
    HongKongMacaoPermit,
    TaiwanPermit,
    HongKongMacaoResidence,
    TaiwanResidence,
    ForeignerPermanentResidence,
}

impl CertifyDocument {
    const fn code(self) -> &'static str {
        match self {
            CertifyDocument::ResidentId => "IDENTITY_CARD",
            CertifyDocument::HongKongMacaoPermit => "HOME_VISIT_PERMIT_HK_MC",
            CertifyDocument::TaiwanPermit => "HOME_VISIT_PERMIT_TAIWAN",
            CertifyDocument::HongKongMacaoResidence => "RESIDENCE_PERMIT_HK_MC",
            CertifyDocument::TaiwanResidence => "RESIDENCE_PERMIT_TAIWAN",
            CertifyDocument::ForeignerPermanentResidence => "PERMANENT_RESIDENCE_FOREIGNER",
        }
    }
}

/// Whom to verify.
#[derive(Clone, Debug)]
pub struct CertifyRequest {
    /// Our number of this verification, 1 to 32 letters and digits, used once.
    pub number: String,
    pub scene: CertifyScene,
    pub document: CertifyDocument,
    pub name: Secret,
    pub document_no: Secret,
    /// Where the page leads afterwards.
    pub return_url: String,
}

/// Alipay's name of a verification; good for one, for a day.
#[derive(Clone, PartialEq, Eq)]
pub struct CertifyId(String);

impl CertifyId {
    /// Takes back a stored id; `None` for what Alipay never gives out.
    pub fn restore(text: String) -> Option<CertifyId> {
        let fits =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then_some(CertifyId(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CertifyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertifyId(***)")
    }
}

/// How a verification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertifyStanding {
    Passed,
    NotPassed,
    /// Begun and not ended by the citizen.
    Waiting,
    /// Over without an end; begin a new one.
    Expired,
    NotFound,
}

#[derive(Serialize)]
struct Named<'a> {
    certify_id: &'a str,
}

impl AlipayLogin {
    /// Begins a verification. Retry class: query first does not apply; a number that may have been
    /// used is left, and a new one taken.
    ///
    /// # Errors
    /// [`ChannelError`]
    pub async fn certify_begin(&self, request: &CertifyRequest) -> Result<CertifyId, ChannelError> {
        #[derive(Serialize)]
        struct Identity<'a> {
            identity_type: &'static str,
            cert_type: &'static str,
            cert_name: &'a str,
            cert_no: &'a str,
        }
        #[derive(Serialize)]
        struct Merchant<'a> {
            return_url: &'a str,
        }
        #[derive(Serialize)]
        struct Content<'a> {
            outer_order_no: &'a str,
            biz_code: &'static str,
            identity_param: Identity<'a>,
            merchant_config: Merchant<'a>,
        }
        #[derive(Deserialize)]
        struct Answer {
            certify_id: String,
        }
        let number = request.number.as_str();
        let number_fits =
            (1..=32).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric());
        if !number_fits {
            return Err(ChannelError::BadRequest("number: 1 to 32 letters and digits"));
        }
        if Url::parse(&request.return_url).is_err() {
            return Err(ChannelError::BadRequest("return_url: an absolute URL"));
        }
        for text in [&request.name, &request.document_no] {
            let length = text.expose().trim().chars().count();
            if !(1..=64).contains(&length) {
                return Err(ChannelError::BadRequest("name and number: 1 to 64 characters"));
            }
        }
        let content = content(&Content {
            outer_order_no: number,
            biz_code: request.scene.code(),
            identity_param: Identity {
                identity_type: "CERT_INFO",
                cert_type: request.document.code(),
                cert_name: request.name.expose(),
                cert_no: request.document_no.expose(),
            },
            merchant_config: Merchant { return_url: &request.return_url },
        })?;
        let call = Call {
            operation: "certify_begin",
            method: "alipay.user.certify.open.initialize",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        let judge = |reply: Reply| match sorted(reply)? {
            Sorted::Success(verified) => {
                let answer: Answer = read(&verified)?;
                let form = || ChannelError::Unknown("the certify_id has an unknown form".into());
                CertifyId::restore(answer.certify_id).ok_or_else(form)
            }
            Sorted::Refused(codes) => Err(no(&codes)),
        };
        self.client.exchange(call, judge).await
    }

    /// The signed address for the mini-program's `startBizService` (`open-certify`).
    ///
    /// # Errors
    /// [`ChannelError::Misconfigured`] when our key cannot sign.
    pub fn certify_page(&self, id: &CertifyId) -> Result<String, ChannelError> {
        let content = content(&Named { certify_id: id.as_str() })?;
        let call = Call {
            operation: "certify_page",
            method: "alipay.user.certify.open.certify",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        Ok(self.client.page(&call)?.into())
    }

    /// How it went. Retry class: idempotent.
    ///
    /// # Errors
    /// [`ChannelError`]
    pub async fn certify_query(&self, id: &CertifyId) -> Result<CertifyStanding, ChannelError> {
        #[derive(Deserialize)]
        struct Answer {
            passed: String,
        }
        let content = content(&Named { certify_id: id.as_str() })?;
        let call = Call {
            operation: "certify_query",
            method: "alipay.user.certify.open.query",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        let judge = |reply: Reply| match sorted(reply)? {
            Sorted::Success(verified) => match read::<Answer>(&verified)?.passed.as_str() {
                "T" => Ok(CertifyStanding::Passed),
                "F" => Ok(CertifyStanding::NotPassed),
                _ => Err(ChannelError::Unknown("passed is neither T nor F".into())),
            },
            Sorted::Refused(codes) => match codes.sub_name().as_str() {
                "OPEN_CERTIFY_BILL_STATUS_ERROR" => Ok(CertifyStanding::Waiting),
                "CERTIFY_ID_EXPIRED" => Ok(CertifyStanding::Expired),
                "OPEN_CERTIFY_BILL_NOT_EXIST" => Ok(CertifyStanding::NotFound),
                _ => Err(no(&codes)),
            },
        };
        self.client.exchange(call, judge).await
    }
}

fn no(codes: &Codes) -> ChannelError {
    match codes.sub_name().as_str() {
        "ARRANGEMENT_STATUS_ERROR" => ChannelError::Misconfigured(codes.name()),
        _ => refusal(codes),
    }
}
