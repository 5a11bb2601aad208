//! What somebody sees, and what somebody can do, who has the database but not the keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use migrations::Backend;
use people::{CipherError, PeopleError, Relation};
use ring::digest::{SHA256, digest};
use rstest::rstest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, ExprTrait, Statement,
    sea_query::{Expr, Query, UpdateStatement},
};

use crate::town::{
    NAME, NUMBER, OPENID, OTHER_NUMBER, Town, identity, key, person, second_keys,
    second_keys_alone, wechat,
};

const TABLES: [&str; 4] = ["accounts", "account_names", "insured_persons", "consents"];

async fn texts(db: &DatabaseConnection, sql: String) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.expect("a query");
    let text = |row: &sea_orm::QueryResult| row.try_get::<Option<String>>("", "t").expect("a text");
    rows.iter().filter_map(text).collect()
}

/// Every value of every column of every row, as lower-case hexadecimal of its bytes.
async fn dump(db: &DatabaseConnection, table: &str) -> Vec<String> {
    let sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let columns = if sqlite {
        format!("SELECT name AS t FROM pragma_table_info('{table}')")
    } else {
        format!(
            "SELECT column_name::text AS t FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}'"
        )
    };
    let mut values = Vec::new();
    for column in texts(db, columns).await {
        let sql = if sqlite {
            format!("SELECT lower(hex(CAST({column} AS BLOB))) AS t FROM {table}")
        } else if column.ends_with("_sealed") {
            format!("SELECT encode({column}, 'hex') AS t FROM {table}")
        } else {
            format!("SELECT encode(convert_to({column}::text, 'UTF8'), 'hex') AS t FROM {table}")
        };
        values.extend(texts(db, sql).await);
    }
    values
}

/// The forms in which a careless program leaves a secret behind, as hexadecimal of their bytes.
fn traces(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    [
        secret.to_owned(),
        secret.to_lowercase(),
        hex::encode(bytes),
        STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
        hex::encode(digest(&SHA256, bytes)),
        serde_json::to_string(secret).expect("a text"),
        // only the birth date, only the family name
        secret.chars().skip(6).take(8).collect(),
        secret.chars().take(2).collect::<String>(),
    ]
    .into_iter()
    .filter(|trace| trace.len() >= 6)
    .map(|trace| hex::encode(trace.as_bytes()))
    .collect()
}

#[rstest]
#[tokio::test]
async fn nothing_readable_is_in_any_column(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let added = town.people.add_person(account, person(NAME, NUMBER, Relation::Own)).await;
    let removed =
        town.people.add_person(account, person("王丰", OTHER_NUMBER, Relation::Other)).await;
    added.expect("a person");
    let removed = removed.expect("a person").id;
    town.people.remove_person(account, removed).await.expect("removed");

    let mut looked_at = 0;
    for table in TABLES {
        for value in dump(&town.db, table).await {
            looked_at += 1;
            for secret in [NAME, NUMBER, OPENID, "王丰", OTHER_NUMBER] {
                for trace in traces(secret) {
                    assert!(!value.contains(&trace), "{table} holds {secret}");
                }
            }
        }
    }
    assert!(looked_at > 40, "the scan looked at {looked_at} values only");
    let channel = hex::encode("wechat");
    assert!(dump(&town.db, "accounts").await.contains(&channel), "the scan reads plain columns");
}

#[rstest]
#[tokio::test]
async fn a_row_is_found_by_its_keyed_hash_alone(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let sql = "SELECT external_id_hash AS t FROM account_names".to_owned();
    let hashes = texts(&town.db, sql).await;
    assert_eq!(hashes.len(), 1);
    assert_eq!(hashes[0].len(), 64);

    let unsealed = Query::update()
        .table("account_names")
        .value("external_id_sealed", b"not to be opened".to_vec())
        .to_owned();
    run(&town.db, unsealed).await;
    assert_eq!(town.account(OPENID).await, account);
}

async fn run(db: &DatabaseConnection, update: UpdateStatement) {
    let done = db.execute(&update).await.expect("an update");
    assert!(done.rows_affected() > 0, "the update found its row");
}

fn assert_does_not_open(error: PeopleError, column: &str) {
    match error {
        PeopleError::Sealed { column: named, cause: CipherError::DoesNotOpen, .. } => {
            assert_eq!(named, column);
        }
        other => panic!("{other}"),
    }
}

