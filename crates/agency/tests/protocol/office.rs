//! An agency with its doors open: a mock on a free port, a clock that stands still, a client.

use std::{sync::Arc, time::Duration};

use agency::{
    Agency, AgencyError, Bill, BillQuery, BillRef, HttpAgency, HttpAgencyConfig, LockRequest,
    Objection, PostingRequest,
};
use kernel::{
    AgencyCode, BillKind, BillNo, Channel, ControlledClock, Document, DocumentKind, Identity,
    Insurance, MonthRange, OrderNo, PersonName, Secret, SeededEntropy, Timestamp,
};
use mock_providers::agency::{self as mock, AgencyBook, AgencyBookOptions};

pub const SECRET: &str = "example-secret-of-32-characters!";
pub const NOW: &str = "2023-06-15T10:00:00+08:00";

/// Pays everything, tier 1.
pub const ZHANG_SAN: (&str, &str) = ("320213190001010006", "张三");
/// January to March are paid.
pub const LI_SI: (&str, &str) = ("320213190001010014", "李四");

pub struct Office {
    pub book: AgencyBook,
    pub clock: Arc<ControlledClock>,
    pub client: HttpAgency,
    pub base_url: String,
}

impl Office {
    pub async fn open() -> Office {
        Office::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut AgencyBookOptions)) -> Office {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ControlledClock::at(time(NOW)));
        let mut options = AgencyBookOptions::new("city-services", Secret::new(SECRET));
        change(&mut options);
        let book = AgencyBook::new(options, clock.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = mock::router(book.clone()).merge(mock::control_router(book.clone()));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let client = client(&base_url, SECRET, clock.clone(), Duration::from_secs(8));
        Office { book, clock, client, base_url }
    }

    /// All bills of one insurance in 2023.
    pub async fn bills(
        &self,
        person: (&str, &str),
        insurance: Insurance,
    ) -> Result<Vec<Bill>, AgencyError> {
        let kind = if insurance == Insurance::Pension { "hr" } else { "med" };
        let query = BillQuery {
            agency: code(&format!("320200-{kind}")),
            identity: identity(person),
            insurance,
            months: months("2023-01", 12),
            kind: BillKind::Regular,
        };
        self.client.query_bills(&query).await
    }

    pub async fn pension_bills(&self, person: (&str, &str)) -> Vec<Bill> {
        self.bills(person, Insurance::Pension).await.expect("bills")
    }

    pub async fn post(&self, order: u32, bill: &Bill) -> Result<agency::Posted, AgencyError> {
        self.client.post_payment(&posting(order, bill)).await
    }
}

pub fn client(
    base_url: &str,
    secret: &str,
    clock: Arc<ControlledClock>,
    total: Duration,
) -> HttpAgency {
    let config = HttpAgencyConfig {
        base_url: base_url.into(),
        institution: "city-services".into(),
        secret: Secret::new(secret),
    };
    let entropy = Arc::new(kernel::SystemEntropy::default());
    HttpAgency::with_time_limit(config, clock, entropy, total).expect("a client")
}

pub fn time(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a time")
}

pub fn code(text: &str) -> AgencyCode {
    AgencyCode::new(text).expect("a code")
}

pub fn pension() -> AgencyCode {
    code("320200-hr")
}

pub fn months(from: &str, count: u32) -> MonthRange {
    MonthRange::starting(from.parse().expect("a month"), count).expect("months")
}

pub fn identity((number, name): (&str, &str)) -> Identity {
    Identity {
        document: Document::parse(DocumentKind::ResidentId, number, time(NOW)).expect("a number"),
        name: PersonName::parse(name).expect("a name"),
    }
}

pub fn order(number: u32) -> OrderNo {
    OrderNo::new(format!("20230615100000000{number:011}")).expect("a number")
}

pub fn frozen(bill: &Bill) -> BillRef {
    BillRef { bill_no: bill.bill_no.clone(), version: bill.version, amount: bill.amount }
}

pub fn lock(number: u32, bills: &[Bill], until: &str) -> LockRequest {
    LockRequest {
        agency: pension(),
        order_no: order(number),
        bills: bills.iter().map(frozen).collect(),
        until: time(until),
    }
}

pub fn posting(number: u32, bill: &Bill) -> PostingRequest {
    PostingRequest {
        agency: bill.agency.clone(),
        order_no: order(number),
        bill: frozen(bill),
        channel: Channel::Wechat,
        transaction_id: format!("420000000120230615{number:010}"),
        paid_at: time(NOW),
    }
}

pub fn no<T>(objection: Objection) -> Result<T, AgencyError> {
    Err(AgencyError::Objection(objection))
}

pub fn unknown<T>(reason: &str) -> Result<T, AgencyError> {
    Err(AgencyError::Unknown(reason.into()))
}

pub fn bill_no(text: &str) -> BillNo {
    BillNo::new(text).expect("a number")
}

/// A stream of numbers that is the same in every run.
pub fn seeded() -> Arc<SeededEntropy> {
    Arc::new(SeededEntropy::new(42))
}
