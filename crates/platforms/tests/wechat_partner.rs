//! The WeChat client of a service provider (服务商) against the mock, over real HTTP: two
//! implementations of one protocol that share no line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use kernel::{
    Channel::Wechat, Clock, ControlledClock, Fen, MerchantKey, OutTradeNo, Secret, SystemEntropy,
    Timestamp,
};
use mock_providers::{
    NotificationRequest, PayRequest, Providers, ProvidersOptions, SignedNotification, WechatFacts,
    WechatWallet,
};
use platforms::{
    ChannelError, Created, Notice, Payer, PayerIdKind, PaymentChannel, PaymentRequest,
    PaymentStanding, RefundRequest, RefundStanding, RefundStatus, StatementStanding,
    WalletParameters, WechatConfig, WechatMerchant, WechatPartner, WechatStatementKind,
    WechatTrade, WechatTradeStatement,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rstest::rstest;

const SUB: &str = "1900000109";
const OTHER_SUB: &str = "1900000110";
const DAY: Duration = Duration::from_secs(86_400);

struct Scene {
    mocks: Providers,
    clock: Arc<ControlledClock>,
    merchant: WechatMerchant,
    /// The mini-program that citizens pay in, when it is the sub merchant's.
    sub_app_id: Option<String>,
}

/// A public key beside the certificate, as while a merchant moves from one to the other.
fn config(facts: &WechatFacts, partner: Option<WechatPartner>) -> WechatConfig {
    WechatConfig {
        key: MerchantKey::new("wuxi-wechat").unwrap(),
        base_url: facts.base_url.clone(),
        backup_base_url: None,
        app_id: facts.app_id.clone(),
        mchid: facts.mchid.clone(),
        partner,
        merchant_serial: facts.merchant_serial.clone(),
        merchant_key_pem: Secret::new(facts.merchant_key.clone()),
        merchant_certificate: None,
        apiv3_key: Secret::new(facts.apiv3_key.clone()),
        platform_certificates: vec![facts.platform_cert.clone()],
        public_keys: vec![(facts.public_key_id.clone(), facts.public_key.clone())],
    }
}

impl Scene {
    async fn new(sub_app_id: Option<&str>) -> Scene {
        let _before = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(1_767_225_600)));
        let options = ProvidersOptions {
            first_delivery_delay: Duration::ZERO,
            controlled: Some(Arc::clone(&clock)),
            ..ProvidersOptions::default()
        };
        let entropy = Arc::new(SystemEntropy::default());
        let handed_in: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let mocks = Providers::start(options, handed_in, entropy).await.unwrap();
        let merchant = account(&mocks, &clock, Some((SUB, sub_app_id)));
        Scene { mocks, clock, merchant, sub_app_id: sub_app_id.map(str::to_owned) }
    }

    /// The same service provider for somebody else, or for itself.
    fn beside(&self, sub_mchid: Option<&str>) -> WechatMerchant {
        account(&self.mocks, &self.clock, sub_mchid.map(|sub_mchid| (sub_mchid, None)))
    }

    async fn created(&self, merchant: &WechatMerchant, number: &OutTradeNo) -> Created {
        let minted = match &self.sub_app_id {
            Some(app_id) => self.mocks.mint_login_code_for(Wechat, "小明", app_id).unwrap(),
            None => self.mocks.mint_login_code(Wechat, "小明"),
        };
        let request = PaymentRequest {
            out_trade_no: number.clone(),
            amount: Fen::new(89_880).unwrap(),
            description: "社保缴费".into(),
            payer: Payer { kind: PayerIdKind::OpenId, id: minted.openid.unwrap() },
            expires_at: self.clock.now().plus(Duration::from_secs(1800)),
            notify_url: "http://127.0.0.1:9/callbacks".into(),
            client_ip: None,
        };
        let prepared = merchant.prepare_payment(&request).unwrap();
        merchant.create_payment(&prepared).await.unwrap()
    }

    async fn paid(&self, number: &OutTradeNo) {
        self.created(&self.merchant, number).await;
        self.mocks.pay(&PayRequest::number(Wechat, number.as_str())).unwrap();
    }

    async fn refunded(&self, number: &OutTradeNo, refund: &OutTradeNo) -> RefundStanding {
        let request = RefundRequest {
            out_trade_no: number.clone(),
            out_refund_no: refund.clone(),
            payment_amount: Fen::new(89_880).unwrap(),
            amount: Fen::new(10_000).unwrap(),
            reason: "退款".into(),
            notify_url: "http://127.0.0.1:9/callbacks".into(),
        };
        let prepared = self.merchant.prepare_refund(&request).unwrap();
        self.merchant.request_refund(&prepared).await.unwrap()
    }

    fn opened(&self, merchant: &WechatMerchant, request: &NotificationRequest) -> Notice {
        let signed: SignedNotification = self.mocks.craft_notification(request).unwrap();
        let headers: HeaderMap = signed
            .headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        merchant.open_notification(self.clock.now(), &headers, signed.body.as_bytes()).unwrap()
    }
}

