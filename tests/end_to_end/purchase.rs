//! The main job: somebody pays pension and medical insurance, and the agency has it.

use kernel::Channel;
use rstest::rstest;

use crate::town::{Backend, NONE, Town, insured, replaced};

#[rstest]
#[case::wechat(Channel::Wechat, "张三", "channel:wechat:wuxi-wechat", 89_880)]
#[case::alipay(Channel::Alipay, "王五", "channel:alipay:wuxi-alipay", 180_000)]
#[tokio::test]
async fn a_purchase_ends_booked_by_both_agencies(
    #[case] channel: Channel,
    #[case] name: &str,
    #[case] owing: &str,
    #[case] pension: i64,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured(name)).await;
    let (order, started) = citizen.pays_for("2023-01").await;
    assert_eq!(citizen.label(&order).await, "已支付待入账");
    town.run_jobs().await;

    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "缴费成功");
    assert_eq!(record["state"], "SUCCESS");
    assert_eq!(record["payment"]["out_trade_no"], started.out_trade_no);
    assert_eq!(order.amount.get(), pension + 39_100);
    let booked = town.mocks.agency().postings();
    for (bill, insurance) in record["bills"].as_array().unwrap().iter().zip(["pension", "medical"])
    {
        assert_eq!(bill["insurance"], insurance);
        let posting = booked.iter().find(|posting| posting.bill_no.as_str() == bill["bill_no"]);
        let posting = posting.expect("the agency booked the bill");
        assert_eq!(bill["posting"]["state"], "posted");
        assert_eq!(bill["posting"]["agency_serial"], posting.agency_serial);
        assert_eq!(bill["amount"], posting.amount.to_string());
        assert_eq!(posting.order_no.as_str(), order.order_no);
        assert_eq!(posting.transaction_id, record["payment"]["transaction_id"]);
    }
    assert_eq!(booked.len(), 2);

    let mut journal = town.journal(&order).await;
    let line = |event: &str, debit: &str, credit: &str, fen| {
        (event.to_owned(), debit.to_owned(), credit.to_owned(), fen)
    };
    journal[1..].sort();
    assert_eq!(
        journal,
        [
            line("money_arrived", owing, "in_transit", pension + 39_100),
            line("bill_posted", "in_transit", "premium:320200-hr", pension),
            line("bill_posted", "in_transit", "premium:320200-med", 39_100),
        ]
    );
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// A service provider (服务商) collects for a sub merchant; the money is the sub merchant's, and the
/// same notification naming another merchant pays nothing.
#[tokio::test]
async fn a_purchase_through_a_service_provider_ends_booked() {
    let town = Town::with(Backend::Embedded, |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let text = replaced(&text, "[[wechat]]", "[[wechat]]\nsub_mchid = \"1900000109\"");
        std::fs::write(config, text).expect("a configuration");
    })
    .await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "缴费成功", "{record}");
    assert_eq!(town.mocks.agency().postings().len(), 2);
    assert_eq!(town.cases().await, NONE);

    let (second, started) = citizen.pays_unheard("2023-02").await;
    let wrong = |craft: &mut mock_providers::Craft| craft.merchant_id = Some("1900000002".into());
    let told = town.notification(Channel::Wechat, &started.out_trade_no, wrong);
    town.deliver(&told).await.acknowledged(Channel::Wechat);
    assert_eq!(town.cases().await, ["wrong_merchant"]);
    assert_eq!(citizen.label(&second).await, "支付中", "another provider's money pays nothing");
    let told = town.notification(Channel::Wechat, &started.out_trade_no, |_| ());
    town.deliver(&told).await.acknowledged(Channel::Wechat);
    town.run_jobs().await;
    assert_eq!(citizen.label(&second).await, "缴费成功");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn nobody_reads_who_somebody_is(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let record = citizen.record(&order).await;
    citizen.get("/api/v1/orders").await.expect(200);
    citizen.get("/api/v1/sessions").await.expect(200);
    let people = citizen.get("/api/v1/people").await.expect(200);
    let enrolments = format!("/api/v1/people/{}/enrolments?city=320200", citizen.person_id);
    citizen.get(&enrolments).await.expect(200);

    assert_eq!(record["person"]["masked_name"], "*三");
    assert_eq!(people["people"][0]["masked_number"], "320***********0006");
    for secret in [citizen.insured.number, citizen.insured.name, &citizen.platform_id] {
        assert_eq!(town.shown_anywhere(secret).await, NONE, "{secret} is readable");
    }
    // What can be found shows that the search works.
    assert!(!town.shown_anywhere(&order.order_no).await.is_empty());
    assert_eq!(town.shown_anywhere("session_key\":\"").await, NONE);
    for key in town.session_keys() {
        assert_eq!(town.shown_anywhere(&key).await, NONE, "a session key is readable");
    }
    assert!(channel == Channel::Alipay || !town.session_keys().is_empty(), "WeChat gave a key");
    town.close().await;
}
