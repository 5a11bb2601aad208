//! The client of the mini-program's server API against the mock, over real HTTP: two implementations
//! of one manual that share no line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kernel::{
    Channel::Wechat, Clock, ControlledClock, Document, DocumentKind, Identity, PersonName, Secret,
    SystemEntropy, Timestamp,
};
use mock_providers::{Fault, FaultKind, FaultTarget, Providers, ProvidersOptions};
use platforms::{
    CityCard, CityCardWord, CityPage, CityPathRequest, CityPathSource, EmbeddedTokens, FaceFailure,
    FaceRequest, FaceStanding, LoginProvider, MessageFate, MessageLanguage, MiniProgramError,
    MiniProgramRefused, MiniProgramVersion, SubscriptionMessage, TokenStore, WechatFaceNumber,
    WechatLoginConfig, WechatMiniProgram, WechatOfficialAccount,
};
use rstest::rstest;
use serde_json::{Value, json};

const TEMPLATE: &str = "TEMPLATE";

struct Scene {
    mocks: Providers,
    clock: Arc<ControlledClock>,
    store: Arc<dyn TokenStore>,
    program: WechatMiniProgram,
    http: reqwest::Client,
}

impl Scene {
    async fn new() -> Scene {
        let _before = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(1_767_225_600)));
        let handed_in: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let options = ProvidersOptions {
            controlled: Some(Arc::clone(&clock)),
            ..ProvidersOptions::default()
        };
        let entropy = Arc::new(SystemEntropy::default());
        let mocks = Providers::start(options, Arc::clone(&handed_in), entropy).await.unwrap();
        let store: Arc<dyn TokenStore> = Arc::new(EmbeddedTokens::new(Arc::clone(&handed_in)));
        let entropy = SystemEntropy::default();
        let program =
            WechatMiniProgram::new(settings(&mocks), Arc::clone(&store), handed_in, &entropy);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Scene { mocks, clock, store, program: program.unwrap(), http }
    }

    fn official(&self) -> WechatOfficialAccount {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let (settings, entropy) = (settings(&self.mocks), SystemEntropy::default());
        WechatOfficialAccount::new(settings, Arc::clone(&self.store), clock, &entropy).unwrap()
    }

    /// The control API, as the user's hand.
    async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.mocks.facts().control_url);
        let answer = self.http.post(url).body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    async fn messages(&self) -> Value {
        let url = format!("{}/wechat/messages", self.mocks.facts().control_url);
        let answer = self.http.get(url).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    fn openid(&self, user: &str) -> String {
        self.mocks.mint_login_code(Wechat, user).openid.unwrap()
    }

    fn fault(&self, target: FaultTarget, kind: FaultKind) {
        self.mocks.set_fault(Fault::next(target, kind)).unwrap();
    }

    async fn accepts(&self, user: &str) {
        let body = json!({"user": user, "template_id": TEMPLATE});
        self.control("/wechat/subscriptions", body).await;
    }

    async fn sends(&self, user: &str) -> Result<MessageFate, MiniProgramError> {
        self.program.send_message(&message(self.openid(user))).await
    }

    fn verification(&self, number: &str, user: &str) -> FaceRequest {
        let now = self.clock.now();
        let document = Document::parse(DocumentKind::ResidentId, "320213190001010006", now);
        FaceRequest {
            number: WechatFaceNumber::new(number).unwrap(),
            person: Identity {
                document: document.unwrap(),
                name: PersonName::parse("张三").unwrap(),
            },
            openid: self.openid(user),
        }
    }
}

fn settings(mocks: &Providers) -> WechatLoginConfig {
    let facts = &mocks.facts().wechat;
    WechatLoginConfig {
        mini_program_url: facts.base_url.clone(),
        app_id: facts.app_id.clone(),
        app_secret: Secret::new(facts.app_secret.clone()),
    }
}

fn message(to: String) -> SubscriptionMessage {
    let words = [("thing1", "社保缴费成功"), ("amount2", "898.80元")];
    SubscriptionMessage {
        to,
        template_id: TEMPLATE.into(),
        page: Some("pages/order?no=SI1".into()),
        words: words.map(|(key, word)| (key.to_owned(), word.to_owned())).into(),
        version: MiniProgramVersion::Formal,
        language: MessageLanguage::SimplifiedChinese,
    }
}

