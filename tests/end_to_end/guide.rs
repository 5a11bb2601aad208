//! What people are told beside the counter: standards, other ways, refunds, advice, with sources.

use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Backend, Town, insured};

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|row| row[member].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn wuxi_has_standards_channels_refunds_and_advice() {
    let town = Town::new(Backend::Embedded).await;
    let guide = town.get("/api/v1/cities/320200/guide").await.expect(200);
    let in_force = texts(&guide["standards"]["in_force"], "id");
    assert!(in_force.contains(&"js-pension-2023") && in_force.contains(&"wuxi-medical-2023q2"));
    let past = texts(&guide["standards"]["past"], "id");
    assert!(past.contains(&"js-pension-2022") && past.contains(&"wuxi-medical-2023q1"));
    assert!(texts(&guide["standards"]["announced"], "id").contains(&"js-pension-2025"));
    let all = [in_force, past].concat();
    assert!(!all.contains(&"wuxi-pension-2023-guide"), "a reference is offered to nobody");

    let kinds = texts(&guide["channels"], "kind");
    for kind in ["gov_site", "app", "bank", "wechat_city", "alipay_city", "terminal", "counter"] {
        assert!(kinds.contains(&kind), "{kind} is missing");
    }
    let bank =
        guide["channels"].as_array().expect("a list").iter().find(|row| row["kind"] == "bank");
    assert_eq!(bank.unwrap()["banks"], serde_json::json!(["江苏银行", "无锡农村商业银行"]));
    let own = guide["channels"].as_array().expect("a list").iter();
    let national: Vec<&str> = own
        .filter(|row| row["scope"] == "national")
        .map(|row| row["kind"].as_str().expect("a text"))
        .collect();
    assert_eq!(national, ["wechat_city", "alipay_city", "counter"], "Wuxi names its own others");
    assert_eq!(texts(&guide["hotlines"], "number"), ["12333", "12393", "12366"]);
    assert_eq!(texts(&guide["hotlines"], "label"), ["人社", "医保", "税务"]);
    let steps = guide["topup_guide"]["steps"].as_array().expect("a list");
    assert!(steps.len() >= 4 && !guide["topup_guide"]["sources"].as_array().unwrap().is_empty());
    assert_eq!(texts(&guide["payment_methods"], "channel"), ["wechat", "alipay"]);
    assert_eq!(guide["objection"]["days"], 30);
    assert!(guide["refund"]["papers"].as_array().expect("a list").len() >= 4);
    let advice = texts(&guide["advice"], "code");
    for code in [
        "prepare",
        "pension",
        "continuity",
        "check",
        "balance",
        "receipt",
        "failure",
        "posting",
        "topup",
    ] {
        assert_eq!(advice.iter().filter(|known| **known == code).count(), 1, "{code}");
    }
    town.close().await;
}

fn policy<'a>(list: &'a Value, id: &str) -> &'a Value {
    let found = list.as_array().expect("a list").iter().find(|policy| policy["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not in {list}"))
}

/// A standard is shown with what it costs: bounds alone say nothing to whoever has to pay.
#[rstest]
#[case::one_amount_for_everybody("110000", "2025-08", "beijing-medical-2025", json!(["584.92"]), "584.92", "584.92")]
#[case::two_shares("320200", "2023-06", "wuxi-medical-2023q2", json!(["8%", "0.2%"]), "348.50", "1842.54")]
#[case::share_and_amount("320500", "2024-06", "suzhou-medical-2024", json!(["8%", "5.00"]), "364.52", "364.52")]
#[case::any_base("310000", "2025-08", "shanghai-pension-2025", json!(["20%"]), "1492.00", "7460.40")]
#[tokio::test]
async fn a_standard_says_what_a_month_costs(
    #[case] city: &str,
    #[case] month: &str,
    #[case] id: &str,
    #[case] parts: Value,
    #[case] least: &str,
    #[case] most: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let city = town.get(&format!("/api/v1/cities/{city}?month={month}")).await.expect(200);
    let policy = policy(&city["policies"], id);
    let told: Vec<&Value> = policy["components"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|part| if part["rate"].is_null() { &part["amount"] } else { &part["rate"] })
        .collect();
    assert_eq!(json!(told), parts);
    assert_eq!((&policy["monthly_least"], &policy["monthly_most"]), (&json!(least), &json!(most)));
    town.close().await;
}

