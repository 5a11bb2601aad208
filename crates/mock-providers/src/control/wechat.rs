//! What only WeChat has, played by hand.

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{asked, count_max, read};
use crate::{
    desk::{Desk, DeskError},
    facts::WechatFacts,
    keys::KeyError,
    wechat::{
        CertificateEnd, CertificateView, DoorView, MerchantCertificateView, MigrationRequest,
        MigrationView, Rotation, SentMessage,
    },
};

/// How long an old certificate is good beside a new one unless told otherwise.
const BESIDE_SECONDS: u64 = 86_400;

impl From<KeyError> for DeskError {
    fn from(error: KeyError) -> DeskError {
        DeskError::Key(error.to_string())
    }
}

/// Which merchant is asked about: the first unless one is named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfMerchant {
    mchid: Option<String>,
}

type Asked = Result<Query<OfMerchant>, QueryRejection>;

/// A merchant's side of the contract, as it is now. Keys and certificates are PEM.
#[derive(Serialize, ToSchema)]
pub(super) struct MerchantView {
    app_id: String,
    app_secret: String,
    mchid: String,
    apiv3_key: String,
    merchant_serial: String,
    merchant_key: String,
    merchant_cert: String,
    platform_serial: String,
    platform_cert: String,
    public_key_id: String,
    public_key: String,
}

