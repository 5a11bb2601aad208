//! The other side of the mock: for tests and people who play the agency. Never part of the
//! protocol, never signed; it belongs on a port that only the machine itself reaches.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use kernel::{BillNo, Fen, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::control::{Kind, Member, Route, route, table_router};

use super::{
    book::AgencyBook,
    fault::AgencyFault,
    seen::{BookError, NewPerson, PersonSeen, PostingSeen},
};

const BILL_NO: Member = ("bill_no", Kind::Text, true);
const SERIAL: &[Member] = &[("agency_serial", Kind::Text, true)];

/// What whoever plays the agency can do.
pub(crate) const CONTROL_ROUTES: &[Route<AgencyBook>] = &[
    route("GET", "/agency/people", "people of the mock agency", &[], || get(people)),
    route(
        "POST",
        "/agency/people",
        "adds a person: docs/agency-protocol.md",
        &[
            ("document_kind", Kind::Text, false),
            ("document_number", Kind::Text, true),
            ("name", Kind::Text, true),
            ("city", Kind::Text, false),
            ("insured", Kind::Text, false),
            ("faults", Kind::Free, false),
        ],
        || post(add_person),
    )
    .with(201),
    route("GET", "/agency/postings", "everything that the mock agency booked", &[], || {
        get(postings)
    }),
    route(
        "POST",
        "/agency/postings/refund",
        "the agency returns a posting's money",
        SERIAL,
        || post(refund_posting),
    )
    .with(204),
    route("POST", "/agency/postings/reverse", "the agency takes a posting back", SERIAL, || {
        post(reverse_posting)
    })
    .with(204),
    route("GET", "/agency/faults", "faults of the agency", &[], || get(faults)),
    route(
        "POST",
        "/agency/faults",
        "let the agency fail; the fault's own members: docs/agency-protocol.md",
        &[
            ("operation", Kind::Text, false),
            ("times", Kind::Integer, false),
            ("fault", Kind::Text, true),
            ("code", Kind::Text, false),
            ("booked", Kind::Boolean, false),
            ("millis", Kind::Integer, false),
            ("from", Kind::Text, false),
            ("until", Kind::Text, false),
            ("by", Kind::Text, false),
        ],
        || post(add_fault),
    )
    .with(204),
    route("DELETE", "/agency/faults", "forget the agency's faults", &[], || delete(clear_faults))
        .with(204),
    route(
        "POST",
        "/agency/bills/change",
        "the agency changes its mind",
        &[BILL_NO, ("amount", Kind::Text, true)],
        || post(change_bill),
    )
    .with(204),
    route("POST", "/agency/bills/pay-elsewhere", "another counter collects it", &[BILL_NO], || {
        post(pay_elsewhere)
    })
    .with(204),
    route(
        "POST",
        "/agency/bills/close",
        "the bill is due no longer than that",
        &[BILL_NO, ("due_until", Kind::Text, true)],
        || post(close_bill),
    )
    .with(204),
];

/// Serves [`CONTROL_ROUTES`].
pub fn control_router(book: AgencyBook) -> Router {
    table_router(CONTROL_ROUTES).with_state(book)
}

impl IntoResponse for BookError {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            BookError::NoSuchBill | BookError::NoSuchPosting => {
                (StatusCode::NOT_FOUND, "not_found")
            }
            BookError::BillPaid | BookError::PersonKnown => (StatusCode::CONFLICT, "conflict"),
            BookError::NotAPerson => (StatusCode::UNPROCESSABLE_ENTITY, "not_a_person"),
        };
        let body = json!({"error": code, "message": self.to_string()});
        (status, Json(body)).into_response()
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