#[tokio::test]
async fn a_citizen_logs_in_and_shows_the_number() {
    let scene = Scene::new().await;
    let minted = scene.mocks.mint_login_code(Wechat, "小明");
    let identity = scene.program.login(&minted.code).await.unwrap();
    assert_eq!(Some(&identity.id), minted.openid.as_ref());
    let pressed = scene.control("/wechat/phone-codes", json!({"user": "小明"})).await;
    let code = pressed["code"].as_str().unwrap();
    let number = scene.program.phone_number(code, &identity.id).await.unwrap();
    assert_eq!(number.pure_number.expose(), pressed["phone_number"]);
    let again = scene.program.phone_number(code, &identity.id).await.unwrap_err();
    assert_eq!(again, MiniProgramError::Refused(MiniProgramRefused::Code), "single use");
}

#[tokio::test]
async fn somebody_else_s_number_is_not_given() {
    let scene = Scene::new().await;
    let pressed = scene.control("/wechat/phone-codes", json!({"user": "小明"})).await;
    let code = pressed["code"].as_str().unwrap();
    let error = scene.program.phone_number(code, &scene.openid("小红")).await.unwrap_err();
    assert_eq!(error, MiniProgramError::Refused(MiniProgramRefused::Code));
}

#[tokio::test]
async fn one_acceptance_is_one_message() {
    let scene = Scene::new().await;
    assert_eq!(scene.sends("小明").await, Ok(MessageFate::Declined));
    scene.accepts("小明").await;
    assert_eq!(scene.sends("小明").await, Ok(MessageFate::Accepted));
    assert_eq!(scene.sends("小明").await, Ok(MessageFate::Declined));
    let sent = scene.messages().await;
    assert_eq!(sent["messages"][0]["body"]["data"]["amount2"]["value"], "898.80元");
    let error = scene.program.send_message(&message("oNobody".into())).await.unwrap_err();
    assert_eq!(error, MiniProgramError::Refused(MiniProgramRefused::Person));
}

#[tokio::test]
async fn cards_and_ways_reach_city_service() {
    let scene = Scene::new().await;
    let card = CityCard {
        openid: scene.openid("小明"),
        template_id: "T1".into(),
        order_no: "SI1".into(),
        url: Some("https://city.example/orders/SI1".into()),
        result_page_style_id: None,
        deal_msg_style_id: None,
        card_style_id: None,
        words: BTreeMap::from([
            ("first".to_owned(), CityCardWord::plain("缴费成功")),
            ("keyword1".to_owned(), CityCardWord::plain("898.80")),
        ]),
    };
    let page = scene.official().send_card(&card).await.unwrap().unwrap();
    assert!(page.as_str().ends_with("order_no=SI1"), "{page}");
    let pages = [
        CityPage::Service { service_id: "S1".into() },
        CityPage::Home { city: "无锡".into() },
        CityPage::HealthCode,
        CityPage::Topic { city: "无锡".into(), topic: "社保".into() },
        CityPage::List { city: "无锡".into(), keyword: Some("社保".into()) },
    ];
    for page in pages {
        let parameters = [("city".to_owned(), "无锡".to_owned())].into();
        let request = CityPathRequest { page, source: CityPathSource::MiniProgram, parameters };
        let way = scene.program.city_path(&request).await.unwrap();
        // What we hand through is what we read on arrival.
        let arrival = platforms::CityArrival::parse(&way.query, None).unwrap();
        assert_eq!(arrival.city.unwrap().as_str(), "无锡");
    }
}

