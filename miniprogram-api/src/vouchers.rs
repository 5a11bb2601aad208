//! Vouchers and acknowledgements: as JSON, as paper, and checked by anybody who holds one.

mod check;
mod limit;
mod official;
mod paper;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::{OrderId, Timestamp};
use orders::{OrderState, PostingState, Proof, VoucherLine};
use papers::{Kind, PaperError, Subject};
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, term};

pub use self::limit::CheckLimit;
pub(crate) use self::{
    check::{__path_check, __path_page, check, page},
    official::{__path_document, __path_documents, document, documents},
};
use crate::{
    Api,
    caller::Caller,
    counter::{BillKindView, CategoryView, ComponentView, MonthsView},
    input::Params,
    language::Reads,
    orders::{PageParams, number},
    problem::{ApiError, internal, tell},
    words,
};

/// Orders on one printed list: some ten pages.
const LIST_ROWS_MAX: u32 = 200;

/// A voucher (缴费凭证) of what is booked, or an acknowledgement (支付回执) of a payment.
#[derive(Serialize, ToSchema)]
pub(crate) struct VoucherView {
    /// `voucher` or `acknowledgement`.
    kind: String,
    #[schema(example = "社会保险费缴费凭证(平台)")]
    title: String,
    /// Of a voucher. An acknowledgement is checked by its order number.
    #[schema(example = "320200-202611-00000001-C")]
    serial: Option<String>,
    #[schema(example = "7K3M-9QXT")]
    verification_code: String,
    /// The page on which anybody can check it; the paper's square code leads there.
    check_url: String,
    issued_at: Option<String>,
    order_no: String,
    #[serde(flatten)]
    body: VoucherBody,
    pdf_path: String,
}

/// What a voucher says and how it stands now. People are masked.
#[derive(Serialize, ToSchema)]
pub(crate) struct VoucherBody {
    /// State code of the order as it is now.
    #[schema(example = "SUCCESS")]
    status: String,
    #[schema(example = "缴费成功")]
    status_label: String,
    changed_at: String,
    city: String,
    city_name: String,
    #[schema(example = "*三")]
    insured_name: String,
    insured_number: String,
    payer: String,
    channel: String,
    channel_label: String,
    transaction_id: String,
    paid_at: String,
    lines: Vec<LineView>,
    /// Yuan.
    amount: String,
    #[schema(example = "捌佰玖拾捌元捌角整")]
    amount_capitals: String,
    /// What this is and is not.
    statement: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    agency: String,
    agency_name: String,
    bill_no: String,
    insurance: String,
    insurance_label: String,
    /// What it was for, in words: `职工基本医疗保险(补缴)`, `医保个人账户充值`.
    label: String,
    #[serde(flatten)]
    kind: BillKindView,
    category: Option<CategoryView>,
    /// Mean nothing for a top-up.
    months: MonthsView,
    base: Option<String>,
    tier_no: Option<u16>,
    components: Vec<ComponentView>,
    amount: String,
    agency_serial: Option<String>,
    posted_at: Option<String>,
    /// Where the booking stands now.
    status: String,
    status_label: String,
}

pub(super) fn subject(proof: &Proof) -> Subject {
    if proof.is_topup() { Subject::Topup } else { Subject::Contribution }
}

pub(super) fn title(proof: &Proof, language: Language) -> String {
    kind(proof).title(subject(proof), language)
}

pub(super) const fn kind(proof: &Proof) -> Kind {
    if proof.issued.is_some() { Kind::Voucher } else { Kind::Acknowledgement }
}

pub(super) const fn kind_code(proof: &Proof) -> &'static str {
    match kind(proof) {
        Kind::Voucher => "voucher",
        Kind::Acknowledgement => "acknowledgement",
    }
}

/// What a paper says of the order. A voucher whose money is on its way back is a reversed one.
pub(super) const fn shown_state(proof: &Proof) -> OrderState {
    match (proof.issued.is_some(), proof.state) {
        (true, OrderState::Refunding | OrderState::RefundFailed) => OrderState::Reversed,
        (_, state) => state,
    }
}

/// `7K3M-9QXT`
pub(crate) fn spaced(code: &str) -> String {
    code.split_at_checked(4).map_or_else(|| code.to_owned(), |(a, b)| format!("{a}-{b}"))
}

/// The owner's masked name, or what is known of the account: the wallet.
pub(super) fn payer(proof: &Proof, language: Language) -> String {
    let wallet = || term(language, &format!("check.user_of_{}", proof.content.channel));
    proof.content.payer_name.clone().unwrap_or_else(wallet)
}

