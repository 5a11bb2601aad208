//! Mock WeChat Pay (APIv3, direct merchant) and mini-program login, on one base address.
//!
//! Every `/v3` request must carry a genuine signature of the merchant key, every answer is signed as
//! the real platform signs it. A second implementation of the protocol on purpose: it shares no code
//! with the client that it checks. Deliberately absent for now: partner mode, bills, abnormal-refund
//! handling, the self-test call, SM2.

mod answer;
mod authorization;
mod certificates;
mod crypt;
mod ledger;
mod login;
mod members;
mod notifications;
mod payments;
mod refunds;
mod wallet;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use kernel::{Channel, Timestamp};

pub(crate) use ledger::{Refund, Trade, TradeState};
pub use wallet::WalletParameters;
pub(crate) use wallet::{Payable, WalletRefusal};

use crate::{
    keys::WechatKeys,
    lock,
    people::{LoginCodes, People},
    settings::WechatSigner,
    stage::Stage,
};
use answer::Refusal;
use ledger::Ledger;

pub(crate) struct Wechat {
    pub keys: Arc<WechatKeys>,
    pub stage: Arc<Stage>,
    pub people: People,
    pub codes: LoginCodes,
    pub(crate) ledger: Mutex<Ledger>,
}

impl Wechat {
    pub fn new(keys: Arc<WechatKeys>, stage: Arc<Stage>) -> Wechat {
        Wechat {
            people: People::new(&keys.app_secret),
            codes: LoginCodes::new(Channel::Wechat),
            ledger: Mutex::new(Ledger::new()),
            keys,
            stage,
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.clocks.now()
    }

    /// The key that signs unless a request asks for another.
    fn default_signer(&self) -> WechatSigner {
        self.stage.switches.get().wechat_signer
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
        .route("/v3/refund/domestic/refunds", post(refunds::apply))
        .route("/v3/refund/domestic/refunds/{out_refund_no}", get(refunds::query))
        .route("/v3/certificates", get(certificates::list))
        .fallback(|| async { Refusal::no_such_path() })
        .layer(middleware::from_fn_with_state(Arc::clone(&wechat), authorization::guard));
    Router::new()
        .route("/sns/jscode2session", get(login::code_to_session))
        .merge(pay)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(wechat)
}
