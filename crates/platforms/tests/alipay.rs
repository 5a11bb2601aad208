//! The Alipay client against the mock, over real HTTP: two implementations of one protocol that
//! share no line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use kernel::{
    Channel::Alipay, Clock, ControlledClock, Fen, MerchantKey, OutTradeNo, Secret, SystemEntropy,
    Timestamp,
};
use mock_providers::{
    AlipayFacts, AlipayKeyMode, AlipayOddity, AlipaySigner, DocumentedRefusal, Fault, FaultKind,
    FaultTarget, NotificationRequest, PayRequest, Providers, ProvidersOptions, Settings,
};
use platforms::{
    AlipayCancelled, AlipayCertificates, AlipayConfig, AlipayLogin, AlipayMerchant, BillError,
    CertifyDocument, CertifyId, CertifyRequest, CertifyScene, CertifyStanding, ChannelError,
    LoginProvider, MessageFate, Notice, Payer, PayerIdKind, PaymentChannel, PaymentRequest,
    PaymentStanding, PhoneError, RefundRequest, RefundStanding, Refusal, StatementError,
    StatementKind, TemplateMessage,
};
use reqwest::header::HeaderMap;
use rstest::rstest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    PublicKey,
    Certificate,
}

struct Scene {
    mocks: Providers,
    clock: Arc<ControlledClock>,
    merchant: AlipayMerchant,
    login: AlipayLogin,
}

fn config(facts: &AlipayFacts, mode: Mode) -> AlipayConfig {
    let certified = mode == Mode::Certificate;
    AlipayConfig {
        key: MerchantKey::new("wuxi-alipay").unwrap(),
        gateway: facts.gateway.clone(),
        app_id: facts.app_id.clone(),
        seller_id: facts.seller_id.clone(),
        app_private_key: Secret::new(facts.app_private_key.clone()),
        alipay_public_keys: if certified {
            Vec::new()
        } else {
            vec![facts.alipay_public_key.clone()]
        },
        certificates: certified.then(|| AlipayCertificates {
            application: facts.app_cert.clone(),
            alipay: vec![facts.alipay_cert.clone()],
            roots: facts.alipay_root_cert.clone(),
        }),
        content_key: Some(Secret::new(facts.aes_key.clone())),
    }
}

impl Scene {
    async fn new(mode: Mode) -> Scene {
        let _before = rustls::crypto::ring::default_provider().install_default();
        let start = Timestamp::from_unix_seconds(1_767_225_600);
        let clock = Arc::new(ControlledClock::at(start));
        let options = ProvidersOptions {
            first_delivery_delay: Duration::ZERO,
            controlled: Some(Arc::clone(&clock)),
            ..ProvidersOptions::default()
        };
        let entropy = Arc::new(SystemEntropy::default());
        let handed_in: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let mocks = Providers::start(options, Arc::clone(&handed_in), entropy).await.unwrap();
        let config = config(&mocks.facts().alipay, mode);
        let login = AlipayLogin::new(&config, Arc::clone(&handed_in)).unwrap();
        let merchant = AlipayMerchant::new(config, handed_in).unwrap();
        let scene = Scene { mocks, clock, merchant, login };
        scene.switch(|settings| {
            settings.alipay_key_mode = match mode {
                Mode::PublicKey => AlipayKeyMode::PublicKey,
                Mode::Certificate => AlipayKeyMode::Certificate,
            };
        });
        scene
    }

    fn switch(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.mocks.settings();
        change(&mut settings);
        self.mocks.set_settings(settings);
    }

    fn fault(&self, target: FaultTarget, oddity: AlipayOddity) {
        self.mocks.set_fault(Fault::next(target, FaultKind::Alipay(oddity))).unwrap();
    }

    async fn created(&self, number: &OutTradeNo) -> String {
        self.tries_to_create(number).await.unwrap()
    }

