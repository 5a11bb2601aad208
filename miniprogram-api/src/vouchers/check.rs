//! The public check: is this voucher real, and how does it stand now? For offices, without login.
//!
//! A wrong code and an unknown number are answered alike. Nothing is loaded from anywhere, there is no
//! script, and the address, which holds the code, is passed on to nobody.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use orders::{OrderState, Proof};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wording::{Language, term};

use super::VoucherBody;
use crate::{
    Api,
    client::ClientAddress,
    input::Params,
    language::Reads,
    problem::{ApiError, tell},
    words,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeParam {
    /// The verification code on the voucher.
    #[serde(default)]
    code: String,
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct PageParam {
    #[serde(default)]
    serial: String,
    #[serde(default)]
    code: String,
}

/// A voucher or an acknowledgement as anybody who holds it may see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckedView {
    /// `voucher` or `acknowledgement`.
    kind: String,
    title: String,
    /// The number of the voucher; of an acknowledgement the order's.
    serial: String,
    /// When the voucher was issued; an acknowledgement is made anew each time.
    issued_at: Option<String>,
    #[serde(flatten)]
    body: VoucherBody,
}

async fn checked(
    api: &Api,
    ClientAddress(address): ClientAddress,
    serial: &str,
    code: &str,
) -> Result<Proof, ApiError> {
    api.checks.count(address, api.clock.now()).map_err(|seconds| {
        tell(StatusCode::TOO_MANY_REQUESTS, "too_many_checks").retry_after(seconds)
    })?;
    let proof = api.orders.check_voucher(serial, code).await?;
    proof.ok_or_else(|| tell(StatusCode::NOT_FOUND, "voucher_not_found"))
}

/// Checks a voucher by its number and code, or an acknowledgement by the order's. Needs no login.
#[utoipa::path(get, path = "/api/v1/vouchers/{serial}", tag = "vouchers",
    params(("serial" = String, Path, description = "number of the voucher, or of the order"), CodeParam),
    responses((status = 200, body = CheckedView), (status = 404, description = "number or code is wrong"),
        (status = 429, description = "too many checks; see Retry-After")))]
pub(crate) async fn check(
    State(api): State<Api>,
    address: ClientAddress,
    Reads(language): Reads,
    Path(serial): Path<String>,
    Params(param): Params<CodeParam>,
) -> Result<Json<CheckedView>, ApiError> {
    let proof = checked(&api, address, &serial, &param.code).await?;
    Ok(Json(CheckedView {
        kind: super::kind_code(&proof).to_owned(),
        title: super::title(&proof, language),
        serial: proof.number().to_owned(),
        issued_at: proof.issued.as_ref().map(|_| proof.content.issued_at.rfc3339()),
        body: VoucherBody::of(&proof, language),
    }))
}

