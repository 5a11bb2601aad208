//! Logins.

use super::*;

fn login(server: &str) -> AlipayLogin {
    AlipayLogin::new(&config(server), clock()).expect("a login").impatient()
}

const OAUTH: &str = "alipay.system.oauth.token";

#[rstest]
#[case::user_id(json!({"user_id": "2088123412341234", "expires_in": 1296000}), PayerIdKind::UserId, "2088123412341234", None)]
#[case::open_id(json!({"open_id": "074a1CcTG", "expires_in": "1296000", "union_id": "u1"}), PayerIdKind::OpenId, "074a1CcTG", None)]
#[case::both(json!({"user_id": "2088123412341234", "open_id": "074a1CcTG"}), PayerIdKind::OpenId, "074a1CcTG", Some("2088123412341234"))]
#[case::no_open_id(json!({"user_id": "2088123412341234", "open_id": ""}), PayerIdKind::UserId, "2088123412341234", None)]
#[case::with_code(json!({"code": "10000", "msg": "Success", "open_id": "074a1CcTG"}), PayerIdKind::OpenId, "074a1CcTG", None)]
#[tokio::test]
async fn a_code_becomes_an_identity(
    #[case] node: Value,
    #[case] kind: PayerIdKind,
    #[case] id: &str,
    #[case] user_id: Option<&str>,
) {
    let server = answering(OAUTH, node, Seal::Good).await;
    let identity = login(&server.uri()).login("4b203fe6c11548bcabd8da5bb087a83b").await;
    let identity = identity.expect("an identity");
    assert_eq!(
        (identity.channel, identity.kind, identity.id.as_str()),
        (Channel::Alipay, kind, id)
    );
    assert_eq!(identity.app_id, "2021000000000001");
    let also = user_id.map(|id| (PayerIdKind::UserId, id.to_owned()));
    assert_eq!(identity.also, also, "the only moment at which both are told");
    assert!(identity.session_key.is_none());
    let sent = authorized(&one_request(&server).await);
    assert_eq!(sent["method"], OAUTH);
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!(sent["code"], "4b203fe6c11548bcabd8da5bb087a83b");
    assert!(!sent.contains_key("biz_content"));
}

#[rstest]
#[case("40002", "isv.code-invalid", LoginError::Code)]
#[case("40002", "CODE-INVALID", LoginError::Code)]
#[case("40002", "isv.unmatched-app-id", LoginError::Misconfigured("isv.unmatched-app-id".into()))]
#[case("40002", "isv.invalid-signature", LoginError::Misconfigured("isv.invalid-signature".into()))]
#[case("20000", "isp.unknow-error", LoginError::Unknown)]
#[case("40005", "isv.app-call-limited", LoginError::Busy)]
#[tokio::test]
async fn a_login_that_fails_says_how(
    #[case] code: &str,
    #[case] sub_code: &str,
    #[case] error: LoginError,
) {
    let node = json!({"code": code, "msg": "…", "sub_code": sub_code});
    for root in ["error_response", "alipay_system_oauth_token_response"] {
        for seal in [Seal::Good, Seal::Unsigned] {
            let server = saying(200, sealed(root, &node, seal)).await;
            let found = login(&server.uri()).login("code").await;
            assert_eq!(found.err(), Some(error.clone()), "{root} {seal:?}");
        }
    }
}

#[rstest]
#[case(json!({"open_id": "074a1CcTG"}), Seal::Unsigned)]
#[case(json!({"open_id": "074a1CcTG"}), Seal::WrongKey)]
#[case(json!({"open_id": "074a1CcTG"}), Seal::Moved)]
#[case(json!({"open_id": ""}), Seal::Good)]
#[case(json!({"code": "10000"}), Seal::Good)]
#[tokio::test]
async fn a_login_that_is_not_proven_is_unknown(#[case] node: Value, #[case] seal: Seal) {
    let server = answering(OAUTH, node, seal).await;
    assert_eq!(login(&server.uri()).login("code").await.err(), Some(LoginError::Unknown));
}

#[tokio::test]
async fn a_login_without_an_answer_is_unknown() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    let server = server.uri();
    for server in [server.as_str(), "http://127.0.0.1:1"] {
        assert_eq!(login(server).login("code").await.err(), Some(LoginError::Unknown));
    }
    let (busy, broken) = (saying(429, String::new()).await, saying(502, "<html>".into()).await);
    assert_eq!(login(&busy.uri()).login("code").await.err(), Some(LoginError::Busy));
    assert_eq!(login(&broken.uri()).login("code").await.err(), Some(LoginError::Unknown));
    assert_eq!(login("http://127.0.0.1:1").login("two words").await.err(), Some(LoginError::Code));
}
