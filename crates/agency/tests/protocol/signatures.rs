use std::{sync::Arc, time::Duration};

use agency::{Agency, AgencyError, HttpAgency, HttpAgencyConfig};
use kernel::{ControlledClock, Secret};
use ring::{digest, hmac};
use rstest::rstest;

use crate::office::{
    NOW, Office, SECRET, ZHANG_SAN, client, identity, pension, posting, seeded, time, unknown,
};

const BODY: &str = r#"{"agency":"320200-hr","order_no":"2023061510000000000000000001","bill_no":"320200P2023010001"}"#;
const OPERATION: &str = "query-posting";

/// A request as the document tells it, signed by hand.
struct Hand {
    operation: &'static str,
    version: &'static str,
    serial: &'static str,
    time: &'static str,
    signed: &'static str,
    sent: String,
}

impl Default for Hand {
    fn default() -> Hand {
        Hand {
            operation: OPERATION,
            version: "1",
            serial: "Q1",
            time: NOW,
            signed: BODY,
            sent: BODY.into(),
        }
    }
}

/// Status, code and whether the answer is signed.
async fn told(office: &Office, hand: Hand) -> (u16, String, bool) {
    let hash = hex::encode(digest::digest(&digest::SHA256, hand.signed.as_bytes()));
    let text = format!(
        "{}\nPOST\n/agency/v1/{OPERATION}\ncity-services\n{}\n{}\n{hash}\n",
        hand.version, hand.serial, hand.time
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hex::encode(hmac::sign(&key, text.as_bytes()));
    let response = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .post(format!("{}/agency/v1/{}", office.base_url, hand.operation))
        .header("agency-version", hand.version)
        .header("agency-institution", "city-services")
        .header("agency-serial", hand.serial)
        .header("agency-time", hand.time)
        .header("agency-signature", signature)
        .body(hand.sent)
        .send()
        .await
        .expect("an answer");
    let status = response.status().as_u16();
    let signed = response.headers().contains_key("agency-signature");
    let body: serde_json::Value = response.json().await.expect("JSON");
    let code = body["code"].as_str().or(body["state"].as_str()).unwrap_or_default().to_owned();
    (status, code, signed)
}

#[tokio::test]
async fn a_request_signed_by_hand_is_answered() {
    let office = Office::open().await;
    assert_eq!(told(&office, Hand::default()).await, (200, "not_posted".into(), true));
}

#[tokio::test]
async fn every_flipped_byte_of_the_body_is_refused_without_a_signature() {
    let office = Office::open().await;
    for position in (0..BODY.len()).step_by(7) {
        let mut bytes = BODY.as_bytes().to_vec();
        bytes[position] ^= 1;
        let sent = String::from_utf8(bytes).expect("text");
        let answer = told(&office, Hand { sent, ..Hand::default() }).await;
        assert_eq!(answer, (401, "BAD_SIGNATURE".into(), false), "byte {position}");
    }
}

#[tokio::test]
async fn a_signature_is_good_for_one_operation() {
    let office = Office::open().await;
    let answer = told(&office, Hand { operation: "unlock-bills", ..Hand::default() }).await;
    assert_eq!(answer, (401, "BAD_SIGNATURE".into(), false));
}

#[rstest]
#[case::just_in("2023-06-15T09:55:00+08:00", 200, "not_posted")]
#[case::stale("2023-06-15T09:54:59+08:00", 401, "CLOCK_SKEW")]
#[case::early("2023-06-15T10:05:01+08:00", 401, "CLOCK_SKEW")]
#[case::another_zone("2023-06-15T02:00:00Z", 200, "not_posted")]
#[case::no_time("yesterday", 400, "BAD_REQUEST")]
#[tokio::test]
async fn a_request_is_good_for_five_minutes(
    #[case] time: &'static str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let office = Office::open().await;
    let answer = told(&office, Hand { time, ..Hand::default() }).await;
    assert_eq!(answer, (status, code.into(), true));
}

#[rstest]
#[case::version(Hand { version: "2", ..Hand::default() })]
#[case::serial(Hand { serial: "with blank", ..Hand::default() })]
#[case::no_json(Hand { signed: "{", sent: "{".into(), ..Hand::default() })]
#[case::unknown_field(Hand {
    signed: r#"{"agency":"320200-hr","order":"1"}"#,
    sent: r#"{"agency":"320200-hr","order":"1"}"#.into(),
    ..Hand::default()
})]
#[tokio::test]
async fn what_is_no_request_of_the_protocol_is_told_so_with_a_signature(#[case] hand: Hand) {
    let office = Office::open().await;
    assert_eq!(told(&office, hand).await, (400, "BAD_REQUEST".into(), true));
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_configuration_and_books_nothing() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    let secret = "another-secret-of-32-characters!";
    let client = client(&office.base_url, secret, office.clock.clone(), Duration::from_secs(8));
    let answer = client.query_insured(&pension(), &identity(ZHANG_SAN)).await;
    assert_eq!(answer, Err(AgencyError::Misconfigured("BAD_SIGNATURE".into())));
    // Nobody vouches for the refusal of a posting, so it stays a doubt until somebody looks.
    assert_eq!(client.post_payment(&posting(1, bill)).await, unknown("unsigned answer"));
    assert_eq!(office.book.postings(), []);
}

