//! Alipay's two kinds of names: a person stays one account through the move from one to the other.

use std::{collections::BTreeSet, time::Duration};

use kernel::{AccountId, Channel, Secret};
use migrations::{Backend, begin_write, connect, down, up};
use people::{AccountKey, MobileSource, PeopleError, Purpose, Relation, SignIn};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio::task::JoinSet;

use crate::town::{NAME, NUMBER, OTHER_NUMBER, Town, person, second_keys, second_keys_alone};

const USER_ID: &str = "2088123412341234";
const OPEN_ID: &str = "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5";

fn name(id_kind: &str, external_id: &str) -> AccountKey {
    AccountKey {
        channel: Channel::Alipay,
        app_id: "2021000000000001".to_owned(),
        id_kind: id_kind.to_owned(),
        external_id: external_id.to_owned(),
    }
}

fn user_id() -> AccountKey {
    name("user_id", USER_ID)
}

fn open_id() -> AccountKey {
    name("open_id", OPEN_ID)
}

/// A login in one of the application's three modes.
#[derive(Clone, Copy, Debug)]
enum Mode {
    UserId,
    Both,
    OpenId,
}

async fn login(people: &people::People, mode: Mode) -> SignIn {
    let (user_id, open_id) = (user_id(), open_id());
    let found = match mode {
        Mode::UserId => people.sign_in_under(&user_id, None).await,
        Mode::Both => people.sign_in_under(&open_id, Some(&user_id)).await,
        Mode::OpenId => people.sign_in_under(&open_id, None).await,
    };
    found.expect("a login")
}

async fn account(town: &Town, mode: Mode) -> AccountId {
    match login(&town.people, mode).await {
        SignIn::Account { account, .. } => account.id,
        SignIn::Two { .. } => panic!("two accounts"),
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let text = |row: sea_orm::QueryResult| row.try_get::<String>("", "t").expect("a text");
    rows.expect("a query").into_iter().map(text).collect()
}

async fn changes(town: &Town) -> Vec<String> {
    let sql = "SELECT change || ' ' || COALESCE(id_kind, '') AS t FROM account_changes
        ORDER BY at_ms, change";
    texts(&town.db, sql).await
}

#[rstest]
#[tokio::test]
async fn an_account_lives_through_the_move_from_user_ids_to_open_ids(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let first = account(&town, Mode::UserId).await;
    let taken = async || town.people.external_id(first).await.expect("a payer");
    assert_eq!(taken().await, ("user_id".to_owned(), USER_ID.to_owned()));
    assert_eq!(account(&town, Mode::Both).await, first);
    assert_eq!(taken().await, ("open_id".to_owned(), OPEN_ID.to_owned()));
    assert_eq!(account(&town, Mode::OpenId).await, first);
    assert_eq!(taken().await, ("open_id".to_owned(), OPEN_ID.to_owned()));
    assert_eq!(changes(&town).await, ["named open_id", "payer_name open_id"]);
}

#[rstest]
#[tokio::test]
async fn an_application_may_fall_back_to_user_ids(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let first = account(&town, Mode::Both).await;
    assert_eq!(account(&town, Mode::UserId).await, first);
    assert_eq!(town.people.external_id(first).await.expect("a payer").1, USER_ID);
}

#[tokio::test]
async fn a_refused_kind_gives_way_to_the_other_one_where_it_is_known() {
    let town = Town::new(Backend::Sqlite).await;
    let first = account(&town, Mode::Both).await;
    let other = async |refused| town.people.use_other_name(first, refused).await.expect("a look");
    assert!(other("open_id").await);
    assert_eq!(town.people.external_id(first).await.expect("a payer").1, USER_ID);
    assert!(other("open_id").await, "asked twice, changed once");
    assert_eq!(changes(&town).await, ["payer_name user_id"]);

    let town = Town::new(Backend::Sqlite).await;
    let alone = account(&town, Mode::UserId).await;
    assert!(!town.people.use_other_name(alone, "user_id").await.expect("a look"));
}

async fn signs_in_in_two_modes_at_once(town: &Town) {
    let mut logins = JoinSet::new();
    for count in 0..20 {
        let people = town.people.clone();
        let mode = if count % 2 == 0 { Mode::UserId } else { Mode::Both };
        logins.spawn(async move { login(&people, mode).await });
    }
    let accounts: BTreeSet<AccountId> = logins
        .join_all()
        .await
        .into_iter()
        .map(|found| match found {
            SignIn::Account { account, .. } => account.id,
            SignIn::Two { .. } => panic!("two accounts"),
        })
        .collect();
    assert_eq!(accounts.len(), 1);
    let names = texts(&town.db, "SELECT id_kind AS t FROM account_names ORDER BY id_kind").await;
    assert_eq!(names, ["open_id", "user_id"]);
}

/// While Alipay moves an application, some logins bring both names and some one.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_logins_with_one_name_and_with_both_make_one_account() {
    signs_in_in_two_modes_at_once(&Town::new(Backend::Postgres).await).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("people.sqlite").display());
    let db = connect(&url).await.expect("a database");
    up(&db).await.expect("tables");
    signs_in_in_two_modes_at_once(&Town::on(db)).await;
}

