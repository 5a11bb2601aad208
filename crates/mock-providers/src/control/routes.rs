//! What the control API offers: one table, from which both the index and the OpenAPI page come.

use serde_json::{Map, Value, json};

use crate::faults::FaultTarget;

/// A member of a body or a query: name, JSON type, whether it must be there.
type Member = (&'static str, &'static str, bool);

struct Route {
    method: &'static str,
    path: &'static str,
    help: &'static str,
    members: &'static [Member],
}

const fn route(
    method: &'static str,
    path: &'static str,
    help: &'static str,
    members: &'static [Member],
) -> Route {
    Route { method, path, help, members }
}

const PLATFORM: Member = ("platform", "platform", true);
const USER: Member = ("user", "string", false);
const NUMBER: Member = ("out_trade_no", "string", true);
const NUMBER_MAYBE: Member = ("out_trade_no", "string", false);
const PAY: &[Member] = &[
    PLATFORM,
    ("wallet", "object", false),
    ("prepay_id", "string", false),
    ("trade_no", "string", false),
    NUMBER_MAYBE,
    USER,
];
const LISTING: &[Member] =
    &[("platform", "platform", false), NUMBER_MAYBE, ("limit", "integer", false)];

const ROUTES: &[Route] = &[
    route("GET", "/", "this index", &[]),
    route("GET", "/openapi.json", "the same as OpenAPI 3.1", &[]),
    route(
        "POST",
        "/login-codes",
        "a single-use login code; the same user has the same ids",
        &[PLATFORM, USER],
    ),
    route("POST", "/pay", "pay as the user; the notification follows", PAY),
    route("POST", "/cancel", "open the wallet and leave it", PAY),
    route("POST", "/expire", "let an unpaid trade be over", &[PLATFORM, NUMBER]),
    route("GET", "/trades", "trades as the platform knows them, newest first", LISTING),
    route("GET", "/deliveries", "notifications with every attempt, newest first", LISTING),
    route(
        "POST",
        "/deliveries/{id}/resend",
        "send a notification again, now, with a new signature",
        &[],
    ),
    route(
        "POST",
        "/deliveries/settle",
        "send what is due and wait until no attempt is under way",
        &[],
    ),
    route(
        "POST",
        "/notifications",
        "one crafted notification, sent or returned",
        &[
            PLATFORM,
            NUMBER,
            ("kind", "string", false),
            ("out_refund_no", "string", false),
            ("notify_url", "string", false),
            ("amount_fen", "integer", false),
            ("currency", "string", false),
            ("merchant_id", "string", false),
            ("app_id", "string", false),
            ("claimed_out_trade_no", "string", false),
            ("transaction_id", "string", false),
            ("status", "string", false),
            ("timestamp_offset_seconds", "integer", false),
            ("sign", "string", false),
            ("tampered", "boolean", false),
            ("deliver", "boolean", false),
        ],
    ),
    route("GET", "/clock", "both times of the mock", &[]),
    route(
        "POST",
        "/clock/advance",
        "move business time forward, attempt by attempt",
        &[("seconds", "integer", true)],
    ),
    route(
        "POST",
        "/clock/skew",
        "let the time in signatures be wrong; 0 ends it",
        &[("seconds", "integer", true)],
    ),
    route(
        "POST",
        "/clock/scale",
        "let business time run so many times as fast; 1 ends it",
        &[("factor", "integer", true)],
    ),
    route("GET", "/faults", "faults that wait for their moment", &[]),
    route(
        "POST",
        "/faults",
        "order a fault",
        &[
            ("target", "target", true),
            ("fault", "string", true),
            ("times", "integer", false),
            ("seconds", "integer", false),
        ],
    ),
    route("DELETE", "/faults", "forget all faults", &[]),
    route("GET", "/chaos", "faults by chance", &[]),
    route(
        "POST",
        "/chaos",
        "set faults by chance: rules of target, fault, per_ten_thousand, seconds?",
        &[("seed", "integer", false), ("rules", "array", true)],
    ),
    route("DELETE", "/chaos", "nothing happens by chance any more", &[]),
    route("GET", "/wechat/certificates", "serials of WeChat's platform certificates", &[]),
    route(
        "POST",
        "/wechat/certificates/rotate",
        "a new platform certificate beside the old one",
        &[("listed_after_seconds", "integer", false), ("signs_after_seconds", "integer", false)],
    ),
    route("POST", "/wechat/tokens/invalidate", "every access_token is over at once", &[]),
    route(
        "POST",
        "/wechat/phone-codes",
        "a code of the phone number button and the number that it gives",
        &[USER],
    ),
    route(
        "POST",
        "/wechat/subscriptions",
        "the user accepts messages of a template",
        &[USER, ("template_id", "string", true), ("times", "integer", false)],
    ),
    route("GET", "/wechat/messages", "messages that users got, newest first", LISTING),
    route(
        "POST",
        "/wechat/faces",
        "the user's face is verified; without verify_ret it passes",
        &[("verify_id", "string", true), ("verify_ret", "integer", false)],
    ),
    route(
        "POST",
        "/alipay/phone-number",
        "what my.getPhoneNumber gives the mini-program, and the number in it",
        &[USER],
    ),
    route(
        "POST",
        "/alipay/certifications",
        "the user ends an identity certification",
        &[("certify_id", "string", true), ("passed", "boolean", true)],
    ),
    route("GET", "/alipay/messages", "template messages that were sent, oldest first", &[]),
    route("GET", "/settings", "switches", &[]),
    route(
        "POST",
        "/settings",
        "set any of the switches",
        &[
            ("wechat_signer", "string", false),
            ("wechat_certificates", "boolean", false),
            ("wechat_close_burns", "boolean", false),
            ("wechat_bill_oddities", "boolean", false),
            ("alipay_id_mode", "string", false),
            ("alipay_key_mode", "string", false),
            ("alipay_signer", "string", false),
            ("alipay_strict", "boolean", false),
            ("alipay_refund_hidden_seconds", "integer", false),
            ("alipay_tells_closed", "boolean", false),
            ("first_delivery_delay_ms", "integer", false),
            ("refund_delay_seconds", "integer", false),
            ("http_notify_url", "boolean", false),
        ],
    ),
    route("GET", "/agency/people", "people of the mock agency", &[]),
    route("POST", "/agency/people", "adds a person: docs/agency-protocol.md", &[]),
    route("GET", "/agency/postings", "everything that the mock agency booked", &[]),
    route("GET", "/agency/faults", "faults of the agency", &[]),
    route("POST", "/agency/faults", "let the agency fail: docs/agency-protocol.md", &[]),
    route("DELETE", "/agency/faults", "forget the agency's faults", &[]),
    route(
        "POST",
        "/agency/bills/change",
        "the agency changes its mind",
        &[("bill_no", "string", true), ("amount", "string", true)],
    ),
    route(
        "POST",
        "/agency/bills/pay-elsewhere",
        "another counter collects it",
        &[("bill_no", "string", true)],
    ),
];

