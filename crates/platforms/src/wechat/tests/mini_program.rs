//! The server API of mini-programs, against a host that says whatever a test wants.

mod face;
mod token;

use std::collections::BTreeMap;

use kernel::{Document, DocumentKind, Identity, PersonName, SystemEntropy};
use wiremock::matchers::path;

use super::{
    super::mini_program::{
        CityCard, CityCardWord, CityPage, CityPathRequest, CityPathSource, EmbeddedTokens,
        FaceFailure, FaceId, FaceRequest, FaceStanding, MessageLanguage, MiniProgramError as Error,
        MiniProgramRefused as No, MiniProgramVersion, SubscriptionMessage, TokenStore,
        TokenStoreAway, WechatFaceNumber, WechatMiniProgram, WechatOfficialAccount,
        account::Account,
    },
    *,
};
use crate::MessageFate;

const TOKEN: &str = "/cgi-bin/stable_token";
const PHONE: &str = "/wxa/business/getuserphonenumber";
const MESSAGE: &str = "/cgi-bin/message/subscribe/send";
const CARD: &str = "/cityservice/sendmsgdata";
const WAY: &str = "/cityservice/getservicepath";
const BEGIN: &str = "/cityservice/face/identify/getverifyid";
const QUERY: &str = "/cityservice/face/identify/queryverifyinfo";
const OPENID: &str = "oUser0001";

/// The host, one mini-program there, and what it stores.
struct Scene {
    server: MockServer,
    clock: Arc<ControlledClock>,
    store: Arc<dyn TokenStore>,
    program: WechatMiniProgram,
}

fn settings(url: String) -> WechatLoginConfig {
    WechatLoginConfig {
        mini_program_url: url,
        app_id: "wx0123456789abcdef".into(),
        app_secret: Secret::new("s3cret-of-the-app"),
    }
}

fn program(
    url: String,
    store: &Arc<dyn TokenStore>,
    clock: &Arc<ControlledClock>,
) -> WechatMiniProgram {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let account = Account::new(settings(url), Arc::clone(&clock)).expect("an account");
    let account = Arc::new(account.impatient());
    WechatMiniProgram::of(account, Arc::clone(store), clock, &SystemEntropy::default())
}

