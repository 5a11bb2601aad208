//! Two cities with a merchant account each: what one city's agencies bill is never collected by the other.

use city_services::{Config, Parts};
use kernel::{Channel, SystemEntropy};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::asks,
    town::{Backend, Citizen, Insured, Town, insured, replaced},
};

/// Enrolled in every city of the mock agency, when first asked for.
const EVERYWHERE: Insured = Insured { number: "320213190001011017", name: "林双城" };

/// Wuxi and Shanghai; Shanghai is collected for by accounts of its own.
async fn two_cities(backend: Backend) -> Town {
    Town::with(backend, |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let codes = "codes = [\"320200-hr\", \"320200-med\"]";
        let both = "codes = [\"320200-hr\", \"320200-med\", \"310000-hr\", \"310000-med\"]";
        let text = replaced(&text, codes, both);
        // The same keys under other names: who collects is seen in the payment's row.
        let accounts = |kind: &str, until: &str| {
            let from = text.find(&format!("[[{kind}]]")).expect("an account");
            let account = &text[from..];
            let account = &account[..account.find(until).expect("the next section")];
            account.replacen(&format!("wuxi-{kind}"), &format!("shanghai-{kind}"), 1)
        };
        let more = [accounts("wechat", "[[wechat.templates]]"), accounts("alipay", "[[alipay.templates]]")];
        let city = "[[city]]\ncode = \"310000\"\nwechat = \"shanghai-wechat\"\nalipay = \"shanghai-alipay\"\n";
        std::fs::write(config, format!("{text}\n{}\n{city}", more.concat())).expect("a configuration");
    })
    .await
}

async fn bills_in(citizen: &Citizen<'_>, city: &str) -> Vec<Value> {
    let path = format!("bills?city={city}&from=2023-01&to=2023-01");
    let list = asks(citizen, &path).await.expect(200);
    list["bills"].as_array().expect("a list").clone()
}

#[rstest]
#[tokio::test]
async fn another_citys_bill_is_not_confirmed_ordered_or_paid(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = two_cities(backend).await;
    let citizen = town.citizen(channel, EVERYWHERE).await;
    let wuxi = bills_in(&citizen, "320200").await;
    let shanghai = bills_in(&citizen, "310000").await;
    assert_eq!(
        (&wuxi[0]["agency"], &shanghai[0]["agency"]),
        (&json!("320200-hr"), &json!("310000-hr"))
    );
    for (bills, wrong) in [(&wuxi, "310000"), (&shanghai, "320200")] {
        let mut wish = citizen.wish(bills);
        wish["city"] = json!(wrong);
        let refusals = [
            citizen.post("/api/v1/confirmations", &wish).await,
            citizen.place(&format!("in {wrong}").replace(' ', "-"), &wish).await,
        ];
        for refusal in refusals {
            let told = refusal.refused(422, "bill_of_other_city");
            assert!(told["detail"].as_str().expect("a text").contains("未扣款"), "{told}");
            assert_eq!(told["next_step"]["action"], "choose");
        }
    }
    // One of each in one order is as wrong as both.
    let mixed = citizen.wish(&[wuxi[0].clone(), shanghai[1].clone()]);
    citizen.place("mixed", &mixed).await.refused(422, "bill_of_other_city");
    assert_eq!(town.count("orders").await, 0);
    // In its own city each is collected by its own account.
    for (bills, city, merchant) in [(&wuxi, "320200", "wuxi"), (&shanghai, "310000", "shanghai")] {
        let mut wish = citizen.wish(bills);
        wish["city"] = json!(city);
        let order = citizen.place(city, &wish).await.expect(201);
        let number = order["order_no"].as_str().expect("a text");
        citizen.post(&format!("/api/v1/orders/{number}/payments"), &json!({})).await.expect(200);
        let collector = town
            .column(&format!(
                "SELECT p.merchant_key FROM payments p JOIN orders o ON o.id = p.order_id \
                 WHERE o.order_no = '{number}'"
            ))
            .await;
        assert_eq!(collector, [format!("{merchant}-{channel}")]);
    }
    town.pass(3_600).await;
    town.close().await;
}

/// An agency that bills pensions is not asked for medical money, though it is of the right city.
#[tokio::test]
async fn an_agency_is_taken_for_what_it_bills() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let mut wish = citizen.wish(&bills[1..]);
    wish["bills"][0]["agency"] = json!("320200-hr");
    citizen.place("wrong", &wish).await.refused(404, "service_not_offered");
    let mut unknown = citizen.wish(&bills[..1]);
    unknown["bills"][0]["agency"] = json!("999999-hr");
    citizen.place("unknown", &unknown).await.refused(400, "invalid_request");
    town.close().await;
}

/// The packs changed between the order and its payment: what is not the city's any more is not collected.
#[tokio::test]
async fn it_is_asked_again_before_a_channel_collects() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let changed = town.config().replace("city-services.toml", "without-medical.toml");
    let text = std::fs::read_to_string(town.config()).expect("the configuration");
    let text =
        replaced(&text, "open = [\"flex_pension\", \"flex_medical\",", "open = [\"flex_pension\",");
    std::fs::write(&changed, text).expect("a configuration");
    let config = Config::load(changed.as_ref()).expect("a configuration");
    let entropy = std::sync::Arc::new(SystemEntropy::default());
    let parts = Parts::build(&config, town.clock.clone(), entropy).await.expect("the service");
    let account = town.column("SELECT CAST(hex(id) AS TEXT) FROM accounts").await;
    let account = uuid::Uuid::parse_str(&account[0]).expect("an id");
    let number = order.order_no.parse().expect("a number");
    let started = parts
        .orders
        .start_payment(kernel::AccountId::from_uuid(account), &number, Channel::Wechat, None)
        .await;
    assert!(matches!(started, Err(orders::OrderError::NotOffered { .. })), "{started:?}");
    assert_eq!(town.count("payments").await, 0, "no channel was asked");
    assert_eq!(citizen.record(&order).await["state"], "CLOSED");
    town.close().await;
}