fn account(
    mocks: &Providers,
    clock: &Arc<ControlledClock>,
    partner: Option<(&str, Option<&str>)>,
) -> WechatMerchant {
    let partner = partner.map(|(sub_mchid, sub_app_id)| WechatPartner {
        sub_mchid: sub_mchid.to_owned(),
        sub_app_id: sub_app_id.map(str::to_owned),
    });
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let config = config(&mocks.facts().wechat, partner);
    WechatMerchant::new(config, clock, Arc::new(SystemEntropy::default())).unwrap()
}

fn number(tail: u8) -> OutTradeNo {
    OutTradeNo::new(format!("SI20260101080000000ABCDEFGHIJ{tail}")).unwrap()
}

#[rstest]
#[case::providers_app(None)]
#[case::sub_merchants_app(Some("wxfedcba9876543210"))]
#[tokio::test]
async fn a_payment_goes_its_way(#[case] sub_app_id: Option<&str>) {
    let scene = Scene::new(sub_app_id).await;
    let (merchant, first, second) = (&scene.merchant, number(1), number(2));
    let created = scene.created(merchant, &first).await;
    assert!(matches!(merchant.query_payment(&first).await.unwrap(), PaymentStanding::Unpaid));

    // The wallet looks at the signature, which is over the app that opens it.
    let wallet = merchant.wallet_parameters(&created).unwrap();
    let WalletParameters::Wechat { time_stamp, nonce_str, package, sign_type, pay_sign } = wallet
    else {
        panic!("WeChat's parameters");
    };
    let wallet = WechatWallet { time_stamp, nonce_str, package, sign_type, pay_sign };
    scene.mocks.pay(&PayRequest::wechat_wallet(wallet)).unwrap();

    let standing = merchant.query_payment(&first).await.unwrap();
    let PaymentStanding::Paid(asked) = standing else { panic!("{standing:?}") };
    let told = scene.opened(merchant, &NotificationRequest::payment(Wechat, first.as_str()));
    let Notice::Payment(told) = told else { panic!("{told:?}") };
    for fact in [asked, told] {
        let names = (merchant.merchant_id(), merchant.app_id());
        assert_eq!((fact.merchant_id(), fact.app_id()), names);
        assert_eq!(fact.amount().get(), 89_880);
        assert!(fact.payer_id().is_some());
    }

    let standing = scene.refunded(&first, &number(3)).await;
    assert!(matches!(standing, RefundStanding::Known(_)), "{standing:?}");
    scene.mocks.advance(Duration::from_secs(600)).await;
    let standing = merchant.query_refund(&first, &number(3)).await.unwrap();
    let RefundStanding::Known(asked) = standing else { panic!("{standing:?}") };
    let told = scene.opened(merchant, &NotificationRequest::refund(Wechat, first.as_str()));
    let Notice::Refund(told) = told else { panic!("{told:?}") };
    for fact in [asked, told] {
        assert_eq!((fact.status(), fact.amount()), (RefundStatus::Succeeded, Fen::new(10_000)));
        assert!(fact.merchant_id_fits(merchant.merchant_id()), "{}", fact.merchant_id());
    }

    scene.created(merchant, &second).await;
    merchant.close_payment(&second).await.unwrap();
    assert!(matches!(merchant.query_payment(&second).await.unwrap(), PaymentStanding::Closed));
}

