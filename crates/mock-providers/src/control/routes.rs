//! What the control API offers: tables of routes with their handlers and the types that they take and give,
//! from which the server, its index and its OpenAPI page are made. A route that is not described cannot be
//! served.

use axum::{
    Router,
    routing::{MethodRouter, delete, get, post},
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    ADVANCE_SECONDS_MAX, Advance, After, ChaosBody, ClockView, CodeRequest, Deliveries, Exchanges,
    FaultBody, FaultList, Index, LISTED_MAX, Listing, Named, Nothing, Notify, SKEW_SECONDS_MAX,
    Scale, Skew, Trades, alipay, shape::Shape, wechat,
};
use crate::{
    clocks::SCALE_MAX,
    delivery::Attempt,
    desk::{ClientResult, Desk, MintedCode, PayRequest, TradeView},
    faults::Chaos,
    settings::Settings,
    sms,
    wechat::{CertificateView, DoorView, FaceView, MerchantCertificateView, SHARE_MAX},
};

/// A member, its least and its most.
pub(crate) type Limit = (&'static str, i64, i64);

/// What a success is answered with.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Json(Shape),
    /// 204.
    Nothing,
    /// A page for people.
    Page,
}

/// One operation.
pub(crate) struct Route<S: 'static> {
    description: Description,
    handler: fn() -> MethodRouter<S>,
}

/// A route without its handler.
#[derive(Clone, Copy)]
pub(crate) struct Description {
    method: &'static str,
    path: &'static str,
    help: &'static str,
    /// A body, or the query of a GET.
    takes: Option<Shape>,
    limits: &'static [Limit],
    answer: Answer,
    success: u16,
}

/// A route that takes nothing and answers 204.
pub(crate) const fn route<S>(
    method: &'static str,
    path: &'static str,
    help: &'static str,
    handler: fn() -> MethodRouter<S>,
) -> Route<S> {
    let answer = Answer::Nothing;
    let description =
        Description { method, path, help, takes: None, limits: &[], answer, success: 204 };
    Route { description, handler }
}

impl<S> Route<S> {
    pub const fn takes<T: ToSchema>(self) -> Route<S> {
        let description = Description { takes: Some(Shape::of::<T>()), ..self.description };
        Route { description, handler: self.handler }
    }

    pub const fn limits(self, limits: &'static [Limit]) -> Route<S> {
        let description = Description { limits, ..self.description };
        Route { description, handler: self.handler }
    }

    /// Answers 200 with such a body.
    pub const fn gives<T: ToSchema>(self) -> Route<S> {
        let answer = Answer::Json(Shape::of::<T>());
        let description = Description { answer, success: 200, ..self.description };
        Route { description, handler: self.handler }
    }

    pub const fn page(self) -> Route<S> {
        let description = Description { answer: Answer::Page, success: 200, ..self.description };
        Route { description, handler: self.handler }
    }

    /// Answers success with this status.
    pub const fn with(self, success: u16) -> Route<S> {
        let description = Description { success, ..self.description };
        Route { description, handler: self.handler }
    }
}

/// The server of a table.
pub(crate) fn router<S: Clone + Send + Sync>(routes: &[Route<S>]) -> Router<S> {
    let add = |router: Router<S>, route: &Route<S>| {
        router.route(route.description.path, (route.handler)())
    };
    routes.iter().fold(Router::new(), add)
}

fn described() -> impl Iterator<Item = Description> {
    let ours = ROUTES.iter().map(|route| route.description);
    ours.chain(crate::agency::CONTROL_ROUTES.iter().map(|route| route.description))
}

const ADVANCE: &[Limit] = &[("seconds", 0, ADVANCE_SECONDS_MAX)];
const SKEW: &[Limit] = &[("seconds", -SKEW_SECONDS_MAX, SKEW_SECONDS_MAX)];
const SCALE: &[Limit] = &[("factor", 1, SCALE_MAX)];
const SHARE: &[Limit] = &[("per_ten_thousand", 0, SHARE_MAX)];
const LIST: &[Limit] = &[("limit", 0, LISTED_MAX)];

