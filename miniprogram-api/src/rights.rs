//! Rights (PIPL articles 44 to 50): everything that is kept of the caller in one document, and its
//! erasure.
//!
//! The caller's own data are masked, and whole with a proof that it is the owner who asks (`proofs`): a
//! telephone that lies around unlocked gives nobody a document number. Other persons are masked always,
//! as they are everywhere.
//!
//! Erasure is refused while somebody waits for money or for the agency. It takes away what says who
//! the caller and their insured persons are; the financial record stays, with numbers and figures, and
//! its proof with it.

use std::collections::HashSet;

use ::orders::IssuedVoucher;
use axum::{Json, extract::State, http::StatusCode};
use kernel::{OrderId, PersonId};
use people::{Act, ActDone, InsuredPerson, Relation, RequestState, VerificationSeen};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    consents::ConsentView,
    input::Body,
    language::Reads,
    limits::Knock,
    me::MobileView,
    objections::ObjectionView,
    orders::{RecordView, told},
    persons::PersonView,
    problem::{ApiError, internal, tell},
    proofs::{self, ProofGiven},
    session::Session,
    sessions::SessionView,
    vouchers::spaced,
    words,
};

/// Orders in one export; nobody has as many, and a request has an end.
const ORDERS_MAX: usize = 2_000;

/// Everything of one account. A further room that keeps something of an account adds its part here and
/// to [`export`].
#[derive(Serialize, ToSchema)]
pub(crate) struct Export {
    generated_at: String,
    /// `full` with a proof, `masked` otherwise.
    own_data: String,
    #[schema(value_type = Object)]
    account: Value,
    #[schema(value_type = Object)]
    mobile: Value,
    sessions: Vec<SessionView>,
    #[schema(value_type = Vec<Object>)]
    people: Vec<Value>,
    /// Persons who were taken off the list and of whom something is kept still.
    #[schema(value_type = Vec<Object>)]
    removed_people: Vec<Value>,
    /// Real names that were proven, or not.
    #[schema(value_type = Vec<Object>)]
    verifications: Vec<Value>,
    /// What was done with more than a login.
    #[schema(value_type = Vec<Object>)]
    acts: Vec<Value>,
    consents: Vec<ConsentView>,
    #[schema(value_type = Vec<Object>)]
    payment_requests: Vec<Value>,
    orders: Vec<RecordView>,
    /// `false` when there are more orders than one document holds; the list has them all.
    orders_complete: bool,
    #[schema(value_type = Vec<Object>)]
    vouchers: Vec<Value>,
    /// The agencies' own documents that are kept here, of the owner whose name is proven; to be had with
    /// their orders.
    #[schema(value_type = Vec<Object>)]
    documents: Vec<Value>,
    objections: Vec<ObjectionView>,
    /// What the caller wants to be reminded of, as they answered.
    #[schema(value_type = Vec<Object>)]
    reminders: Vec<Value>,
    /// Messages that were sent, or wait.
    #[schema(value_type = Vec<Object>)]
    reminders_noted: Vec<Value>,
    /// How long each kind of data is kept, and what is kept elsewhere.
    #[schema(value_type = Vec<String>)]
    notes: Vec<String>,
}

/// All that is kept of the caller, in one document; names and numbers masked.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "me", security(("bearer" = [])),
    responses((status = 200, body = Export), (status = 429, description = "too often")))]
