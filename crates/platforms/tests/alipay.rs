//! The Alipay client against the mock, over real HTTP: two implementations of one protocol that
//! share no line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use kernel::{
    Channel::Alipay, Clock, ControlledClock, Fen, MerchantKey, OutTradeNo, Secret, SystemEntropy,
    Timestamp,
};
use mock_providers::{
    AlipayFacts, AlipayKeyMode, AlipayOddity, AlipaySigner, Fault, FaultKind, FaultTarget,
    NotificationRequest, PayRequest, Providers, ProvidersOptions, Settings,
};
use platforms::{
    AlipayCertificates, AlipayConfig, AlipayLogin, AlipayMerchant, ChannelError, LoginProvider,
    Notice, Payer, PayerIdKind, PaymentChannel, PaymentRequest, PaymentStanding, RefundRequest,
    RefundStanding, Refusal,
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
        self.merchant.create_payment(&prepared).await.unwrap().token
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
#[case(AlipayOddity::Braces, true)]
#[case(AlipayOddity::Unsigned, false)]
#[case(AlipayOddity::OtherKey, false)]
#[case(AlipayOddity::DoubledRoot, false)]
#[case(AlipayOddity::ErrorRoot, false)]
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
#[case::own(|c: &mut AlipayCertificates| c.alipay = vec![c.application.clone()], "Alipay certificate 1: does not lead")]
#[case::no_roots(|c: &mut AlipayCertificates| c.roots = c.application.clone(), "Alipay certificate 1: does not lead")]
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