pub(super) const ROUTES: &[Route<Desk>] = &[
    route("GET", "/", "this index", || get(super::index)).gives::<Index>(),
    route("GET", "/openapi.json", "the same as OpenAPI 3.1", || get(super::openapi))
        .gives::<super::Page>(),
    route("GET", "/phone/", "the mini-program on a page, for people", || {
        get(crate::phone::first_page)
    })
    .page(),
    route(
        "GET",
        "/phone/exchanges",
        "what the service said to the mocks and heard, after a number",
        || get(super::exchanges),
    )
    .takes::<After>()
    .gives::<Exchanges>(),
    route(
        "POST",
        "/login-codes",
        "a single-use login code; the same user has the same ids",
        || post(super::mint_login_code),
    )
    .takes::<CodeRequest>()
    .gives::<MintedCode>(),
    route("POST", "/pay", "pay as the user; the notification follows", || post(super::pay))
        .takes::<PayRequest>()
        .gives::<ClientResult>(),
    route("POST", "/cancel", "open the wallet and leave it", || post(super::cancel))
        .takes::<PayRequest>()
        .gives::<ClientResult>(),
    route("POST", "/fail", "open the wallet, where the payment fails", || post(super::fail))
        .takes::<PayRequest>()
        .gives::<ClientResult>(),
    route("POST", "/expire", "let an unpaid trade be over", || post(super::expire))
        .takes::<Named>()
        .gives::<TradeView>(),
    route("GET", "/trades", "trades as the platform knows them, newest first", || {
        get(super::trades)
    })
    .takes::<Listing>()
    .limits(LIST)
    .gives::<Trades>(),
    route("GET", "/deliveries", "notifications with every attempt, newest first", || {
        get(super::deliveries)
    })
    .takes::<Listing>()
    .limits(LIST)
    .gives::<Deliveries>(),
    route(
        "POST",
        "/deliveries/{id}/resend",
        "send a notification again, now, with a new signature",
        || post(super::resend),
    )
    .gives::<Attempt>(),
    route(
        "POST",
        "/deliveries/settle",
        "send what is due and wait until no attempt is under way",
        || post(super::settle),
    )
    .gives::<Nothing>(),
    route("POST", "/notifications", "one crafted notification, sent or returned", || {
        post(super::notify)
    })
    .takes::<Notify>()
    .gives::<super::Notified>(),
    route("GET", "/clock", "both times of the mock", || get(super::clock)).gives::<ClockView>(),
    route(
        "POST",
        "/clock/advance",
        "move business time forward, attempt by attempt",
        || post(super::advance),
    )
    .takes::<Advance>()
    .limits(ADVANCE)
    .gives::<ClockView>(),
    route("POST", "/clock/skew", "let the time in signatures be wrong; 0 ends it", || {
        post(super::skew)
    })
    .takes::<Skew>()
    .limits(SKEW)
    .gives::<ClockView>(),
    route(
        "POST",
        "/clock/scale",
        "let business time run so many times as fast; 1 ends it",
        || post(super::scale),
    )
    .takes::<Scale>()
    .limits(SCALE)
    .gives::<ClockView>(),
    route("GET", "/faults", "faults that wait for their moment", || get(super::faults))
        .gives::<FaultList>(),
    route(
        "POST",
        "/faults",
        "order a fault: one of the mock's, or a documented refusal by the platform's own code",
        || post(super::set_fault),
    )
    .takes::<FaultBody>()
    .gives::<FaultList>(),
    route("DELETE", "/faults", "forget all faults", || delete(super::clear_faults)),
    route("GET", "/chaos", "faults by chance", || get(super::chaos)).gives::<Chaos>(),
    route("POST", "/chaos", "set faults by chance", || post(super::set_chaos))
        .takes::<ChaosBody>()
        .gives::<Chaos>(),
    route("DELETE", "/chaos", "nothing happens by chance any more", || delete(super::end_chaos)),
    route("GET", "/wechat/merchants", "the merchants of WeChat, the first one first", || {
        get(wechat::merchants)
    })
    .gives::<wechat::Merchants>(),
    route("POST", "/wechat/merchants", "one more merchant, with keys of its own", || {
        post(wechat::add_merchant)
    })
    .gives::<wechat::MerchantView>(),
    route(
        "GET",
        "/wechat/merchant-certificates",
        "a merchant's API certificates, newest first",
        || get(wechat::merchant_certificates),
    )
    .takes::<wechat::OfMerchant>()
    .gives::<wechat::MerchantCertificates>(),
    route(
        "POST",
        "/wechat/merchant-certificates/rotate",
        "a new certificate and key of a merchant; the old one is good for a day, or as long as told",
        || post(wechat::rotate_merchant_certificate),
    )
    .takes::<wechat::MerchantRotation>()
    .gives::<MerchantCertificateView>(),
    route(
        "POST",
        "/wechat/merchant-certificates/expire",
        "a merchant's certificate is over, the newest unless told otherwise",
        || post(wechat::expire_merchant_certificate),
    )
    .takes::<wechat::OneCertificate>()
    .gives::<MerchantCertificateView>(),
    route(
        "POST",
        "/wechat/merchant-certificates/void",
        "a merchant's certificate is voided, the newest unless told otherwise",
        || post(wechat::void_merchant_certificate),
    )
    .takes::<wechat::OneCertificate>()
    .gives::<MerchantCertificateView>(),
    route(
        "POST",
        "/wechat/apiv3-key",
        "another APIv3 key of a merchant, a random one unless given",
        || post(wechat::change_apiv3_key),
    )
    .takes::<wechat::NewApiv3Key>()
    .gives::<wechat::Apiv3Key>(),
    route(
        "GET",
        "/wechat/certificates",
        "WeChat's platform certificates for a merchant, oldest first",
        || get(wechat::certificates),
    )
    .takes::<wechat::OfMerchant>()
    .gives::<wechat::Certificates>(),
    route(
        "POST",
        "/wechat/certificates/rotate",
        "a new platform certificate beside the old one",
        || post(wechat::rotate),
    )
    .takes::<wechat::PlatformRotation>()
    .gives::<CertificateView>(),
    route(
        "POST",
        "/wechat/certificates/void",
        "a platform certificate is voided for good, the oldest unless told otherwise",
        || post(wechat::void),
    )
    .takes::<wechat::OneCertificate>()
    .gives::<CertificateView>(),
    route(
        "GET",
        "/wechat/migration",
        "how far the merchant's move to the public key is",
        || get(wechat::migration),
    )
    .takes::<wechat::OfMerchant>()
    .gives::<wechat::MigrationStanding>(),
    route(
        "POST",
        "/wechat/migration",
        "callbacks move to the public key by WeChat's seven-day plan, or by a share",
        || post(wechat::begin_migration),
    )
    .takes::<wechat::MigrationBody>()
    .limits(SHARE)
    .gives::<wechat::MigrationStanding>(),
    route("DELETE", "/wechat/migration", "wechat_signer decides again, for every merchant", || {
        delete(wechat::end_migration)
    }),
    route(
        "GET",
        "/wechat/requests",
        "how many requests were verified, refused, and repeated a nonce",
        || get(wechat::requests),
    )
    .gives::<DoorView>(),
    route("POST", "/wechat/tokens/invalidate", "every access_token is over at once", || {
        post(wechat::invalidate)
    }),
    route(
        "POST",
        "/wechat/phone-codes",
        "a code of the phone number button and the number that it gives",
        || post(wechat::mint_phone_code),
    )
    .takes::<wechat::User>()
    .gives::<wechat::PhoneCode>(),
    route(
        "POST",
        "/wechat/subscriptions",
        "the user accepts messages of a template",
        || post(wechat::subscribe),
    )
    .takes::<wechat::Subscription>(),
    route("GET", "/wechat/messages", "messages that users got, newest first", || {
        get(wechat::messages)
    })
    .takes::<wechat::Newest>()
    .limits(LIST)
    .gives::<wechat::Messages>(),
    route(
        "POST",
        "/wechat/faces",
        "the user's face is verified; without verify_ret it passes",
        || post(wechat::show_face),
    )
    .takes::<wechat::ShownFace>()
    .gives::<FaceView>(),
    route(
        "POST",
        "/alipay/phone-number",
        "what my.getPhoneNumber gives the mini-program, and the number in it",
        || post(alipay::phone_number),
    )
    .takes::<alipay::PhoneRequest>()
    .gives::<alipay::PhoneNumber>(),
    route(
        "POST",
        "/alipay/subscriptions",
        "the user accepts so many messages of a template, and no more",
        || post(alipay::subscribe),
    )
    .takes::<alipay::Subscription>()
    .with(204),
    route(
        "POST",
        "/alipay/certifications",
        "the user ends an identity certification",
        || post(alipay::certify),
    )
    .takes::<alipay::Certified>()
    .gives::<Nothing>(),
    route("POST", "/alipay/tokens/revoke", "the users take back what they granted", || {
        post(alipay::revoke_tokens)
    }),
    route("GET", "/alipay/messages", "template messages that were sent, oldest first", || {
        get(alipay::messages)
    })
    .takes::<wechat::Newest>()
    .limits(LIST)
    .gives::<alipay::Messages>(),
    route(
        "POST",
        "/sms/send",
        "the operator's sender of short messages, which the service calls",
        || post(sms::send),
    )
    .takes::<sms::Sending>()
    .gives::<sms::Accepted>()
    .with(202),
    route("GET", "/sms/messages", "short messages that were sent, newest first", || {
        get(sms::messages)
    })
    .takes::<sms::SmsListing>()
    .gives::<sms::SmsMessages>(),
    route("GET", "/settings", "switches", || get(super::settings)).gives::<Settings>(),
    route("POST", "/settings", "set any of the switches", || post(super::set_settings))
        .takes::<super::SomeSettings>()
        .gives::<Settings>(),
];

