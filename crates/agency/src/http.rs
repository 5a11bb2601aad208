//! The client of our own agency protocol over HTTP (`docs/agency-protocol.md`).
//!
//! Each call is one signed POST with a time limit, a body limit, a metric and a span. Nothing is
//! retried here. No content of a request or answer reaches a log or an error.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use kernel::{
    AgencyCode, BillKind, BillNo, Clock, Entropy, Fen, Identity, Insurance, Month, OrderNo, Secret,
};
use reqwest::{StatusCode, Url, header::HeaderMap};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    answer::{self, Asked, Heard},
    port::{
        Agency, AgencyError, AgencyRefund, Bill, BillQuery, CardNo, CardQuery, Enrolment, Lock,
        LockRequest, OfficialDocument, Posted, PostingRequest, PostingStanding, SettlementLine,
        SocialCard, Tier, TierChoice, TierChosen, TopupRequest,
    },
    sign::{self, Key},
    wire::{
        Bills, BillsAsked, CardAsked, DocumentAnswer, Done, Enrolments, InsuredAsked, LockAsked,
        Operation, PersonAsked, PostingAsked, ReversalAsked, SerialAsked, SettlementAsked,
        SettlementPage, Standing, StandingAsked, StandingState, TierAsked, Tiers, TiersAsked,
        TopupAnswer, TopupAsked, UnlockAsked,
    },
};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
const TOTAL_TIME_MAX: Duration = Duration::from_secs(8);
/// The longest answer that is read: a settlement page of 2 000 lines is about 400 KiB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// A day in a city of ten million has far fewer than a million postings by one channel.
const SETTLEMENT_PAGES_MAX: usize = 1_000;

/// Where an agency is and how we prove who we are.
#[derive(Clone, Debug)]
pub struct HttpAgencyConfig {
    /// Everything before `/agency/v1/…`; may have a path of its own.
    pub base_url: String,
    /// Our code at the agency, 1 to 64 letters, digits, dots, hyphens or underscores.
    pub institution: String,
    /// The shared key, at least 16 bytes.
    pub secret: Secret,
}

/// An agency that speaks our JSON protocol.
pub struct HttpAgency {
    client: reqwest::Client,
    base_url: Url,
    institution: String,
    key: Key,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for HttpAgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.base_url.host_str().unwrap_or_default();
        f.debug_struct("HttpAgency").field("host", &host).finish_non_exhaustive()
    }
}

impl HttpAgency {
    /// A client with the limits of the protocol: 3 s to connect, 8 s for the whole call.
    ///
    /// The process must have installed a rustls provider before.
    ///
    /// # Errors
    /// [`AgencyError::Misconfigured`] names the setting that cannot work.
    pub fn new(
        config: HttpAgencyConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<HttpAgency, AgencyError> {
        HttpAgency::with_time_limit(config, clock, entropy, TOTAL_TIME_MAX)
    }

    /// As [`HttpAgency::new`], but the whole call may take `total`.
    ///
    /// # Errors
    /// [`AgencyError::Misconfigured`] names the setting that cannot work.
    pub fn with_time_limit(
        config: HttpAgencyConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        total: Duration,
    ) -> Result<HttpAgency, AgencyError> {
        let base_url = Url::parse(config.base_url.trim_end_matches('/'))
            .ok()
            .filter(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
                    && url.password().is_none()
            })
            .ok_or_else(|| misconfigured("base_url is not a plain http or https address"))?;
        if !is_code(&config.institution, 64) {
            return Err(misconfigured("institution is not a code"));
        }
        let key = Key::new(&config.secret)
            .ok_or_else(|| misconfigured("the secret has fewer than 16 bytes"))?;
        // No redirects: the signature is for one address. No proxy from the environment: what an
        // agency is told must not take a way that the configuration does not show. No compression:
        // the size limit holds for what was sent.
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(total)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .build()
            .map_err(|_| misconfigured("no HTTP client could be built"))?;
        let institution = config.institution;
        Ok(HttpAgency { client, base_url, institution, key, clock, entropy })
    }

    /// A serial that nobody used before, for requests that may be repeated at will.
    fn new_serial(&self) -> String {
        format!("Q{}", self.entropy.letters(26))
    }

