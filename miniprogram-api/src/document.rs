//! The OpenAPI document, generated from the handlers, and a page to read it that loads nothing from
//! outside.

use axum::Router;
use utoipa::{
    OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "City services: social insurance payment",
        description = "社保缴费小程序后端。金额为元的字符串(如 \"898.80\"),时间为 RFC 3339(+08:00)。\n\n\
            Errors are `application/problem+json` (RFC 9457) with a stable `code`, a sentence in `detail` \
            (Chinese, or English by `Accept-Language`) and a `trace_id`.\n\n\
            Way of an order: sessions → people → bills → orders → payments → wallet → sync → order.",
    ),
    tags(
        (name = "cities", description = "选择参保城市"),
        (name = "quotes", description = "试算"),
        (name = "sessions", description = "登录"),
        (name = "people", description = "参保人、实名与亲情代缴"),
        (name = "me", description = "我的账号、手机号、代缴人与个人信息权利"),
        (name = "counter", description = "参保、档次与应缴信息"),
        (name = "orders", description = "订单、支付与缴费记录"),
        (name = "vouchers", description = "凭证核验(无需登录)"),
    )
)]
struct Base;

pub(crate) fn base() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_with(Default::default).add_security_scheme("bearer", bearer);
    document
}

pub(crate) fn routes(document: utoipa::openapi::OpenApi) -> Router {
    // The validator badge would call an outside server.
    let config = Config::default().validator_url("none");
    SwaggerUi::new("/docs").config(config).url("/openapi.json", document).into()
}