    async fn tries_to_create(&self, number: &OutTradeNo) -> Result<String, ChannelError> {
        let minted = self.mocks.mint_login_code(Alipay, "小明");
        let identity = self.login.login(&minted.code).await.unwrap();
        assert_eq!(identity.kind, PayerIdKind::OpenId);
        let request = PaymentRequest {
            out_trade_no: number.clone(),
            amount: Fen::new(89_880).unwrap(),
            description: "社保缴费 \"2026\"，养老".into(),
            payer: Payer { kind: identity.kind, id: identity.id },
            expires_at: self.clock.now().plus(Duration::from_secs(1800)),
            notify_url: "http://127.0.0.1:9/callbacks".into(),
            client_ip: None,
        };
        let prepared = self.merchant.prepare_payment(&request).unwrap();
        Ok(self.merchant.create_payment(&prepared).await?.token)
    }

    async fn paid(&self, number: &OutTradeNo) {
        self.created(number).await;
        self.mocks.pay(&PayRequest::number(Alipay, number.as_str())).unwrap();
    }

    async fn refund(&self, number: &OutTradeNo, refund: &OutTradeNo, fen: i64) {
        let request = RefundRequest {
            out_trade_no: number.clone(),
            out_refund_no: refund.clone(),
            payment_amount: Fen::new(89_880).unwrap(),
            amount: Fen::new(fen).unwrap(),
            reason: "退款".into(),
            notify_url: "http://127.0.0.1:9/callbacks".into(),
        };
        let prepared = self.merchant.prepare_refund(&request).unwrap();
        let standing = self.merchant.request_refund(&prepared).await.unwrap();
        assert!(matches!(standing, RefundStanding::Known(_)));
    }

    fn opened(&self, request: &NotificationRequest) -> Result<Notice, Refusal> {
        let signed = self.mocks.craft_notification(request).unwrap();
        let headers = HeaderMap::new();
        self.merchant.open_notification(self.clock.now(), &headers, signed.body.as_bytes())
    }
}

fn number(tail: u8) -> OutTradeNo {
    OutTradeNo::new(format!("SI20260101080000000ABCDEFGHIJ{tail}")).unwrap()
}

#[rstest]
#[tokio::test]
async fn a_payment_goes_its_way(#[values(Mode::PublicKey, Mode::Certificate)] mode: Mode) {
    let scene = Scene::new(mode).await;
    let (first, second) = (number(1), number(2));
    scene.paid(&first).await;
    let standing = scene.merchant.query_payment(&first).await.unwrap();
    let PaymentStanding::Paid(fact) = standing else { panic!("{standing:?}") };
    assert_eq!(fact.amount().get(), 89_880);
    scene.refund(&first, &number(3), 10_000).await;
    let standing = scene.merchant.query_refund(&first, &number(3)).await.unwrap();
    let RefundStanding::Known(fact) = standing else { panic!("{standing:?}") };
    assert_eq!(fact.amount(), Fen::new(10_000));
    scene.created(&second).await;
    scene.merchant.close_payment(&second).await.unwrap();
    let standing = scene.merchant.query_payment(&second).await.unwrap();
    assert!(matches!(standing, PaymentStanding::Closed));
    let notice = scene.opened(&NotificationRequest::payment(Alipay, first.as_str())).unwrap();
    assert!(matches!(notice, Notice::Payment(_)));
    let notice = scene.opened(&NotificationRequest::refund(Alipay, first.as_str())).unwrap();
    assert!(matches!(notice, Notice::Refund(_)));
}