impl VoucherBody {
    fn of(proof: &Proof, language: Language) -> VoucherBody {
        let content = &proof.content;
        let line = |(line, standing): (&VoucherLine, &PostingState)| LineView {
            agency: line.agency.to_string(),
            agency_name: line.agency_name.clone(),
            bill_no: line.bill_no.to_string(),
            insurance: line.insurance.code().to_owned(),
            insurance_label: words::insurance(language, line.insurance),
            label: words::item(language, line.insurance, line.kind, line.category.as_ref()),
            kind: BillKindView::of(line.kind, language),
            category: line.category.as_ref().map(|known| CategoryView::of(known, language)),
            months: MonthsView { from: line.from.to_string(), to: line.to.to_string() },
            base: line.base.map(|base| base.to_string()),
            tier_no: line.tier_no,
            components: ComponentView::list(&line.components, language),
            amount: line.amount.to_string(),
            agency_serial: line.agency_serial.clone(),
            posted_at: line.posted_at.map(Timestamp::rfc3339),
            status: standing.code().to_owned(),
            status_label: words::posting(language, *standing),
        };
        let state = shown_state(proof);
        VoucherBody {
            status: state.code().to_owned(),
            status_label: words::state(language, state),
            changed_at: proof.changed_at.rfc3339(),
            city: content.city.to_string(),
            city_name: content.city_name.clone(),
            insured_name: content.insured_name.clone(),
            insured_number: content.insured_number.clone(),
            payer: payer(proof, language),
            channel: content.channel.code().to_owned(),
            channel_label: words::channel(language, content.channel),
            transaction_id: content.transaction_id.clone(),
            paid_at: content.paid_at.rfc3339(),
            lines: content.lines.iter().zip(&proof.lines).map(line).collect(),
            amount: content.total.to_string(),
            amount_capitals: papers::capitals(content.total),
            statement: kind(proof).statement(subject(proof), language),
        }
    }
}

async fn proof_of(api: &Api, caller: &Caller, order_no: &str) -> Result<Proof, ApiError> {
    let proof = api.orders.proof(caller.0.account, &number(order_no)?).await?;
    proof.ok_or_else(|| tell(StatusCode::CONFLICT, "voucher_not_ready"))
}

/// The voucher of a booked order, or the acknowledgement of a paid one. The first request of a booked
/// order issues its voucher.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/voucher", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, body = VoucherView), (status = 404, description = "no such order of this person"),
        (status = 409, description = "the order is not paid")))]
pub(crate) async fn voucher(
    State(api): State<Api>,
    caller: Caller,
    Reads(language): Reads,
    Path(order_no): Path<String>,
) -> Result<Json<VoucherView>, ApiError> {
    let proof = proof_of(&api, &caller, &order_no).await?;
    let issued = proof.issued.as_ref();
    Ok(Json(VoucherView {
        kind: kind_code(&proof).to_owned(),
        title: title(&proof, language),
        serial: issued.map(|issued| issued.serial.to_string()),
        verification_code: spaced(&proof.code),
        check_url: paper::check_address(&api, &proof),
        issued_at: issued.map(|_| proof.content.issued_at.rfc3339()),
        order_no: proof.content.order_no.clone(),
        pdf_path: format!("/api/v1/orders/{}/voucher.pdf", proof.content.order_no),
        body: VoucherBody::of(&proof, language),
    }))
}

/// The same as paper: PDF/A, A4. Chinese.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/voucher.pdf", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>),
        (status = 409, description = "the order is not paid")))]
pub(crate) async fn voucher_pdf(
    State(api): State<Api>,
    caller: Caller,
    Path(order_no): Path<String>,
) -> Result<Response, ApiError> {
    let proof = proof_of(&api, &caller, &order_no).await?;
    let name = proof.issued.as_ref().map(|issued| issued.serial.to_string());
    let certificate = paper::certificate(&api, &proof);
    let name = name.unwrap_or_else(|| proof.content.order_no.clone());
    printed(name, move || certificate.pdf()).await
}

/// A printable list of the person's orders, with the filters of the list. It holds the newest 200, and
/// says so when there are more.
#[utoipa::path(get, path = "/api/v1/orders/list.pdf", tag = "orders", security(("bearer" = [])), params(PageParams),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)))]
pub(crate) async fn list_pdf(
    State(api): State<Api>,
    Caller(caller): Caller,
    Params(params): Params<PageParams>,
) -> Result<Response, ApiError> {
    let filter = params.filter()?;
    let cursor: Option<OrderId> = params.cursor()?;
    let page = api.orders.list_matching(caller.account, &filter, cursor, LIST_ROWS_MAX).await?;
    let persons = page.orders.iter().map(|(order, _)| order.person).chain(filter.person);
    let names = api.orders.masked_names(caller.account, &persons.collect()).await?;
    let listing = paper::listing(&api, &filter, &page, &names);
    printed("records".to_owned(), move || listing.pdf()).await
}

/// Sets a paper away from the threads that answer requests.
async fn printed(
    name: String,
    make: impl FnOnce() -> Result<Vec<u8>, PaperError> + Send + 'static,
) -> Result<Response, ApiError> {
    let made = tokio::task::spawn_blocking(make).await;
    let pdf = made.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    Ok(file("application/pdf", "inline", &format!("{name}.pdf"), pdf))
}

/// Bytes for a viewer, which must not guess what they are.
fn file(media_type: &str, disposition: &str, name: &str, bytes: Vec<u8>) -> Response {
    let value = |text: &str| HeaderValue::from_str(text);
    let kind =
        value(media_type).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let disposition = value(&format!("{disposition}; filename=\"{name}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, disposition),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, bytes).into_response()
}
