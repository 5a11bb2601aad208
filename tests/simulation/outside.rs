//! Between the service and the outside: where calls begin and end, the process can die and the world
//! goes on.
//!
//! Beside that, each call is held against the protocol that its port states: after a doubt a posting
//! is asked for before it is repeated, one number has one request, and no transaction of the database
//! is open while the network is waited for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use agency::{
    Agency, AgencyError, AgencyRefund, Bill, BillQuery, Enrolment, Lock, LockRequest,
    OfficialDocument, Posted, PostingRequest, PostingStanding, SettlementLine, Tier, TierChoice,
    TierChosen,
};
use async_trait::async_trait;
use kernel::{
    AccountId, AgencyCode, BillNo, Channel, Identity, Insurance, MerchantKey, Month, OrderNo,
    OutTradeNo, Timestamp,
};
use miniprogram_api::{NewSession, Session, SessionError, SessionId, SessionStore, Token};
use platforms::{
    ChannelError, Created, Notice, PaymentChannel, PaymentRequest, PaymentStanding, Prepared,
    RefundRequest, RefundStanding, Refusal, WalletParameters,
};

use crate::world::World;

/// What was promised to the outside so far; lives longer than any process.
#[derive(Default)]
pub struct Promised {
    /// The request of each number, as it was first sent.
    requests: BTreeMap<String, String>,
    /// Postings and refunds whose outcome nobody heard.
    doubtful: BTreeSet<String>,
    /// Which act asked about which of them, and heard something certain.
    asked: BTreeSet<(u64, String)>,
    breaches: Vec<String>,
}

/// Shared by all processes of a history.
#[derive(Default)]
pub struct Protocol(Mutex<Promised>);

impl Protocol {
    fn with<T>(&self, act: impl FnOnce(&mut Promised) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn breaches(&self) -> Vec<String> {
        self.with(|promised| promised.breaches.clone())
    }

    /// One number, one request to the byte.
    fn request(&self, kind: &str, request: &str) {
        let json: serde_json::Value = serde_json::from_str(request).unwrap_or_default();
        let number = find_text(&json, &["out_refund_no", "out_request_no"])
            .or_else(|| find_text(&json, &["out_trade_no"]));
        let key = format!("{kind} {}", number.unwrap_or_default());
        self.with(|promised| {
            let first = promised.requests.entry(key.clone()).or_insert_with(|| request.to_owned());
            if first != request {
                promised.breaches.push(format!("{key} was requested with other bytes than before"));
            }
        });
    }

    /// An act moves money, and does not know yet what comes of it.
    fn money_moves(&self, act: u64, what: &str) {
        self.with(|promised| {
            let first = promised.doubtful.insert(what.to_owned());
            if !first && !promised.asked.contains(&(act, what.to_owned())) {
                let breach = format!("{what} was repeated after a doubt without a question");
                promised.breaches.push(breach);
            }
        });
    }

    /// An act heard for certain what came of it.
    fn is_certain(&self, act: u64, what: &str) {
        self.with(|promised| {
            promised.doubtful.remove(what);
            promised.asked.insert((act, what.to_owned()));
        });
    }
}

/// The first text under one of these names, at any depth.
fn find_text(json: &serde_json::Value, names: &[&str]) -> Option<String> {
    match json {
        serde_json::Value::Object(map) => {
            let here = names.iter().find_map(|name| map.get(*name)?.as_str().map(str::to_owned));
            here.or_else(|| map.values().find_map(|value| find_text(value, names)))
        }
        serde_json::Value::String(text) if text.starts_with('{') => {
            find_text(&serde_json::from_str(text).ok()?, names)
        }
        _ => None,
    }
}

/// Puts the world between a new process and everything that it speaks to.
pub struct Between {
    pub world: Weak<World>,
    /// The session store of earlier processes, when it outlives them.
    pub sessions: Mutex<Option<Arc<dyn SessionStore>>>,
}

impl city_services::Outside for Between {
    fn channel(&self, real: Arc<dyn PaymentChannel>) -> Arc<dyn PaymentChannel> {
        Arc::new(WatchedChannel { real, world: self.world.clone() })
    }