#[tokio::test]
async fn percentages_of_tiers_are_shown_where_a_source_has_them() {
    let town = Town::new(Backend::Embedded).await;
    let city = town.get("/api/v1/cities/510100?month=2024-06").await.expect(200);
    let chengdu = policy(&city["policies"], "chengdu-pension-2024");
    let percents: Vec<u64> = chengdu["tiers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|tier| tier["percent"].as_u64().expect("a number"))
        .collect();
    assert_eq!(percents, [60, 80, 100, 150, 200, 250, 300]);
    let city = town.get("/api/v1/cities/320200?month=2023-06").await.expect(200);
    let wuxi = policy(&city["policies"], "js-pension-2023");
    assert!(wuxi["tiers"][0]["percent"].is_null(), "Jiangsu publishes amounts, no percentages");
    town.close().await;
}

/// Months without a standard show the last one, as what it is.
#[tokio::test]
async fn what_is_carried_forward_is_never_shown_as_in_force() {
    let town = Town::new(Backend::Embedded).await;
    town.clock.set(kernel::Timestamp::from_beijing_text("2026-11-24 10:00:00").expect("a time"));
    let guide = town.get("/api/v1/cities/320200/guide").await.expect(200);
    assert_eq!(texts(&guide["standards"]["in_force"], "id"), ["wuxi-resident-2026"]);
    let provisional = &guide["standards"]["provisional"];
    assert_eq!(texts(provisional, "id"), ["js-pension-2025", "wuxi-medical-2023q2"]);
    for policy in provisional.as_array().expect("a list") {
        assert_eq!(policy["provisional"], true);
        assert!(policy["provisional_text"].as_str().expect("a text").contains("暂行"));
        assert!(policy["disclaimer"].is_string());
    }
    let city = town.get("/api/v1/cities/320200").await.expect(200);
    assert_eq!(texts(&city["provisional_policies"], "id"), texts(provisional, "id"));
    town.close().await;
}

/// Mirrors of notices are kept to check figures by; nobody is sent there.
#[tokio::test]
async fn nobody_is_sent_to_a_mirror() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut answers = vec!["/api/v1/cities".to_owned(), "/api/v1/display".to_owned()];
    for city in ["110000", "310000", "320100", "320200", "320500", "440300", "510100"] {
        answers.push(format!("/api/v1/cities/{city}/guide"));
        for month in ["2022-06", "2023-06", "2024-06", "2025-08", "2026-11"] {
            answers.push(format!("/api/v1/cities/{city}?month={month}"));
        }
    }
    let person = &citizen.person_id;
    answers.push(format!("/api/v1/people/{person}/gaps?city=320200"));
    answers.push(format!("/api/v1/people/{person}/bills?city=320200&from=2023-01"));
    for path in answers {
        let answer = citizen.get(&path).await;
        assert!(!answer.body.contains("pdskyglc"), "{path}: {}", answer.body);
    }
    town.close().await;
}

/// Every fact names a page, in every open city.
#[tokio::test]
async fn every_open_citys_guide_names_its_sources() {
    let town = Town::new(Backend::Embedded).await;
    for city in ["110000", "310000", "320100", "320200", "320500", "440300", "510100"] {
        let guide = town.get(&format!("/api/v1/cities/{city}/guide")).await;
        assert_eq!(guide.header("content-language"), "zh-CN");
        assert_eq!(guide.json()["text_language"], "zh-CN");
        let guide = guide.expect(200);
        for list in ["channels", "notices", "advice"] {
            for row in guide[list].as_array().expect("a list") {
                let sources = row["sources"].as_array().expect("a list");
                // Of these two only a mirror is known, which is not for people.
                let mirrored = row["name"] == "“无锡医保”微信公众号"
                    || row["title"] == "2026 年城乡居民医保缴费";
                assert_eq!(sources.is_empty(), mirrored, "{city}: {row}");
                assert!(
                    sources.iter().all(|page| page.as_str().expect("a text").starts_with("http"))
                );
            }
        }
        for part in ["refund", "objection"] {
            assert!(
                !guide[part]["sources"].as_array().expect("a list").is_empty(),
                "{city}: {part}"
            );
        }
        let text = guide.to_string();
        assert!(!text.contains("完税证明"), "{city}: a service of a city issues none");
    }
    town.get("/api/v1/cities/320300/guide").await.refused(404, "city_not_open");
    town.get("/api/v1/cities/999999/guide").await.refused(404, "city_not_found");
    town.close().await;
}

#[tokio::test]
async fn a_citizen_needs_no_session_to_read_it() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let theirs = citizen.get("/api/v1/cities/320200/guide").await.expect(200);
    assert_eq!(theirs, town.get("/api/v1/cities/320200/guide").await.expect(200));
    town.close().await;
}