#[tokio::test]
async fn a_changed_certificate_is_downloaded_once_and_proves_notifications_too() {
    let scene = Scene::new(Mode::Certificate).await;
    let first = number(1);
    scene.paid(&first).await;
    scene.switch(|settings| settings.alipay_signer = AlipaySigner::Next);
    let mut notice = NotificationRequest::payment(Alipay, first.as_str());
    notice.craft.oddity = Some(AlipayOddity::CertificateSerial);
    assert_eq!(scene.opened(&notice).err(), Some(Refusal::UnknownKey), "nothing is called for it");
    let standing = scene.merchant.query_payment(&first).await.unwrap();
    assert!(matches!(standing, PaymentStanding::Paid(_)));
    assert!(scene.opened(&notice).is_ok());
    let plain = NotificationRequest::payment(Alipay, first.as_str());
    assert!(scene.opened(&plain).is_ok(), "also when it names no certificate");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_had_is_asked_for_once_a_minute() {
    let scene = Scene::new(Mode::Certificate).await;
    let first = number(1);
    scene.paid(&first).await;
    scene.switch(|settings| settings.alipay_signer = AlipaySigner::Next);
    let broken = Fault {
        times: 2,
        ..Fault::next(FaultTarget::AlipayCertificate, FaultKind::ErrorBeforeCommit)
    };
    scene.mocks.set_fault(broken).unwrap();
    for _ in 0..20 {
        let error = scene.merchant.query_payment(&first).await.unwrap_err();
        assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
    }
    assert_eq!(scene.mocks.faults()[0].times, 1, "one call in that minute");
    scene.mocks.advance(Duration::from_secs(60)).await;
    assert!(scene.merchant.query_payment(&first).await.is_err());
    assert!(scene.mocks.faults().is_empty());
    scene.mocks.advance(Duration::from_secs(60)).await;
    assert!(scene.merchant.query_payment(&first).await.is_ok());
}

#[rstest]
#[case(AlipayOddity::SignFirst, true)]
#[case(AlipayOddity::Pretty, true)]
#[case(AlipayOddity::Escaped, true)]
#[case(AlipayOddity::EscapedAfterSigning, true)]
#[case(AlipayOddity::Braces, true)]
#[case(AlipayOddity::Unsigned, false)]
#[case(AlipayOddity::OtherKey, false)]
#[case(AlipayOddity::DoubledRoot, false)]
#[case(AlipayOddity::ErrorRoot, false)]
#[case(AlipayOddity::UnsignedErrorRoot, false)]
#[case(AlipayOddity::UnsignedError, false)]
#[case(AlipayOddity::SystemErrorAfterCommit, false)]
#[case(AlipayOddity::DropBeforeCommit, false)]
#[case(AlipayOddity::Truncated, false)]
#[case(AlipayOddity::EmptyBody, false)]
#[tokio::test]
async fn an_odd_answer_is_read_or_unknown(#[case] oddity: AlipayOddity, #[case] read: bool) {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.created(&number(1)).await;
    scene.fault(FaultTarget::AlipayQuery, oddity);
    match scene.merchant.query_payment(&number(1)).await {
        Ok(standing) => assert!(read && matches!(standing, PaymentStanding::Unpaid), "{oddity:?}"),
        Err(error) => assert!(!read && matches!(error, ChannelError::Unknown(_)), "{error}"),
    }
}

#[rstest]
#[case(AlipayOddity::NewId, true)]
#[case(AlipayOddity::GbkCharset, true)]
#[case(AlipayOddity::HtmlEscaped, true)]
#[case(AlipayOddity::ExtraField, true)]
#[case(AlipayOddity::FinishedFirst, true)]
#[case(AlipayOddity::CertificateSerial, true)]
#[case(AlipayOddity::CertificateSerialUnsigned, true)]
#[case(AlipayOddity::BlanksUnsigned, true)]
#[case(AlipayOddity::SignTypeSigned, false)]
#[case(AlipayOddity::OtherKey, false)]
#[tokio::test]
async fn an_odd_notification_is_believed_or_refused(
    #[case] oddity: AlipayOddity,
    #[case] believed: bool,
    #[values(Mode::PublicKey, Mode::Certificate)] mode: Mode,
) {
    let scene = Scene::new(mode).await;
    scene.paid(&number(1)).await;
    let mut request = NotificationRequest::payment(Alipay, number(1).as_str());
    request.craft.oddity = Some(oddity);
    match scene.opened(&request) {
        Ok(notice) => assert!(believed && matches!(notice, Notice::Payment(_)), "{oddity:?}"),
        Err(refusal) => assert!(!believed && refusal == Refusal::Signature, "{refusal}"),
    }
}

#[rstest]
#[case::swapped(|c: &mut AlipayCertificates| c.application = c.alipay[0].clone(), "application certificate: is not of")]
#[case::own(|c: &mut AlipayCertificates| c.alipay = vec![c.application.clone()], "Alipay certificate 1: this is the application's own certificate")]
#[case::no_roots(|c: &mut AlipayCertificates| c.roots = c.application.clone(), "Alipay root certificates: no self-signed root is in it")]
#[case::key(|c: &mut AlipayCertificates| c.roots = "x".into(), "Alipay root certificates: not an X.509")]
#[case::none(|c: &mut AlipayCertificates| c.alipay.clear(), "Alipay certificates: none is given")]
#[tokio::test]
async fn a_swapped_file_is_named(#[case] change: fn(&mut AlipayCertificates), #[case] says: &str) {
    let scene = Scene::new(Mode::Certificate).await;
    let mut config = config(&scene.mocks.facts().alipay, Mode::Certificate);
    change(config.certificates.as_mut().unwrap());
    let clock: Arc<dyn Clock> = Arc::clone(&scene.clock) as Arc<dyn Clock>;
    let error = AlipayMerchant::new(config, clock).unwrap_err().to_string();
    assert!(error.starts_with(says), "{error}");
}

const DAY: Duration = Duration::from_secs(86_400);

/// A payment and a refund of a part on the first of January; now it is nine on the third.
async fn first_day(mode: Mode) -> (Scene, Timestamp) {
    let scene = Scene::new(mode).await;
    let day = scene.clock.now();
    scene.paid(&number(1)).await;
    scene.refund(&number(1), &number(2), 10_000).await;
    scene.mocks.advance(DAY * 2 + DAY / 24).await;
    (scene, day)
}

#[rstest]
#[tokio::test]
async fn both_bills_are_fetched_and_add_up(
    #[values(Mode::PublicKey, Mode::Certificate)] mode: Mode,
) {
    let (scene, day) = first_day(mode).await;
    let bill = scene.merchant.trade_statement(day).await.unwrap();
    let told: Vec<_> = bill.lines.iter().map(|line| (line.kind, line.received_fen)).collect();
    assert_eq!(told, [(StatementKind::Payment, 89_880), (StatementKind::Refund, -10_000)]);
    assert_eq!(bill.lines[0].out_trade_no, number(1).as_str());
    assert_eq!(bill.lines[1].out_request_no.as_deref(), Some(number(2).as_str()));
    assert_eq!(bill.net_fen, 89_880 - 10_000 - 539);
    let balance = scene.merchant.balance_statement(day).await.unwrap();
    let told: Vec<_> = balance.lines.iter().map(|line| line.moved_fen).collect();
    assert_eq!(told, [89_880, -539, -10_000]);
    assert!(scene.merchant.trade_statement(day.plus(DAY)).await.unwrap().lines.is_empty());
}

#[rstest]
#[case(AlipayOddity::LateBill, BillError::NotThere)]
#[case(AlipayOddity::NoDataFile, BillError::NotThere)]
#[case(AlipayOddity::TruncatedZip, BillError::Statement(StatementError::Archive))]
#[case(
    AlipayOddity::ExpiredUrl,
    BillError::Channel(ChannelError::Unknown("the bill's file: HTTP 403".into()))
)]
#[tokio::test]
async fn a_bill_that_cannot_be_had_says_why(
    #[case] oddity: AlipayOddity,
    #[case] error: BillError,
) {
    let (scene, day) = first_day(Mode::PublicKey).await;
    scene.fault(FaultTarget::AlipayBill, oddity);
    assert_eq!(scene.merchant.trade_statement(day).await, Err(error));
    assert!(scene.merchant.trade_statement(day).await.is_ok(), "it can be asked for again");
}