    fn agency(&self, real: Arc<dyn Agency>) -> Arc<dyn Agency> {
        Arc::new(WatchedAgency { real, world: self.world.clone() })
    }

    fn sessions(&self, real: Arc<dyn SessionStore>) -> Arc<dyn SessionStore> {
        let mut kept = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let real = kept.get_or_insert(real).clone();
        Arc::new(WatchedSessions { real, world: self.world.clone() })
    }
}

/// How a call ended, in a word for the history.
fn heard<T, E: std::fmt::Display>(answer: &Result<T, E>, yes: impl FnOnce(&T) -> String) -> String {
    match answer {
        Ok(answer) => yes(answer),
        Err(error) => error.to_string(),
    }
}

struct WatchedChannel {
    real: Arc<dyn PaymentChannel>,
    world: Weak<World>,
}

impl std::fmt::Debug for WatchedChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WatchedChannel")
    }
}

impl WatchedChannel {
    async fn begins(&self, call: &str, number: &str) {
        if let Some(world) = self.world.upgrade() {
            let call = format!("{}.{call} {number}", self.real.channel());
            world.call_begins(&call).await;
        }
    }

    async fn ended(&self, call: &str, heard: String) {
        if let Some(world) = self.world.upgrade() {
            world.call_ended(&format!("{}.{call}", self.real.channel()), &heard).await;
        }
    }

    fn protocol(&self) -> Arc<Protocol> {
        self.world.upgrade().map(|world| world.protocol.clone()).unwrap_or_default()
    }

    fn act(&self) -> u64 {
        self.world.upgrade().map(|world| world.fate.act()).unwrap_or_default()
    }
}

fn number_in(request: &Prepared, names: &[&str]) -> String {
    let json = serde_json::from_str(request.as_str()).unwrap_or_default();
    find_text(&json, names).unwrap_or_default()
}

#[async_trait]
impl PaymentChannel for WatchedChannel {
    fn channel(&self) -> Channel {
        self.real.channel()
    }

    fn merchant(&self) -> &MerchantKey {
        self.real.merchant()
    }

    fn merchant_id(&self) -> &str {
        self.real.merchant_id()
    }

    fn app_id(&self) -> &str {
        self.real.app_id()
    }

    fn prepare_payment(&self, request: &PaymentRequest) -> Result<Prepared, ChannelError> {
        self.real.prepare_payment(request)
    }

    async fn create_payment(&self, prepared: &Prepared) -> Result<Created, ChannelError> {
        self.protocol().request("payment", prepared.as_str());
        self.begins("create", &number_in(prepared, &["out_trade_no"])).await;
        let answer = self.real.create_payment(prepared).await;
        self.ended("create", heard(&answer, |_| "created".to_owned())).await;
        answer
    }

    fn wallet_parameters(&self, created: &Created) -> Result<WalletParameters, ChannelError> {
        self.real.wallet_parameters(created)
    }

    fn token_lifetime(&self) -> Option<Duration> {
        self.real.token_lifetime()
    }

    async fn query_payment(&self, number: &OutTradeNo) -> Result<PaymentStanding, ChannelError> {
        self.begins("query", number.as_str()).await;
        let answer = self.real.query_payment(number).await;
        let said = heard(&answer, |standing| {
            let word = match standing {
                PaymentStanding::Paid(_) => "paid",
                PaymentStanding::Unpaid => "unpaid",
                PaymentStanding::Closed => "closed",
                PaymentStanding::NotFound => "not found",
            };
            word.to_owned()
        });
        self.ended("query", said).await;
        answer
    }

    async fn close_payment(&self, number: &OutTradeNo) -> Result<(), ChannelError> {
        self.begins("close", number.as_str()).await;
        let answer = self.real.close_payment(number).await;
        self.ended("close", heard(&answer, |()| "closed".to_owned())).await;
        answer
    }