#[tokio::test]
async fn an_unknown_institution_is_a_matter_of_configuration() {
    let office = Office::open().await;
    let config = HttpAgencyConfig {
        base_url: office.base_url.clone(),
        institution: "somebody-else".into(),
        secret: Secret::new(SECRET),
    };
    let client = HttpAgency::new(config, office.clock.clone(), seeded()).expect("a client");
    let answer = client.query_insured(&pension(), &identity(ZHANG_SAN)).await;
    assert_eq!(answer, Err(AgencyError::Misconfigured("UNKNOWN_INSTITUTION".into())));
}

#[tokio::test]
async fn clocks_apart_are_a_matter_of_configuration() {
    let office = Office::open().await;
    let slow = Arc::new(ControlledClock::at(time("2023-06-15T09:50:00+08:00")));
    let client = client(&office.base_url, SECRET, slow, Duration::from_secs(8));
    let answer = client.query_insured(&pension(), &identity(ZHANG_SAN)).await;
    assert_eq!(answer, Err(AgencyError::Misconfigured("CLOCK_SKEW".into())));
}

#[rstest]
#[case::no_address("not an address", "city-services", SECRET)]
#[case::other_scheme("ftp://127.0.0.1", "city-services", SECRET)]
#[case::query("http://127.0.0.1/?a=b", "city-services", SECRET)]
#[case::password("http://user:password@127.0.0.1", "city-services", SECRET)]
#[case::no_institution("http://127.0.0.1", "", SECRET)]
#[case::line_end("http://127.0.0.1", "city\nservices", SECRET)]
#[case::short_secret("http://127.0.0.1", "city-services", "short")]
#[test]
fn a_configuration_that_cannot_work_is_refused_at_the_start(
    #[case] base_url: &str,
    #[case] institution: &str,
    #[case] secret: &str,
) {
    let config = HttpAgencyConfig {
        base_url: base_url.into(),
        institution: institution.into(),
        secret: Secret::new(secret),
    };
    let clock = Arc::new(ControlledClock::at(time(NOW)));
    let error = HttpAgency::new(config, clock, seeded()).expect_err("a refusal");
    assert!(matches!(error, AgencyError::Misconfigured(_)), "{error}");
    assert!(!error.to_string().contains("password"));
}

#[tokio::test]
async fn a_base_address_may_have_a_path_of_its_own() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::path("/social/agency/v1/query-insured"))
        .respond_with(wiremock::ResponseTemplate::new(503))
        .expect(1)
        .mount(&server)
        .await;
    let clock = Arc::new(ControlledClock::at(time(NOW)));
    let base_url = format!("{}/social/", server.uri());
    let client = client(&base_url, SECRET, clock, Duration::from_secs(8));
    let answer = client.query_insured(&pension(), &identity(ZHANG_SAN)).await;
    assert_eq!(answer, unknown("status 503"));
}