#[rstest]
#[case(AlipayOddity::MissingRow, 1)]
#[case(AlipayOddity::ExtraRow, 3)]
#[case(AlipayOddity::AmountDiffers, 2)]
#[tokio::test]
async fn a_bill_that_differs_from_our_books_is_still_a_bill(
    #[case] oddity: AlipayOddity,
    #[case] lines: usize,
) {
    let (scene, day) = first_day(Mode::PublicKey).await;
    scene.fault(FaultTarget::AlipayBill, oddity);
    assert_eq!(scene.merchant.trade_statement(day).await.unwrap().lines.len(), lines);
}

#[rstest]
#[case(AlipayOddity::UnquotedComma)]
#[case(AlipayOddity::NewColumns)]
#[case(AlipayOddity::LfEndings)]
#[case(AlipayOddity::OldNames)]
#[tokio::test]
async fn a_bill_in_another_form_says_the_same(#[case] oddity: AlipayOddity) {
    let (scene, day) = first_day(Mode::PublicKey).await;
    let trade = scene.merchant.trade_statement(day).await.unwrap();
    let balance = scene.merchant.balance_statement(day).await.unwrap();
    scene.fault(FaultTarget::AlipayBill, oddity);
    assert_eq!(scene.merchant.trade_statement(day).await.unwrap(), trade);
    scene.fault(FaultTarget::AlipayBill, oddity);
    assert_eq!(scene.merchant.balance_statement(day).await.unwrap(), balance);
}

