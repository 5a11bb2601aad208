//! What people are told beside the counter: standards, other ways, refunds, advice, with sources.

use kernel::Channel;
use serde_json::Value;

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
    assert_eq!(texts(&guide["hotlines"], "number"), ["12333", "12393", "12366"]);
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

/// Every fact names a page, in every open city.
#[tokio::test]
async fn every_open_citys_guide_names_its_sources() {
    let town = Town::new(Backend::Embedded).await;
    for city in ["110000", "310000", "320100", "320200", "320500", "440300", "510100"] {
        let guide = town.get(&format!("/api/v1/cities/{city}/guide")).await;
        assert_eq!(guide.header("content-language"), "zh-CN");
        let guide = guide.expect(200);
        for list in ["channels", "notices", "advice"] {
            for row in guide[list].as_array().expect("a list") {
                let sources = row["sources"].as_array().expect("a list");
                assert!(!sources.is_empty(), "{city}: {row}");
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
