//! Faces.

use super::*;

fn person(name: &str, number: &str) -> Identity {
    let document = Document::parse(DocumentKind::ResidentId, number, NOW).expect("a document");
    Identity { document, name: PersonName::parse(name).expect("a name") }
}

pub(super) fn request() -> FaceRequest {
    FaceRequest {
        number: WechatFaceNumber::new("SEQ-00001").expect("a number"),
        person: person("张三", "320213190001010006"),
        openid: OPENID.into(),
    }
}

fn id() -> FaceId {
    FaceId::restore("v".repeat(256)).expect("an id")
}

#[tokio::test]
async fn a_verification_begins_with_a_person() {
    let body = format!(r#"{{"errcode":0,"verify_id":"{}","expires_in":3600}}"#, "v".repeat(256));
    let scene = Scene::saying(BEGIN, 200, &body).await;
    let ticket = scene.program.begin_face(&request()).await.expect("begun");
    assert_eq!((ticket.id, ticket.expires_at), (id(), NOW.plus(Duration::from_secs(3_600))));
    let expected = json!({
        "out_seq_no": "SEQ-00001", "openid": OPENID,
        "cert_info": {
            "cert_type": "IDENTITY_CARD", "cert_name": "张三", "cert_no": "320213190001010006",
        },
    });
    assert_eq!(scene.body(BEGIN).await, expected);
}

#[tokio::test]
async fn a_proof_is_about_the_person_who_was_asked_for() {
    let scene = Scene::saying(QUERY, 200, r#"{"errcode":0,"verify_ret":10000}"#).await;
    let standing = scene.program.query_face(&id(), &request()).await.expect("told");
    let FaceStanding::Passed(proof) = standing else { panic!("{standing:?}") };
    let request = request();
    assert!(proof.is_of(&request.person, OPENID));
    assert!(!proof.is_of(&request.person, "oUser0002"), "another telephone");
    assert!(!proof.is_of(&person("李四", "320213190001010006"), OPENID), "another name");
    assert!(!proof.is_of(&person("张三", "320213190001010014"), OPENID), "another number");
    let asked = scene.body(QUERY).await;
    let text = "cert_type=SURFTlRJVFlfQ0FSRA==&cert_name=5byg5LiJ&cert_no=MzIwMjEzMTkwMDAxMDEwMDA2";
    let hash = hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()));
    assert_eq!((&asked["cert_hash"], &asked["openid"]), (&json!(hash), &json!(OPENID)));
}

#[rstest]
#[case(r#"{"errcode":0,"verify_ret":10004}"#, FaceFailure::OtherFace)]
#[case(r#"{"errcode":0,"verify_ret":90002}"#, FaceFailure::Cancelled)]
#[case(r#"{"errcode":0,"verify_ret":0}"#, FaceFailure::Other(0))]
#[tokio::test]
async fn only_one_result_is_a_proof(#[case] body: &str, #[case] failure: FaceFailure) {
    let scene = Scene::saying(QUERY, 200, body).await;
    let standing = scene.program.query_face(&id(), &request()).await.expect("told");
    assert!(matches!(standing, FaceStanding::NotPassed(found) if found == failure));
}

#[rstest]
#[case::without_errcode(r#"{"verify_ret":10000}"#)]
#[case::without_result(r#"{"errcode":0}"#)]
#[case::as_text(r#"{"errcode":0,"verify_ret":"10000"}"#)]
#[case::refused(r#"{"errcode":84001,"verify_ret":10000}"#)]
#[tokio::test]
async fn nothing_else_is_a_proof(#[case] body: &str) {
    let scene = Scene::saying(QUERY, 200, body).await;
    assert!(scene.program.query_face(&id(), &request()).await.is_err());
}

#[tokio::test]
async fn a_passport_has_no_face() {
    let scene = Scene::saying(BEGIN, 200, r#"{"errcode":0}"#).await;
    let mut request = request();
    let document = Document::parse(DocumentKind::Passport, "E12345678", NOW).expect("one");
    request.person.document = document;
    let error = scene.program.begin_face(&request).await.expect_err("refused");
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
}