/// What each documented refusal means for whoever has to decide what to do next.
#[tokio::test]
async fn every_documented_refusal_is_a_no_a_later_or_a_doubt() {
    let scene = Scene::new(Mode::PublicKey).await;
    let doubts = ["isp.unknow-error", "aop.unknow-error", "aop.ACQ.SYSTEM_ERROR", "UNKNOWN_ERROR"];
    let later = ["isv.app-call-limited", "isv.method-call-limited", "SYSTEM_RATE_LIMIT", {
        "USER_RATE_LIMIT"
    }];
    let mut seen = 0;
    for refusal in DocumentedRefusal::all_of_alipay() {
        let fault = Fault::next(FaultTarget::AlipayCreate, FaultKind::Refuse(refusal));
        scene.mocks.set_fault(fault).unwrap();
        let error = scene.tries_to_create(&number(1)).await.unwrap_err();
        let code = refusal.code();
        let means = match &error {
            ChannelError::Unknown(_) => "doubt",
            ChannelError::Busy => "later",
            ChannelError::Refused(_) | ChannelError::Misconfigured(_) => "no",
            ChannelError::NotSent | ChannelError::BadRequest(_) => "nothing was sent",
        };
        let expected = match code {
            code if code.ends_with("SYSTEM_ERROR") || doubts.contains(&code) => "doubt",
            code if later.contains(&code) => "later",
            _ => "no",
        };
        assert_eq!(means, expected, "{code}: {error}");
        assert!(scene.mocks.trade(Alipay, number(1).as_str()).is_none(), "{code} did nothing");
        seen += 1;
    }
    assert!(seen > 150, "{seen}");
}

#[tokio::test]
async fn a_renewed_certificate_of_the_same_key_is_downloaded_and_believed() {
    let scene = Scene::new(Mode::Certificate).await;
    scene.paid(&number(1)).await;
    scene.switch(|settings| settings.alipay_signer = AlipaySigner::Renewed);
    let standing = scene.merchant.query_payment(&number(1)).await.unwrap();
    assert!(matches!(standing, PaymentStanding::Paid(_)));
    let told = scene.opened(&NotificationRequest::payment(Alipay, number(1).as_str()));
    assert!(told.is_ok(), "the key is the one of before");
}

#[tokio::test]
async fn a_notification_without_a_signature_is_none() {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.paid(&number(1)).await;
    let mut request = NotificationRequest::payment(Alipay, number(1).as_str());
    request.craft.oddity = Some(AlipayOddity::Unsigned);
    assert_eq!(scene.opened(&request).err(), Some(Refusal::Malformed));
}

#[tokio::test]
async fn a_refund_that_is_not_done_yet_is_a_doubt_until_it_is() {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.paid(&number(1)).await;
    scene.fault(FaultTarget::AlipayRefund, AlipayOddity::RefundPending);
    let request = RefundRequest {
        out_trade_no: number(1),
        out_refund_no: number(2),
        payment_amount: Fen::new(89_880).unwrap(),
        amount: Fen::new(89_880).unwrap(),
        reason: "退款".into(),
        notify_url: "http://127.0.0.1:9/callbacks".into(),
    };
    let prepared = scene.merchant.prepare_refund(&request).unwrap();
    let asked = scene.merchant.request_refund(&prepared).await;
    assert!(matches!(asked, Err(ChannelError::Unknown(_))), "{asked:?}");
    let standing = async || scene.merchant.query_refund(&number(1), &number(2)).await.unwrap();
    assert!(matches!(standing().await, RefundStanding::NotFound));
    scene.mocks.advance(Duration::from_secs(60)).await;
    assert!(matches!(standing().await, RefundStanding::Known(_)));
}