impl From<WechatFacts> for MerchantView {
    fn from(facts: WechatFacts) -> MerchantView {
        MerchantView {
            app_id: facts.app_id,
            app_secret: facts.app_secret,
            mchid: facts.mchid,
            apiv3_key: facts.apiv3_key,
            merchant_serial: facts.merchant_serial,
            merchant_key: facts.merchant_key,
            merchant_cert: facts.merchant_cert,
            platform_serial: facts.platform_serial,
            platform_cert: facts.platform_cert,
            public_key_id: facts.public_key_id,
            public_key: facts.public_key,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct Merchants {
    merchants: Vec<MerchantView>,
}

pub(super) async fn merchants(State(desk): State<Desk>) -> Json<Merchants> {
    Json(Merchants { merchants: desk.wechat_facts().into_iter().map(MerchantView::from).collect() })
}

pub(super) async fn add_merchant(
    State(desk): State<Desk>,
) -> Result<Json<MerchantView>, DeskError> {
    let too_many = || DeskError::BadRequest("there are merchants enough".to_owned());
    let merchant = desk.wechat.add_merchant()?.ok_or_else(too_many)?;
    desk.keep_keys()?;
    Ok(Json(merchant.facts().into()))
}

#[derive(Serialize, ToSchema)]
pub(super) struct MerchantCertificates {
    certificates: Vec<MerchantCertificateView>,
}

pub(super) async fn merchant_certificates(
    State(desk): State<Desk>,
    query: Asked,
) -> Result<Json<MerchantCertificates>, DeskError> {
    let merchant = desk.merchant(asked(query)?.mchid.as_deref())?;
    Ok(Json(MerchantCertificates { certificates: merchant.merchant_certificates() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MerchantRotation {
    mchid: Option<String>,
    /// So long the certificates before it stay good: a day unless told otherwise.
    old_valid_seconds: Option<u64>,
}

pub(super) async fn rotate_merchant_certificate(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<MerchantCertificateView>, DeskError> {
    let MerchantRotation { mchid, old_valid_seconds } = read(&body)?;
    let merchant = desk.merchant(mchid.as_deref())?;
    let seconds = old_valid_seconds.unwrap_or(BESIDE_SECONDS);
    let made = merchant.rotate_merchant_certificate(seconds)?;
    desk.keep_keys()?;
    Ok(Json(made))
}

/// Which certificate is meant; without a serial, see the route.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OneCertificate {
    mchid: Option<String>,
    serial: Option<String>,
}

fn ended(
    desk: &Desk,
    body: &Bytes,
    end: CertificateEnd,
) -> Result<Json<MerchantCertificateView>, DeskError> {
    let OneCertificate { mchid, serial } = read(body)?;
    let merchant = desk.merchant(mchid.as_deref())?;
    let ended = merchant.end_merchant_certificate(serial.as_deref(), end);
    Ok(Json(ended.ok_or(DeskError::NotFound("certificate"))?))
}

pub(super) async fn expire_merchant_certificate(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<MerchantCertificateView>, DeskError> {
    ended(&desk, &body, CertificateEnd::Expires)
}

pub(super) async fn void_merchant_certificate(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<MerchantCertificateView>, DeskError> {
    ended(&desk, &body, CertificateEnd::IsVoided)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewApiv3Key {
    mchid: Option<String>,
    /// 32 letters and digits.
    key: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Apiv3Key {
    mchid: String,
    apiv3_key: String,
}

pub(super) async fn change_apiv3_key(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<Apiv3Key>, DeskError> {
    let NewApiv3Key { mchid, key } = read(&body)?;
    let merchant = desk.merchant(mchid.as_deref())?;
    let wrong = || DeskError::BadRequest("key has 32 letters and digits".to_owned());
    let apiv3_key = merchant.change_apiv3_key(key).ok_or_else(wrong)?;
    desk.keep_keys()?;
    Ok(Json(Apiv3Key { mchid: merchant.mchid.clone(), apiv3_key }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Certificates {
    certificates: Vec<CertificateView>,
}

pub(super) async fn certificates(
    State(desk): State<Desk>,
    query: Asked,
) -> Result<Json<Certificates>, DeskError> {
    let merchant = desk.merchant(asked(query)?.mchid.as_deref())?;
    Ok(Json(Certificates { certificates: merchant.certificates() }))
}

/// `{}` rotates at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlatformRotation {
    mchid: Option<String>,
    #[serde(default)]
    listed_after_seconds: u64,
    #[serde(default)]
    signs_after_seconds: u64,
}

pub(super) async fn rotate(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    let PlatformRotation { mchid, listed_after_seconds, signs_after_seconds } = read(&body)?;
    let rotation = Rotation { listed_after_seconds, signs_after_seconds };
    Ok(Json(desk.merchant(mchid.as_deref())?.rotate(rotation)?).into_response())
}

pub(super) async fn void(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<CertificateView>, DeskError> {
    let OneCertificate { mchid, serial } = read(&body)?;
    let voided = desk.merchant(mchid.as_deref())?.void(serial.as_deref());
    Ok(Json(voided.ok_or(DeskError::NotFound("certificate"))?))
}

/// How far a migration is; `null` when there is none.
#[derive(Serialize, ToSchema)]
pub(super) struct MigrationStanding {
    migration: Option<MigrationView>,
}

pub(super) async fn migration(
    State(desk): State<Desk>,
    query: Asked,
) -> Result<Json<MigrationStanding>, DeskError> {
    let merchant = desk.merchant(asked(query)?.mchid.as_deref())?;
    Ok(Json(MigrationStanding { migration: merchant.migration() }))
}

/// `{}` begins WeChat's plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MigrationBody {
    mchid: Option<String>,
    /// Of ten thousand callbacks, how many the public key signs, in place of the plan.
    per_ten_thousand: Option<u32>,
}

pub(super) async fn begin_migration(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<MigrationStanding>, DeskError> {
    let MigrationBody { mchid, per_ten_thousand } = read(&body)?;
    let merchant = desk.merchant(mchid.as_deref())?;
    if !merchant.begin_migration(MigrationRequest { per_ten_thousand }) {
        return Err(DeskError::BadRequest("per_ten_thousand is at most 10000".to_owned()));
    }
    Ok(Json(MigrationStanding { migration: merchant.migration() }))
}

pub(super) async fn end_migration(State(desk): State<Desk>) -> StatusCode {
    for merchant in desk.wechat.merchants() {
        merchant.end_migration();
    }
    StatusCode::NO_CONTENT
}

pub(super) async fn requests(State(desk): State<Desk>) -> Json<DoorView> {
    Json(desk.wechat.requests())
}

pub(super) async fn invalidate(State(desk): State<Desk>) -> StatusCode {
    desk.wechat.invalidate_tokens();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    user: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PhoneCode {
    code: String,
    phone_number: String,
}

pub(super) async fn mint_phone_code(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<PhoneCode>, DeskError> {
    let User { user } = read(&body)?;
    let (code, phone_number) = desk.wechat.mint_phone_code(user.as_deref().unwrap_or("user"));
    Ok(Json(PhoneCode { code, phone_number }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    user: Option<String>,
    template_id: String,
    #[serde(default = "Subscription::once")]
    times: u32,
}

impl Subscription {
    const fn once() -> u32 {
        1
    }
}

pub(super) async fn subscribe(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<StatusCode, DeskError> {
    let Subscription { user, template_id, times } = read(&body)?;
    let user = user.as_deref().unwrap_or("user");
    if desk.wechat.accept_messages(user, &template_id, times) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(DeskError::BadRequest("too many acceptances are remembered".to_owned()))
    }
}

/// How many are listed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Newest {
    limit: Option<usize>,
}

impl Newest {
    pub(super) fn count_max(&self) -> usize {
        count_max(self.limit)
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct Messages {
    messages: Vec<SentMessage>,
}

pub(super) async fn messages(
    State(desk): State<Desk>,
    query: Result<Query<Newest>, QueryRejection>,
) -> Result<Json<Messages>, DeskError> {
    let wanted = asked(query)?;
    Ok(Json(Messages { messages: desk.wechat.messages(wanted.count_max()) }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShownFace {
    verify_id: String,
    verify_ret: Option<i32>,
}

pub(super) async fn show_face(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Response, DeskError> {
    let ShownFace { verify_id, verify_ret } = read(&body)?;
    let shown = desk.wechat.show_face(&verify_id, verify_ret);
    Ok(Json(shown.ok_or(DeskError::NotFound("verification"))?).into_response())
}
