//! The other side of the mock: for tests and people who play the agency. Never part of the
//! protocol, never signed; it belongs on a port that only the machine itself reaches.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use kernel::{BillNo, Fen, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::{
    book::AgencyBook,
    fault::AgencyFault,
    seen::{BookError, NewPerson, PersonSeen, PostingSeen},
};

/// | Address | Does |
/// |---|---|
/// | `GET`, `POST`, `DELETE /agency/faults` | shows, adds, forgets faults |
/// | `GET /agency/postings` | all bookings |
/// | `GET`, `POST /agency/people` | shows, adds people |
/// | `POST /agency/bills/change` | `{bill_no, amount}` |
/// | `POST /agency/bills/pay-elsewhere` | `{bill_no}` |
/// | `POST /agency/bills/close` | `{bill_no, due_until}` |
/// | `POST /agency/postings/refund` | `{agency_serial}` |
/// | `POST /agency/postings/reverse` | `{agency_serial}` |
pub fn control_router(book: AgencyBook) -> Router {
    Router::new()
        .route("/agency/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/agency/postings", get(postings))
        .route("/agency/postings/refund", post(refund_posting))
        .route("/agency/postings/reverse", post(reverse_posting))
        .route("/agency/people", get(people).post(add_person))
        .route("/agency/bills/change", post(change_bill))
        .route("/agency/bills/pay-elsewhere", post(pay_elsewhere))
        .route("/agency/bills/close", post(close_bill))
        .with_state(book)
}

impl IntoResponse for BookError {
    fn into_response(self) -> Response {
        let status = match self {
            BookError::NoSuchBill | BookError::NoSuchPosting => StatusCode::NOT_FOUND,
            BookError::BillPaid | BookError::PersonKnown => StatusCode::CONFLICT,
            BookError::NotAPerson => StatusCode::UNPROCESSABLE_ENTITY,
        };
        (status, Json(json!({ "message": self.to_string() }))).into_response()
    }
}

type Done = Result<StatusCode, BookError>;

async fn faults(State(book): State<AgencyBook>) -> Json<Vec<AgencyFault>> {
    Json(book.faults())
}

async fn add_fault(State(book): State<AgencyBook>, Json(fault): Json<AgencyFault>) -> StatusCode {
    book.add_fault(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(book): State<AgencyBook>) -> StatusCode {
    book.clear_faults();
    StatusCode::NO_CONTENT
}

async fn postings(State(book): State<AgencyBook>) -> Json<Vec<PostingSeen>> {
    Json(book.postings())
}

async fn people(State(book): State<AgencyBook>) -> Json<Vec<PersonSeen>> {
    Json(book.people())
}

async fn add_person(
    State(book): State<AgencyBook>,
    Json(person): Json<NewPerson>,
) -> Result<(StatusCode, Json<PersonSeen>), BookError> {
    Ok((StatusCode::CREATED, Json(book.add_person(person)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    bill_no: BillNo,
    amount: Fen,
}

async fn change_bill(State(book): State<AgencyBook>, Json(change): Json<Change>) -> Done {
    book.change_bill(&change.bill_no, change.amount)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneBill {
    bill_no: BillNo,
}

async fn pay_elsewhere(State(book): State<AgencyBook>, Json(bill): Json<OneBill>) -> Done {
    book.pay_elsewhere(&bill.bill_no)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    bill_no: BillNo,
    due_until: Timestamp,
}

async fn close_bill(State(book): State<AgencyBook>, Json(closing): Json<Closing>) -> Done {
    book.close_bill(&closing.bill_no, closing.due_until)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnePosting {
    agency_serial: String,
}

async fn refund_posting(State(book): State<AgencyBook>, Json(posting): Json<OnePosting>) -> Done {
    book.refund_posting(&posting.agency_serial)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reverse_posting(State(book): State<AgencyBook>, Json(posting): Json<OnePosting>) -> Done {
    book.reverse_posting(&posting.agency_serial)?;
    Ok(StatusCode::NO_CONTENT)
}