impl Scene {
    async fn new() -> Scene {
        let server = MockServer::start().await;
        let clock = Arc::new(ControlledClock::at(NOW));
        let store: Arc<dyn TokenStore> =
            Arc::new(EmbeddedTokens::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let program = program(server.uri(), &store, &clock);
        Scene { server, clock, store, program }
    }

    /// With a token for everybody, and this answer to every call of `at`.
    async fn saying(at: &str, status: u16, body: &str) -> Scene {
        let scene = Scene::new().await;
        scene.says(TOKEN, 200, r#"{"access_token":"t0ken-1","expires_in":7200}"#).await;
        scene.says(at, status, body).await;
        scene
    }

    async fn says(&self, at: &str, status: u16, body: &str) {
        let template = ResponseTemplate::new(status).set_body_raw(body.as_bytes(), "text/plain");
        Mock::given(path(at)).respond_with(template).mount(&self.server).await;
    }

    /// The next call of `at` only.
    async fn says_once(&self, at: &str, body: &str) {
        let template = ResponseTemplate::new(200).set_body_raw(body.as_bytes(), "text/plain");
        let mock = Mock::given(path(at)).respond_with(template);
        mock.up_to_n_times(1).mount(&self.server).await;
    }

    async fn calls(&self, at: &str) -> Vec<Request> {
        let requests = self.server.received_requests().await.expect("recorded");
        requests.into_iter().filter(|request| request.url.path() == at).collect()
    }

    async fn body(&self, at: &str) -> Value {
        let calls = self.calls(at).await;
        serde_json::from_slice(&calls[0].body).expect("JSON")
    }
}

fn message() -> SubscriptionMessage {
    SubscriptionMessage {
        to: OPENID.into(),
        template_id: "TEMPLATE".into(),
        page: Some("pages/order?no=1".into()),
        words: BTreeMap::from([("thing1".to_owned(), "社保缴费成功".to_owned())]),
        version: MiniProgramVersion::Formal,
        language: MessageLanguage::SimplifiedChinese,
    }
}

fn card() -> CityCard {
    CityCard {
        openid: OPENID.into(),
        template_id: "T1".into(),
        order_no: "SI1".into(),
        url: None,
        result_page_style_id: Some("R1".into()),
        deal_msg_style_id: None,
        card_style_id: None,
        words: BTreeMap::from([("first".to_owned(), CityCardWord::plain("缴费成功"))]),
    }
}

fn official(scene: &Scene) -> WechatOfficialAccount {
    let clock = Arc::clone(&scene.clock) as Arc<dyn Clock>;
    let store = Arc::clone(&scene.store);
    let settings = settings(scene.server.uri());
    WechatOfficialAccount::new(settings, store, clock, &SystemEntropy::default()).expect("one")
}

#[rstest]
#[case::as_in_the_example(r#"86"#)]
#[case::as_in_the_table(r#""86""#)]
#[tokio::test]
async fn a_code_becomes_a_number(#[case] country: &str) {
    let body = format!(
        r#"{{"errcode":0,"errmsg":"ok","phone_info":{{"phoneNumber":"19900000001",
        "purePhoneNumber":"19900000001","countryCode":{country},
        "watermark":{{"timestamp":1767225600,"appid":"wx0123456789abcdef"}}}}}}"#
    );
    let scene = Scene::saying(PHONE, 200, &body).await;
    let number = scene.program.phone_number("code-1", OPENID).await.expect("a number");
    assert_eq!((number.pure_number.expose(), &*number.country_code), ("19900000001", "86"));
    assert!(!format!("{number:?}").contains("199"));
    assert_eq!(scene.body(PHONE).await, json!({"code": "code-1", "openid": OPENID}));
    let call = &scene.calls(PHONE).await[0];
    assert_eq!(call.url.query(), Some("access_token=t0ken-1"));
    let asked = json!({
        "grant_type": "client_credential", "appid": "wx0123456789abcdef",
        "secret": "s3cret-of-the-app", "force_refresh": false,
    });
    assert_eq!(scene.body(TOKEN).await, asked);
}

#[rstest]
#[case::of_another_app(r#"{"errcode":0,"phone_info":{"phoneNumber":"1","purePhoneNumber":"1","countryCode":"86","watermark":{"appid":"wxother"}}}"#)]
#[case::no_number(r#"{"errcode":0,"phone_info":{"phoneNumber":"a","purePhoneNumber":"a","countryCode":"86","watermark":{"appid":"wx0123456789abcdef"}}}"#)]
#[case::two_numbers(r#"{"errcode":0,"phone_info":{"phoneNumber":"12345","purePhoneNumber":"99","countryCode":"86","watermark":{"appid":"wx0123456789abcdef"}}}"#)]
#[case::nothing(r#"{"errcode":0}"#)]
#[case::page("<html>")]
#[tokio::test]
async fn a_strange_number_is_none(#[case] body: &str) {
    let scene = Scene::saying(PHONE, 200, body).await;
    let error = scene.program.phone_number("code-1", OPENID).await.expect_err("none");
    assert!(matches!(error, Error::Unknown(_)), "{error}");
}