    fn address(&self, operation: Operation) -> Url {
        let mut url = self.base_url.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), operation.path());
        url.set_path(&path);
        url
    }

    /// Asks under a new serial.
    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        operation: Operation,
        agency: &AgencyCode,
        question: &Q,
    ) -> Result<A, AgencyError> {
        self.ask_as(operation, agency, &self.new_serial(), question, Ok).await
    }

    /// Asks, measures and logs. `check` turns the verified answer into the result; what it refuses
    /// counts like an answer that is not understood.
    async fn ask_as<Q: Serialize, A: DeserializeOwned, T>(
        &self,
        operation: Operation,
        agency: &AgencyCode,
        serial: &str,
        question: &Q,
        check: impl FnOnce(A) -> Result<T, AgencyError>,
    ) -> Result<T, AgencyError> {
        let started = self.clock.now();
        let result = match self.call(operation, serial, question).await {
            Ok(answer) => check(answer),
            Err(error) => Err(error),
        };
        let took = self.clock.now().since(started);
        self.record(operation, agency, serial, took, result.as_ref().err());
        result
    }

    async fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        operation: Operation,
        serial: &str,
        question: &Q,
    ) -> Result<A, AgencyError> {
        let body = serde_json::to_vec(question)
            .map_err(|_| misconfigured("the request cannot be written"))?;
        let now = self.clock.now();
        let text = sign::request_text(operation.path(), &self.institution, serial, now, &body);
        let request = self
            .client
            .post(self.address(operation))
            .header("content-type", "application/json")
            .header("agency-version", sign::VERSION)
            .header("agency-institution", &self.institution)
            .header("agency-serial", serial)
            .header("agency-time", now.rfc3339())
            .header("agency-signature", self.key.sign(&text))
            .body(body);
        let response = request.send().await.map_err(|error| transport(&error))?;
        let heard = listen(response).await?;
        answer::judge(&self.key, self.clock.now(), Asked { operation, serial }, &heard)
    }

    fn record(
        &self,
        operation: Operation,
        agency: &AgencyCode,
        serial: &str,
        took: Duration,
        error: Option<&AgencyError>,
    ) {
        let outcome = outcome(error);
        let operation = operation.code();
        metrics::counter!("agency_calls", "operation" => operation, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("agency_call_seconds", "operation" => operation, "outcome" => outcome)
            .record(took);
        let duration_ms = took.as_millis();
        match error {
            None | Some(AgencyError::Objection(_)) => tracing::debug!(
                operation, agency.code = %agency, request.serial = serial, outcome, duration_ms,
                "agency answered"
            ),
            Some(error) => tracing::warn!(
                operation, agency.code = %agency, request.serial = serial, outcome, duration_ms,
                %error, "agency call gave no result"
            ),
        }
    }
}

fn misconfigured(reason: &str) -> AgencyError {
    AgencyError::Misconfigured(reason.into())
}

fn not_understood() -> AgencyError {
    AgencyError::Unknown("answer not understood".into())
}

fn is_code(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// One posting is one logical request, however often it is sent and by whichever process.
fn posting_serial(agency: &AgencyCode, order_no: &OrderNo, bill_no: &BillNo) -> String {
    let hash = sign::sha256_hex(format!("{agency}\n{order_no}\n{bill_no}\n").as_bytes());
    format!("P{}", &hash[..40])
}

/// How much of a card's number is ever shown.
const CARD_TAIL_LENGTH: usize = 4;

fn last_characters(text: &str, count: usize) -> String {
    let skipped = text.chars().count().saturating_sub(count);
    text.chars().skip(skipped).collect()
}

/// The word in the request: differences and residents' bills come without one.
const fn asked_kind(kind: BillKind) -> Option<BillKind> {
    match kind {
        BillKind::Regular | BillKind::Difference | BillKind::Resident => None,
        BillKind::BackPayment | BillKind::Topup => Some(kind),
    }
}

/// Agencies that tell no kinds bill residents under their insurance.
fn name_resident(bill: &mut Bill) {
    if bill.insurance == Insurance::ResidentMedical && bill.kind == BillKind::Regular {
        bill.kind = BillKind::Resident;
    }
}

fn outcome(error: Option<&AgencyError>) -> &'static str {
    match error {
        None => "ok",
        Some(AgencyError::Objection(objection)) => objection.code(),
        Some(AgencyError::NotSent) => "not_sent",
        Some(AgencyError::Unknown(_)) => "unknown",
        Some(AgencyError::Misconfigured(_)) => "misconfigured",
    }
}

/// Only a connection that never came about proves that nothing was sent.
fn transport(error: &reqwest::Error) -> AgencyError {
    if error.is_connect() {
        AgencyError::NotSent
    } else if error.is_builder() {
        misconfigured("the request cannot be built")
    } else if error.is_timeout() {
        AgencyError::Unknown("time-out".into())
    } else {
        AgencyError::Unknown("connection lost".into())
    }
}

