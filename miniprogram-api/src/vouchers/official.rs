//! Official documents (官方票证) of the agencies, passed on as they were received.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use kernel::{CityCode, DocumentId, OrderNo};
use orders::{Missing, StoredDocument};
use serde::Serialize;
use utoipa::ToSchema;
use wording::term;

use super::file;
use crate::{
    Api,
    caller::Caller,
    counter,
    language::Reads,
    orders::{number, told},
    problem::ApiError,
    session::Session,
    sight::Sight,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentsView {
    documents: Vec<DocumentView>,
    /// Booked bills without a document here.
    missing: Vec<MissingView>,
}

/// A document of an agency.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentView {
    id: String,
    bill_no: String,
    agency: String,
    /// Who issued it.
    source: String,
    agency_serial: String,
    #[schema(example = "application/pdf")]
    media_type: String,
    size_bytes: u64,
    /// SHA-256 of the bytes as received, hexadecimal.
    sha256: String,
    fetched_at: String,
    path: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MissingView {
    agency: String,
    source: String,
    bill_no: String,
    /// `not_yet` (look again later), `not_offered` or `too_large`.
    reason: String,
    text: String,
}

/// They name the person in full, so only the person sees them: the owner whose real name is proven.
async fn check_sight(
    api: &Api,
    caller: &Session,
    order_no: &OrderNo,
) -> Result<CityCode, ApiError> {
    let order = api.orders.record(caller.account, order_no).await?.order;
    let person = api.people.person(caller.account, order.person).await?;
    Sight::of(&person).demand_whole()?;
    Ok(order.city)
}

/// The agencies' own documents of an order, for the owner whose real name is proven. Those of booked bills
/// are fetched when they are first looked for; an agency's failure changes nothing, and the next look asks
/// again.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/documents", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, body = DocumentsView),
        (status = 403, description = "the real name is not proven (`real_name_needed`), or somebody else's (`not_for_payers`)"), (status = 404, description = "no such order of this person")))]
pub(crate) async fn documents(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(order_no): Path<String>,
) -> Result<Json<DocumentsView>, ApiError> {
    let order_no = number(&order_no)?;
    let city = check_sight(&api, &caller, &order_no).await?;
    let there = api.orders.official_documents(caller.account, &order_no).await?;
    let stored = |document: StoredDocument| DocumentView {
        id: document.id.to_string(),
        bill_no: document.bill_no.to_string(),
        source: counter::agency_name(&api, &city, &document.agency),
        agency: document.agency.to_string(),
        agency_serial: document.agency_serial,
        media_type: document.media_type,
        size_bytes: document.size_bytes,
        sha256: document.digest,
        fetched_at: document.fetched_at.rfc3339(),
        path: format!("/api/v1/orders/{order_no}/documents/{}", document.id),
    };
    let missing = there.missing.into_iter().map(|(agency, bill_no, why)| {
        let reason = match why {
            Missing::NotOffered => "not_offered",
            Missing::NotYet => "not_yet",
            Missing::TooLarge => "too_large",
        };
        MissingView {
            source: counter::agency_name(&api, &city, &agency),
            agency: agency.to_string(),
            bill_no: bill_no.to_string(),
            reason: reason.to_owned(),
            text: term(language, &format!("official_document.{reason}")),
        }
    });
    let missing = missing.collect();
    Ok(Json(DocumentsView { documents: there.stored.into_iter().map(stored).collect(), missing }))
}

/// One document, byte for byte as the agency gave it.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/documents/{id}", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number"), ("id" = String, Path, description = "of the list")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "no such document of this order")))]
pub(crate) async fn document(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path((order_no, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let order_no = number(&order_no)?;
    let id: DocumentId = id.parse().map_err(|_| told(orders::OrderError::DocumentNotFound))?;
    check_sight(&api, &caller, &order_no).await?;
    let (document, bytes) = api.orders.official_document(caller.account, &order_no, id).await?;
    let ending = match document.media_type.as_str() {
        "application/pdf" => "pdf",
        "application/ofd" => "ofd",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        _ => "bin",
    };
    // A foreign file is saved, never shown as a page of ours.
    let name = format!("{}.{ending}", document.id);
    Ok(file(&document.media_type, "attachment", &name, bytes))
}
