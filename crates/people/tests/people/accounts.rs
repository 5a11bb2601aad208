use std::{collections::BTreeSet, time::Duration};

use kernel::{AccountId, Channel, Clock, SystemEntropy};
use migrations::{Backend, connect, up};
use people::{AccountKey, PeopleError};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio::task::JoinSet;

use crate::town::{OPENID, Town, second_keys, wechat};

async fn count(db: &DatabaseConnection, table: &str) -> i64 {
    let backend = db.get_database_backend();
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await;
    row.expect("a query").expect("a row").try_get("", "n").expect("a number")
}

#[rstest]
#[tokio::test]
async fn a_person_who_comes_again_has_the_same_account(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let first = town.people.sign_in(&wechat(OPENID)).await.expect("an account");
    let start = town.clock.now();
    assert_eq!((first.created_at, first.last_login_at), (start, start));

    town.clock.advance(Duration::from_secs(60));
    let again = town.people.sign_in(&wechat(OPENID)).await.expect("an account");
    assert_eq!(again.id, first.id);
    assert_eq!((again.created_at, again.last_login_at), (start, town.clock.now()));
    assert_eq!(town.people.account(first.id).await.expect("a read"), Some(again));
}

#[rstest]
#[tokio::test]
async fn the_platforms_name_comes_back_for_the_payment(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let payer = town.people.external_id(account).await.expect("a payer");
    assert_eq!(payer, ("open_id".to_owned(), OPENID.to_owned()));
}

#[rstest]
#[tokio::test]
async fn one_identifier_in_another_place_is_another_account(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let places = [
        wechat(OPENID),
        AccountKey { channel: Channel::Alipay, ..wechat(OPENID) },
        AccountKey { app_id: "wxfedcba9876543210".to_owned(), ..wechat(OPENID) },
        AccountKey { id_kind: "user_id".to_owned(), ..wechat(OPENID) },
    ];
    let mut accounts = BTreeSet::new();
    for place in &places {
        accounts.insert(town.people.sign_in(place).await.expect("an account").id);
    }
    assert_eq!(accounts.len(), places.len());
}

async fn signs_in_many_times_at_once(town: &Town) {
    let mut logins = JoinSet::new();
    for _ in 0..20 {
        let people = town.people.clone();
        logins.spawn(async move { people.sign_in(&wechat(OPENID)).await });
    }
    let accounts: BTreeSet<AccountId> = logins
        .join_all()
        .await
        .into_iter()
        .map(|login| login.expect("every login succeeds").id)
        .collect();
    assert_eq!(accounts.len(), 1);
    assert_eq!(count(&town.db, "accounts").await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn twenty_logins_at_once_make_one_account(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    signs_in_many_times_at_once(&Town::new(backend).await).await;
}

/// In memory SQLite has one connection; a file has several that wait for each other.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_logins_at_once_make_one_account_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("people.sqlite").display());
    let db = connect(&url).await.expect("a database");
    up(&db).await.expect("tables");
    signs_in_many_times_at_once(&Town::on(db)).await;
}

#[rstest]
#[tokio::test]
async fn an_account_from_before_a_change_of_keys_is_found(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let before = town.account(OPENID).await;
    let people = town.with_keys(second_keys());
    assert_eq!(people.sign_in(&wechat(OPENID)).await.expect("an account").id, before);
    assert_eq!(people.external_id(before).await.expect("a payer").1, OPENID);
}

#[rstest]
#[case::empty("open_id", String::new())]
#[case::long("open_id", "o".repeat(129))]
#[case::blank("open_id", "o pen".to_owned())]
#[case::not_ascii("open_id", "王".to_owned())]
#[case::kind("phone", OPENID.to_owned())]
#[tokio::test]
async fn a_malformed_identifier_makes_no_account(#[case] kind: &str, #[case] id: String) {
    let town = Town::new(Backend::Sqlite).await;
    let key = AccountKey { id_kind: kind.to_owned(), external_id: id, ..wechat(OPENID) };
    let error = town.people.sign_in(&key).await.expect_err("a refusal");
    assert!(matches!(error, PeopleError::AccountKey { .. }), "{error}");
    assert_eq!(count(&town.db, "accounts").await, 0);
}

#[tokio::test]
async fn the_longest_identifier_fits() {
    let town = Town::new(Backend::Postgres).await;
    let id = "o".repeat(128);
    let account = town.account(&id).await;
    assert_eq!(town.people.external_id(account).await.expect("a payer").1, id);
}

#[rstest]
#[tokio::test]
async fn an_unknown_account_is_not_found(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let unknown = AccountId::generate(town.clock.now(), &SystemEntropy::default());
    assert_eq!(town.people.account(unknown).await.expect("a read"), None);
    let error = town.people.external_id(unknown).await.expect_err("nobody");
    assert!(matches!(error, PeopleError::AccountNotFound));
}
