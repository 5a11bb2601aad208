//! The other side of the mock: for tests and people who play the agency. Never part of the
//! protocol, never signed; it belongs on a port that only the machine itself reaches.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use kernel::{BillNo, Fen, Timestamp};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    control::{Route, read, route, table_router},
    desk::DeskError,
};

use super::{
    book::AgencyBook,
    fault::AgencyFault,
    seen::{BookError, NewPerson, PersonSeen, PostingSeen},
};

/// What whoever plays the agency can do.
pub(crate) const CONTROL_ROUTES: &[Route<AgencyBook>] = &[
    route("GET", "/agency/people", "people of the mock agency", || get(people))
        .gives::<Vec<PersonSeen>>(),
    route("POST", "/agency/people", "adds a person: docs/agency-protocol.md", || post(add_person))
        .takes::<NewPerson>()
        .gives::<PersonSeen>()
        .with(201),
    route("GET", "/agency/postings", "everything that the mock agency booked", || get(postings))
        .gives::<Vec<PostingSeen>>(),
    route("POST", "/agency/postings/refund", "the agency returns a posting's money", || {
        post(refund_posting)
    })
    .takes::<OnePosting>(),
    route("POST", "/agency/postings/reverse", "the agency takes a posting back", || {
        post(reverse_posting)
    })
    .takes::<OnePosting>(),
    route("GET", "/agency/faults", "faults of the agency", || get(faults))
        .gives::<Vec<AgencyFault>>(),
    route(
        "POST",
        "/agency/faults",
        "let the agency fail; the fault's own members: docs/agency-protocol.md",
        || post(add_fault),
    )
    .takes::<AgencyFault>(),
    route("DELETE", "/agency/faults", "forget the agency's faults", || delete(clear_faults)),
    route("POST", "/agency/bills/change", "the agency changes its mind", || post(change_bill))
        .takes::<Change>(),
    route("POST", "/agency/bills/pay-elsewhere", "another counter collects it", || {
        post(pay_elsewhere)
    })
    .takes::<OneBill>(),
    route("POST", "/agency/bills/close", "the bill is due no longer than that", || {
        post(close_bill)
    })
    .takes::<Closing>(),
];

/// Serves [`CONTROL_ROUTES`].
pub fn control_router(book: AgencyBook) -> Router {
    table_router(CONTROL_ROUTES).with_state(book)
}

/// Why it cannot be done: the book does not let it, or it was not understood.
enum Refused {
    Book(BookError),
    Asked(DeskError),
}

impl From<BookError> for Refused {
    fn from(error: BookError) -> Refused {
        Refused::Book(error)
    }
}

impl From<DeskError> for Refused {
    fn from(error: DeskError) -> Refused {
        Refused::Asked(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Book(error) => error.into_response(),
            Refused::Asked(error) => error.into_response(),
        }
    }
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

type Done = Result<StatusCode, Refused>;

async fn faults(State(book): State<AgencyBook>) -> Json<Vec<AgencyFault>> {
    Json(book.faults())
}

async fn add_fault(State(book): State<AgencyBook>, body: Bytes) -> Done {
    book.add_fault(read::<AgencyFault>(&body)?);
    Ok(StatusCode::NO_CONTENT)
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
    body: Bytes,
) -> Result<(StatusCode, Json<PersonSeen>), Refused> {
    Ok((StatusCode::CREATED, Json(book.add_person(read::<NewPerson>(&body)?)?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    #[schema(value_type = String)]
    bill_no: BillNo,
    #[schema(value_type = String)]
    amount: Fen,
}

async fn change_bill(State(book): State<AgencyBook>, body: Bytes) -> Done {
    let change: Change = read(&body)?;
    book.change_bill(&change.bill_no, change.amount)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OneBill {
    #[schema(value_type = String)]
    bill_no: BillNo,
}

async fn pay_elsewhere(State(book): State<AgencyBook>, body: Bytes) -> Done {
    let bill: OneBill = read(&body)?;
    book.pay_elsewhere(&bill.bill_no)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Closing {
    #[schema(value_type = String)]
    bill_no: BillNo,
    #[schema(value_type = String, format = DateTime)]
    due_until: Timestamp,
}

async fn close_bill(State(book): State<AgencyBook>, body: Bytes) -> Done {
    let closing: Closing = read(&body)?;
    book.close_bill(&closing.bill_no, closing.due_until)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OnePosting {
    agency_serial: String,
}

async fn refund_posting(State(book): State<AgencyBook>, body: Bytes) -> Done {
    let posting: OnePosting = read(&body)?;
    book.refund_posting(&posting.agency_serial)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reverse_posting(State(book): State<AgencyBook>, body: Bytes) -> Done {
    let posting: OnePosting = read(&body)?;
    book.reverse_posting(&posting.agency_serial)?;
    Ok(StatusCode::NO_CONTENT)
}
