//! The keys of personal data change: everything is sealed again, and the old ones can go.

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::Channel;
use rstest::rstest;
use serde_json::json;

use crate::town::{Backend, Town, command, insured};

#[rstest]
#[tokio::test]
async fn everything_is_sealed_again_and_the_old_keys_can_go(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    citizen.get(&format!("/api/v1/orders/{}/voucher", order.order_no)).await.expect(200);
    let path = format!("/api/v1/orders/{}/objections", order.order_no);
    let wish = json!({ "reason": "other", "evidence_text": "回执上的金额不同" });
    citizen.post(&path, &wish).await.expect(201);

    let path = town.config();
    let folder = std::path::Path::new(&path).parent().expect("a folder");
    let before = std::fs::read_to_string(&path).expect("the configuration");
    for (name, byte) in [("new_field.key", 7), ("new_lookup.key", 8)] {
        std::fs::write(folder.join("keys").join(name), STANDARD.encode([byte; 32])).expect("a key");
    }
    let changed = before
        .replace(r#"field_key_id = "k1""#, r#"field_key_id = "k2""#)
        .replace("keys/field.key", "keys/new_field.key")
        .replace("keys/lookup.key", "keys/new_lookup.key");
    assert_ne!(changed, before);
    let both = changed.replace(
        r#"field_key_id = "k2""#,
        "field_key_id = \"k2\"\nold_field_keys = [{ id = \"k1\", file = \"keys/field.key\" }]\n\
         old_lookup_key_files = [\"keys/lookup.key\"]",
    );
    std::fs::write(&path, both).expect("a configuration");
    let renew = async || {
        let ended = command(&["renew-keys", "--config", &path]).await;
        let complaint = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{complaint}");
        String::from_utf8_lossy(&ended.stdout).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(renew().await, "sealed again: 2 of people, 2 of orders");
    assert_eq!(renew().await, "sealed again: 0 of people, 0 of orders");
    for (table, column) in [
        ("account_names", "key_id"),
        ("insured_persons", "key_id"),
        ("vouchers", "key_id"),
        ("disputes", "evidence_key_id"),
    ] {
        let keys = town.column(&format!("SELECT DISTINCT {column} FROM {table}")).await;
        assert_eq!(keys, ["k2"], "{table}");
    }

    std::fs::write(&path, changed).expect("a configuration");
    let ended = command(&["objections", "--config", &path]).await;
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(told.contains("回执上的金额不同"), "{told}");
    town.close().await;
}
