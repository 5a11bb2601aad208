//! Logins.

use super::*;

async fn saying(status: u16, body: &str) -> MockServer {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(status).set_body_raw(body.as_bytes(), "text/plain");
    Mock::given(anything()).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn a_code_becomes_an_openid() {
    let body = r#"{"openid":"oUser0001","session_key":"c2Vzc2lvbg\/\/key==","unionid":"oUnion"}"#;
    let server = saying(200, body).await;
    let identity = login(server.uri()).login("0a1b2c&d=").await.expect("an identity");
    assert_eq!((identity.channel, identity.kind), (Channel::Wechat, PayerIdKind::OpenId));
    assert_eq!((identity.id.as_str(), identity.union_id.as_deref()), ("oUser0001", Some("oUnion")));
    let key = identity.session_key.as_ref().expect("a key");
    assert_eq!(key.expose(), "c2Vzc2lvbg//key==");
    let shown = format!("{identity:?}");
    assert!(!shown.contains("oUser") && !shown.contains("key=="), "{shown}");

    let request = one_request(&server).await;
    assert_eq!(request.url.path(), "/sns/jscode2session");
    let pairs: Vec<_> = request.url.query_pairs().into_owned().collect();
    let expected = [
        ("appid", "wx0123456789abcdef"),
        ("secret", "s3cret-of-the-app"),
        ("js_code", "0a1b2c&d="),
        ("grant_type", "authorization_code"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[rstest]
#[case(r#"{"errcode":40029,"errmsg":"invalid code, rid: 613033ae"}"#, LoginError::Code)]
#[case(r#"{"errcode":40163,"errmsg":"code been used"}"#, LoginError::Code)]
#[case(r#"{"errcode":40226}"#, LoginError::Blocked)]
#[case(r#"{"errcode":45011}"#, LoginError::Busy)]
#[case(r#"{"errcode":-1}"#, LoginError::Busy)]
#[case(r#"{"errcode":40013}"#, LoginError::Misconfigured("40013".into()))]
#[case(r#"{"errcode":40125}"#, LoginError::Misconfigured("40125".into()))]
#[case(r#"{"errcode":99999}"#, LoginError::Unknown)]
#[case(r#"{"openid":"","session_key":"k"}"#, LoginError::Unknown)]
#[case(r#"{"openid":"oUser0001"}"#, LoginError::Unknown)]
#[case("<html>", LoginError::Unknown)]
#[case("", LoginError::Unknown)]
#[tokio::test]
async fn a_login_that_fails_says_how(#[case] body: &str, #[case] error: LoginError) {
    let server = saying(200, body).await;
    assert_eq!(login(server.uri()).login("code").await.err(), Some(error));
}

#[tokio::test]
async fn a_login_without_an_answer_is_unknown() {
    for status in [302, 404, 500, 502] {
        let server = saying(status, r#"{"openid":"o","session_key":"k"}"#).await;
        assert_eq!(login(server.uri()).login("code").await.err(), Some(LoginError::Unknown));
    }
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    assert_eq!(login(server.uri()).login("code").await.err(), Some(LoginError::Unknown));
    let closed = login("http://127.0.0.1:1".into());
    assert_eq!(closed.login("code").await.err(), Some(LoginError::Unknown));
}

#[rstest]
#[case("")]
#[case("two words")]
#[case("社保")]
#[case(&"c".repeat(129))]
#[tokio::test]
async fn what_cannot_be_a_code_is_not_sent(#[case] code: &str) {
    let server = saying(200, r#"{"openid":"o","session_key":"k"}"#).await;
    assert_eq!(login(server.uri()).login(code).await.err(), Some(LoginError::Code));
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

/// Everything that a caller could log about a failed login, against the secret in its URL.
#[tokio::test]
async fn a_failed_login_tells_neither_code_nor_secret() {
    let lines = Arc::new(Mutex::new(Vec::<u8>::new()));
    let seen = crate::testing::capture(&lines);
    let server = saying(200, r#"{"errcode":40029,"errmsg":"invalid code"}"#).await;
    let refused = login(server.uri()).login("my-code").await.expect_err("refused");
    let error = login("http://127.0.0.1:1".into()).login("my-code").await.expect_err("closed");
    drop(seen);
    let lines = String::from_utf8(lines.lock().expect("lines").clone()).expect("text");
    assert!(lines.contains("call failed"), "the call is logged: {lines}");
    for text in [lines, refused.to_string(), error.to_string(), format!("{refused:?} {error:?}")] {
        assert!(!text.contains("s3cret") && !text.contains("my-code"), "{text}");
    }
}