#[tokio::test]
async fn both_names_must_be_of_one_application() {
    let town = Town::new(Backend::Sqlite).await;
    let elsewhere = AccountKey { app_id: "2021000000000002".to_owned(), ..user_id() };
    let error = town.people.sign_in_under(&open_id(), Some(&elsewhere)).await;
    assert!(matches!(error, Err(PeopleError::AccountKey { .. })), "{error:?}");
}

/// Two accounts that logged in before both names were told, the user id's first.
async fn two_accounts(town: &Town) -> [AccountId; 2] {
    let older = account(town, Mode::UserId).await;
    town.clock.advance(Duration::from_secs(60));
    let younger = account(town, Mode::OpenId).await;
    assert_ne!(older, younger);
    [older, younger]
}

async fn unite(town: &Town, kept: AccountId, absorbed: AccountId) -> Vec<(String, String)> {
    let txn = begin_write(&town.db).await.expect("a transaction");
    let same = town.people.absorb(&txn, kept, absorbed).await.expect("a union");
    txn.commit().await.expect("a commit");
    let same = same.unwrap_or_default().into_iter();
    same.map(|(gone, stays)| (gone.to_string(), stays.to_string())).collect()
}

#[rstest]
#[tokio::test]
async fn two_accounts_of_one_person_become_the_older_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let [older, younger] = two_accounts(&town).await;
    let two = SignIn::Two { kept: older, absorbed: younger };
    assert_eq!(login(&town.people, Mode::Both).await, two);
    unite(&town, older, younger).await;
    match login(&town.people, Mode::Both).await {
        SignIn::Account { account, absorbed } => {
            assert_eq!((account.id, absorbed), (older, vec![younger]));
        }
        SignIn::Two { .. } => panic!("still two"),
    }
    for mode in [Mode::UserId, Mode::OpenId] {
        assert_eq!(account(&town, mode).await, older, "{mode:?}");
    }
    assert_eq!(town.people.account(younger).await.expect("a read"), None);
    let error = town.people.external_id(younger).await.expect_err("it is gone");
    assert!(matches!(error, PeopleError::AccountNotFound));
    assert!(changes(&town).await.contains(&"united ".to_owned()));
    assert_eq!(unite(&town, older, younger).await, [], "told twice, done once");
}

#[rstest]
#[tokio::test]
async fn a_union_keeps_every_person_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let [older, younger] = two_accounts(&town).await;
    let add = async |account, name, number, relation| {
        town.people.add_person(account, person(name, number, relation)).await.expect("a person").id
    };
    let kept = add(older, NAME, NUMBER, Relation::Own).await;
    let twin = add(younger, NAME, NUMBER, Relation::Own).await;
    let family = add(younger, "王丰", OTHER_NUMBER, Relation::Other).await;
    let same = unite(&town, older, younger).await;
    assert_eq!(same, [(twin.to_string(), kept.to_string())]);
    let listed = town.people.list_persons(older).await.expect("persons");
    let ids: BTreeSet<_> = listed.iter().map(|person| person.id).collect();
    assert_eq!(ids, BTreeSet::from([kept, family]));
    let identity = town.people.identity_of(older, family).await.expect("sealed for its new place");
    assert_eq!(identity.name.as_str(), "王丰");
    let consents = town.people.list_consents(older).await.expect("consents");
    let of_kept = consents.iter().filter(|given| given.person == kept);
    assert!(of_kept.clone().all(|given| given.withdrawn_at.is_none()));
    assert_eq!(of_kept.filter(|given| given.purpose == Purpose::PayForSelf).count(), 2);
    assert!(town.people.list_persons(younger).await.expect("persons").is_empty());
}