    fn prepare_refund(&self, request: &RefundRequest) -> Result<Prepared, ChannelError> {
        self.real.prepare_refund(request)
    }

    async fn request_refund(&self, prepared: &Prepared) -> Result<RefundStanding, ChannelError> {
        let number = number_in(prepared, &["out_refund_no", "out_request_no"]);
        let (protocol, act, key) = (self.protocol(), self.act(), format!("refund {number}"));
        protocol.request("refund", prepared.as_str());
        protocol.money_moves(act, &key);
        self.begins("refund", &number).await;
        let answer = self.real.request_refund(prepared).await;
        if !matches!(answer, Err(ChannelError::Unknown(_))) {
            protocol.is_certain(act, &key);
        }
        self.ended("refund", heard(&answer, refund_word)).await;
        answer
    }

    async fn query_refund(
        &self,
        number: &OutTradeNo,
        refund: &OutTradeNo,
    ) -> Result<RefundStanding, ChannelError> {
        self.begins("refund_query", refund.as_str()).await;
        let answer = self.real.query_refund(number, refund).await;
        if answer.is_ok() {
            self.protocol().is_certain(self.act(), &format!("refund {refund}"));
        }
        self.ended("refund_query", heard(&answer, refund_word)).await;
        answer
    }

    fn open_notification(
        &self,
        now: Timestamp,
        headers: &axum::http::HeaderMap,
        body: &[u8],
    ) -> Result<Notice, Refusal> {
        self.real.open_notification(now, headers, body)
    }
}

fn refund_word(standing: &RefundStanding) -> String {
    match standing {
        RefundStanding::Known(fact) => format!("{:?}", fact.status()),
        RefundStanding::NotFound => "not found".to_owned(),
    }
}

struct WatchedAgency {
    real: Arc<dyn Agency>,
    world: Weak<World>,
}

impl std::fmt::Debug for WatchedAgency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WatchedAgency")
    }
}

impl WatchedAgency {
    async fn begins(&self, call: &str, what: &str) {
        if let Some(world) = self.world.upgrade() {
            world.call_begins(&format!("agency.{call} {what}")).await;
        }
    }

    async fn ended<T>(&self, call: &str, answer: &Result<T, AgencyError>, yes: &str) {
        if let Some(world) = self.world.upgrade() {
            let said = heard(answer, |_| yes.to_owned());
            world.call_ended(&format!("agency.{call}"), &said).await;
        }
    }

    fn protocol(&self) -> Arc<Protocol> {
        self.world.upgrade().map(|world| world.protocol.clone()).unwrap_or_default()
    }

    fn act(&self) -> u64 {
        self.world.upgrade().map(|world| world.fate.act()).unwrap_or_default()
    }
}

#[async_trait]
impl Agency for WatchedAgency {
    async fn query_insured(
        &self,
        agency: &AgencyCode,
        identity: &Identity,
    ) -> Result<Vec<Enrolment>, AgencyError> {
        self.begins("query-insured", agency.as_str()).await;
        let answer = self.real.query_insured(agency, identity).await;
        self.ended("query-insured", &answer, "ok").await;
        answer
    }

    async fn list_tiers(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        month: Month,
    ) -> Result<Vec<Tier>, AgencyError> {
        self.real.list_tiers(agency, insurance, month).await
    }

    async fn set_tier(&self, choice: &TierChoice) -> Result<TierChosen, AgencyError> {
        self.real.set_tier(choice).await
    }

    async fn query_bills(&self, query: &BillQuery) -> Result<Vec<Bill>, AgencyError> {
        self.begins("query-bills", query.agency.as_str()).await;
        let answer = self.real.query_bills(query).await;
        self.ended("query-bills", &answer, "ok").await;
        answer
    }

