//! Tiers (缴费档次): which there are when the agency says so, and when it says nothing; and what a higher
//! one costs.

use kernel::Channel;
use mock_providers::agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::{asks, helps, pays},
    sights::tier,
    town::{Backend, Town, insured},
};

/// Before new figures are published, and while the agency is away, the tiers that we know are shown and
/// marked; what is sourced as a percentage says so.
#[rstest]
#[case::not_published(FaultKind::Refuse { code: AgencyCodeWord::BasePendingPublish }, "base_pending_publish")]
#[case::away(FaultKind::Http500, "agency_unavailable")]
#[tokio::test]
async fn tiers_fall_back_to_published_standards(#[case] fault: FaultKind, #[case] problem: &str) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let tiers = async |query: &str| asks(&citizen, &format!("tiers?{query}")).await.expect(200);
    let wuxi = "city=320200&insurance=pension&month=2023-06";
    let agencys = tiers(wuxi).await;
    assert_eq!((&agencys["source"], &agencys["provisional"]), (&json!("agency"), &json!(false)));
    town.mocks.agency().add_fault(AgencyFault::always(AgencyOperation::ListTiers, fault));
    let ours = tiers(wuxi).await;
    assert_eq!((&ours["source"], &ours["provisional"]), (&json!("policy"), &json!(true)));
    assert_eq!((&ours["agency_problem"], ours["note"].is_string()), (&json!(problem), true));
    assert_eq!(ours["tiers"].as_array().expect("a list").len(), 12);
    assert_eq!(ours["tiers"][0]["monthly_amount"], agencys["tiers"][0]["monthly_amount"]);
    let later = tiers("city=320200&insurance=pension&month=2026-11").await;
    assert!(later["note"].as_str().expect("a text").contains("暂行"), "{later}");
    assert_eq!(later["base_floor"], "4952.00");
    // Nobody connects Chengdu here, and its tiers can be read all the same.
    let chengdu = tiers("city=510100&insurance=pension&month=2024-06").await;
    assert_eq!(
        (&chengdu["tiers"][0]["percent"], &chengdu["tiers"][6]["percent"]),
        (&json!(60), &json!(300))
    );
    town.close().await;
}

/// A definite no is no missing answer.
#[tokio::test]
async fn an_agencys_no_to_tiers_stays_a_no() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let refuse = FaultKind::Refuse { code: AgencyCodeWord::Retired };
    town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::ListTiers, refuse));
    let path = "tiers?city=320200&insurance=pension&month=2023-06";
    helps(&asks(&citizen, path).await.refused(409, "retired"));
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_higher_tier_makes_difference_bills_that_can_be_paid(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("李四")).await;
    let chosen = tier(&citizen, 2).await.expect(200);
    assert_eq!(chosen["effective_from"], "2023-01");
    assert_eq!(chosen["difference_bills"].as_array().expect("a list").len(), 3);
    let list =
        asks(&citizen, "bills?city=320200&service=flex_pension&from=2023-01&to=2023-03").await;
    let list = list.expect(200);
    let due: Vec<Value> = list["bills"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|bill| bill["state"] == "due")
        .cloned()
        .collect();
    assert!(due.iter().all(|bill| bill["kind"] == "difference" && bill["amount"] == "301.20"));
    let order = pays(&citizen, "difference", &citizen.wish(&due)).await;
    let record = citizen.record(&order).await;
    assert_eq!((&record["label"], &record["amount"]), (&json!("缴费成功"), &json!("903.60")));
    assert_eq!(record["items"][0]["kind_label"], "补差");
    town.close().await;
}