/// The page that the square code on a voucher leads to.
#[utoipa::path(get, path = "/check", tag = "vouchers", params(PageParam),
    responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn page(
    State(api): State<Api>,
    address: ClientAddress,
    Reads(language): Reads,
    Params(param): Params<PageParam>,
) -> Response {
    let asked = !(param.serial.trim().is_empty() && param.code.trim().is_empty());
    let (status, result, wait) = if asked {
        match checked(&api, address, &param.serial, &param.code).await {
            Ok(proof) => (StatusCode::OK, found(&proof, language), None),
            Err(error) => {
                let told = escaped(&error.sentence(language));
                let told = format!("<p class=\"no\" role=\"alert\">{told}</p>");
                (error.status(), told, error.seconds_to_wait())
            }
        }
    } else {
        (StatusCode::OK, String::new(), None)
    };
    let html = whole(&param, &result, language);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                  base-uri 'none'; frame-ancestors 'none'";
    let mut response = (status, html).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language.tag()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Language"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn found(proof: &Proof, language: Language) -> String {
    let body = VoucherBody::of(proof, language);
    let word = |name: &str| escaped(&term(language, &format!("check.{name}")));
    let row = |name: &str, value: &str| {
        format!("<tr><th scope=\"row\">{}</th><td>{value}</td></tr>", word(name))
    };
    let mut rows = String::new();
    let number = if proof.issued.is_some() { "voucher_no" } else { "order_no" };
    rows.push_str(&row(number, &escaped(proof.number())));
    if proof.issued.is_some() {
        let issued_at = words::moment(language, proof.content.issued_at);
        rows.push_str(&row("issued_at", &escaped(&issued_at)));
    }
    let changed_at = words::moment(language, proof.changed_at);
    rows.push_str(&row("changed_at", &escaped(&changed_at)));
    let insured = format!("{} {}", chinese(&body.insured_name), escaped(&body.insured_number));
    rows.push_str(&row("insured", &insured));
    rows.push_str(&row("city", &chinese(&body.city_name)));
    let amount = escaped(&body.amount);
    let capitals = chinese(&body.amount_capitals);
    rows.push_str(&row("amount", &format!("<strong class=\"sum\">¥{amount}</strong> {capitals}")));
    let paid = format!("{} {}", body.channel_label, words::moment(language, proof.content.paid_at));
    rows.push_str(&row("paid", &escaped(&paid)));
    let columns = if proof.is_topup() { TOPUP_COLUMNS } else { COLUMNS };
    let lines = body.lines.iter().map(|line| {
        let months = if line.months.from == line.months.to {
            line.months.from.clone()
        } else {
            format!("{} – {}", line.months.from, line.months.to)
        };
        // On a narrow screen each line is a card, and the heads stand beside its cells.
        let cell = |(name, class): &(&str, &str)| {
            let text = match *name {
                "months" => &months,
                "amount" => &line.amount,
                "booking" => &line.status_label,
                _ => &line.label,
            };
            format!("<td{class} data-head=\"{}\">{}</td>", word(name), escaped(text))
        };
        format!("<tr>{}</tr>", columns.iter().map(cell).collect::<String>())
    });
    let heads: String = columns
        .iter()
        .map(|(name, class)| format!("<th scope=\"col\"{class}>{}</th>", word(name)))
        .collect();
    let real = if proof.issued.is_some() { "real" } else { "real_acknowledgement" };
    format!(
        "<section aria-labelledby=\"real\"><h2>{title}</h2>\
         <p id=\"real\" class=\"{mood}\" role=\"status\"><strong>{real}</strong> {standing}{colon}<strong>{status}</strong></p>\
         <table class=\"pairs\">{rows}</table>\
         <table class=\"lines\"><caption>{bills}</caption><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>\
         <p class=\"note\">{statement}</p></section>",
        title = escaped(&super::title(proof, language)),
        mood = mood(proof),
        real = word(real),
        standing = word("standing"),
        colon = match language {
            Language::Chinese => ":",
            Language::English => ": ",
        },
        status = escaped(&body.status_label),
        bills = word("bills"),
        lines = lines.collect::<String>(),
        statement = escaped(&body.statement),
    )
}

/// The columns of the lines that were paid, with the class of their cells.
const COLUMNS: &[(&str, &str)] =
    &[("insurance", ""), ("months", ""), ("amount", MONEY), ("booking", "")];
/// A top-up is for no month.
const TOPUP_COLUMNS: &[(&str, &str)] = &[("item", ""), ("amount", MONEY), ("booking", "")];
const MONEY: &str = " class=\"money\"";

/// A text that is Chinese on every page: a name, an amount in capitals.
fn chinese(text: &str) -> String {
    format!("<span lang=\"zh-CN\">{}</span>", escaped(text))
}

const fn mood(proof: &Proof) -> &'static str {
    match super::shown_state(proof) {
        OrderState::Success | OrderState::SuccessPartial => "yes",
        OrderState::Created | OrderState::Paying | OrderState::Paid | OrderState::Suspended => {
            "waits"
        }
        _ => "gone",
    }
}

