//! What the folder tells the service: its configuration, ready for `serve --config`.

use std::net::SocketAddr;

use kernel::CityCode;

use super::place;
use crate::facts::{Facts, WechatFacts};

/// What the configuration says about the service itself.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub listen: SocketAddr,
    pub cities: Vec<CityCode>,
}

/// The city in whose mock agency missed months and cards can be tried.
const DEMONSTRATED: &str = "320200";
/// Services that no pack opens. The limits are made up.
const DEMONSTRATION: &str = r#"
# Shows two services that the city's pack leaves closed; a real city opens them in its pack, with sources.
[city.pack]
open = ["flex_pension", "flex_medical", "resident_medical", "back_payment", "account_topup"]

[city.pack.back_payment]
insurances = ["pension"]
years_after = 1
until_month = 12
until_day = 31
demonstration = true

[city.pack.topup]
least_fen = 100
most_fen = 200000
most_a_day_fen = 500000
demonstration = true
"#;

/// What a reminder says, word by word, in the places of the demonstrated templates.
const WORDS: [&str; 4] = ["title", "amount", "time", "note"];
const WECHAT_PLACES: [&str; 4] = ["thing1", "amount2", "time3", "thing4"];
const ALIPAY_PLACES: [&str; 4] = ["keyword1", "keyword2", "keyword3", "keyword4"];

/// A template for each kind of reminder. What is due has neither an amount nor a time of its own.
fn templates(platform: &str, places: &[&str; 4]) -> String {
    let template = |kind: &str, with_money: bool| {
        let words = places.iter().zip(WORDS);
        let words = words.filter(|(_, word)| with_money || !["amount", "time"].contains(word));
        let words: Vec<String> =
            words.map(|(place, word)| format!("{place} = \"{word}\"")).collect();
        let words = words.join(", ");
        format!(
            "\n[[{platform}.templates]]\nkind = \"{kind}\"\nid = \"mock-{kind}\"\nwords = {{ {words} }}\n"
        )
    };
    [("window", false), ("posted", true), ("refund", true), ("gap", false)]
        .map(|(kind, with_money)| template(kind, with_money))
        .concat()
}

/// What the service calls a merchant's account.
fn key(facts: &Facts, wechat: &WechatFacts) -> String {
    if wechat.mchid == facts.wechat.mchid {
        "wuxi-wechat".to_owned()
    } else {
        format!("wechat-{}", wechat.mchid)
    }
}

/// The section of one WeChat merchant.
fn account(facts: &Facts, wechat: &WechatFacts) -> String {
    let (key, place) = (key(facts, wechat), place(facts, wechat));
    let WechatFacts { base_url, backup_url, app_id, mchid, .. } = wechat;
    let WechatFacts { merchant_serial, public_key_id, .. } = wechat;
    format!(
        r#"[[wechat]]
key = "{key}"
base_url = "{base_url}"
backup_base_url = "{backup_url}"
mini_program_url = "{base_url}"
app_id = "{app_id}"
app_secret_file = "{place}/app_secret.txt"
mchid = "{mchid}"
merchant_serial = "{merchant_serial}"
merchant_key_file = "{place}/merchant_key.pem"
merchant_certificate_file = "{place}/merchant_cert.pem"
apiv3_key_file = "{place}/apiv3_key.txt"
platform_certificate_files = ["{place}/platform_cert.pem"]
public_key_id = "{public_key_id}"
public_key_file = "{place}/public_key.pem"
"#
    )
}

/// The section of a merchant that is not the first. No city collects through it until one names it.
fn further(facts: &Facts, wechat: &WechatFacts) -> String {
    let (account, key) = (account(facts, wechat), key(facts, wechat));
    format!(
        "\n# A further merchant: a city collects through it when its section says wechat = \"{key}\".\n{account}"
    )
}

/// A configuration that is in use, with the serial numbers of now, and with the accounts that are new.
pub(super) fn renewed(text: &str, before: &Facts, now: &Facts) -> String {
    let mut text = text.to_owned();
    for wechat in now.merchants() {
        match before.merchants().find(|former| former.mchid == wechat.mchid) {
            Some(former) => {
                let serial = |facts: &WechatFacts| format!("\"{}\"", facts.merchant_serial);
                text = text.replace(&serial(former), &serial(wechat));
            }
            None => text.push_str(&further(now, wechat)),
        }
    }
    text
}

/// The service's configuration. All values are ids, digits or addresses made here, so that nothing
/// needs escaping.
pub(super) fn config_text(facts: &Facts, service: &Service) -> String {
    let Facts { wechat, alipay, agency, .. } = facts;
    let listen = service.listen;
    let codes: Vec<String> = service
        .cities
        .iter()
        .flat_map(|city| [format!("\"{city}-hr\""), format!("\"{city}-med\"")])
        .collect();
    let mut text = format!(
        r#"# Written by the mock providers; paths are relative to this file.
[server]
listen = "{listen}"
public_url = "http://{listen}"

[database]
url = "sqlite://city-services.sqlite"

[sessions]
store = "embedded"

[secrets]
field_key_id = "k1"
field_key_file = "keys/field.key"
lookup_key_file = "keys/lookup.key"

[numbers]
prefix = "SI"

{wechat_account}{wechat_templates}
[[alipay]]
key = "wuxi-alipay"
gateway = "{gateway}"
app_id = "{alipay_app}"
seller_id = "{seller_id}"
app_private_key_file = "alipay/app_private_key.pem"
alipay_public_key_files = ["alipay/alipay_public_key.pem"]
# Certificate mode, in place of the public key:
# app_certificate_file = "alipay/app_cert.crt"
# alipay_certificate_files = ["alipay/alipay_cert.crt"]
# alipay_root_certificate_file = "alipay/alipay_root_cert.crt"
content_key_file = "alipay/aes_key.txt"
{alipay_templates}
[[agency]]
codes = [{codes}]
base_url = "{agency_url}"
institution = "{institution}"
secret_file = "agency/secret.txt"

[sms]
url = "{sms_url}"
token_file = "sms/token.txt"
"#,
        wechat_account = account(facts, wechat),
        gateway = alipay.gateway,
        alipay_app = alipay.app_id,
        seller_id = alipay.seller_id,
        codes = codes.join(", "),
        agency_url = agency.base_url,
        institution = agency.institution,
        sms_url = facts.sms.url,
        wechat_templates = templates("wechat", &WECHAT_PLACES),
        alipay_templates = templates("alipay", &ALIPAY_PLACES),
    );
    for merchant in &facts.wechat_others {
        text.push_str(&further(facts, merchant));
    }
    for city in &service.cities {
        text.push_str(&format!(
            "\n[[city]]\ncode = \"{city}\"\nwechat = \"wuxi-wechat\"\nalipay = \"wuxi-alipay\"\n"
        ));
        if city.as_str() == DEMONSTRATED {
            text.push_str(DEMONSTRATION);
        }
    }
    text
}