/// Reads an answer, at most [`ANSWER_BYTES_MAX`] of it.
async fn listen(mut response: reqwest::Response) -> Result<Heard, AgencyError> {
    let status: StatusCode = response.status();
    let header = |headers: &HeaderMap, name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let headers = response.headers();
    let serial = header(headers, "agency-serial");
    let time = header(headers, "agency-time");
    let signature = header(headers, "agency-signature");
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return Err(AgencyError::Unknown("answer too long".into())),
            Ok(None) => break,
            // The request arrived, so not even a connection error can mean "not sent" here.
            Err(error) if error.is_timeout() => {
                return Err(AgencyError::Unknown("time-out".into()));
            }
            Err(_) => return Err(AgencyError::Unknown("connection lost".into())),
        }
    }
    Ok(Heard { status: status.as_u16(), serial, time, signature, body })
}

/// A booking without a number could never be reversed or reconciled.
fn checked_posting(posted: Posted) -> Result<Posted, AgencyError> {
    if is_code(&posted.agency_serial, 64) { Ok(posted) } else { Err(not_understood()) }
}

fn standing(answer: Standing) -> Result<PostingStanding, AgencyError> {
    Ok(match answer.state {
        StandingState::Posted => {
            let (Some(agency_serial), Some(posted_at)) = (answer.agency_serial, answer.posted_at)
            else {
                return Err(not_understood());
            };
            PostingStanding::Posted(checked_posting(Posted { agency_serial, posted_at })?)
        }
        StandingState::NotPosted => PostingStanding::NotPosted,
        StandingState::Reversed => PostingStanding::Reversed,
        StandingState::Unknown => PostingStanding::Unknown,
    })
}

#[async_trait]
impl Agency for HttpAgency {
    async fn query_insured(
        &self,
        agency: &AgencyCode,
        identity: &Identity,
    ) -> Result<Vec<Enrolment>, AgencyError> {
        let question = InsuredAsked { agency, person: PersonAsked::from(identity) };
        let answer: Enrolments = self.ask(Operation::QueryInsured, agency, &question).await?;
        Ok(answer.enrolments)
    }

    async fn list_tiers(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        month: Month,
    ) -> Result<Vec<Tier>, AgencyError> {
        let question = TiersAsked { agency, insurance, month };
        let answer: Tiers = self.ask(Operation::ListTiers, agency, &question).await?;
        Ok(answer.tiers)
    }

    async fn set_tier(&self, choice: &TierChoice) -> Result<TierChosen, AgencyError> {
        let question = TierAsked {
            agency: &choice.agency,
            person: PersonAsked::from(&choice.identity),
            insurance: choice.insurance,
            tier_no: choice.tier_no,
            from: choice.from,
        };
        self.ask(Operation::SetTier, &choice.agency, &question).await
    }

    async fn query_bills(&self, query: &BillQuery) -> Result<Vec<Bill>, AgencyError> {
        let question = BillsAsked {
            agency: &query.agency,
            person: PersonAsked::from(&query.identity),
            insurance: query.insurance,
            months: query.months,
            kind: asked_kind(query.kind),
        };
        // A bill of another agency, insurance or purpose would be paid to the wrong account.
        let check = |answer: Bills| {
            let mut bills = answer.bills;
            bills.iter_mut().for_each(name_resident);
            let asked_for = |bill: &Bill| {
                bill.agency == query.agency
                    && bill.insurance == query.insurance
                    && asked_kind(bill.kind) == asked_kind(query.kind)
            };
            if bills.iter().all(asked_for) { Ok(bills) } else { Err(not_understood()) }
        };
        let serial = self.new_serial();
        self.ask_as(Operation::QueryBills, &query.agency, &serial, &question, check).await
    }

    async fn lock_bills(&self, request: &LockRequest) -> Result<Lock, AgencyError> {
        let question = LockAsked {
            agency: &request.agency,
            order_no: &request.order_no,
            bills: &request.bills,
            until: request.until,
        };
        self.ask(Operation::LockBills, &request.agency, &question).await
    }

    async fn unlock_bills(
        &self,
        agency: &AgencyCode,
        order_no: &OrderNo,
    ) -> Result<(), AgencyError> {
        let question = UnlockAsked { agency, order_no };
        let _: Done = self.ask(Operation::UnlockBills, agency, &question).await?;
        Ok(())
    }

