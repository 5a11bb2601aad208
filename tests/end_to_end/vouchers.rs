//! Vouchers: issued once, printed, checked by anybody who holds one; and the records around them.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use kernel::{Channel, Fen, Secret, SystemEntropy};
use mock_providers::agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind};
use orders::{OrderParts, OrderRules, Orders, TakeBack};
use people::{FieldCipher, FieldKeys, People};
use reqwest::Method;
use rstest::rstest;
use serde_json::Value;

use crate::{
    pdf,
    town::{Answer, Backend, Citizen, NONE, Order, Town, insured, replaced},
};

/// Words that name documents of bureaus (domain §6.3).
const FORBIDDEN: [&str; 5] = ["完税证明", "税收票证", "财政票据", "发票", "待遇"];

async fn voucher(citizen: &Citizen<'_>, order: &Order) -> Answer {
    citizen.get(&format!("/api/v1/orders/{}/voucher", order.order_no)).await
}

/// The text of a PDF that the citizen downloads.
pub async fn printed(citizen: &Citizen<'_>, path: &str) -> String {
    let request = citizen.town.request(Method::GET, path).bearer_auth(&citizen.token);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/pdf");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let bytes = response.bytes().await.expect("bytes");
    assert_eq!(pdf::pages_of(&bytes), 1);
    let text = pdf::text_of(&bytes);
    let glued = text.replace('\n', "");
    assert!(FORBIDDEN.iter().all(|word| !glued.contains(word)), "{text}");
    assert!(!text.contains("320213190001010006"), "no whole number of a person: {text}");
    text
}

async fn paper(citizen: &Citizen<'_>, order: &Order) -> String {
    printed(citizen, &format!("/api/v1/orders/{}/voucher.pdf", order.order_no)).await
}

async fn posted(citizen: &Citizen<'_>, month: &str) -> Order {
    let (order, _) = citizen.pays_for(month).await;
    citizen.town.run_jobs().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    order
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is a text: {value}"))
}

async fn check(town: &Town, serial: &str, code: &str) -> Answer {
    town.get(&format!("/api/v1/vouchers/{serial}?code={code}")).await
}

async fn page(town: &Town, query: &str, language: &str) -> Answer {
    let request = town.request(Method::GET, &format!("/check{query}"));
    town.send(request.header("Accept-Language", language)).await
}

