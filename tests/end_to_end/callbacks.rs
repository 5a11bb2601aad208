//! What arrives at the callback addresses: genuine, repeated, forged, bent, and not for us.
//!
//! Looked at from both sides: what the platform is answered, and what our database holds then.

use futures::future::join_all;
use kernel::{Channel, Fen};
use mock_providers::SignKind;
use rstest::rstest;
use serde_json::json;

use crate::town::{Answer, Backend, Citizen, NONE, Order, Started, Town, insured};

/// Somebody paid January, and the platform has not told us yet.
async fn paid_unheard(town: &Town, channel: Channel) -> (Citizen<'_>, Order, Started) {
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = citizen.pays_unheard("2023-01").await;
    (citizen, order, started)
}

/// The payment is taken once and both bills are booked once.
async fn assert_posted_once(town: &Town, citizen: &Citizen<'_>, order: &Order) {
    town.run_jobs().await;
    assert_eq!(citizen.label(order).await, "缴费成功");
    assert_eq!(town.column("SELECT state FROM payments").await, ["paid"]);
    assert_eq!(Fen::sum(town.booked(order)), Some(order.amount));
    assert_eq!(town.booked(order).len(), 2);
    assert_eq!(town.journal(order).await.len(), 3);
}

#[rstest]
#[tokio::test]
async fn a_genuine_notification_is_acknowledged_and_posted(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let told = town.notification(channel, &started.out_trade_no, |_| ());
    // Alipay signs blank fields too: a verifier that drops them refuses genuine money.
    assert!(channel == Channel::Wechat || told.body.split('&').any(|field| field == "body="));
    town.deliver(&told).await.acknowledged(channel);
    assert_eq!(town.column("SELECT effect FROM notifications").await, ["recorded"]);
    assert_posted_once(&town, &citizen, &order).await;
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Of a merchant whose APIv3 content was moved to 国密: SM4 in place of AES, the same signature.
#[rstest]
#[tokio::test]
async fn a_notification_in_the_cipher_of_guomi_is_taken(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, Channel::Wechat).await;
    let told = town.notification(Channel::Wechat, &started.out_trade_no, |craft| craft.sm4 = true);
    assert!(told.body.contains("AEAD_SM4_GCM"));
    town.deliver(&told).await.acknowledged(Channel::Wechat);
    assert_posted_once(&town, &citizen, &order).await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_notification_told_twice_pays_once(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let told = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&told).await.acknowledged(channel);
    town.deliver(&told).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    // Long after, in the platform's own repetition with a fresh signature.
    let again = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&again).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    let counted = town.column("SELECT CAST(deliveries AS TEXT) FROM notifications").await;
    assert_eq!(counted, ["3"], "one row counts them");
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_copies_at_once_pay_once(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let told = town.notification(channel, &started.out_trade_no, |_| ());
    for answer in join_all((0..100).map(|_| town.deliver(&told))).await {
        answer.acknowledged(channel);
    }
    let counted = town.column("SELECT CAST(deliveries AS TEXT) FROM notifications").await;
    assert_eq!(counted, ["100"]);
    assert_posted_once(&town, &citizen, &order).await;
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Input that nobody vouches for: how it is made from a genuine notification, and the status of the
/// answer.
#[rstest]
#[case::wrong_signature(Channel::Wechat, "wrong signature", 401)]
#[case::wrong_signature_alipay(Channel::Alipay, "wrong signature", 401)]
#[case::probe(Channel::Wechat, "probe", 401)]
#[case::unknown_serial(Channel::Wechat, "unknown serial", 401)]
#[case::no_signature(Channel::Wechat, "no signature", 400)]
#[case::no_signature_alipay(Channel::Alipay, "no signature", 400)]
#[case::old(Channel::Wechat, "300 s old", 401)]
#[case::from_the_future(Channel::Wechat, "300 s ahead", 401)]
#[case::tampered(Channel::Wechat, "tampered", 401)]
#[case::tampered_alipay(Channel::Alipay, "tampered", 401)]
#[case::tampered_and_signed(Channel::Wechat, "bad ciphertext", 400)]
#[case::appended_field(Channel::Alipay, "appended field", 401)]
#[case::doubled_field(Channel::Alipay, "doubled field", 400)]
#[case::oversize(Channel::Wechat, "oversize", 413)]
#[case::oversize_alipay(Channel::Alipay, "oversize", 413)]
#[case::empty(Channel::Wechat, "empty", 401)]
#[case::empty_alipay(Channel::Alipay, "empty", 400)]
#[case::bad_utf8(Channel::Wechat, "bad UTF-8", 401)]
#[case::bad_utf8_alipay(Channel::Alipay, "bad UTF-8", 400)]
#[case::no_account(Channel::Wechat, "unknown merchant key", 404)]
#[case::no_account_alipay(Channel::Alipay, "unknown merchant key", 404)]
#[case::other_platform(Channel::Wechat, "address of the other platform", 404)]
#[case::other_platform_alipay(Channel::Alipay, "address of the other platform", 404)]
#[tokio::test]
async fn unverified_input_is_refused_and_writes_nothing(
    #[case] channel: Channel,
    #[case] flaw: &str,
    #[case] status: u16,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let before = town.dump().await;

    let answer = deliver_flawed(&town, channel, &started.out_trade_no, flaw).await;
    answer.not_acknowledged(if status == 404 { Channel::Wechat } else { channel }, status);
    assert!(town.dump().await == before, "{flaw}: something was written");

    // The genuine one is not hindered by it.
    let told = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&told).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    town.close().await;
}