    async fn post_payment(&self, request: &PostingRequest) -> Result<Posted, AgencyError> {
        let question = PostingAsked {
            agency: &request.agency,
            order_no: &request.order_no,
            bill: &request.bill,
            channel: request.channel,
            transaction_id: &request.transaction_id,
            paid_at: request.paid_at,
        };
        let serial = posting_serial(&request.agency, &request.order_no, &request.bill.bill_no);
        let operation = Operation::PostPayment;
        self.ask_as(operation, &request.agency, &serial, &question, checked_posting).await
    }

    async fn query_posting(
        &self,
        agency: &AgencyCode,
        order_no: &OrderNo,
        bill_no: &BillNo,
    ) -> Result<PostingStanding, AgencyError> {
        let question = StandingAsked { agency, order_no, bill_no };
        let serial = self.new_serial();
        self.ask_as(Operation::QueryPosting, agency, &serial, &question, standing).await
    }

    async fn reverse(
        &self,
        agency: &AgencyCode,
        agency_serial: &str,
        reason: &str,
    ) -> Result<(), AgencyError> {
        let question = ReversalAsked { agency, agency_serial, reason };
        let _: Done = self.ask(Operation::Reverse, agency, &question).await?;
        Ok(())
    }

    async fn download_settlement(
        &self,
        agency: &AgencyCode,
        date: &str,
    ) -> Result<Vec<SettlementLine>, AgencyError> {
        let mut lines: Vec<SettlementLine> = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..SETTLEMENT_PAGES_MAX {
            let question = SettlementAsked { agency, date, after: after.as_deref() };
            let page: SettlementPage =
                self.ask(Operation::DownloadSettlement, agency, &question).await?;
            // An empty page with a successor, or more lines than announced, would never end.
            let stuck = page.lines.is_empty() && page.next.is_some();
            lines.extend(page.lines);
            let read = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            if stuck || read > page.count {
                break;
            }
            if page.next.is_some() {
                after = page.next;
                continue;
            }
            // Half a settlement would make every missing booking a case.
            let total = Fen::sum(lines.iter().map(|line| line.amount));
            if read != page.count || total != Some(page.total) {
                break;
            }
            return Ok(lines);
        }
        Err(AgencyError::Unknown("settlement does not add up".into()))
    }

    async fn query_card(&self, query: &CardQuery) -> Result<SocialCard, AgencyError> {
        let question = CardAsked {
            agency: &query.agency,
            person: PersonAsked::from(&query.identity),
            card_no: query.card_no.as_ref().map(CardNo::as_str),
        };
        let check = |mut card: SocialCard| {
            // Whatever the agency sends, no more than a tail of the number goes on.
            card.card_tail = card.card_tail.map(|tail| last_characters(&tail, CARD_TAIL_LENGTH));
            Ok(card)
        };
        let serial = self.new_serial();
        self.ask_as(Operation::QueryCard, &query.agency, &serial, &question, check).await
    }

    async fn create_topup(&self, request: &TopupRequest) -> Result<Bill, AgencyError> {
        let question = TopupAsked {
            agency: &request.agency,
            person: PersonAsked::from(&request.identity),
            card_no: request.card_no.as_str(),
            amount: request.amount,
        };
        // Another amount would be paid by somebody who asked for this one.
        let check = |TopupAnswer { bill }: TopupAnswer| {
            let fits = bill.kind == BillKind::Topup
                && bill.agency == request.agency
                && bill.amount == request.amount;
            if fits { Ok(bill) } else { Err(not_understood()) }
        };
        let serial = self.new_serial();
        self.ask_as(Operation::CreateTopup, &request.agency, &serial, &question, check).await
    }

    async fn query_refund(
        &self,
        agency: &AgencyCode,
        agency_serial: &str,
    ) -> Result<AgencyRefund, AgencyError> {
        let question = SerialAsked { agency, agency_serial };
        self.ask(Operation::QueryRefund, agency, &question).await
    }

    async fn fetch_document(
        &self,
        agency: &AgencyCode,
        agency_serial: &str,
    ) -> Result<OfficialDocument, AgencyError> {
        let question = SerialAsked { agency, agency_serial };
        let check = |answer: DocumentAnswer| {
            let content = BASE64_STANDARD.decode(answer.content).map_err(|_| not_understood())?;
            let named = (1..=100).contains(&answer.media_type.len())
                && answer.media_type.bytes().all(|b| (b' '..=b'~').contains(&b));
            if content.is_empty() || !named {
                return Err(not_understood());
            }
            Ok(OfficialDocument { media_type: answer.media_type, content })
        };
        let serial = self.new_serial();
        self.ask_as(Operation::FetchDocument, agency, &serial, &question, check).await
    }
}