#[rstest]
#[case("document_sealed")]
#[case("name_sealed")]
#[tokio::test]
async fn a_field_copied_from_another_person_is_refused(
    #[case] column: &'static str,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let from = town.people.add_person(account, person(NAME, NUMBER, Relation::Other)).await;
    let to = town.people.add_person(account, person("王丰", OTHER_NUMBER, Relation::Other)).await;
    let (from, to) = (from.expect("a person").id, to.expect("a person").id);

    let select = Query::select()
        .column(column)
        .from("insured_persons")
        .and_where(Expr::col("id").eq(from.as_uuid()))
        .to_owned();
    let row = town.db.query_one(&select).await.expect("a query").expect("a row");
    let bytes: Vec<u8> = row.try_get("", column).expect("bytes");
    let copy = Query::update()
        .table("insured_persons")
        .value(column, bytes)
        .and_where(Expr::col("id").eq(to.as_uuid()))
        .to_owned();
    run(&town.db, copy).await;

    assert_does_not_open(town.people.person(account, to).await.expect_err("moved"), column);
    assert_does_not_open(town.people.identity_of(account, to).await.expect_err("moved"), column);
    assert_does_not_open(town.people.list_persons(account).await.expect_err("moved"), column);
    town.people.person(account, from).await.expect("the other one is as it was");
}

#[rstest]
#[tokio::test]
async fn a_person_handed_to_another_account_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let owner = town.account(OPENID).await;
    let thief = town.account("oThief").await;
    let id = town.people.add_person(owner, person(NAME, NUMBER, Relation::Own)).await;
    let id = id.expect("a person").id;
    let handed = Query::update()
        .table("insured_persons")
        .value("account_id", thief.as_uuid())
        .and_where(Expr::col("id").eq(id.as_uuid()))
        .to_owned();
    run(&town.db, handed).await;
    let error = town.people.identity_of(thief, id).await.expect_err("moved");
    assert_does_not_open(error, "document_sealed");
}

#[rstest]
#[tokio::test]
async fn a_payer_copied_from_another_account_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    town.account("oThief").await;
    let select = Query::select()
        .column("external_id_sealed")
        .from("account_names")
        .and_where(Expr::col("account_id").ne(account.as_uuid()))
        .to_owned();
    let row = town.db.query_one(&select).await.expect("a query").expect("a row");
    let bytes: Vec<u8> = row.try_get("", "external_id_sealed").expect("bytes");
    let copy = Query::update()
        .table("account_names")
        .value("external_id_sealed", bytes)
        .and_where(Expr::col("account_id").eq(account.as_uuid()))
        .to_owned();
    run(&town.db, copy).await;
    let error = town.people.external_id(account).await.expect_err("moved");
    assert_does_not_open(error, "external_id_sealed");
}

#[tokio::test]
async fn a_row_that_this_program_never_writes_is_named() {
    let town = Town::new(Backend::Sqlite).await;
    let account = town.account(OPENID).await;
    let id = town.people.add_person(account, person(NAME, NUMBER, Relation::Own)).await;
    let id = id.expect("a person").id;
    let changed = Query::update().table("insured_persons").value("relation", "cousin").to_owned();
    run(&town.db, changed).await;
    let error = town.people.person(account, id).await.expect_err("damaged");
    assert_eq!(error.to_string(), format!("insured_persons.relation of row {id} is damaged"));
}

#[rstest]
#[tokio::test]
async fn rows_are_renewed_until_the_old_keys_can_go(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let kept = town.people.add_person(account, person(NAME, NUMBER, Relation::Own)).await;
    let removed = person("王丰", OTHER_NUMBER, Relation::Other);
    let removed = town.people.add_person(account, removed).await.expect("a person").id;
    town.people.remove_person(account, removed).await.expect("removed");
    let kept = kept.expect("a person");

    let alone = town.with_keys(second_keys_alone());
    let error = alone.list_persons(account).await.expect_err("the key is missing");
    let named = "does not open: field key k1 is not configured";
    assert!(error.to_string().ends_with(named), "{error}");

    let both = town.with_keys(second_keys());
    let mut renewed = Vec::new();
    for _ in 0..3 {
        renewed.push(both.renew_keys(1).await.expect("renewed"));
    }
    assert_eq!(renewed, [2, 1, 0], "one account and two persons, one of each at a time");

    assert_eq!(alone.sign_in(&wechat(OPENID)).await.expect("an account").id, account);
    assert_eq!(alone.external_id(account).await.expect("a payer").1, OPENID);
    assert_eq!(alone.list_persons(account).await.expect("a list"), [kept]);
    let posting = alone.identity_for_posting(account, removed).await.expect("an identity");
    assert!(posting == identity("王丰", OTHER_NUMBER));
    for table in ["account_names", "insured_persons"] {
        let sql = format!("SELECT DISTINCT key_id AS t FROM {table}");
        assert_eq!(texts(&town.db, sql).await, ["k2"]);
    }
}

#[test]
fn nothing_prints_what_it_holds() {
    let new = person(NAME, NUMBER, Relation::Own);
    let printed = format!("{:?} {new:?} {:?}", wechat(OPENID), key(1));
    for secret in [NAME, NUMBER, OPENID] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
