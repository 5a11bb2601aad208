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
mod crypt;
mod echo;
mod ledger;
mod login;
mod members;
mod messages;
mod migration;
mod notifications;
mod payments;
mod refunds;
mod tokens;
mod wallet;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use kernel::{Channel, Timestamp};
use serde_json::Value;

pub use certificates::{CertificateView, Rotation};
pub use city::FaceView;
pub(crate) use ledger::{Contract, Refund, Trade, TradeState};
pub use messages::SentMessage;
pub use migration::{MigrationRequest, MigrationView};
pub use wallet::WalletParameters;
pub(crate) use wallet::{Payable, WalletRefusal};

use crate::{
    keys::WechatKeys,
    lock,
    people::{LoginCodes, People},
    stage::Stage,
};
use answer::Refusal;
use authorization::Door;
use bills::BillFiles;
use certificates::Rotations;
use city::Faces;
use ledger::Ledger;
use messages::Messages;
use migration::Migration;
use tokens::Tokens;

pub(crate) struct Wechat {
    pub keys: Arc<WechatKeys>,
    pub stage: Arc<Stage>,
    pub people: People,
    pub codes: LoginCodes,
    pub phone_codes: LoginCodes,
    pub(crate) ledger: Mutex<Ledger>,
    rotations: Rotations,
    files: BillFiles,
    tokens: Tokens,
    messages: Messages,
    faces: Faces,
    door: Door,
    migration: Migration,
}

impl Wechat {
    pub fn new(keys: Arc<WechatKeys>, stage: Arc<Stage>) -> Wechat {
        Wechat {
            people: People::new(&keys.app_secret),
            codes: LoginCodes::new(Channel::Wechat),
            phone_codes: LoginCodes::new(Channel::Wechat),
            ledger: Mutex::new(Ledger::new()),
            rotations: Rotations::default(),
            files: BillFiles::default(),
            tokens: Tokens::default(),
            messages: Messages::default(),
            faces: Faces::default(),
            door: Door::default(),
            migration: Migration::default(),
            keys,
            stage,
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.clocks.now()
    }

    /// How many requests of the merchant were verified, refused, and came with a nonce used before.
    pub fn requests(&self) -> Value {
        self.door.view()
    }

    /// Begins the migration to the public key. False: that share is none.
    pub fn begin_migration(&self, request: MigrationRequest) -> bool {
        self.migration.begin(self.now(), request)
    }

    pub fn end_migration(&self) {
        self.migration.end();
    }

    pub fn migration(&self) -> Option<MigrationView> {
        self.migration.view(self.now())
    }

    /// What the encrypted resource of a notification says, as its merchant reads it; `None` for a body
    /// that this merchant cannot open.
    pub fn resource_of(&self, body: &str) -> Option<String> {
        let body: Value = serde_json::from_str(body).ok()?;
        let text = |name: &str| body.pointer(&format!("/resource/{name}"))?.as_str();
        let (nonce, data) = (text("nonce")?, text("associated_data")?);
        crypt::decrypt(&self.keys.apiv3_key, nonce, data, text("ciphertext")?)
    }

    /// A copy of one trade as it stands now.
    pub fn trade(&self, out_trade_no: &str) -> Option<Trade> {
        lock(&self.ledger).trade(out_trade_no, self.now()).cloned()
    }

    /// Copies of the newest trades.
    pub fn trades(&self, count_max: usize) -> Vec<Trade> {
        lock(&self.ledger).newest(self.now(), count_max)
    }
}

/// The largest request body that is read; the real limit for JSON is not published.
const BODY_BYTES_MAX: usize = 256 * 1024;

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
        .layer(middleware::from_fn_with_state(Arc::clone(&wechat), authorization::guard));
    Router::new()
        .route("/sns/jscode2session", get(login::code_to_session))
        .route("/wxa/checksession", get(login::check_session))
        .route("/cgi-bin/token", get(tokens::token))
        .route("/cgi-bin/stable_token", post(tokens::stable_token))
        .route("/wxa/business/getuserphonenumber", post(messages::phone_number))
        .route("/cgi-bin/message/subscribe/send", post(messages::subscribe))
        .route("/cityservice/getservicepath", post(city::service_path))
        .route("/cityservice/sendmsgdata", post(city::message))
        .route("/cityservice/face/identify/getverifyid", post(city::verify_id))
        .route("/cityservice/face/identify/queryverifyinfo", post(city::verify_info))
        .merge(pay)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(wechat)
}