impl Description {
    /// What it takes, with the limits of its numbers.
    fn taken(&self) -> Option<Value> {
        let mut schema = self.takes?.schema();
        for (name, least, most) in self.limits {
            let property = &mut schema["properties"][name];
            property["minimum"] = json!(least);
            property["maximum"] = json!(most);
        }
        Some(schema)
    }
}

/// The members of an object, and whether each must be there.
fn members(schema: &Value) -> Vec<(String, bool)> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let members = |object: &Value| -> Vec<(String, bool)> {
        let names = object["properties"].as_object().into_iter().flatten();
        names.map(|(name, _)| (name.clone(), required.contains(&name.as_str()))).collect()
    };
    members(schema)
}

/// Every route with one line of help that names its members.
pub(super) fn index() -> impl Iterator<Item = (String, String)> {
    described().map(|route| {
        let taken = route.taken().map(|schema| members(&schema)).unwrap_or_default();
        let names: Vec<String> = taken
            .into_iter()
            .map(|(name, required)| format!("{name}{}", if required { "" } else { "?" }))
            .collect();
        let help = match (route.method, names.join(", ")) {
            (_, names) if names.is_empty() => route.help.to_owned(),
            ("GET", names) => format!("?{names}: {}", route.help),
            (_, names) => format!("{{{names}}}: {}", route.help),
        };
        (format!("{} {}", route.method, route.path), help)
    })
}

