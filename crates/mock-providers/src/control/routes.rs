//! What the control API offers: tables of routes with their handlers, from which the server, its index
//! and its OpenAPI page are made. A route that is not described cannot be served.

use axum::{
    Router,
    routing::{MethodRouter, delete, get, post},
};
use serde_json::{Map, Value, json};

use super::{alipay, wechat};
use crate::{desk::Desk, faults::FaultTarget, sms};

/// A member of a body or a query: name, kind of value, whether it must be there.
pub(crate) type Member = (&'static str, Kind, bool);

/// What a member may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Boolean,
    Platform,
    /// Where a fault strikes.
    Target,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The five arguments of `wx.requestPayment`.
    Wallet,
    /// Rules of chance.
    Rules,
    /// Anything: `docs/agency-protocol.md` has it.
    Free,
}
use Kind::{Boolean, Free, Integer, Platform, Rules, Target, Text, Wallet, Word};

/// One operation.
pub(crate) struct Route<S: 'static> {
    pub method: &'static str,
    pub path: &'static str,
    pub help: &'static str,
    pub members: &'static [Member],
    /// What a success is answered with.
    pub success: u16,
    pub handler: fn() -> MethodRouter<S>,
}

pub(crate) const fn route<S>(
    method: &'static str,
    path: &'static str,
    help: &'static str,
    members: &'static [Member],
    handler: fn() -> MethodRouter<S>,
) -> Route<S> {
    Route { method, path, help, members, success: 200, handler }
}

impl<S> Route<S> {
    /// Answers success with this status.
    pub const fn with(self, success: u16) -> Route<S> {
        Route { success, ..self }
    }
}

/// The server of a table.
pub(crate) fn router<S: Clone + Send + Sync>(routes: &[Route<S>]) -> Router<S> {
    let add = |router: Router<S>, route: &Route<S>| router.route(route.path, (route.handler)());
    routes.iter().fold(Router::new(), add)
}

/// A route without its handler.
pub(crate) struct Description {
    method: &'static str,
    path: &'static str,
    help: &'static str,
    members: &'static [Member],
    success: u16,
}

impl<S> From<&Route<S>> for Description {
    fn from(route: &Route<S>) -> Description {
        let Route { method, path, help, members, success, .. } = *route;
        Description { method, path, help, members, success }
    }
}

fn described() -> impl Iterator<Item = Description> {
    let ours = ROUTES.iter().map(Description::from);
    ours.chain(crate::agency::CONTROL_ROUTES.iter().map(Description::from))
}

const PLATFORM: Member = ("platform", Platform, true);
const USER: Member = ("user", Text, false);
const NUMBER: Member = ("out_trade_no", Text, true);
const NUMBER_MAYBE: Member = ("out_trade_no", Text, false);
const PAY: &[Member] = &[
    PLATFORM,
    ("wallet", Wallet, false),
    ("prepay_id", Text, false),
    ("trade_no", Text, false),
    NUMBER_MAYBE,
    USER,
    ("client_result", Text, false),
];
const LISTING: &[Member] =
    &[("platform", Platform, false), NUMBER_MAYBE, ("limit", Integer, false)];
const SECONDS: &[Member] = &[("seconds", Integer, true)];