#[rstest]
#[case::passed(None, None)]
#[case::another_face(Some(10_004), Some(FaceFailure::OtherFace))]
#[case::gave_up(Some(90_003), Some(FaceFailure::Cancelled))]
#[case::no_camera(Some(90_001), Some(FaceFailure::Device))]
#[tokio::test]
async fn a_face_is_verified(#[case] shown: Option<i64>, #[case] failure: Option<FaceFailure>) {
    let scene = Scene::new().await;
    let request = scene.verification("SEQ-00001", "小明");
    let ticket = scene.program.begin_face(&request).await.unwrap();
    assert_eq!(ticket.expires_at.since(scene.clock.now()), Duration::from_secs(3_600));
    let early = scene.program.query_face(&ticket.id, &request).await.unwrap();
    assert!(matches!(early, FaceStanding::NotPassed(FaceFailure::Cancelled)), "{early:?}");
    let show = json!({"verify_id": ticket.id.as_str(), "verify_ret": shown});
    scene.control("/wechat/faces", show).await;
    match (scene.program.query_face(&ticket.id, &request).await.unwrap(), failure) {
        (FaceStanding::Passed(proof), None) => {
            assert!(proof.is_of(&request.person, &request.openid));
            assert_eq!(proof.number().as_str(), "SEQ-00001");
        }
        (FaceStanding::NotPassed(found), Some(failure)) => assert_eq!(found, failure),
        (standing, failure) => panic!("{standing:?} instead of {failure:?}"),
    }
}

#[tokio::test]
async fn a_face_proves_nothing_about_another_person() {
    let scene = Scene::new().await;
    let request = scene.verification("SEQ-00001", "小明");
    let ticket = scene.program.begin_face(&request).await.unwrap();
    scene.control("/wechat/faces", json!({"verify_id": ticket.id.as_str()})).await;
    let mut other = request.clone();
    other.person.name = PersonName::parse("李四").unwrap();
    let standing = scene.program.query_face(&ticket.id, &other).await.unwrap();
    assert!(
        matches!(standing, FaceStanding::NotPassed(FaceFailure::PersonUnknown)),
        "{standing:?}"
    );
    let elsewhere = FaceRequest { openid: scene.openid("小红"), ..request.clone() };
    assert!(scene.program.query_face(&ticket.id, &elsewhere).await.is_err());
    let error = scene.program.begin_face(&request).await.unwrap_err();
    assert_eq!(
        error,
        MiniProgramError::Refused(MiniProgramRefused::Content),
        "a number is used once"
    );
}

#[tokio::test]
async fn a_token_lives_on_through_the_platform_s_renewals() {
    let scene = Scene::new().await;
    for _ in 0..40 {
        scene.accepts("小明").await;
        assert_eq!(scene.sends("小明").await, Ok(MessageFate::Accepted));
        scene.mocks.advance(Duration::from_secs(700)).await;
    }
}

#[tokio::test]
async fn an_invalidated_token_is_replaced() {
    let scene = Scene::new().await;
    scene.accepts("小明").await;
    assert_eq!(scene.sends("小明").await, Ok(MessageFate::Accepted));
    scene.control("/wechat/tokens/invalidate", json!({})).await;
    scene.accepts("小明").await;
    assert_eq!(scene.sends("小明").await, Ok(MessageFate::Accepted));
}

#[rstest]
#[case::busy(FaultKind::Busy, MiniProgramError::Quota)]
#[case::error(FaultKind::ErrorBeforeCommit, MiniProgramError::Busy)]
#[case::gateway(FaultKind::GatewayPage, MiniProgramError::Unknown("HTTP 502".into()))]
#[tokio::test]
async fn accidents_have_their_class(#[case] kind: FaultKind, #[case] error: MiniProgramError) {
    for target in [FaultTarget::WechatToken, FaultTarget::WechatMessage] {
        let scene = Scene::new().await;
        scene.accepts("小明").await;
        scene.fault(target, kind);
        assert_eq!(scene.sends("小明").await, Err(error.clone()), "{target:?}");
        scene.mocks.advance(Duration::from_secs(60)).await;
        assert_eq!(scene.sends("小明").await, Ok(MessageFate::Accepted), "nothing was sent");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_unknown_and_not_repeated() {
    let scene = Scene::new().await;
    scene.accepts("小明").await;
    scene.accepts("小明").await;
    scene.fault(FaultTarget::WechatMessage, FaultKind::DropAfterCommit);
    let error = scene.sends("小明").await.unwrap_err();
    assert!(matches!(error, MiniProgramError::Unknown(_)), "{error}");
    assert_eq!(scene.messages().await["messages"].as_array().unwrap().len(), 1);
}