fn responses(route: &Description) -> Value {
    let success = match route.answer {
        Answer::Nothing => json!({"description": "done"}),
        Answer::Json(shape) => json!({
            "description": "done",
            "content": {"application/json": {"schema": shape.schema()}},
        }),
        Answer::Page => json!({
            "description": "the page",
            "content": {"text/html": {"schema": {"type": "string"}}},
        }),
    };
    let error = json!({
        "description": "not possible",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    });
    json!({route.success.to_string(): success, "4XX": error})
}

fn operation(route: &Description) -> Value {
    let id: String = route.path.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let mut operation = json!({
        "operationId": format!("{}{}", route.method.to_lowercase(), id.trim_end_matches('_')),
        "summary": route.help,
        "responses": responses(route),
    });
    let mut parameters: Vec<Value> = Vec::new();
    if route.path.contains("{id}") {
        let schema = json!({"type": "string"});
        parameters.push(json!({"name": "id", "in": "path", "required": true, "schema": schema}));
    }
    match route.taken() {
        Some(query) if route.method == "GET" => {
            parameters.extend(members(&query).into_iter().map(|(name, required)| {
                let schema = &query["properties"][&name];
                json!({"name": name, "in": "query", "required": required, "schema": schema})
            }));
        }
        Some(body) => {
            let needed = body["required"].as_array().is_some_and(|names| !names.is_empty())
                || body.get("oneOf").is_some();
            operation["requestBody"] =
                json!({"required": needed, "content": {"application/json": {"schema": body}}});
        }
        None => {}
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation
}

/// The table as OpenAPI 3.1, of a server that listens at `url`.
pub(super) fn openapi(url: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas: Map<String, Value> = Shape::of::<super::Error>().parts().into_iter().collect();
    schemas.insert("Error".to_owned(), Shape::of::<super::Error>().schema());
    for route in described() {
        let answer = match route.answer {
            Answer::Json(shape) => Some(shape),
            Answer::Nothing | Answer::Page => None,
        };
        schemas.extend(route.takes.into_iter().chain(answer).flat_map(Shape::parts));
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.to_lowercase()] = operation(&route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of the mock providers",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Play the user, the clock and the accidents of mock WeChat Pay and Alipay. No authentication: loopback only.",
        },
        "servers": [{"url": url}],
        "paths": paths,
        "components": {"schemas": schemas},
    })
}