#[rstest]
#[case("-1", Error::Busy)]
#[case("45011", Error::Busy)]
#[case("45009", Error::Quota)]
#[case("40029", Error::Refused(No::Code))]
#[case("40003", Error::Refused(No::Person))]
#[case("40037", Error::Refused(No::Template))]
#[case("41030", Error::Refused(No::Page))]
#[case("47003", Error::Refused(No::Content))]
#[case("61007", Error::Refused(No::Other(61007)))]
#[case("48001", Error::Misconfigured(48001))]
#[tokio::test]
async fn a_refusal_says_which(#[case] errcode: &str, #[case] error: Error) {
    let body = format!(r#"{{"errcode":{errcode},"errmsg":"no rid: 613033ae-4a5a9224-3a2b9999"}}"#);
    let scene = Scene::saying(MESSAGE, 200, &body).await;
    assert_eq!(scene.program.send_message(&message()).await, Err(error));
    assert_eq!(scene.calls(MESSAGE).await.len(), 1, "nothing repeats it");
}

#[rstest]
#[case(500, "{}", "HTTP 500")]
#[case(502, "<html>", "HTTP 502")]
#[case(302, r#"{"errcode":0}"#, "HTTP 302")]
#[case(200, "", "not an answer of the platform")]
#[case(200, r#"{"errcode":"0"}"#, "not an answer of the platform")]
#[case(200, "[]", "not an answer of the platform")]
#[tokio::test]
async fn what_is_no_answer_is_unknown(#[case] status: u16, #[case] body: &str, #[case] why: &str) {
    let scene = Scene::saying(MESSAGE, status, body).await;
    let error = scene.program.send_message(&message()).await.expect_err("unknown");
    assert_eq!(
        (error.clone(), error.retry_class()),
        (Error::Unknown(why.into()), RetryClass::QueryFirst)
    );
}

#[tokio::test]
async fn a_huge_or_slow_answer_is_unknown() {
    let scene = Scene::saying(MESSAGE, 200, &" ".repeat(2 * 1024 * 1024)).await;
    let error = scene.program.send_message(&message()).await.expect_err("too long");
    assert_eq!(error, Error::Unknown("the answer is too long".into()));
    let scene = Scene::new().await;
    scene.says(TOKEN, 200, r#"{"access_token":"t0ken-1","expires_in":7200}"#).await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path(MESSAGE)).respond_with(slow).mount(&scene.server).await;
    let error = scene.program.send_message(&message()).await.expect_err("too slow");
    assert_eq!(error, Error::Unknown("time-out".into()));
}

#[tokio::test]
async fn a_message_goes_as_the_manual_writes_it() {
    let scene = Scene::saying(MESSAGE, 200, r#"{"errcode":0,"errmsg":"ok","msgid":1}"#).await;
    assert_eq!(scene.program.send_message(&message()).await, Ok(MessageFate::Accepted));
    let expected = json!({
        "touser": OPENID, "template_id": "TEMPLATE", "page": "pages/order?no=1",
        "data": {"thing1": {"value": "社保缴费成功"}}, "miniprogram_state": "formal", "lang": "zh_CN",
    });
    assert_eq!(scene.body(MESSAGE).await, expected);
    let raw = &scene.calls(MESSAGE).await[0].body;
    assert!(String::from_utf8_lossy(raw).contains("社保"), "not escaped: WeChat shows escapes");
}

#[tokio::test]
async fn a_user_who_does_not_want_a_message_is_no_error() {
    let body = r#"{"errcode":43101,"errmsg":"user refuse to accept the msg rid: 613033ae-4a5a9224-3a2b9999"}"#;
    let scene = Scene::saying(MESSAGE, 200, body).await;
    assert_eq!(scene.program.send_message(&message()).await, Ok(MessageFate::Declined));
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_sent() {
    let scene = Scene::saying(MESSAGE, 200, r#"{"errcode":0}"#).await;
    let changes: [fn(&mut SubscriptionMessage); 5] = [
        |message| message.to = String::new(),
        |message| message.template_id = "two words".into(),
        |message| message.page = Some("https://elsewhere.example/".into()),
        |message| message.words.clear(),
        |message| drop(message.words.insert("thing1".into(), "一".repeat(21))),
    ];
    for change in changes {
        let mut message = message();
        change(&mut message);
        let error = scene.program.send_message(&message).await.expect_err("refused");
        assert!(matches!(error, Error::BadRequest(_)), "{error}");
    }
    let code = scene.program.phone_number("two words", OPENID).await.expect_err("refused");
    assert_eq!(code, Error::Refused(No::Code));
    let changes: [fn(&mut CityCard); 5] = [
        |card| card.openid = String::new(),
        |card| card.url = Some("pages/order".into()),
        |card| card.words.clear(),
        |card| drop(card.words.insert("key1".into(), CityCardWord::plain("x"))),
        |card| {
            let color = Some("red".to_owned());
            card.words.insert("remark".into(), CityCardWord { value: "x".into(), color });
        },
    ];
    let official = official(&scene);
    for change in changes {
        let mut card = card();
        change(&mut card);
        let error = official.send_card(&card).await.expect_err("refused");
        assert!(matches!(error, Error::BadRequest(_)), "{error}");
    }
    assert!(scene.server.received_requests().await.expect("recorded").is_empty());
}

#[rstest]
#[case(
    r#"{"errcode":0,"result_page_url":"https:\/\/city.example\/r?no=SI1"}"#,
    Ok(Some("https://city.example/r?no=SI1"))
)]
#[case(r#"{"errcode":0,"result_page_url":""}"#, Ok(None))]
#[case(r#"{"errcode":0}"#, Ok(None))]
#[case(r#"{"errcode":0,"result_page_url":"javascript:alert(1)"}"#, Err(()))]
#[tokio::test]
async fn a_card_leads_to_its_page(#[case] body: &str, #[case] page: Result<Option<&str>, ()>) {
    let scene = Scene::saying(CARD, 200, body).await;
    let sent = official(&scene).send_card(&card()).await;
    let sent = sent.map(|page| page.map(String::from)).map_err(drop);
    assert_eq!(sent, page.map(|page| page.map(String::from)));
    let expected = json!({
        "openid": OPENID, "biz_template_id": "T1", "order_no": "SI1", "result_page_style_id": "R1",
        "data": {"first": {"value": "缴费成功"}},
    });
    assert_eq!(scene.body(CARD).await, expected);
}

#[tokio::test]
async fn a_way_leads_to_the_city() {
    let body = r#"{"errcode":0,"errmsg":"ok","path":"pages\/index","query_string":"a=1","business_type":{"app_id":"wxcity","username":"gh_1"}}"#;
    let scene = Scene::saying(WAY, 200, body).await;
    let request = CityPathRequest {
        page: CityPage::Home { city: "无锡".into() },
        source: CityPathSource::MiniProgram,
        parameters: BTreeMap::new(),
    };
    let way = scene.program.city_path(&request).await.expect("a way");
    assert_eq!((&*way.path, &*way.query, &*way.app_id), ("pages/index", "a=1", "wxcity"));
    let expected = json!({"page_type": 1, "src_channel": 1, "city_name": "无锡"});
    assert_eq!(scene.body(WAY).await, expected);
}

/// Everything that could be logged about calls that fail, against all that is secret in them.
#[tokio::test]
async fn failures_tell_no_secret() {
    let lines = Arc::new(Mutex::new(Vec::<u8>::new()));
    let seen = crate::testing::capture(&lines);
    let refusal = r#"{"errcode":47003,"errmsg":"argument invalid! oUser0001 张三 19900000001 rid: 613033ae-4a5a9224-3a2b9999"}"#;
    let scene = Scene::saying(MESSAGE, 200, refusal).await;
    scene.says(PHONE, 200, refusal).await;
    scene.says(BEGIN, 200, refusal).await;
    let mut texts = Vec::new();
    let mut note = |error: Error| texts.push(format!("{error} {error:?}"));
    note(scene.program.send_message(&message()).await.expect_err("refused"));
    note(scene.program.phone_number("my-code", OPENID).await.expect_err("refused"));
    let request = face::request();
    note(scene.program.begin_face(&request).await.expect_err("refused"));
    let offline = program("http://127.0.0.1:1".into(), &scene.store, &scene.clock);
    note(offline.phone_number("my-code", OPENID).await.expect_err("closed"));
    drop(seen);
    let lines = String::from_utf8(lines.lock().expect("lines").clone()).expect("text");
    assert!(lines.contains("613033ae-4a5a9224-3a2b9999"), "the trace id is logged: {lines}");
    let shown = format!("{:?} {request:?} {:?} {:?}", scene.program, message(), card());
    texts.extend([lines, shown]);
    for text in texts {
        for secret in ["s3cret", "t0ken", "my-code", OPENID, "张三", "199000", "320213"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