pub(super) const ROUTES: &[Route<Desk>] = &[
    route("GET", "/", "this index", &[], || get(super::index)),
    route("GET", "/openapi.json", "the same as OpenAPI 3.1", &[], || get(super::openapi)),
    route("GET", "/phone/", "the mini-program on a page, for people", &[], || {
        get(crate::phone::first_page)
    }),
    route(
        "GET",
        "/phone/exchanges",
        "what the service said to the mocks and heard, after a number",
        &[("after", Integer, false)],
        || get(super::exchanges),
    ),
    route(
        "POST",
        "/login-codes",
        "a single-use login code; the same user has the same ids",
        &[PLATFORM, USER, ("app_id", Text, false)],
        || post(super::mint_login_code),
    ),
    route("POST", "/pay", "pay as the user; the notification follows", PAY, || post(super::pay)),
    route("POST", "/cancel", "open the wallet and leave it", PAY, || post(super::cancel)),
    route("POST", "/fail", "open the wallet, where the payment fails", PAY, || post(super::fail)),
    route("POST", "/expire", "let an unpaid trade be over", &[PLATFORM, NUMBER], || {
        post(super::expire)
    }),
    route("GET", "/trades", "trades as the platform knows them, newest first", LISTING, || {
        get(super::trades)
    }),
    route("GET", "/deliveries", "notifications with every attempt, newest first", LISTING, || {
        get(super::deliveries)
    }),
    route(
        "POST",
        "/deliveries/{id}/resend",
        "send a notification again, now, with a new signature",
        &[],
        || post(super::resend),
    ),
    route(
        "POST",
        "/deliveries/settle",
        "send what is due and wait until no attempt is under way",
        &[],
        || post(super::settle),
    ),
    route(
        "POST",
        "/notifications",
        "one crafted notification, sent or returned",
        &[
            PLATFORM,
            NUMBER,
            ("kind", Word(&["payment", "refund"]), false),
            ("out_refund_no", Text, false),
            ("notify_url", Text, false),
            ("amount_fen", Integer, false),
            ("currency", Text, false),
            ("merchant_id", Text, false),
            ("app_id", Text, false),
            ("claimed_out_trade_no", Text, false),
            ("transaction_id", Text, false),
            ("status", Text, false),
            ("timestamp_offset_seconds", Integer, false),
            ("sign", Word(&["good", "bad", "probe", "unknown_serial"]), false),
            ("tampered", Boolean, false),
            ("wrong_associated_data", Boolean, false),
            ("oddity", Text, false),
            ("deliver", Boolean, false),
        ],
        || post(super::notify),
    ),
    route("GET", "/clock", "both times of the mock", &[], || get(super::clock)),
    route(
        "POST",
        "/clock/advance",
        "move business time forward, attempt by attempt",
        SECONDS,
        || post(super::advance),
    ),
    route("POST", "/clock/skew", "let the time in signatures be wrong; 0 ends it", SECONDS, || {
        post(super::skew)
    }),
    route(
        "POST",
        "/clock/scale",
        "let business time run so many times as fast; 1 ends it",
        &[("factor", Integer, true)],
        || post(super::scale),
    ),
    route("GET", "/faults", "faults that wait for their moment", &[], || get(super::faults)),
    route(
        "POST",
        "/faults",
        "order a fault: one of the mock's, or a documented refusal by the platform's own code",
        &[
            ("target", Target, true),
            ("fault", Text, true),
            ("times", Integer, false),
            ("seconds", Integer, false),
        ],
        || post(super::set_fault),
    ),
    route("DELETE", "/faults", "forget all faults", &[], || delete(super::clear_faults)).with(204),
    route("GET", "/chaos", "faults by chance", &[], || get(super::chaos)),
    route(
        "POST",
        "/chaos",
        "set faults by chance",
        &[("seed", Integer, false), ("rules", Rules, true)],
        || post(super::set_chaos),
    ),
    route("DELETE", "/chaos", "nothing happens by chance any more", &[], || {
        delete(super::end_chaos)
    })
    .with(204),
    route("GET", "/wechat/certificates", "serials of WeChat's platform certificates", &[], || {
        get(wechat::certificates)
    }),
    route(
        "POST",
        "/wechat/certificates/rotate",
        "a new platform certificate beside the old one",
        &[("listed_after_seconds", Integer, false), ("signs_after_seconds", Integer, false)],
        || post(wechat::rotate),
    ),
    route(
        "GET",
        "/wechat/migration",
        "how far the merchant's move to the public key is",
        &[],
        || get(wechat::migration),
    ),
    route(
        "POST",
        "/wechat/migration",
        "callbacks move to the public key by WeChat's seven-day plan, or by a share",
        &[("per_ten_thousand", Integer, false)],
        || post(wechat::begin_migration),
    ),
    route("DELETE", "/wechat/migration", "wechat_signer decides again", &[], || {
        delete(wechat::end_migration)
    })
    .with(204),
    route(
        "GET",
        "/wechat/requests",
        "how many requests were verified, refused, and repeated a nonce",
        &[],
        || get(wechat::requests),
    ),
    route("POST", "/wechat/tokens/invalidate", "every access_token is over at once", &[], || {
        post(wechat::invalidate)
    })
    .with(204),
    route(
        "POST",
        "/wechat/phone-codes",
        "a code of the phone number button and the number that it gives",
        &[USER],
        || post(wechat::mint_phone_code),
    ),
    route(
        "POST",
        "/wechat/subscriptions",
        "the user accepts messages of a template",
        &[USER, ("template_id", Text, true), ("times", Integer, false)],
        || post(wechat::subscribe),
    )
    .with(204),
    route("GET", "/wechat/messages", "messages that users got, newest first", LISTING, || {
        get(wechat::messages)
    }),
    route(
        "POST",
        "/wechat/faces",
        "the user's face is verified; without verify_ret it passes",
        &[("verify_id", Text, true), ("verify_ret", Integer, false)],
        || post(wechat::show_face),
    ),
    route(
        "POST",
        "/alipay/phone-number",
        "what my.getPhoneNumber gives the mini-program, and the number in it",
        &[USER, ("envelope", Word(&["good", "unsigned", "error", "error_object"]), false)],
        || post(alipay::phone_number),
    ),
    route(
        "POST",
        "/alipay/subscriptions",
        "the user accepts so many messages of a template, and no more",
        &[USER, ("template_id", Text, true), ("times", Integer, false)],
        || post(alipay::subscribe),
    )
    .with(204),
    route(
        "POST",
        "/alipay/certifications",
        "the user ends an identity certification",
        &[("certify_id", Text, true), ("passed", Boolean, true)],
        || post(alipay::certify),
    ),
    route("POST", "/alipay/tokens/revoke", "the users take back what they granted", &[], || {
        post(alipay::revoke_tokens)
    })
    .with(204),
    route("GET", "/alipay/messages", "template messages that were sent, oldest first", &[], || {
        get(alipay::messages)
    }),
    route(
        "POST",
        "/sms/send",
        "the operator's sender of short messages, which the service calls",
        &[
            ("message_id", Text, true),
            ("mobile", Text, true),
            ("code", Text, true),
            ("minutes", Integer, true),
            ("language", Word(&["zh-CN", "en"]), true),
        ],
        || post(sms::send),
    )
    .with(202),
    route(
        "GET",
        "/sms/messages",
        "short messages that were sent, newest first",
        &[("mobile", Text, false), ("limit", Integer, false)],
        || get(sms::messages),
    ),
    route("GET", "/settings", "switches", &[], || get(super::settings)),
    route(
        "POST",
        "/settings",
        "set any of the switches",
        &[
            ("wechat_signer", Word(&["certificate", "public_key", "mixed"]), false),
            ("wechat_certificates", Boolean, false),
            ("wechat_close_burns", Boolean, false),
            ("wechat_bill_oddities", Boolean, false),
            ("wechat_refund_blind_seconds", Integer, false),
            ("wechat_main_host_down", Boolean, false),
            ("alipay_host_down", Boolean, false),
            ("alipay_id_mode", Word(&["user_id", "both", "open_id"]), false),
            ("alipay_key_mode", Word(&["any", "public_key", "certificate"]), false),
            ("alipay_signer", Word(&["present", "renewed", "next"]), false),
            ("alipay_strict", Boolean, false),
            ("alipay_refund_hidden_seconds", Integer, false),
            ("alipay_tells_closed", Boolean, false),
            ("alipay_tells_finished", Boolean, false),
            ("alipay_face_to_face", Boolean, false),
            ("calls_per_second_max", Integer, false),
            ("first_delivery_delay_ms", Integer, false),
            ("refund_delay_seconds", Integer, false),
            ("http_notify_url", Boolean, false),
        ],
        || post(super::set_settings),
    ),
];

