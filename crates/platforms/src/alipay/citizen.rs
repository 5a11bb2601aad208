//! Alipay as one of the two platforms that say who a citizen is.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Document, DocumentKind, Secret};

use super::{
    AlipayLogin, CertifyDocument, CertifyId, CertifyRequest, CertifyScene, CertifyStanding,
    PhoneError,
};
use crate::{
    ChannelError, CitizenError, PhoneProvider, RealNameAction, RealNameNo, RealNameProof,
    RealNameProvider, RealNameRequest, RealNameStanding, RealNameTicket,
};

/// A certify_id is good for a day.
const LIFE: Duration = Duration::from_secs(24 * 3600);

impl From<ChannelError> for CitizenError {
    fn from(error: ChannelError) -> CitizenError {
        match error {
            ChannelError::NotSent => CitizenError::NotSent,
            ChannelError::Unknown(why) => CitizenError::Unknown(why),
            ChannelError::Busy => CitizenError::Busy,
            ChannelError::Misconfigured(code) => CitizenError::Misconfigured(code),
            ChannelError::Refused(why) => CitizenError::Refused(format!("{why:?}")),
            ChannelError::BadRequest(rule) => CitizenError::Refused(rule.to_owned()),
        }
    }
}

/// What Alipay calls the document; passports and the old card of foreigners it does not know.
fn certified(document: &Document) -> Option<CertifyDocument> {
    Some(match document.kind() {
        DocumentKind::ResidentId => CertifyDocument::ResidentId,
        DocumentKind::HkmtResidence if document.number().starts_with("83") => {
            CertifyDocument::TaiwanResidence
        }
        DocumentKind::HkmtResidence => CertifyDocument::HongKongMacaoResidence,
        DocumentKind::ForeignPr => CertifyDocument::ForeignerPermanentResidence,
        DocumentKind::HkMacauPass => CertifyDocument::HongKongMacaoPermit,
        DocumentKind::TaiwanPass => CertifyDocument::TaiwanPermit,
        DocumentKind::ForeignPrOld | DocumentKind::Passport => return None,
    })
}

fn certify_id(reference: &Secret) -> Result<CertifyId, CitizenError> {
    CertifyId::restore(reference.expose().to_owned())
        .ok_or_else(|| CitizenError::Unknown("the stored certify_id has an unknown form".into()))
}

#[async_trait]
impl RealNameProvider for AlipayLogin {
    fn verifies(&self, document: DocumentKind) -> bool {
        !matches!(document, DocumentKind::ForeignPrOld | DocumentKind::Passport)
    }

    async fn begin_real_name(
        &self,
        request: &RealNameRequest,
    ) -> Result<RealNameTicket, CitizenError> {
        let document = certified(&request.person.document).ok_or(CitizenError::Document)?;
        let begun = CertifyRequest {
            number: request.number.clone(),
            scene: CertifyScene::Face,
            document,
            name: Secret::new(request.person.name.as_str()),
            document_no: Secret::new(request.person.document.number()),
            return_url: request.return_url.clone(),
        };
        let now = self.client.now();
        let id = self.certify_begin(&begun).await?;
        Ok(RealNameTicket { reference: Secret::new(id.as_str()), expires_at: now.plus(LIFE) })
    }

    fn real_name_action(&self, reference: &Secret) -> Result<RealNameAction, CitizenError> {
        let id = certify_id(reference)?;
        let url = self.certify_page(&id)?;
        Ok(RealNameAction::AlipayCertify { certify_id: id.as_str().to_owned(), url })
    }

    /// The answer names nobody: it is about the person that the certify_id began with, so whoever
    /// keeps the id keeps it with that person.
    async fn query_real_name(
        &self,
        reference: &Secret,
        request: &RealNameRequest,
    ) -> Result<RealNameStanding, CitizenError> {
        Ok(match self.certify_query(&certify_id(reference)?).await? {
            CertifyStanding::Passed => RealNameStanding::Passed(RealNameProof::vouched(request)),
            CertifyStanding::NotPassed => RealNameStanding::NotPassed(RealNameNo::Unsaid),
            CertifyStanding::Waiting => RealNameStanding::Waiting,
            CertifyStanding::Expired | CertifyStanding::NotFound => {
                RealNameStanding::NotPassed(RealNameNo::Expired)
            }
        })
    }
}

#[async_trait]
impl PhoneProvider for AlipayLogin {
    /// The envelope says nothing of the user: the caller binds it to the session that brought it.
    async fn phone_number(&self, evidence: &Secret, _user: &str) -> Result<Secret, CitizenError> {
        AlipayLogin::phone_number(self, evidence.expose()).map_err(|error| match error {
            PhoneError::NoKey => CitizenError::Misconfigured("content_key_file".to_owned()),
            PhoneError::Refused(code) => CitizenError::Refused(code),
            PhoneError::Malformed
            | PhoneError::Unsigned
            | PhoneError::Signature
            | PhoneError::Undecryptable => CitizenError::Evidence,
        })
    }

    fn evidence_is_reusable(&self) -> bool {
        true
    }
}
