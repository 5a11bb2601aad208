//! Face verification 2.0 (人脸核身): begin for one person, let the client show the face
//! (`wx.requestFacialVerify`), and ask how it went. Only the query proves anything; the client's
//! callback says that the pages are over. The query names the same person and openid as the
//! beginning did, so a verification of somebody else proves nothing here.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{DocumentKind, Identity, Timestamp};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{MiniProgramError, WechatMiniProgram, error::content};
use crate::login::is_platform_id;

/// The only kind of document that WeChat verifies faces for: the resident identity card.
const CARD: &str = "IDENTITY_CARD";
const PASSED: i64 = 10_000;

/// Our number of one verification (`out_seq_no`): 5 to 32 letters, digits, hyphens and underscores.
/// A number is used once for an application, also when its beginning has failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WechatFaceNumber(String);

impl WechatFaceNumber {
    /// `None` for what WeChat does not take.
    pub fn new(text: impl Into<String>) -> Option<WechatFaceNumber> {
        let text = text.into();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        ((5..=32).contains(&text.len()) && text.bytes().all(is_plain))
            .then_some(WechatFaceNumber(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose face is to be seen: who is verified, and on whose telephone. `Debug` prints the number only.
#[derive(Clone)]
pub struct FaceRequest {
    pub number: WechatFaceNumber,
    /// Name and resident identity card; other documents have no faces at WeChat.
    pub person: Identity,
    /// The logged-in user who looks into the camera.
    pub openid: String,
}

impl fmt::Debug for FaceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceRequest({}, ***)", self.number.as_str())
    }
}

/// WeChat's name of a verification (`verify_id`). It opens the camera page, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct FaceId(String);

impl FaceId {
    /// Takes back a stored id; `None` for what WeChat never gives out.
    pub fn restore(text: String) -> Option<FaceId> {
        ((1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()))
            .then_some(FaceId(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceId(***)")
    }
}

/// A begun verification.
#[derive(Clone, Debug)]
pub struct FaceTicket {
    pub id: FaceId,
    /// From then on the client cannot use it.
    pub expires_at: Timestamp,
}

/// WeChat's word that a person was seen. Only the query makes one, and it is about one person and one
/// openid. Prints neither.
#[derive(Clone)]
pub struct FaceProof {
    person_hash: String,
    openid: String,
    number: WechatFaceNumber,
}

impl FaceProof {
    /// Whether it is about this person, on this user's telephone.
    pub fn is_of(&self, person: &Identity, openid: &str) -> bool {
        self.person_hash == person_hash(person) && self.openid == openid
    }

    pub const fn number(&self) -> &WechatFaceNumber {
        &self.number
    }
}

impl fmt::Debug for FaceProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceProof({}, ***)", self.number.as_str())
    }
}

/// Why a face did not pass (`verify_ret`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaceFailure {
    /// Name and number do not belong together (10003).
    PersonUnknown,
    /// The face is another person's (10004).
    OtherFace,
    /// The face could not be recognised (10002, 90011, 90013, 90014).
    NotSeen,
    /// The user gave up, or has not begun (90002 to 90006).
    Cancelled,
    /// No camera, or no permission for it (90001, 90008 to 90010).
    Device,
    /// Network, upload or time (90007, 90012, 90017).
    Connection,
    /// WeChat's system (90018), a parameter (10001), or a client error without a name of its own.
    Other(i64),
}

impl FaceFailure {
    const fn of(verify_ret: i64) -> FaceFailure {
        match verify_ret {
            10003 => FaceFailure::PersonUnknown,
            10004 => FaceFailure::OtherFace,
            10002 | 90011 | 90013 | 90014 => FaceFailure::NotSeen,
            90002..=90006 => FaceFailure::Cancelled,
            90001 | 90008..=90010 => FaceFailure::Device,
            90007 | 90012 | 90017 => FaceFailure::Connection,
            other => FaceFailure::Other(other),
        }
    }
}

/// How a verification stands.
#[derive(Clone, Debug)]
pub enum FaceStanding {
    Passed(FaceProof),
    /// A new verification, with a new number, may pass.
    NotPassed(FaceFailure),
}

/// Hexadecimal SHA-256 over kind, name and number in base64, the padding kept.
fn cert_hash(kind: &str, name: &str, number: &str) -> String {
    let [kind, name, number] = [kind, name, number].map(|text| STANDARD.encode(text));
    let text = format!("cert_type={kind}&cert_name={name}&cert_no={number}");
    hex::encode(digest(&SHA256, text.as_bytes()))
}

fn person_hash(person: &Identity) -> String {
    cert_hash(CARD, person.name.as_str(), person.document.number())
}

impl FaceRequest {
    fn check(&self) -> Result<(), MiniProgramError> {
        if self.person.document.kind() != DocumentKind::ResidentId {
            return Err(MiniProgramError::BadRequest("person: resident identity cards only"));
        }
        if !is_platform_id(&self.openid) {
            return Err(MiniProgramError::BadRequest("openid: 1 to 128 characters"));
        }
        Ok(())
    }
}

impl WechatMiniProgram {
    /// Begins a verification of one person. Store number and id before the client gets the id.
    ///
    /// Retry class: never with the same number. After an unknown outcome the number is left, and a
    /// new one is taken.
    ///
    /// # Errors
    /// [`MiniProgramError`]
    pub async fn begin_face(&self, request: &FaceRequest) -> Result<FaceTicket, MiniProgramError> {
        #[derive(Serialize)]
        struct Card<'a> {
            cert_type: &'static str,
            cert_name: &'a str,
            cert_no: &'a str,
        }
        #[derive(Serialize)]
        struct Asked<'a> {
            out_seq_no: &'a str,
            cert_info: Card<'a>,
            openid: &'a str,
        }
        #[derive(Deserialize)]
        struct Begun {
            verify_id: String,
            expires_in: u64,
        }
        request.check()?;
        let now = self.clock.now();
        let asked = Asked {
            out_seq_no: request.number.as_str(),
            cert_info: Card {
                cert_type: CARD,
                cert_name: request.person.name.as_str(),
                cert_no: request.person.document.number(),
            },
            openid: &request.openid,
        };
        let judge = |answer: &_| {
            let begun: Begun = content(answer)?;
            let form = || MiniProgramError::unknown("the verify_id has an unknown form");
            let id = FaceId::restore(begun.verify_id).ok_or_else(form)?;
            let life = Duration::from_secs(begun.expires_in.min(24 * 3600));
            Ok(FaceTicket { id, expires_at: now.plus(life) })
        };
        let path = "/cityservice/face/identify/getverifyid";
        self.application.call("face_begin", path, &asked, judge).await
    }

    /// How the verification `id` went, which was begun with `request`. Retry class: idempotent.
    ///
    /// # Errors
    /// [`MiniProgramError`]
    pub async fn query_face(
        &self,
        id: &FaceId,
        request: &FaceRequest,
    ) -> Result<FaceStanding, MiniProgramError> {
        #[derive(Serialize)]
        struct Asked<'a> {
            verify_id: &'a str,
            out_seq_no: &'a str,
            cert_hash: &'a str,
            openid: &'a str,
        }
        #[derive(Deserialize)]
        struct Told {
            /// Elsewhere it may be absent; here it must say so.
            errcode: i64,
            verify_ret: i64,
        }
        request.check()?;
        let person_hash = person_hash(&request.person);
        let asked = Asked {
            verify_id: id.as_str(),
            out_seq_no: request.number.as_str(),
            cert_hash: &person_hash,
            openid: &request.openid,
        };
        let judge = |answer: &_| {
            let told: Told = content(answer)?;
            Ok((told.errcode == 0 && told.verify_ret == PASSED, told.verify_ret))
        };
        let path = "/cityservice/face/identify/queryverifyinfo";
        let (passed, verify_ret) = self.application.call("face_query", path, &asked, judge).await?;
        if !passed {
            return Ok(FaceStanding::NotPassed(FaceFailure::of(verify_ret)));
        }
        let (openid, number) = (request.openid.clone(), request.number.clone());
        Ok(FaceStanding::Passed(FaceProof { person_hash, openid, number }))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The manual's own.
    #[test]
    fn the_hash_of_a_person_is_exact() {
        assert_eq!(
            cert_hash("IDENTITY_CARD", "张三", "310101199801011234"),
            "3c241f7ff324977aeb91f173bb2a7b06569e6fd784d5573db34a636d8671108b"
        );
    }

    #[rstest]
    #[case("SEQ-1", true)]
    #[case(&format!("SEQ_{}-AZ", "0".repeat(25)), true)]
    #[case("SEQ1", false)]
    #[case(&format!("SEQ_{}-AZ", "0".repeat(26)), false)]
    #[case("SEQ 1", false)]
    #[case("序列号一二", false)]
    fn a_number_has_the_platform_s_form(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(WechatFaceNumber::new(text).is_some(), fits);
    }

    #[rstest]
    #[case(10001, FaceFailure::Other(10001))]
    #[case(10002, FaceFailure::NotSeen)]
    #[case(10003, FaceFailure::PersonUnknown)]
    #[case(10004, FaceFailure::OtherFace)]
    #[case(90001, FaceFailure::Device)]
    #[case(90002, FaceFailure::Cancelled)]
    #[case(90006, FaceFailure::Cancelled)]
    #[case(90007, FaceFailure::Connection)]
    #[case(90010, FaceFailure::Device)]
    #[case(90011, FaceFailure::NotSeen)]
    #[case(90012, FaceFailure::Connection)]
    #[case(90017, FaceFailure::Connection)]
    #[case(90018, FaceFailure::Other(90018))]
    #[case(90199, FaceFailure::Other(90199))]
    fn results_have_their_names(#[case] verify_ret: i64, #[case] failure: FaceFailure) {
        assert_eq!(FaceFailure::of(verify_ret), failure);
    }
}
