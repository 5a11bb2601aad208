//! Mock Alipay: the v2 gateway in key mode and in certificate mode, with login, identity, trades,
//! refunds, bills, messages and notifications.
//!
//! Requests are verified as the real gateway does it, answers are signed over the exact bytes that
//! leave. Deliberately absent: v3, SM2, SHA-1 (new applications may not use it) and every method
//! that a city's payment does not need.

mod bill;
mod charset;
mod create;
mod crypt;
mod form;
mod funds;
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

use axum::{Router, extract::DefaultBodyLimit, routing::get};
use kernel::{Channel, Timestamp};
use serde_json::{Map, Value, json};
use url::Url;

pub(crate) use identity::PhoneEnvelope;
pub(crate) use keys::{AlipayApp, AlipayKeys, AlipayTexts, AppPlace, AppTexts};
pub(crate) use ledger::{Refund, Trade};
pub use oddity::AlipayOddity;
pub(crate) use wallet::{Payable, WalletRefusal};

use crate::{
    keys::RsaPair,
    lock,
    people::{LoginCodes, People, PersonNo},
    settings::{AlipayIdMode, AlipaySigner},
    stage::Stage,
};
use keys::Certificate;
use ledger::Ledger;

pub(crate) struct Alipay {
    pub keys: Arc<AlipayKeys>,
    pub stage: Arc<Stage>,
    /// Names the users of the first application, and by their user id those of both.
    pub people: People,
    second_people: People,
    codes: LoginCodes,
    second_codes: LoginCodes,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) messages: Mutex<VecDeque<message::Message>>,
    permissions: Mutex<message::Permissions>,
    parcels: Mutex<bill::Parcels>,
    certifications: Mutex<identity::Certifications>,
    tokens: oauth::Tokens,
}

impl Alipay {
    pub fn new(keys: Arc<AlipayKeys>, stage: Arc<Stage>) -> Alipay {
        Alipay {
            people: People::new(&keys.present.pair.private_pem),
            // Open ids are of one application.
            second_people: People::new(&keys.next.pair.private_pem),
            codes: LoginCodes::new(Channel::Alipay),
            second_codes: LoginCodes::new(Channel::Alipay),
            ledger: Mutex::new(Ledger::new()),
            messages: Mutex::default(),
            permissions: Mutex::new(message::Permissions::new()),
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

    /// The key and certificate that sign, or the other one of Alipay's two.
    fn signer(&self, other: bool) -> (&RsaPair, &Certificate) {
        let chosen = self.stage.switches.get().alipay_signer;
        self.keys.signer(match (other, chosen) {
            (false, chosen) => chosen,
            (true, AlipaySigner::Next) => AlipaySigner::Present,
            (true, AlipaySigner::Present | AlipaySigner::Renewed) => AlipaySigner::Next,
        })
    }

    /// Signs with the key that the settings choose.
    fn sign(&self, text: &[u8]) -> String {
        self.signer(false).0.sign(text)
    }

    /// Open ids of an application.
    fn people_of(&self, app: AppPlace) -> &People {
        match app {
            AppPlace::First => &self.people,
            AppPlace::Second => &self.second_people,
        }
    }

    /// The payer's open id as the trade's merchant knows it.
    pub fn open_id_of(&self, trade: &Trade) -> String {
        self.people_of(trade.app).open_id(trade.buyer)
    }

    fn codes_of(&self, app: AppPlace) -> &LoginCodes {
        match app {
            AppPlace::First => &self.codes,
            AppPlace::Second => &self.second_codes,
        }
    }

    /// A login code of an application for a user, and the ids that it turns into: user id, open id.
    /// `None`: there is no such application.
    pub fn mint_code(
        &self,
        app_id: Option<&str>,
        person: PersonNo,
    ) -> Option<(String, String, String)> {
        let app = match app_id {
            None => &self.keys.first,
            Some(app_id) => self.keys.app(app_id)?,
        };
        let entropy = self.stage.entropy.as_ref();
        let code = self.codes_of(app.place).mint(person, self.now(), entropy);
        let open_id = self.people_of(app.place).open_id(person);
        Some((code, self.people.user_id(person), open_id))
    }

    /// Whether Alipay would call this address: absolute, http or https, no fragment, no blanks. A query
    /// of its own is advised against and works.
    fn notify_url_fits(&self, text: &str) -> bool {
        let url = Url::parse(text).ok().filter(|_| text.chars().all(|c| c.is_ascii_graphic()));
        url.is_some_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.fragment().is_none()
        })
    }

    /// The users take back what they granted.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke();
    }

    /// A copy of one trade as it stands now, whichever merchant's it is.
    pub fn trade(&self, out_trade_no: &str) -> Option<Trade> {
        lock(&self.ledger).any_by_number(out_trade_no, self.now()).cloned()
    }

    /// Copies of the newest trades.
    pub fn trades(&self, count_max: usize) -> Vec<Trade> {
        lock(&self.ledger).newest(self.now(), count_max)
    }

    /// The person's ids in an application under the given names, as the id mode allows.
    fn ids(
        &self,
        app: AppPlace,
        person: PersonNo,
        user_id: &str,
        open_id: &str,
    ) -> Map<String, Value> {
        let mode = self.stage.switches.get().alipay_id_mode;
        let mut ids = Map::new();
        if mode != AlipayIdMode::OpenId {
            ids.insert(user_id.to_owned(), json!(self.people.user_id(person)));
        }
        if mode != AlipayIdMode::UserId {
            ids.insert(open_id.to_owned(), json!(self.people_of(app).open_id(person)));
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
        .route("/gateway.do", get(gateway::answer).post(gateway::answer))
        .route("/bills/{token}", get(bill::fetch))
        .route("/certifications/{certify_id}", get(identity::page))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(alipay)
}
