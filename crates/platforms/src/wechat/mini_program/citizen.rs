//! WeChat as one of the two platforms that say who a citizen is.

use async_trait::async_trait;
use kernel::{DocumentKind, Secret};

use super::{
    FaceFailure, FaceId, FaceRequest, FaceStanding, MiniProgramError, MiniProgramRefused,
    WechatFaceNumber, WechatMiniProgram,
};
use crate::{
    CitizenError, PhoneProvider, RealNameAction, RealNameNo, RealNameProof, RealNameProvider,
    RealNameRequest, RealNameStanding, RealNameTicket,
};

impl From<MiniProgramError> for CitizenError {
    fn from(error: MiniProgramError) -> CitizenError {
        match error {
            MiniProgramError::NotSent => CitizenError::NotSent,
            MiniProgramError::Unknown(why) => CitizenError::Unknown(why),
            MiniProgramError::Busy | MiniProgramError::Quota | MiniProgramError::Token(_) => {
                CitizenError::Busy
            }
            MiniProgramError::Refused(MiniProgramRefused::Code) => CitizenError::Evidence,
            MiniProgramError::Refused(why) => CitizenError::Refused(format!("{why:?}")),
            MiniProgramError::Misconfigured(code) => CitizenError::Misconfigured(code.to_string()),
            MiniProgramError::BadRequest(rule) => CitizenError::Refused(rule.to_owned()),
        }
    }
}

fn face_request(request: &RealNameRequest) -> Result<FaceRequest, CitizenError> {
    let number = WechatFaceNumber::new(request.number.clone())
        .ok_or_else(|| CitizenError::Refused("number".to_owned()))?;
    Ok(FaceRequest { number, person: request.person.clone(), openid: request.user.clone() })
}

fn face_id(reference: &Secret) -> Result<FaceId, CitizenError> {
    FaceId::restore(reference.expose().to_owned())
        .ok_or_else(|| CitizenError::Unknown("the stored verify_id has an unknown form".into()))
}

#[async_trait]
impl RealNameProvider for WechatMiniProgram {
    fn verifies(&self, document: DocumentKind) -> bool {
        document == DocumentKind::ResidentId
    }

    async fn begin_real_name(
        &self,
        request: &RealNameRequest,
    ) -> Result<RealNameTicket, CitizenError> {
        if !self.verifies(request.person.document.kind()) {
            return Err(CitizenError::Document);
        }
        let ticket = self.begin_face(&face_request(request)?).await?;
        let reference = Secret::new(ticket.id.as_str());
        Ok(RealNameTicket { reference, expires_at: ticket.expires_at })
    }

    fn real_name_action(&self, reference: &Secret) -> Result<RealNameAction, CitizenError> {
        let verify_id = face_id(reference)?.as_str().to_owned();
        Ok(RealNameAction::WechatFace { verify_id })
    }

    async fn query_real_name(
        &self,
        reference: &Secret,
        request: &RealNameRequest,
    ) -> Result<RealNameStanding, CitizenError> {
        let face = face_request(request)?;
        Ok(match self.query_face(&face_id(reference)?, &face).await? {
            FaceStanding::Passed(proof) if proof.is_of(&request.person, &request.user) => {
                RealNameStanding::Passed(RealNameProof::vouched(request))
            }
            FaceStanding::Passed(_) => {
                return Err(CitizenError::Unknown("the proof is of somebody else".to_owned()));
            }
            FaceStanding::NotPassed(why) => RealNameStanding::NotPassed(match why {
                FaceFailure::PersonUnknown => RealNameNo::PersonUnknown,
                FaceFailure::OtherFace => RealNameNo::OtherFace,
                FaceFailure::NotSeen => RealNameNo::NotSeen,
                FaceFailure::Cancelled => RealNameNo::Cancelled,
                FaceFailure::Device => RealNameNo::Device,
                FaceFailure::Connection => RealNameNo::Connection,
                FaceFailure::Other(_) => RealNameNo::Unsaid,
            }),
        })
    }
}

#[async_trait]
impl PhoneProvider for WechatMiniProgram {
    async fn phone_number(&self, evidence: &Secret, user: &str) -> Result<Secret, CitizenError> {
        let told = WechatMiniProgram::phone_number(self, evidence.expose(), user).await?;
        // Of a foreign number the prefix must not be lost: it could look like one of ours.
        Ok(match told.country_code.as_str() {
            "86" => told.pure_number,
            country => Secret::new(format!("+{country}{}", told.pure_number.expose())),
        })
    }

    fn evidence_is_reusable(&self) -> bool {
        false
    }
}