/// Every route with one line of help that names its members.
pub(super) fn index() -> impl Iterator<Item = (String, String)> {
    ROUTES.iter().map(|route| {
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

fn schema(kind: &str) -> Value {
    match kind {
        "platform" => json!({"type": "string", "enum": ["wechat", "alipay"]}),
        "target" => {
            let codes: Vec<&str> = FaultTarget::ALL.iter().map(|target| target.code()).collect();
            json!({"type": "string", "enum": codes})
        }
        "array" => json!({"type": "array", "items": {"type": "object"}}),
        plain => json!({ "type": plain }),
    }
}

/// The table as OpenAPI 3.1.
pub(super) fn openapi() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let mut operation = json!({
            "summary": route.help,
            "responses": {
                "2XX": {"description": "done"},
                "4XX": {"description": "not possible", "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Error"}}}},
            },
        });
        let mut parameters: Vec<Value> = Vec::new();
        if route.path.contains("{id}") {
            let schema = schema("string");
            parameters
                .push(json!({"name": "id", "in": "path", "required": true, "schema": schema}));
        }
        if route.method == "GET" {
            parameters.extend(route.members.iter().map(|(name, kind, required)| {
                let schema = schema(kind);
                json!({"name": name, "in": "query", "required": required, "schema": schema})
            }));
        } else if !route.members.is_empty() {
            let properties: Map<String, Value> = route
                .members
                .iter()
                .map(|(name, kind, _)| ((*name).to_owned(), schema(kind)))
                .collect();
            let required: Vec<&str> =
                route.members.iter().filter(|member| member.2).map(|member| member.0).collect();
            let body = json!({"type": "object", "properties": properties, "required": required});
            let needed = !required.is_empty();
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