/// Every route with one line of help that names its members.
pub(super) fn index() -> impl Iterator<Item = (String, String)> {
    described().map(|route| {
        let members: Vec<String> = route
            .members
            .iter()
            .map(|(name, _, required)| format!("{name}{}", if *required { "" } else { "?" }))
            .collect();
        let help = match (route.method, members.join(", ")) {
            (_, members) if members.is_empty() => route.help.to_owned(),
            ("GET", members) => format!("?{members}: {}", route.help),
            (_, members) => format!("{{{members}}}: {}", route.help),
        };
        (format!("{} {}", route.method, route.path), help)
    })
}

fn object(members: &[Member]) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|(name, kind, _)| ((*name).to_owned(), schema(*kind))).collect();
    let required: Vec<&str> =
        members.iter().filter(|member| member.2).map(|member| member.0).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

const WALLET: &[Member] = &[
    ("timeStamp", Text, true),
    ("nonceStr", Text, true),
    ("package", Text, true),
    ("signType", Text, true),
    ("paySign", Text, true),
];

const RULE: &[Member] = &[
    ("target", Target, true),
    ("fault", Text, true),
    ("per_ten_thousand", Integer, true),
    ("seconds", Integer, false),
];

fn schema(kind: Kind) -> Value {
    match kind {
        Text => json!({"type": "string"}),
        Integer => json!({"type": "integer"}),
        Boolean => json!({"type": "boolean"}),
        Platform => schema(Word(&["wechat", "alipay"])),
        Target => {
            let codes: Vec<&str> = FaultTarget::ALL.iter().map(|target| target.code()).collect();
            json!({"type": "string", "enum": codes})
        }
        Word(words) => json!({"type": "string", "enum": words}),
        Wallet => object(WALLET),
        Rules => json!({"type": "array", "items": object(RULE)}),
        Free => json!({}),
    }
}