#[rstest]
#[tokio::test]
async fn a_payment_is_acknowledged_then_vouched_for_once(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    voucher(&citizen, &order).await.refused(409, "voucher_not_ready");
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    town.mocks.settle().await;

    let pending = voucher(&citizen, &order).await.expect(200);
    assert_eq!(word(&pending, "kind"), "acknowledgement");
    assert_eq!(word(&pending, "status"), "PAID");
    assert!(pending["serial"].is_null(), "only a voucher has a number of its own");
    let text = paper(&citizen, &order).await;
    assert!(text.contains("社会保险费支付回执(平台)") && text.contains("已支付待入账"), "{text}");
    assert!(!text.contains("缴费凭证(平台)"));
    // Whoever is shown the acknowledgement can look whether it is real, and how the order stands.
    let code = word(&pending, "verification_code").to_owned();
    assert!(text.contains(&code) && text.contains("输入订单号和验证码"), "{text}");
    let seen = check(&town, &order.order_no, &code).await.expect(200);
    assert_eq!((word(&seen, "kind"), word(&seen, "status")), ("acknowledgement", "PAID"));
    assert_eq!(word(&seen, "serial"), order.order_no);
    check(&town, &order.order_no, "0000-0000").await.refused(404, "voucher_not_found");
    let (head, last) = order.order_no.split_at(order.order_no.len() - 1);
    let other = format!("{head}{}", if last == "X" { "Y" } else { "X" });
    check(&town, &other, &code).await.refused(404, "voucher_not_found");
    let address = word(&pending, "check_url");
    let query = address.strip_prefix(&format!("{}/check", town.url)).expect("the check page");
    let shown = page(&town, query, "zh-CN").await;
    assert!(shown.body.contains("该回执确由本平台出具") && shown.body.contains("已支付待入账"));

    town.run_jobs().await;
    let issued = voucher(&citizen, &order).await.expect(200);
    assert_eq!(word(&issued, "kind"), "voucher");
    assert_eq!(word(&issued, "status_label"), "缴费成功");
    assert_eq!(word(&issued, "amount"), order.amount.to_string());
    assert_eq!(word(&issued, "insured_name"), "*三");
    let serial = word(&issued, "serial");
    assert!(serial.starts_with("320200-") && !serial.ends_with(['I', 'O', 'S']), "{serial}");
    let text = paper(&citizen, &order).await;
    let lines: Vec<&str> = text.lines().collect();
    for told in [
        "社会保险费缴费凭证(平台)",
        &format!("凭证编号 {serial}"),
        &format!("¥{}", order.amount),
        word(&issued, "amount_capitals"),
        word(&issued, "transaction_id"),
        word(&issued, "verification_code"),
        "缴费成功",
        "*三",
    ] {
        assert!(lines.contains(&told), "{told} is not in {text}");
    }
    assert_eq!(voucher(&citizen, &order).await.expect(200), issued, "issued once");
    // The acknowledgement stays true, and tells what became of it.
    let seen = check(&town, &order.order_no, &code).await.expect(200);
    assert_eq!((word(&seen, "kind"), word(&seen, "status")), ("acknowledgement", "SUCCESS"));
    assert_eq!(town.count("vouchers").await, 1);

    let history = citizen.record(&order).await["history"].clone();
    let kinds: Vec<&str> =
        history.as_array().unwrap().iter().map(|event| word(event, "kind")).collect();
    assert_eq!(kinds.first(), Some(&"placed"));
    assert!(kinds.contains(&"money_arrived") && kinds.contains(&"bill_posted"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"voucher_issued"));
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn whoever_holds_a_voucher_sees_how_it_stands_now(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let order = posted(&citizen, "2023-01").await;
    let issued = voucher(&citizen, &order).await.expect(200);
    let (serial, code) = (word(&issued, "serial"), word(&issued, "verification_code"));
    let seen = check(&town, serial, code).await;
    assert_eq!(word(&seen.expect(200), "status"), "SUCCESS");
    assert!(!seen.body.contains("320213190001010006") && !seen.body.contains("张三"));
    check(&town, &serial.to_lowercase(), &code.replace('-', "").to_lowercase()).await.expect(200);
    let full_width = |text: &str| -> String {
        text.chars().map(|sign| char::from_u32(u32::from(sign) + 0xFEE0).unwrap()).collect()
    };
    check(&town, serial, &full_width(code)).await.expect(200);

    // A wrong code and an unknown number are not told apart.
    let wrong = check(&town, serial, "0000-0000").await.refused(404, "voucher_not_found");
    let unknown =
        check(&town, "320200-202611-99999999-X", code).await.refused(404, "voucher_not_found");
    assert_eq!(wrong["detail"], unknown["detail"]);

    let address = word(&issued, "check_url");
    let query = address.strip_prefix(&format!("{}/check", town.url)).expect("the check page");
    let shown = page(&town, query, "zh-CN").await;
    assert_eq!(shown.status, 200);
    for told in ["缴费成功", serial, "*三", "<html lang=\"zh-CN\">", &order.amount.to_string()]
    {
        assert!(shown.body.contains(told), "{told}: {}", shown.body);
    }
    assert!(shown.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(shown.header("referrer-policy"), "no-referrer");
    assert!(!shown.body.contains("<script") && !shown.body.contains("张三"));
    let english = page(&town, query, "en").await.body;
    assert!(english.contains("<html lang=\"en\">"));
    assert!(english.contains("Its state now: <strong>Paid and booked</strong>"), "{english}");
    assert!(english.contains("<span lang=\"zh-CN\">*三</span>"), "a name is Chinese: {english}");
    let form = page(&town, "", "zh-CN").await;
    assert!(form.status == 200 && form.body.contains("<form") && !form.body.contains("role="));
    let attack = page(&town, "?serial=%22%3E%3Cb%3E&code=1", "zh-CN").await;
    assert!(attack.status == 404 && !attack.body.contains("<b>"), "{}", attack.body);
    assert!(attack.header("content-type").starts_with("text/html"));

    // The money goes back: the voucher stays what it was, its standing does not.
    let wish = TakeBack {
        order_no: order.order_no.parse().unwrap(),
        bill_no: None,
        agency: None,
        refundable_seen: order.amount,
        reason: "asked for at the counter".to_owned(),
    };
    town.parts.orders.take_back(&wish).await.unwrap();
    town.pass(600).await;
    assert_eq!(word(&check(&town, serial, code).await.expect(200), "status_label"), "已退款");
    assert!(page(&town, query, "zh-CN").await.body.contains("已退款"));
    let later = voucher(&citizen, &order).await.expect(200);
    assert_eq!((word(&later, "serial"), word(&later, "status")), (serial, "REFUNDED"));
    assert!(paper(&citizen, &order).await.lines().any(|line| line == "已退款"));
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn numbers_given_out_at_the_same_time_are_all_different(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut orders = Vec::new();
    for month in ["2023-01", "2023-02", "2023-03", "2023-04", "2023-05"] {
        orders.push(posted(&citizen, month).await);
    }
    // Everybody asks for each of them, three times, at once.
    let asked = orders.iter().cycle().take(3 * orders.len());
    let answers = join_all(asked.map(|order| voucher(&citizen, order))).await;
    let serials: Vec<String> =
        answers.iter().map(|answer| word(&answer.expect(200), "serial").to_owned()).collect();
    assert_eq!(serials[..5], serials[5..10], "one voucher for an order");
    let numbers: BTreeSet<&str> = serials.iter().map(|serial| &serial[14..22]).collect();
    assert_eq!(numbers.len(), 5, "no doubles");
    // The only gaps are numbers whose check character can be taken for another.
    let highest: u32 = numbers.iter().map(|number| number.parse().unwrap()).max().unwrap();
    assert!(highest <= 8, "{numbers:?}");
    let alike = ['I', 'O', 'S', '1', '0', '5'];
    assert!(serials.iter().all(|serial| !serial.ends_with(alike)), "{serials:?}");
    assert_eq!(town.count("vouchers").await, 5);
    town.close().await;
}

#[tokio::test]
async fn codes_cannot_be_tried_out() {
    let town = Town::new(Backend::Embedded).await;
    for _ in 0..30 {
        check(&town, "320200-202611-00000001-C", "0000-0000").await.expect(404);
    }
    let stopped = check(&town, "320200-202611-00000001-C", "0000-0000").await;
    stopped.refused(429, "too_many_checks");
    let wait: u64 = stopped.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait));
    let stopped = page(&town, "?serial=1&code=2", "zh-CN").await;
    assert_eq!((stopped.status, stopped.header("retry-after").is_empty()), (429, false));
    assert!(stopped.body.contains("<html"));
    assert_eq!(page(&town, "", "zh-CN").await.status, 200, "the empty form is no check");
    town.clock.advance(std::time::Duration::from_secs(60));
    check(&town, "320200-202611-00000001-C", "0000-0000").await.expect(404);
    town.close().await;
}

/// Behind a proxy of the operator's, one who tries stops nobody else; the header of strangers says nothing.
#[rstest]
#[case::trusted("trusted_proxies = [\"127.0.0.1\"]", 404)]
#[case::not_trusted("", 429)]
#[tokio::test]
async fn behind_a_proxy_each_is_counted_alone(#[case] setting: &str, #[case] another: u16) {
    let town = Town::with(Backend::Embedded, |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let text = replaced(&text, "[database]", format!("{setting}\n\n[database]"));
        std::fs::write(config, text).expect("a configuration");
    })
    .await;
    let from = |address: &str| {
        let path = "/api/v1/vouchers/320200-202611-00000001-C?code=0000-0000";
        town.send(
            town.request(reqwest::Method::GET, path)
                .header("x-forwarded-for", format!("10.9.8.7, {address}")),
        )
    };
    for _ in 0..30 {
        from("198.51.100.7").await.expect(404);
    }
    from("198.51.100.7").await.refused(429, "too_many_checks");
    assert_eq!(from("198.51.100.8").await.status, another);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_voucher_is_silent_about_what_is_not_booked(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let refuse = FaultKind::Refuse { code: AgencyCodeWord::BillChanged };
    town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::PostPayment, refuse));
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    assert_eq!(citizen.label(&order).await, "部分成功");
    let issued = voucher(&citizen, &order).await.expect(200);
    assert_eq!(issued["lines"].as_array().unwrap().len(), 1);
    let booked = Fen::sum(town.booked(&order)).unwrap();
    assert_eq!(word(&issued, "amount"), booked.to_string());
    town.pass(10 * 60).await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn documents_of_the_agency_are_kept_as_received(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let order = posted(&citizen, "2023-01").await;
    let path = format!("/api/v1/orders/{}/documents", order.order_no);
    // The agency is away: nothing is lost, nothing changes.
    let away = AgencyFault::always(AgencyOperation::FetchDocument, FaultKind::Http500);
    town.mocks.agency().add_fault(away);
    let none = citizen.get(&path).await.expect(200);
    assert_eq!(none["documents"], serde_json::json!([]));
    let missing = none["missing"].as_array().unwrap();
    assert!(missing.len() == 2 && missing.iter().all(|one| one["reason"] == "not_yet"), "{none}");
    assert_eq!(citizen.label(&order).await, "缴费成功");

    town.mocks.agency().clear_faults();
    let (first, second) = futures::join!(citizen.get(&path), citizen.get(&path));
    assert_eq!(first.expect(200)["documents"].as_array().unwrap().len(), 2);
    assert_eq!(second.expect(200)["documents"].as_array().unwrap().len(), 2);
    assert_eq!(town.count("official_documents").await, 2, "each once");
    let document = citizen.get(&path).await.expect(200)["documents"][0].clone();
    let file = citizen.get(word(&document, "path")).await;
    assert!(file.body.contains(word(&document, "agency_serial")), "{}", file.body);
    assert_eq!(file.header("content-type"), word(&document, "media_type"));
    assert!(file.header("content-disposition").starts_with("attachment"));
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(document["size_bytes"].as_u64(), Some(file.body.len() as u64));
    let digest = ring::digest::digest(&ring::digest::SHA256, file.body.as_bytes());
    assert_eq!(word(&document, "sha256"), hex::encode(digest));
    let stranger = town.citizen_named("somebody else", Channel::Alipay, insured("李四")).await;
    stranger.get(word(&document, "path")).await.refused(404, "order_not_found");
    stranger.get(&path).await.refused(404, "order_not_found");
    voucher(&stranger, &order).await.refused(404, "order_not_found");
    citizen.get(&format!("{path}/nothing")).await.refused(404, "document_not_found");
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn records_are_found_by_what_people_remember(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let first = posted(&citizen, "2023-01").await;
    town.clock.advance(std::time::Duration::from_secs(24 * 3_600));
    let mut citizen = citizen;
    citizen.logs_in_again().await;
    let second = citizen.orders("2023-02").await;
    let (today, person) = (&town.now().beijing_text()[..10], citizen.person_id.clone());
    let found = async |query: String| -> Vec<String> {
        let list = citizen.get(&format!("/api/v1/orders?{query}")).await.expect(200);
        let orders = list["orders"].as_array().unwrap();
        orders.iter().map(|order| word(order, "order_no").to_owned()).collect()
    };
    let (one, two) = (first.order_no.clone(), second.order_no.clone());
    let both = vec![two.clone(), one.clone()];
    assert_eq!(found(String::new()).await, both);
    assert_eq!(found(format!("person={person}&city=320200&insurance=pension")).await, both);
    assert_eq!(found("city=320500".into()).await, NONE);
    assert_eq!(found("insurance=unemployment".into()).await, NONE);
    assert_eq!(found("state=SUCCESS".into()).await, [one.as_str()]);
    assert_eq!(found("state=SUCCESS,CREATED".into()).await, both);
    assert_eq!(found(format!("from={today}")).await, [two.as_str()]);
    assert_eq!(found(format!("to={today}")).await, both);
    assert_eq!(found(format!("to={today}&state=SUCCESS&from=2020-01-01")).await, [one.as_str()]);
    // The filter goes with the cursor.
    let query = "/api/v1/orders?insurance=medical&limit=1";
    let page = citizen.get(query).await.expect(200);
    let rest = citizen.get(&format!("{query}&cursor={}", word(&page, "next"))).await.expect(200);
    assert_eq!(rest["orders"][0]["order_no"], one.as_str());
    assert!(rest["next"].is_null());
    // By the months that were paid for, not by the day.
    assert_eq!(found("month_from=2023-02".into()).await, [two.as_str()]);
    assert_eq!(found("month_to=2023-01".into()).await, [one.as_str()]);
    assert_eq!(found("month_from=2023-01&month_to=2023-02".into()).await, both);
    assert_eq!(found("month_from=2023-03".into()).await, NONE);
    assert_eq!(found("month_from=2023-02&insurance=unemployment".into()).await, NONE);
    assert_eq!(found(format!("month_to=2023-01&from={today}")).await, NONE);
    for wrong in [
        "from=yesterday",
        "state=PAYED",
        "person=1",
        "insurance=dental",
        "a=1",
        "month_from=2023",
        "month_from=2023-02&month_to=2023-01",
    ] {
        citizen.get(&format!("/api/v1/orders?{wrong}")).await.refused(400, "invalid_request");
    }
    citizen.get("/api/v1/orders?city=x").await.refused(404, "city_not_found");
    let text = printed(&citizen, "/api/v1/orders/list.pdf?state=SUCCESS").await;
    assert!(text.contains("社会保险费缴费记录(平台)") && text.contains("状态 缴费成功"), "{text}");
    assert!(text.contains(&one) && !text.contains(&two) && text.contains("共 1 笔。"), "{text}");
    let text = printed(&citizen, "/api/v1/orders/list.pdf?month_from=2023-02").await;
    assert!(text.contains("费款所属期自 2023-02") && text.contains(&two), "{text}");
    assert!(!text.contains(&one) && text.contains("*三"), "{text}");
    // A person who was removed has a name on what was paid for them.
    citizen.delete(&format!("/api/v1/people/{}", citizen.person_id)).await;
    let text = printed(&citizen, "/api/v1/orders/list.pdf").await;
    assert!(text.lines().any(|line| line == "*三") && !text.contains('—'), "{text}");
    town.pass(31 * 60).await;
    town.close().await;
}

/// Keys change; what was printed under the old ones is still found to be real.
#[rstest]
#[tokio::test]
async fn a_printed_code_outlives_its_keys(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let order = posted(&citizen, "2023-01").await;
    let issued = voucher(&citizen, &order).await.expect(200);
    let (serial, code) = (word(&issued, "serial"), word(&issued, "verification_code"));
    citizen.get(&format!("/api/v1/orders/{}/documents", order.order_no)).await.expect(200);
    let config = town.config();
    let old_file = std::path::Path::new(&config).with_file_name("keys").join("field.key");
    let old = Secret::new(std::fs::read_to_string(old_file).expect("the field key"));
    let new = |byte: u8| Secret::new(STANDARD.encode([byte; 32]));
    let keys = || FieldKeys::new("k2", &new(7), &new(8)).expect("keys");
    let under = |keys: FieldKeys| {
        let entropy = Arc::new(SystemEntropy::default());
        let cipher = FieldCipher::new(keys, entropy.clone());
        let db = town.parts.db.clone();
        Orders::new(OrderParts {
            people: People::new(db.clone(), cipher.clone(), town.clock.clone(), entropy.clone()),
            db,
            cipher,
            catalogue: town.parts.api.catalogue.clone(),
            directory: town.parts.orders.directory().clone(),
            rules: OrderRules::new(town.url.clone(), *b"SI"),
            clock: town.clock.clone(),
            entropy,
        })
    };
    let changing = under(keys().with_old_key("k1", &old).expect("keys"));
    assert!(changing.check_voucher(serial, code).await.unwrap().is_some());
    assert_eq!(changing.renew_keys(10).await.unwrap(), 3, "a code and two documents");
    assert_eq!(changing.renew_keys(10).await.unwrap(), 0);
    let changed = under(keys());
    let proof = changed.check_voucher(serial, code).await.unwrap().expect("a voucher");
    assert_eq!(proof.content.total, order.amount);
    assert!(changed.check_voucher(serial, "0000-0000").await.unwrap().is_none());
    town.close().await;
}