/// Amounts never break inside; below 30 rem the lines are cards.
const STYLE: &str = "body{margin:0;font:1.125rem/1.6 system-ui,'PingFang SC','Microsoft YaHei',sans-serif;color:#1a202c;background:#f3f4f0}\
    main{max-width:44rem;margin:0 auto;padding:1rem 1.25rem 3rem;background:#fff;min-height:100vh;box-sizing:border-box;border-top:6px solid #0b6455}\
    h1{font-size:1.5rem;margin:1rem 0}label{display:block;font-weight:600;margin-top:.75rem}\
    input{font:inherit;width:100%;box-sizing:border-box;min-height:48px;padding:.4rem .7rem;border:1px solid #5c6778;border-radius:6px}\
    button{font:inherit;font-weight:600;min-height:48px;margin-top:1rem;padding:.4rem 2rem;border:0;border-radius:6px;background:#0b6455;color:#fff}\
    :focus-visible{outline:3px solid #1450c8;outline-offset:2px}\
    h2{font-size:1.2rem;margin:1rem 0}.yes,.no,.gone,.waits{padding:.8rem 1rem;border-left:6px solid;border-radius:4px;font-size:1.15rem}\
    .yes{background:#e9f6ef;color:#0b5c36;border-color:#117044}.waits{background:#fdf4e3;color:#6d4200;border-color:#965a00}.no,.gone{background:#fdecec;color:#8c1616;border-color:#aa2020}\
    table{width:100%;border-collapse:collapse;margin:1rem 0}caption{text-align:left;font-weight:600;padding:.3rem 0}\
    th,td{text-align:left;padding:.5rem .4rem;border-bottom:1px solid #ced5de;vertical-align:top;overflow-wrap:anywhere}\
    .pairs th{width:9rem;font-weight:500;color:#465062}.note{font-size:.95rem;color:#465062}\
    .sum,.money{white-space:nowrap;font-variant-numeric:tabular-nums}.sum{font-size:1.25rem}.sum+span{display:inline-block}.money{text-align:right}\
    section+form{margin-top:2rem;padding-top:1rem;border-top:1px solid #ced5de}\
    @media(max-width:30rem){main{padding-inline:1rem}.pairs tr{display:block;padding:.4rem 0;border-bottom:1px solid #ced5de}\
    .pairs th,.pairs td{display:block;width:auto;padding:0 .2rem;border:0}.pairs th{font-size:.95rem}\
    .lines thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\
    .lines tr{display:block;margin-bottom:.75rem;padding:.5rem .75rem;border:1px solid #ced5de;border-radius:8px}\
    .lines td{display:flex;justify-content:space-between;gap:1rem;padding:.2rem 0;border:0;text-align:right}\
    .lines td::before{content:attr(data-head);flex:none;color:#465062}}";

fn whole(param: &PageParam, result: &str, language: Language) -> String {
    let word = |name: &str| escaped(&term(language, &format!("check.{name}")));
    let limited = |text: &str| escaped(&text.chars().take(40).collect::<String>());
    format!(
        "<!DOCTYPE html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{result}\
         <form method=\"get\" action=\"/check\"><p>{intro}</p>\
         <label for=\"serial\">{serial}</label><input id=\"serial\" name=\"serial\" value=\"{typed}\" autocomplete=\"off\" required maxlength=\"40\">\
         <label for=\"code\">{code}</label><input id=\"code\" name=\"code\" autocomplete=\"off\" required maxlength=\"20\">\
         <button type=\"submit\">{button}</button></form></main></body></html>",
        tag = language.tag(),
        title = word("title"),
        intro = word("intro"),
        serial = word("serial"),
        typed = limited(&param.serial),
        code = word("code"),
        button = word("button"),
    )
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, sign| {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            sign => safe.push(sign),
        }
        safe
    })
}