async fn deliver_flawed(town: &Town, channel: Channel, number: &str, flaw: &str) -> Answer {
    let told = |change: fn(&mut mock_providers::Craft)| town.notification(channel, number, change);
    let mut genuine = told(|_| ());
    match flaw {
        "wrong signature" => town.deliver(&told(|craft| craft.sign = SignKind::Bad)).await,
        "probe" => {
            let probe = told(|craft| craft.sign = SignKind::Probe);
            assert!(probe.headers.iter().any(|(_, v)| v.starts_with("WECHATPAY/SIGNTEST/")));
            town.deliver(&probe).await
        }
        "unknown serial" => {
            for (name, value) in &mut genuine.headers {
                if name.eq_ignore_ascii_case("wechatpay-serial") {
                    *value = "0".repeat(40);
                }
            }
            town.deliver(&genuine).await
        }
        "no signature" => {
            genuine.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("wechatpay-signature"));
            let fields = genuine.body.split('&').filter(|field| !field.starts_with("sign="));
            let body = fields.collect::<Vec<_>>().join("&");
            town.deliver_bytes(&genuine, body.into_bytes()).await
        }
        "300 s old" => town.deliver(&told(|craft| craft.timestamp_offset_seconds = -300)).await,
        "300 s ahead" => town.deliver(&told(|craft| craft.timestamp_offset_seconds = 300)).await,
        "bad ciphertext" => town.deliver(&told(|craft| craft.tampered = true)).await,
        "tampered" => {
            let (from, to) = match channel {
                Channel::Wechat => ("支付成功", "支付大成功"),
                Channel::Alipay => ("trade_status=TRADE_SUCCESS", "trade_status=TRADE_FINISHED"),
            };
            let body = crate::town::replaced(&genuine.body, from, to);
            town.deliver_bytes(&genuine, body.into_bytes()).await
        }
        "appended field" => {
            let body = format!("{}&extra=1", genuine.body);
            town.deliver_bytes(&genuine, body.into_bytes()).await
        }
        "doubled field" => {
            let body = format!("{}&total_amount=0.01", genuine.body);
            town.deliver_bytes(&genuine, body.into_bytes()).await
        }
        "oversize" => town.deliver_bytes(&genuine, vec![b'a'; 2 * 1024 * 1024 + 1]).await,
        "empty" => town.deliver_bytes(&genuine, Vec::new()).await,
        "bad UTF-8" => {
            let body = [b"\xff\xfe=\xc3\x28&", genuine.body.as_bytes()].concat();
            town.deliver_bytes(&genuine, body).await
        }
        "unknown merchant key" => {
            genuine.url = genuine.url.replace(&format!("wuxi-{channel}"), "nobody");
            town.deliver(&genuine).await
        }
        "address of the other platform" => {
            let other = if channel == Channel::Wechat { "wuxi-alipay" } else { "wuxi-wechat" };
            genuine.url = genuine.url.replace(&format!("wuxi-{channel}"), other);
            town.deliver(&genuine).await
        }
        other => panic!("no such flaw: {other}"),
    }
}

#[rstest]
#[tokio::test]
async fn a_signature_almost_too_old_counts(
    #[values(-299, 299)] offset: i64,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, Channel::Wechat).await;
    let told = town.notification(Channel::Wechat, &started.out_trade_no, |craft| {
        craft.timestamp_offset_seconds = offset;
    });
    town.deliver(&told).await.acknowledged(Channel::Wechat);
    assert_posted_once(&town, &citizen, &order).await;
    town.close().await;
}