    async fn lock_bills(&self, request: &LockRequest) -> Result<Lock, AgencyError> {
        self.begins("lock-bills", request.agency.as_str()).await;
        let answer = self.real.lock_bills(request).await;
        self.ended("lock-bills", &answer, "locked").await;
        answer
    }

    async fn unlock_bills(&self, agency: &AgencyCode, order: &OrderNo) -> Result<(), AgencyError> {
        self.begins("unlock-bills", agency.as_str()).await;
        let answer = self.real.unlock_bills(agency, order).await;
        self.ended("unlock-bills", &answer, "released").await;
        answer
    }

    async fn post_payment(&self, request: &PostingRequest) -> Result<Posted, AgencyError> {
        let key = format!("posting {} {}", request.order_no, request.bill.bill_no);
        let (protocol, act) = (self.protocol(), self.act());
        protocol.money_moves(act, &key);
        self.begins("post-payment", request.bill.bill_no.as_str()).await;
        let answer = self.real.post_payment(request).await;
        if !matches!(answer, Err(AgencyError::Unknown(_))) {
            protocol.is_certain(act, &key);
        }
        self.ended("post-payment", &answer, "posted").await;
        answer
    }

    async fn query_posting(
        &self,
        agency: &AgencyCode,
        order: &OrderNo,
        bill: &BillNo,
    ) -> Result<PostingStanding, AgencyError> {
        self.begins("query-posting", bill.as_str()).await;
        let answer = self.real.query_posting(agency, order, bill).await;
        let certain = matches!(answer, Ok(PostingStanding::Posted(_) | PostingStanding::NotPosted));
        if certain {
            self.protocol().is_certain(self.act(), &format!("posting {order} {bill}"));
        }
        let word = match answer {
            Ok(PostingStanding::Posted(_)) => "posted",
            Ok(PostingStanding::NotPosted) => "not posted",
            _ => "unknown",
        };
        self.ended("query-posting", &answer, word).await;
        answer
    }

    async fn reverse(
        &self,
        agency: &AgencyCode,
        serial: &str,
        reason: &str,
    ) -> Result<(), AgencyError> {
        self.real.reverse(agency, serial, reason).await
    }

    async fn download_settlement(
        &self,
        agency: &AgencyCode,
        date: &str,
    ) -> Result<Vec<SettlementLine>, AgencyError> {
        self.real.download_settlement(agency, date).await
    }

    async fn query_refund(
        &self,
        agency: &AgencyCode,
        serial: &str,
    ) -> Result<AgencyRefund, AgencyError> {
        self.real.query_refund(agency, serial).await
    }

    async fn fetch_document(
        &self,
        agency: &AgencyCode,
        serial: &str,
    ) -> Result<OfficialDocument, AgencyError> {
        self.real.fetch_document(agency, serial).await
    }
}

#[derive(Debug)]
struct WatchedSessions {
    real: Arc<dyn SessionStore>,
    world: Weak<World>,
}

impl WatchedSessions {
    fn there(&self) -> Result<&dyn SessionStore, SessionError> {
        let away = self.world.upgrade().is_some_and(|world| world.sessions_are_away());
        if away { Err(SessionError::Unavailable) } else { Ok(&*self.real) }
    }
}

#[async_trait]
impl SessionStore for WatchedSessions {
    async fn open(&self, new: NewSession) -> Result<(Token, Session), SessionError> {
        self.there()?.open(new).await
    }

    async fn find(&self, token: &Token) -> Result<Option<Session>, SessionError> {
        self.there()?.find(token).await
    }

    async fn list(&self, account: AccountId) -> Result<Vec<Session>, SessionError> {
        self.there()?.list(account).await
    }

    async fn revoke(&self, account: AccountId, session: &SessionId) -> Result<bool, SessionError> {
        self.there()?.revoke(account, session).await
    }

    async fn revoke_all(&self, account: AccountId) -> Result<usize, SessionError> {
        self.there()?.revoke_all(account).await
    }
}