#[tokio::test]
async fn a_cancel_that_is_to_be_repeated_is_busy() {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.created(&number(1)).await;
    scene.fault(FaultTarget::AlipayCancel, AlipayOddity::RetryFlag);
    assert_eq!(scene.merchant.cancel_payment(&number(1)).await, Err(ChannelError::Busy));
    assert_eq!(scene.merchant.cancel_payment(&number(1)).await, Ok(AlipayCancelled::Closed));
}

#[tokio::test]
async fn lives_of_tokens_may_be_texts() {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.fault(FaultTarget::AlipayLogin, AlipayOddity::ExpiresInText);
    let minted = scene.mocks.mint_login_code(Alipay, "小明");
    assert!(scene.login.login(&minted.code).await.is_ok());
}

/// Nothing left this machine, so trying again is free of risk.
#[tokio::test]
async fn a_gateway_at_which_nobody_listens_was_told_nothing() {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.switch(|settings| settings.alipay_host_down = true);
    let asked = async || scene.merchant.query_payment(&number(1)).await.unwrap_err();
    // A connection from before is cut first.
    while asked().await != ChannelError::NotSent {
        tokio::task::yield_now().await;
    }
    scene.switch(|settings| settings.alipay_host_down = false);
    loop {
        match scene.merchant.query_payment(&number(1)).await {
            Ok(standing) => break assert!(matches!(standing, PaymentStanding::NotFound)),
            Err(error) => assert_eq!(error, ChannelError::NotSent),
        }
    }
}

#[rstest]
#[case("unsigned", PhoneError::Unsigned)]
#[case("error", PhoneError::Refused("isv.invalid-auth-relations".into()))]
#[case("error_object", PhoneError::Refused("isv.invalid-auth-relations".into()))]
#[tokio::test]
async fn an_envelope_without_a_number_says_why(#[case] form: &str, #[case] error: PhoneError) {
    let scene = Scene::new(Mode::PublicKey).await;
    let (envelope, _) = phone_envelope(&scene, form).await;
    assert_eq!(scene.login.phone_number(&envelope).map(|_| ()), Err(error));
}

#[tokio::test]
async fn cancel_closes_or_returns() {
    let scene = Scene::new(Mode::PublicKey).await;
    let cancel = async |number: OutTradeNo| scene.merchant.cancel_payment(&number).await;
    assert_eq!(cancel(number(1)).await, Ok(AlipayCancelled::NotFound));
    scene.created(&number(1)).await;
    assert_eq!(cancel(number(1)).await, Ok(AlipayCancelled::Closed));
    scene.paid(&number(2)).await;
    assert_eq!(cancel(number(2)).await, Ok(AlipayCancelled::Refunded));
    scene.created(&number(3)).await;
    scene.fault(FaultTarget::AlipayCancel, AlipayOddity::PaidFirst);
    assert_eq!(cancel(number(3)).await, Ok(AlipayCancelled::Refunded));
}

async fn phone_envelope(scene: &Scene, form: &str) -> (String, String) {
    let url = format!("{}/alipay/phone-number", scene.mocks.facts().control_url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = serde_json::json!({"user": "小明", "envelope": form}).to_string();
    let told = client.post(url).body(asked).send().await.unwrap();
    let told: serde_json::Value = serde_json::from_str(&told.text().await.unwrap()).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("response"), text("mobile"))
}

#[rstest]
#[tokio::test]
async fn a_phone_number_is_opened(#[values(Mode::PublicKey, Mode::Certificate)] mode: Mode) {
    let scene = Scene::new(mode).await;
    let (envelope, mobile) = phone_envelope(&scene, "good").await;
    assert_eq!(scene.login.phone_number(&envelope).unwrap().expose(), mobile);
    let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
    let changed = |name: &str, value: serde_json::Value| {
        let mut envelope = envelope.clone();
        envelope[name] = value;
        scene.login.phone_number(&envelope.to_string()).map(|_| ()).unwrap_err()
    };
    let other = envelope["response"].as_str().unwrap().replacen(['A', 'B', 'c'], "d", 1);
    assert_eq!(changed("response", other.into()), PhoneError::Signature);
    assert_eq!(changed("sign", serde_json::Value::Null), PhoneError::Unsigned);
    assert_eq!(changed("sign", "AAAA".into()), PhoneError::Signature);
    assert_eq!(changed("sign_type", "RSA".into()), PhoneError::Malformed);
    let clear = serde_json::json!({"code": "40001", "subCode": "isv.missing-encrypt-key"});
    let refused = PhoneError::Refused("isv.missing-encrypt-key".into());
    assert_eq!(changed("response", clear.clone()), refused);
    assert_eq!(changed("response", clear.to_string().into()), refused);
}

