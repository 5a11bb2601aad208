//! Mock Alipay: the v2 gateway in key mode and in certificate mode, with login, identity, trades,
//! refunds, bills, messages and notifications.
//!
//! Requests are verified as the real gateway does it, answers are signed over the exact bytes that
//! leave. Deliberately absent: v3, SM2, SHA-1 (new applications may not use it) and every method
//! that a city's payment does not need.

mod bill;
mod charset;
mod crypt;
mod form;
mod gateway;
mod identity;
mod keys;
mod ledger;
mod message;
mod notifications;
mod oauth;
mod oddity;
mod refund;
mod seal;
mod sign;
mod trade;
mod wallet;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get},
};
use kernel::{Channel, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) use keys::{AlipayKeys, AlipayTexts};
pub(crate) use ledger::{Refund, Trade};
pub use oddity::AlipayOddity;
pub(crate) use wallet::{Payable, WalletRefusal};

use crate::{
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
    pub(crate) messages: Mutex<VecDeque<message::Message>>,
    parcels: Mutex<bill::Parcels>,
    certifications: Mutex<identity::Certifications>,
    tokens: oauth::Tokens,
}

impl Alipay {
    pub fn new(keys: Arc<AlipayKeys>, stage: Arc<Stage>) -> Alipay {
        Alipay {
            people: People::new(&keys.present.pair.private_pem),
            codes: LoginCodes::new(Channel::Alipay),
            ledger: Mutex::new(Ledger::new()),
            messages: Mutex::default(),
            parcels: Mutex::new(bill::parcels()),
            certifications: Mutex::new(identity::certifications()),
            tokens: oauth::Tokens::new(),
            keys,
            stage,
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.clocks.now()
    }

    /// Signs with the key that the settings choose.
    fn sign(&self, text: &[u8]) -> String {
        self.keys.signer(self.stage.switches.get().alipay_signer).pair.sign(text)
    }

    /// The users take back what they granted.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke();
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
        .route("/bills/{token}", get(bill::fetch))
        .route("/certifications/{certify_id}", get(identity::page))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(alipay)
}