/// The table as OpenAPI 3.1.
pub(super) fn openapi() -> Value {
    let mut paths = Map::new();
    for route in described() {
        let success = match route.success {
            204 => json!({"description": "done"}),
            _ => json!({"description": "done", "content": {"application/json": {"schema": {}}}}),
        };
        let mut responses = Map::new();
        responses.insert(route.success.to_string(), success);
        responses.insert(
            "4XX".to_owned(),
            json!({"description": "not possible", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Error"}}}}),
        );
        let id: String = route.path.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let mut operation = json!({
            "operationId": format!("{}{}", route.method.to_lowercase(), id.trim_end_matches('_')),
            "summary": route.help,
            "responses": responses,
        });
        let mut parameters: Vec<Value> = Vec::new();
        if route.path.contains("{id}") {
            let schema = schema(Text);
            parameters
                .push(json!({"name": "id", "in": "path", "required": true, "schema": schema}));
        }
        if route.method == "GET" {
            parameters.extend(route.members.iter().map(|(name, kind, required)| {
                let schema = schema(*kind);
                json!({"name": name, "in": "query", "required": required, "schema": schema})
            }));
        } else if !route.members.is_empty() {
            let needed = route.members.iter().any(|member| member.2);
            let body = object(route.members);
            operation["requestBody"] =
                json!({"required": needed, "content": {"application/json": {"schema": body}}});
        }
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of the mock providers",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Play the user, the clock and the accidents of mock WeChat Pay and Alipay. No authentication: loopback only.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": {
            "type": "object",
            "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
            "required": ["error", "message"],
        }}},
    })
}
