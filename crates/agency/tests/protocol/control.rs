use agency::Objection;
use kernel::Insurance;
use serde_json::{Value, json};

use crate::office::{Office, ZHANG_SAN, no, unknown};

async fn send(office: &Office, path: &str, body: Value) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}{path}", office.base_url);
    client.post(url).json(&body).send().await.expect("an answer").status().as_u16()
}

async fn look(office: &Office, path: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}{path}", office.base_url);
    client.get(url).send().await.expect("an answer").json().await.expect("JSON")
}

#[tokio::test]
async fn faults_are_ordered_in_json() {
    let office = Office::open().await;
    let refuse = json!({"operation": "query-bills", "fault": "refuse", "code": "MAINTENANCE"});
    assert_eq!(send(&office, "/agency/faults", refuse).await, 204);
    let fault = json!({"fault": "http500", "times": 1});
    assert_eq!(send(&office, "/agency/faults", fault).await, 204);
    assert_eq!(look(&office, "/agency/faults").await.as_array().map(Vec::len), Some(2));
    let bills = || office.bills(ZHANG_SAN, Insurance::Pension);
    assert_eq!(bills().await, no(Objection::Maintenance));
    assert_eq!(bills().await, unknown("status 500"));
    assert!(bills().await.is_ok());
    assert_eq!(send(&office, "/agency/faults", json!({"fault": "earthquake"})).await, 400);
}

#[tokio::test]
async fn bills_and_people_can_be_changed_by_hand() {
    let office = Office::open().await;
    let bill_no = "320200P2023010001";
    let change = json!({"bill_no": bill_no, "amount": "900.00"});
    assert_eq!(send(&office, "/agency/bills/change", change).await, 204);
    assert_eq!(office.pension_bills(ZHANG_SAN).await[0].amount.to_string(), "900.00");
    let elsewhere = json!({ "bill_no": bill_no });
    assert_eq!(send(&office, "/agency/bills/pay-elsewhere", elsewhere.clone()).await, 204);
    assert_eq!(send(&office, "/agency/bills/pay-elsewhere", elsewhere).await, 409);
    let missing = json!({"bill_no": "none"});
    assert_eq!(send(&office, "/agency/bills/pay-elsewhere", missing).await, 404);

    let person = json!({"document_number": "320213190001010380", "name": "林三"});
    assert_eq!(send(&office, "/agency/people", person.clone()).await, 201);
    assert_eq!(send(&office, "/agency/people", person).await, 409);
    assert_eq!(office.pension_bills(("320213190001010380", "林三")).await.len(), 12);
}

#[tokio::test]
async fn postings_are_shown() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    office.post(1, bill).await.expect("a posting");
    let postings = look(&office, "/agency/postings").await;
    assert_eq!(postings[0]["amount"], "898.80");
    assert_eq!(postings[0]["reversed"], false);
}
