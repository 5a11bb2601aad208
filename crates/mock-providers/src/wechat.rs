//! Mock WeChat Pay (APIv3, direct merchant and service provider) and the mini-program's server
//! calls, on one base address.
//!
//! Every `/v3` request must carry a genuine signature of the merchant key, every answer is signed as
//! the real platform signs it. A second implementation of the protocol on purpose: it shares no code
//! with the client that it checks. Deliberately absent: SM2, and every product that a city does not
//! need (code payments, coupons, transfers).

mod answer;
mod authorization;
mod bills;
mod certificates;
mod city;
mod credentials;
mod crypt;
mod echo;
mod elsewhere;
mod language;
mod ledger;
mod login;
mod members;
mod merchant;
mod messages;
mod migration;
mod notifications;
mod payments;
mod refunds;
mod signer;
mod tokens;
mod wallet;
mod words;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get, post},
};
use kernel::{Channel, Timestamp};

pub use authorization::DoorView;
pub use certificates::{CertificateView, Rotation};
pub use city::FaceView;
pub(crate) use credentials::CertificateEnd;
pub use credentials::{CertificateStanding, MerchantCertificateView};
pub(crate) use ledger::{Contract, Refund, Trade, TradeState};
pub(crate) use merchant::{App, Merchant};
pub use messages::SentMessage;
pub(crate) use migration::SHARE_MAX;
pub use migration::{MigrationRequest, MigrationView};
pub use wallet::WalletParameters;
pub(crate) use wallet::{Payable, WalletRefusal};

use crate::{
    keys::{KeyError, WechatApp, WechatKeys},
    lock,
    people::{LoginCodes, PersonNo},
    stage::Stage,
};
use answer::Refusal;
use authorization::Door;
use bills::BillFiles;
use city::Faces;
use messages::Messages;
use tokens::Tokens;

/// More merchants than any test needs.
const MERCHANTS_MAX: usize = 16;

pub(crate) struct Wechat {
    pub app: Arc<App>,
    pub stage: Arc<Stage>,
    pub codes: LoginCodes,
    pub phone_codes: LoginCodes,
    /// The first is everybody's.
    merchants: RwLock<Vec<Arc<Merchant>>>,
    /// Mini-programs of sub-merchants that somebody spoke of.
    sub_apps: Mutex<BTreeSet<String>>,
    files: Arc<BillFiles>,
    tokens: Tokens,
    messages: Messages,
    faces: Faces,
    door: Door,
}