#[tokio::test]
async fn one_document_under_two_names_stays_twice_for_its_orders() {
    let town = Town::new(Backend::Sqlite).await;
    let [older, younger] = two_accounts(&town).await;
    let add = async |account, name| {
        let new = person(name, NUMBER, Relation::Other);
        town.people.add_person(account, new).await.expect("a person").id
    };
    let kept = add(older, NAME).await;
    let differs = add(younger, "王丰").await;
    assert_eq!(unite(&town, older, younger).await, [], "nothing is taken for the other");
    let listed = town.people.list_persons(older).await.expect("persons");
    assert_eq!(listed.iter().map(|person| person.id).collect::<Vec<_>>(), [kept]);
    let posted = town.people.identity_for_posting(older, differs).await.expect("under way");
    assert_eq!(posted.name.as_str(), "王丰");
}

#[tokio::test]
async fn nobody_is_two_persons_after_a_union() {
    let town = Town::new(Backend::Sqlite).await;
    let [older, younger] = two_accounts(&town).await;
    for (account, number) in [(older, NUMBER), (younger, OTHER_NUMBER)] {
        let new = person(NAME, number, Relation::Own);
        town.people.add_person(account, new).await.expect("a person");
    }
    unite(&town, older, younger).await;
    let listed = town.people.list_persons(older).await.expect("persons");
    let mut relations: Vec<&str> = listed.iter().map(|person| person.relation.code()).collect();
    relations.sort_unstable();
    assert_eq!(relations, ["other", "self"]);
}

#[tokio::test]
async fn a_telephone_comes_along_where_there_is_none() {
    let town = Town::new(Backend::Sqlite).await;
    let [older, younger] = two_accounts(&town).await;
    let number = people::Mobile::parse("13812345678").expect("a number");
    let envelope = Secret::new("envelope");
    let bind = town.people.bind_mobile(younger, number, MobileSource::Alipay, Some(&envelope));
    bind.await.expect("bound");
    unite(&town, older, younger).await;
    let bound = town.people.mobile(older).await.expect("a read").expect("a number");
    assert_eq!(
        (bound.number.masked().as_str(), bound.source),
        ("138****5678", MobileSource::Alipay)
    );
    assert_eq!(town.people.mobile(younger).await.expect("a read"), None);
}

#[rstest]
#[tokio::test]
async fn names_are_renewed_under_new_keys(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let [older, younger] = two_accounts(&town).await;
    unite(&town, older, younger).await;
    let people = town.with_keys(second_keys());
    assert_eq!(people.renew_keys(10).await.expect("renewed"), 2);
    assert_eq!(people.renew_keys(10).await.expect("renewed"), 0);
    let alone = town.with_keys(second_keys_alone());
    for mode in [Mode::UserId, Mode::OpenId] {
        match login(&alone, mode).await {
            SignIn::Account { account, .. } => assert_eq!(account.id, older, "{mode:?}"),
            SignIn::Two { .. } => panic!("two accounts"),
        }
    }
}

#[tokio::test]
async fn a_name_that_changed_its_place_with_another_is_refused() {
    let town = Town::new(Backend::Sqlite).await;
    let first = account(&town, Mode::Both).await;
    let swapped = "UPDATE account_names SET id_kind =
        CASE id_kind WHEN 'open_id' THEN 'user_id' ELSE 'open_id' END";
    town.db.execute_unprepared(swapped).await.expect("an update");
    let error = town.people.external_id(first).await.expect_err("an open id is no user id");
    assert!(matches!(error, PeopleError::Damaged { .. }), "{error}");
}

/// What was written before accounts had several names is found afterwards, and the other way round.
#[rstest]
#[tokio::test]
async fn an_account_survives_the_tables_of_before(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let first = account(&town, Mode::UserId).await;
    let gone = town.account("oErased").await;
    town.people.erase_account(gone).await.expect("erased");
    down(&town.db, 1).await.expect("the tables of before");
    let hashes = texts(&town.db, "SELECT external_id_hash AS t FROM accounts ORDER BY id").await;
    assert_eq!(hashes.len(), 2);
    up(&town.db).await.expect("the tables of now");
    assert_eq!(account(&town, Mode::UserId).await, first);
    assert_eq!(town.people.external_id(first).await.expect("a payer").1, USER_ID);
}
