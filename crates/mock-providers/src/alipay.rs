//! Mock Alipay: the v2 gateway in plain-key mode, with login, trades, refunds and notifications.
//!
//! Requests are verified as the real gateway does it, answers are signed over the exact text that
//! leaves. Deliberately absent for now: certificate mode, content encryption, bills, v3, SM2, and
//! the GBK charset (refused as an invalid charset).

mod form;
mod gateway;
mod ledger;
mod notifications;
mod oauth;
mod refund;
mod sign;
mod trade;
mod wallet;

use std::sync::{Arc, Mutex};

use axum::{Router, extract::DefaultBodyLimit, routing::any};
use kernel::{Channel, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) use ledger::{Refund, Trade};
pub(crate) use wallet::{Payable, WalletRefusal};

use crate::{
    keys::AlipayKeys,
    lock,
    people::{LoginCodes, People, PersonNo},
    settings::AlipayIdMode,
    stage::Stage,
};
use ledger::Ledger;

pub(crate) struct Alipay {
    pub keys: Arc<AlipayKeys>,
    pub stage: Arc<Stage>,
    pub people: People,
    pub codes: LoginCodes,
    pub(crate) ledger: Mutex<Ledger>,
    tokens: oauth::Tokens,
}

impl Alipay {
    pub fn new(keys: Arc<AlipayKeys>, stage: Arc<Stage>) -> Alipay {
        Alipay {
            people: People::new(&keys.alipay.private_pem),
            codes: LoginCodes::new(Channel::Alipay),
            ledger: Mutex::new(Ledger::new()),
            tokens: oauth::Tokens::new(),
            keys,
            stage,
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.clocks.now()
    }

    /// A copy of one trade as it stands now.
    pub fn trade(&self, out_trade_no: &str) -> Option<Trade> {
        lock(&self.ledger).by_number(out_trade_no, self.now()).cloned()
    }

    /// Copies of the newest trades.
    pub fn trades(&self, count_max: usize) -> Vec<Trade> {
        lock(&self.ledger).newest(self.now(), count_max)
    }

    /// The person's ids under the given names, as the id mode allows.
    fn ids(&self, person: PersonNo, user_id: &str, open_id: &str) -> Map<String, Value> {
        let mode = self.stage.switches.get().alipay_id_mode;
        let mut ids = Map::new();
        if mode != AlipayIdMode::OpenId {
            ids.insert(user_id.to_owned(), json!(self.people.user_id(person)));
        }
        if mode != AlipayIdMode::UserId {
            ids.insert(open_id.to_owned(), json!(self.people.open_id(person)));
        }
        ids
    }

    /// The masked account name.
    fn logon_id(&self, person: PersonNo) -> String {
        let id = self.people.user_id(person);
        format!("159****{}", &id[10..14])
    }
}

/// `biz_content` has no published limit; this is far above any real request.
const BODY_BYTES_MAX: usize = 256 * 1024;

pub(crate) fn router(alipay: Arc<Alipay>) -> Router {
    Router::new()
        .route("/gateway.do", any(gateway::answer))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(alipay)
}