pub(crate) async fn export(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
) -> Result<Json<Export>, ApiError> {
    api.limits.check(Knock::Export, &caller.account.to_string())?;
    Ok(Json(exported(&api, &caller, language, false).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportWish {
    proof: ProofGiven,
}

/// All that is kept of the caller, in one document; the owner's own name and numbers whole. Needs a proof
/// of `POST /api/v1/me/proofs` for `export`, which works once.
#[utoipa::path(post, path = "/api/v1/me/export", tag = "me", security(("bearer" = [])), request_body = ExportWish,
    responses((status = 200, body = Export), (status = 422, description = "the code is wrong (`sms_code_wrong`)"),
        (status = 409, description = "the face was not seen (yet)"), (status = 429, description = "too often")))]
pub(crate) async fn export_whole(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Body(wish): Body<ExportWish>,
) -> Result<Json<Export>, ApiError> {
    api.limits.check(Knock::Export, &caller.account.to_string())?;
    proofs::authorise(&api, &caller, Act::Export, wish.proof).await?;
    Ok(Json(exported(&api, &caller, language, true).await?))
}

async fn exported(
    api: &Api,
    caller: &Session,
    language: wording::Language,
    full: bool,
) -> Result<Export, ApiError> {
    let now = api.clock.now();
    let current = caller.id.to_string();
    let sessions = api.sessions.list(caller.account).await?;
    let consents = api.people.list_consents(caller.account).await?;
    let (orders, orders_complete) = orders_of(api, caller, language).await?;
    let notes = ["kept", "elsewhere", "masked"].map(|note| {
        wording::phrase(language, &format!("export.{note}")).unwrap_or_default().whole(language)
    });
    let listed = api.people.list_persons(caller.account).await?;
    Ok(Export {
        generated_at: now.rfc3339(),
        own_data: if full { "full" } else { "masked" }.to_owned(),
        account: account_of(api, caller, full).await?,
        mobile: mobile_of(api, caller, full).await?,
        sessions: sessions.iter().map(|session| SessionView::of(session, &current)).collect(),
        people: people_of(api, caller, &listed, full).await?,
        removed_people: removed_people_of(api, caller).await?,
        verifications: verifications_of(api, caller).await?,
        acts: acts_of(api, caller).await?,
        consents: consents.iter().map(ConsentView::of).collect(),
        payment_requests: requests_of(api, caller).await?,
        orders,
        orders_complete,
        vouchers: vouchers_of(api, caller).await?,
        documents: documents_of(api, caller, &listed).await?,
        objections: objections_of(api, caller, language).await?,
        reminders: reminders_of(api, caller).await?,
        reminders_noted: noted_of(api, caller).await?,
        notes: notes.to_vec(),
    })
}

async fn account_of(api: &Api, caller: &Session, full: bool) -> Result<Value, ApiError> {
    let account = api.people.account(caller.account).await?;
    let account = account.ok_or_else(crate::caller::not_logged_in)?;
    let (kind, identifier) = api.people.external_id(caller.account).await?;
    Ok(json!({
        "account_id": account.id,
        "platform": account.channel,
        "app_id": account.app_id,
        "identifier_kind": kind,
        "identifier": full.then_some(identifier),
        "created_at": account.created_at,
        "last_login_at": account.last_login_at,
    }))
}

async fn mobile_of(api: &Api, caller: &Session, full: bool) -> Result<Value, ApiError> {
    let Some(bound) = api.people.mobile(caller.account).await? else { return Ok(Value::Null) };
    let mut told = json!(MobileView::of(&bound));
    if full {
        told["number"] = json!(bound.number.expose());
    }
    Ok(told)
}

async fn people_of(
    api: &Api,
    caller: &Session,
    listed: &[InsuredPerson],
    full: bool,
) -> Result<Vec<Value>, ApiError> {
    let mut told = Vec::new();
    for person in listed {
        let mut view = json!(PersonView::of(person));
        view["created_at"] = json!(person.created_at);
        if full && person.relation == Relation::Own {
            let identity = api.people.identity_of(caller.account, person.id).await?;
            view["name"] = json!(identity.name.as_str());
            view["document_number"] = json!(identity.document.number());
        }
        told.push(view);
    }
    Ok(told)
}

async fn removed_people_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let removed = api.people.list_removed_persons(caller.account).await?;
    let view = |person: &InsuredPerson| {
        let mut view = json!(PersonView::of(person));
        view["created_at"] = json!(person.created_at);
        view["removed_at"] = json!(person.removed_at);
        view
    };
    Ok(removed.iter().map(view).collect())
}

async fn verifications_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let tries = api.people.list_verifications(caller.account).await?;
    let view = |seen: &VerificationSeen| {
        json!({
            "person_id": seen.person,
            "platform": seen.channel,
            "state": seen.state,
            "failure": seen.failure,
            "act": seen.act,
            "began_at": seen.began_at,
            "decided_at": seen.decided_at,
        })
    };
    Ok(tries.iter().map(view).collect())
}

async fn acts_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let acts = api.people.list_acts(caller.account).await?;
    let view = |done: &ActDone| json!({ "act": done.act, "proof": done.proof, "at": done.at });
    Ok(acts.iter().map(view).collect())
}

/// They name the person in full, so they are told of to the person alone.
async fn documents_of(
    api: &Api,
    caller: &Session,
    listed: &[InsuredPerson],
) -> Result<Vec<Value>, ApiError> {
    let proven = listed.iter().filter(|person| person.is_proven_owner());
    let proven: HashSet<PersonId> = proven.map(|person| person.id).collect();
    if proven.is_empty() {
        return Ok(Vec::new());
    }
    let most = u64::try_from(ORDERS_MAX).unwrap_or(u64::MAX);
    let mut told = Vec::new();
    for (order, document) in api.orders.stored_documents(caller.account, most).await? {
        let order = api.orders.find(caller.account, order).await?;
        if proven.contains(&order.person) {
            let path = format!("/api/v1/orders/{}/documents/{}", order.order_no, document.id);
            told.push(json!({
                "order_no": order.order_no,
                "bill_no": document.bill_no,
                "agency": document.agency,
                "agency_serial": document.agency_serial,
                "media_type": document.media_type,
                "size_bytes": document.size_bytes,
                "sha256": document.digest,
                "fetched_at": document.fetched_at,
                "path": path,
            }));
        }
    }
    Ok(told)
}

async fn requests_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let requests = api.people.list_payment_requests(caller.account).await?;
    let view = |request: &people::PaymentRequest| {
        json!({
            "person_id": request.person,
            "city": request.city,
            "order_no": request.order,
            "state": request.state.code(),
            "created_at": request.created_at,
            "expires_at": request.expires_at,
            "accepted": request.state == RequestState::Accepted,
        })
    };
    Ok(requests.iter().map(view).collect())
}