#[tokio::test]
async fn another_sub_merchants_money_is_never_taken_for_ours() {
    let scene = Scene::new(None).await;
    let first = number(1);
    scene.paid(&first).await;
    scene.refunded(&first, &number(2)).await;
    scene.mocks.advance(Duration::from_secs(600)).await;
    for other in [scene.beside(Some(OTHER_SUB)), scene.beside(None)] {
        let told = scene.opened(&other, &NotificationRequest::payment(Wechat, first.as_str()));
        let Notice::Payment(told) = told else { panic!("{told:?}") };
        assert_ne!(told.merchant_id(), other.merchant_id());
        let told = scene.opened(&other, &NotificationRequest::refund(Wechat, first.as_str()));
        let Notice::Refund(told) = told else { panic!("{told:?}") };
        assert!(!told.merchant_id_fits(other.merchant_id()));
        assert!(matches!(other.query_payment(&first).await.unwrap(), PaymentStanding::NotFound));
        let refund = other.query_refund(&first, &number(2)).await.unwrap();
        assert!(matches!(refund, RefundStanding::NotFound), "{refund:?}");
    }
}

#[tokio::test]
async fn a_number_belongs_to_the_provider_across_its_sub_merchants() {
    let scene = Scene::new(None).await;
    scene.created(&scene.merchant, &number(1)).await;
    let other = scene.beside(Some(OTHER_SUB));
    let request = PaymentRequest {
        out_trade_no: number(1),
        amount: Fen::new(89_880).unwrap(),
        description: "社保缴费".into(),
        payer: Payer {
            kind: PayerIdKind::OpenId,
            id: scene.mocks.mint_login_code(Wechat, "小明").openid.unwrap(),
        },
        expires_at: scene.clock.now().plus(Duration::from_secs(1800)),
        notify_url: "http://127.0.0.1:9/callbacks".into(),
        client_ip: None,
    };
    let prepared = other.prepare_payment(&request).unwrap();
    let refused = other.create_payment(&prepared).await.unwrap_err();
    assert!(matches!(refused, ChannelError::Refused(_)), "{refused}");
}

#[tokio::test]
async fn the_trade_statement_is_the_sub_merchants() {
    let scene = Scene::new(None).await;
    scene.paid(&number(1)).await;
    let direct = scene.beside(None);
    scene.created(&direct, &number(2)).await;
    scene.mocks.pay(&PayRequest::number(Wechat, number(2).as_str())).unwrap();
    // The bill of the first of January is there on the second at ten.
    scene.mocks.advance(DAY + Duration::from_secs(3 * 3600)).await;
    let mut written = Vec::new();
    let kind = WechatStatementKind::Trades;
    let standing = scene.merchant.download_statement(kind, "2026-01-01", &mut written).await;
    assert!(matches!(standing, Ok(StatementStanding::Written(_))), "{standing:?}");
    let trades: Result<Vec<WechatTrade>, _> =
        WechatTradeStatement::open(written.as_slice()).unwrap().collect();
    let trades = trades.unwrap();
    let [trade] = trades.as_slice() else { panic!("{trades:?}") };
    assert_eq!(trade.out_trade_no, number(1).as_str());
    assert_eq!(trade.sub_merchant_id.as_deref(), Some(SUB));
    let other = scene.beside(Some(OTHER_SUB));
    let standing = other.download_statement(kind, "2026-01-01", &mut Vec::new()).await;
    assert_eq!(standing, Ok(StatementStanding::Nothing));
}