/// The wrong amount is genuine money: a person must look, and nobody may call the order paid.
#[rstest]
#[tokio::test]
async fn a_wrong_amount_pays_nothing_and_opens_one_case(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(-1, 1)] difference: i64,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let wrong = order.amount.get() + difference;
    for _ in 0..3 {
        let told = town.notification(channel, &started.out_trade_no, |craft| {
            craft.amount_fen = Some(wrong);
        });
        town.deliver(&told).await.acknowledged(channel);
        town.run_jobs().await;
        assert_eq!(citizen.label(&order).await, "处理中");
        assert_eq!(town.cases().await, ["wrong_amount"]);
        assert_eq!(town.column("SELECT state FROM payments").await, ["open"]);
        assert_eq!(town.journal(&order).await, []);
        assert_eq!(town.booked(&order), []);
    }
    let counted = town.column("SELECT CAST(deliveries AS TEXT) FROM notifications").await;
    assert_eq!(counted, ["3"]);
    let case = &town.parts.orders.open_cases(1).await.unwrap()[0];
    assert_eq!(case.evidence["told"]["amount"], json!(Fen::new(wrong)));
    assert_eq!(case.evidence["expected"]["amount"], json!(order.amount));
    assert_eq!(case.evidence["expected"]["order_no"], order.order_no);
    assert_eq!(case.evidence["told"]["out_trade_no"], started.out_trade_no);

    let told = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&told).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    assert_eq!(town.cases().await, ["wrong_amount"], "the case stays for the person");
    town.close().await;
}

#[rstest]
#[case::merchant(Channel::Wechat, "wrong_merchant")]
#[case::merchant_alipay(Channel::Alipay, "wrong_merchant")]
#[case::app(Channel::Wechat, "wrong_app")]
#[case::app_alipay(Channel::Alipay, "wrong_app")]
#[case::order(Channel::Wechat, "unknown_order")]
#[case::order_alipay(Channel::Alipay, "unknown_order")]
#[case::currency(Channel::Wechat, "wrong_currency")]
#[tokio::test]
async fn genuine_news_that_does_not_fit_opens_a_case(
    #[case] channel: Channel,
    #[case] kind: &str,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    for _ in 0..2 {
        let told = town.notification(channel, &started.out_trade_no, |craft| match kind {
            "wrong_merchant" => craft.merchant_id = Some("1900009999".to_owned()),
            "wrong_app" => craft.app_id = Some("wx00000000000000ff".to_owned()),
            "unknown_order" => craft.claimed_out_trade_no = Some("SI20230615000000".to_owned()),
            _ => craft.currency = Some("USD".to_owned()),
        });
        town.deliver(&told).await.acknowledged(channel);
        town.run_jobs().await;
        assert_eq!(town.cases().await, [kind]);
        assert_eq!(town.column("SELECT effect FROM notifications").await, [kind]);
        assert_eq!(town.column("SELECT state FROM payments").await, ["open"]);
        assert_eq!(citizen.label(&order).await, "支付中");
        assert_eq!(town.booked(&order), []);
    }
    let told = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&told).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    assert_eq!(town.cases().await, [kind]);
    town.close().await;
}

#[rstest]
#[case::event(Channel::Wechat)]
#[case::notify_type(Channel::Alipay)]
#[tokio::test]
async fn news_that_we_do_not_know_is_acknowledged_and_changes_nothing(
    #[case] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let before = town.dump().await;
    let genuine = town.notification(channel, &started.out_trade_no, |_| ());
    let told = match channel {
        Channel::Wechat => {
            let mut told = genuine.clone();
            told.body = crate::town::replaced(&genuine.body, "TRANSACTION.SUCCESS", "COUPON.USE");
            told.headers = town.signed_by_wechat(&genuine, told.body.as_bytes());
            told
        }
        Channel::Alipay => town.signed_by_alipay(&genuine, &[("notify_type", "open_app_auth")]),
    };
    town.deliver(&told).await.acknowledged(channel);
    assert!(town.dump().await == before, "something was written");
    town.deliver(&genuine).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_signed_body_that_is_no_text_is_refused(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, Channel::Wechat).await;
    let before = town.dump().await;
    let mut told = town.notification(Channel::Wechat, &started.out_trade_no, |_| ());
    let genuine = told.clone();
    let body = b"{\"id\":\"\xff\xfe\",\"event_type\":\"TRANSACTION.SUCCESS\"}";
    told.headers = town.signed_by_wechat(&told, body);
    let answer = town.deliver_bytes(&told, body.to_vec()).await;
    answer.not_acknowledged(Channel::Wechat, 400);
    assert!(town.dump().await == before, "something was written");
    town.deliver(&genuine).await.acknowledged(Channel::Wechat);
    assert_posted_once(&town, &citizen, &order).await;
    town.close().await;
}

/// The platform's second word about one order: another transaction for the same number.
#[rstest]
#[tokio::test]
async fn a_second_transaction_for_a_paid_number_is_a_case(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let (citizen, order, started) = paid_unheard(&town, channel).await;
    let told = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&told).await.acknowledged(channel);
    let second = town.notification(channel, &started.out_trade_no, |craft| {
        craft.transaction_id = Some("4200009999202306150000000001".to_owned());
    });
    town.deliver(&second).await.acknowledged(channel);
    assert_posted_once(&town, &citizen, &order).await;
    assert_eq!(town.cases().await, ["second_transaction"]);
    town.close().await;
}