/// With the code that proves each at the public check page.
async fn vouchers_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let most = u64::try_from(ORDERS_MAX).unwrap_or(u64::MAX);
    let vouchers = api.orders.vouchers_of(caller.account, most).await.map_err(told)?;
    let view = |voucher: &IssuedVoucher| {
        json!({
            "serial": voucher.issued.serial.to_string(),
            "verification_code": spaced(&voucher.issued.code),
            "order_no": voucher.order_no,
            "issued_at": voucher.issued_at,
        })
    };
    Ok(vouchers.iter().map(view).collect())
}

async fn objections_of(
    api: &Api,
    caller: &Session,
    language: wording::Language,
) -> Result<Vec<ObjectionView>, ApiError> {
    let disputes = api.orders.list_disputes(caller.account).await?;
    Ok(disputes.into_iter().map(|dispute| ObjectionView::of(dispute, language)).collect())
}

/// Only what was ever answered.
async fn reminders_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let permissions = api.reminders.permissions(caller.account).await?;
    let answered = permissions.iter().filter(|permission| permission.updated_at.is_some());
    let view = |permission: &::reminders::Permission| {
        json!({
            "kind": permission.kind.code(),
            "wanted": permission.wanted,
            "left": permission.left,
            "updated_at": permission.updated_at,
            "consent_text_version": permission.text_version,
        })
    };
    Ok(answered.map(view).collect())
}

async fn noted_of(api: &Api, caller: &Session) -> Result<Vec<Value>, ApiError> {
    let noted = api.reminders.list(caller.account).await?;
    let view = |noted: &::reminders::Noted| {
        json!({
            "kind": noted.kind,
            "state": noted.state,
            "noted_at": noted.noted_at,
            "sent_on": noted.sent_on,
        })
    };
    Ok(noted.iter().map(view).collect())
}

async fn orders_of(
    api: &Api,
    caller: &Session,
    language: wording::Language,
) -> Result<(Vec<RecordView>, bool), ApiError> {
    let mut views = Vec::new();
    let mut cursor: Option<OrderId> = None;
    loop {
        let page = api.orders.list(caller.account, cursor, 50).await?;
        for (order, _) in &page.orders {
            let record = api.orders.record(caller.account, &order.order_no).await?;
            views.push(RecordView::of(api, caller.account, record, language).await?);
        }
        match page.next {
            None => return Ok((views, true)),
            Some(_) if views.len() >= ORDERS_MAX => return Ok((views, false)),
            next => cursor = next,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureWish {
    /// It cannot be undone, so it has to be said.
    confirm: bool,
    /// Of `POST /api/v1/me/proofs` for `erasure`.
    proof: Option<ProofGiven>,
}

/// What was done, for the last time that the client shows anything.
#[derive(Serialize, ToSchema)]
pub(crate) struct Erased {
    message: String,
    next: String,
}

/// Erases the caller's account, its insured persons and its telephone, and logs out everywhere. What was
/// paid stays on record without a name. Needs a proof that it is the owner who asks.
#[utoipa::path(post, path = "/api/v1/me/erasure", tag = "me", security(("bearer" = [])), request_body = ErasureWish,
    responses((status = 200, body = Erased),
        (status = 403, description = "without a proof (`proof_needed`)"),
        (status = 409, description = "orders hinder it: `hindrances` names them; or the face was not seen (yet)"),
        (status = 422, description = "not confirmed, or the code is wrong")))]
pub(crate) async fn erase(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Body(wish): Body<ErasureWish>,
) -> Result<Json<Erased>, ApiError> {
    if !wish.confirm {
        return Err(tell(StatusCode::UNPROCESSABLE_ENTITY, "erasure_not_confirmed"));
    }
    let account = caller.account;
    let hindrances = api.orders.hindrances(account).await.map_err(told)?;
    if !hindrances.is_empty() {
        let orders: Vec<Value> = hindrances
            .iter()
            .map(|hindrance| {
                json!({
                    "order_no": hindrance.order_no,
                    "state": hindrance.state,
                    "label": words::state(language, hindrance.state),
                })
            })
            .collect();
        return Err(tell(StatusCode::CONFLICT, "erasure_hindered")
            .value("count", orders.len())
            .with("hindrances", json!(orders)));
    }
    // Asked for last, because it works once.
    let proof = wish.proof.ok_or_else(|| tell(StatusCode::FORBIDDEN, "proof_needed"))?;
    proofs::authorise(&api, &caller, Act::Erasure, proof).await?;
    // In this order, so that an erasure that was cut off can be asked for again: the account goes last.
    // An order that was placed a moment ago can no longer be paid, and is closed when its time is over.
    api.orders.forget_payer(account).await.map_err(told)?;
    api.reminders.forget(account).await?;
    api.people.erase_account(account).await?;
    if let Err(error) = api.sessions.revoke_all(account).await {
        // They end by themselves, and open an account without a person or a telephone.
        let _logged = internal(&error);
    }
    let said = wording::phrase(language, "export.erased").unwrap_or_default();
    Ok(Json(Erased { message: said.message.to_owned(), next: said.next.to_owned() }))
}