impl Wechat {
    pub fn new(
        app: WechatApp,
        merchants: Vec<WechatKeys>,
        [base_url, backup_url]: [String; 2],
        stage: Arc<Stage>,
    ) -> Wechat {
        let app = Arc::new(App::new(app, base_url, backup_url));
        let files: Arc<BillFiles> = Arc::default();
        let merchant = |keys| {
            let (app, files, stage) = (Arc::clone(&app), Arc::clone(&files), Arc::clone(&stage));
            Arc::new(Merchant::new(keys, app, files, stage))
        };
        Wechat {
            codes: LoginCodes::new(Channel::Wechat),
            phone_codes: LoginCodes::new(Channel::Wechat),
            merchants: RwLock::new(merchants.into_iter().map(merchant).collect()),
            sub_apps: Mutex::default(),
            tokens: Tokens::default(),
            messages: Messages::default(),
            faces: Faces::default(),
            door: Door::default(),
            files,
            app,
            stage,
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.clocks.now()
    }

    /// How many requests were verified, refused, and came with a nonce used before.
    pub fn requests(&self) -> DoorView {
        self.door.view()
    }

    /// All merchants, the first one first.
    pub fn merchants(&self) -> Vec<Arc<Merchant>> {
        self.merchants.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn merchant(&self, mchid: &str) -> Option<Arc<Merchant>> {
        self.merchants().into_iter().find(|merchant| merchant.mchid == mchid)
    }

    /// One more merchant, with keys of its own. `None`: there are too many.
    pub fn add_merchant(&self) -> Result<Option<Arc<Merchant>>, KeyError> {
        let entropy = self.stage.entropy.as_ref();
        let keys = WechatKeys::generate(self.stage.clocks.wire(), entropy)?;
        let (app, files) = (Arc::clone(&self.app), Arc::clone(&self.files));
        let merchant = Arc::new(Merchant::new(keys, app, files, Arc::clone(&self.stage)));
        let mut merchants = self.merchants.write().unwrap_or_else(PoisonError::into_inner);
        if merchants.len() >= MERCHANTS_MAX {
            return Ok(None);
        }
        merchants.push(Arc::clone(&merchant));
        Ok(Some(merchant))
    }

    /// What the encrypted resource of a notification says, as its merchant reads it; `None` for a body
    /// that no merchant here can open.
    pub fn resource_of(&self, body: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        let text = |name: &str| body.pointer(&format!("/resource/{name}"))?.as_str();
        let (nonce, data) = (text("nonce")?, text("associated_data")?);
        let cipher = text("ciphertext")?;
        let opened = |merchant: &Arc<Merchant>| {
            crypt::decrypt(&merchant.credentials.apiv3_key(), nonce, data, cipher)
        };
        self.merchants().iter().find_map(opened)
    }

    /// Every merchant that has a trade of this number, and the trade as it stands now.
    pub fn trades_of(&self, out_trade_no: &str) -> Vec<(Arc<Merchant>, Trade)> {
        let found = self.merchants().into_iter().filter_map(|merchant| {
            let trade = merchant.trade(out_trade_no)?;
            Some((merchant, trade))
        });
        found.collect()
    }

    /// Copies of the newest trades of each merchant.
    pub fn trades(&self, count_max: usize) -> Vec<(Arc<Merchant>, Trade)> {
        let now = self.now();
        let of = |merchant: Arc<Merchant>| {
            let trades = lock(&merchant.ledger).newest(now, count_max);
            trades.into_iter().map(move |trade| (Arc::clone(&merchant), trade))
        };
        let mut trades: Vec<_> = self.merchants().into_iter().flat_map(of).collect();
        trades.sort_by_key(|(_, trade)| std::cmp::Reverse(trade.created_at));
        trades.truncate(count_max);
        trades
    }

    /// A login code for a person in one mini-program, ours or a sub-merchant's, and the openid there.
    pub fn mint_login_code(&self, person: PersonNo, app_id: Option<&str>) -> (String, String) {
        let app_id = app_id.unwrap_or(&self.app.app_id);
        self.speaks_of(app_id);
        let code = self.codes.mint_for(app_id, person, self.now(), self.stage.entropy.as_ref());
        (code, self.app.people_of(app_id).openid(person))
    }

    fn speaks_of(&self, app_id: &str) {
        let mut sub_apps = lock(&self.sub_apps);
        if app_id != self.app.app_id && sub_apps.len() < SUB_APPS_MAX {
            sub_apps.insert(app_id.to_owned());
        }
    }

    /// Whether a mini-program is ours or a sub-merchant's that somebody spoke of.
    fn is_app(&self, app_id: &str) -> bool {
        app_id == self.app.app_id || lock(&self.sub_apps).contains(app_id)
    }
}

const SUB_APPS_MAX: usize = 1_000;

/// The largest request body; the real limit for JSON is not published. Six thousand goods have 400 KB.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

pub(crate) fn router(wechat: Arc<Wechat>) -> Router {
    let pay = Router::new()
        .route("/v3/pay/transactions/jsapi", post(payments::create))
        .route("/v3/pay/transactions/out-trade-no/{out_trade_no}", get(payments::query))
        .route("/v3/pay/transactions/id/{transaction_id}", get(payments::query_by_id))
        .route("/v3/pay/transactions/out-trade-no/{out_trade_no}/close", post(payments::close))
        .route("/v3/pay/partner/transactions/jsapi", post(payments::create_for_sub))
        .route(
            "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}",
            get(payments::query_for_sub),
        )
        .route("/v3/pay/partner/transactions/id/{id}", get(payments::query_by_id_for_sub))
        .route(
            "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close",
            post(payments::close_for_sub),
        )
        .route("/v3/refund/domestic/refunds", post(refunds::apply))
        // The same segment names our number in a query and WeChat's in an application.
        .route(
            "/v3/refund/domestic/refunds/{refund}/apply-abnormal-refund",
            post(refunds::apply_abnormal),
        )
        .route("/v3/bill/tradebill", get(bills::trade))
        .route("/v3/bill/fundflowbill", get(bills::fund_flow))
        .route("/v3/billdownload/file", get(bills::download))
        .route("/v3/security/echo", post(echo::echo))
        .route("/v3/refund/domestic/refunds/{refund}", get(refunds::query))
        .route("/v3/certificates", get(certificates::list))
        .fallback(|| async { Refusal::no_such_path() })
        .method_not_allowed_fallback(|| async { Refusal::no_such_method() })
        .layer(middleware::from_fn_with_state(Arc::clone(&wechat), authorization::guard));
    let needs_get = || any(elsewhere::wrong_method_for_get);
    let needs_post = || any(elsewhere::wrong_method_for_post);
    Router::new()
        .route("/sns/jscode2session", needs_get().get(login::code_to_session))
        .route("/wxa/checksession", needs_get().get(login::check_session))
        .route("/wxa/resetusersessionkey", needs_get().get(login::reset_session_key))
        .route("/cgi-bin/token", needs_get().get(tokens::token))
        .route("/cgi-bin/stable_token", needs_post().post(tokens::stable_token))
        .route("/wxa/business/getuserphonenumber", needs_post().post(messages::phone_number))
        .route("/cgi-bin/message/subscribe/send", needs_post().post(messages::subscribe))
        .route("/cityservice/getservicepath", needs_post().post(city::service_path))
        .route("/cityservice/sendmsgdata", needs_post().post(city::message))
        .route("/cityservice/face/identify/getverifyid", needs_post().post(city::verify_id))
        .route("/cityservice/face/identify/queryverifyinfo", needs_post().post(city::verify_info))
        .route("/sns/{*rest}", any(elsewhere::unknown))
        .route("/wxa/{*rest}", any(elsewhere::unknown))
        .route("/cgi-bin/{*rest}", any(elsewhere::unknown))
        .route("/cityservice/{*rest}", any(elsewhere::unknown))
        .merge(pay)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&wechat), elsewhere::dated))
        .with_state(wechat)
}