#[rstest]
#[case(true, CertifyStanding::Passed)]
#[case(false, CertifyStanding::NotPassed)]
#[tokio::test]
async fn a_verification_is_begun_shown_and_asked_about(
    #[case] passes: bool,
    #[case] standing: CertifyStanding,
) {
    let scene = Scene::new(Mode::Certificate).await;
    let request = CertifyRequest {
        number: "SI20260101A1".into(),
        scene: CertifyScene::Face,
        document: CertifyDocument::ResidentId,
        name: Secret::new("张三"),
        document_no: Secret::new("110101199003070000"),
        return_url: "alipays://platformapi/startapp".into(),
    };
    assert!(!format!("{request:?}").contains("张三"));
    let id = scene.login.certify_begin(&request).await.unwrap();
    assert_eq!(scene.login.certify_query(&id).await, Ok(CertifyStanding::Waiting));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = client.get(scene.login.certify_page(&id).unwrap()).send().await.unwrap();
    let url = page.url().to_string();
    assert!(url.contains("/certifications/"), "the signed address leads to the page: {url}");
    let answer = if passes { "T" } else { "F" };
    let ended = client.get(format!("{url}?passed={answer}")).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    assert_eq!(scene.login.certify_query(&id).await, Ok(standing));
    let nobody = CertifyId::restore("0".repeat(32)).unwrap();
    assert_eq!(scene.login.certify_query(&nobody).await, Ok(CertifyStanding::NotFound));
}

#[tokio::test]
async fn a_message_is_accepted_or_declined() {
    let scene = Scene::new(Mode::PublicKey).await;
    scene.paid(&number(1)).await;
    let trade_no = scene.mocks.trade(Alipay, number(1).as_str()).unwrap().transaction_id;
    let minted = scene.mocks.mint_login_code(Alipay, "小明");
    let message = TemplateMessage {
        to: Payer { kind: PayerIdKind::OpenId, id: minted.open_id.unwrap() },
        template_id: "T1".into(),
        page: "pages/order?no=1".into(),
        form_id: trade_no,
        words: [("keyword1".to_owned(), "缴费成功".to_owned())].into(),
    };
    assert_eq!(scene.login.send_message(&message).await, Ok(MessageFate::Accepted));
    scene.fault(FaultTarget::AlipayMessage, AlipayOddity::Unsubscribed);
    assert_eq!(scene.login.send_message(&message).await, Ok(MessageFate::Declined));
    let templates = ["T1".to_owned()];
    assert_eq!(scene.login.subscriptions(&message.to, &templates).await, Ok(templates.to_vec()));
    let long =
        TemplateMessage { words: [("keyword1".to_owned(), "长".repeat(51))].into(), ..message };
    let refused = scene.login.send_message(&long).await;
    assert!(matches!(refused, Err(ChannelError::BadRequest(_))));
}

#[rstest]
#[case(mock_providers::AlipayIdMode::UserId, PayerIdKind::UserId)]
#[case(mock_providers::AlipayIdMode::Both, PayerIdKind::OpenId)]
#[case(mock_providers::AlipayIdMode::OpenId, PayerIdKind::OpenId)]
#[tokio::test]
async fn either_kind_of_id_logs_in(
    #[case] mode: mock_providers::AlipayIdMode,
    #[case] kind: PayerIdKind,
) {
    let scene = Scene::new(Mode::Certificate).await;
    scene.switch(|settings| settings.alipay_id_mode = mode);
    let minted = scene.mocks.mint_login_code(Alipay, "小明");
    assert_eq!(scene.login.login(&minted.code).await.unwrap().kind, kind);
}
