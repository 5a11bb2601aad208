//! Several names for one account: while an application moves from Alipay's user ids to open ids, one
//! person has both. Names leave the accounts for a table of their own, whose unique index decides whose
//! a name is; accounts that turn out to be one person's are united.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What a name has, and an account had until now.
const OF_A_NAME: [&str; 5] =
    ["id_kind", "external_id_sealed", "key_id", "external_id_hash", "hash_key_id"];

fn one_name(index: &'static str, table: &'static str) -> IndexCreateStatement {
    Index::create()
        .name(index)
        .table(table)
        .col("channel")
        .col("app_id")
        .col("id_kind")
        .col("external_id_hash")
        .unique()
        .to_owned()
}

fn index(name: &'static str, table: &'static str, column: &'static str) -> IndexCreateStatement {
    Index::create().name(name).table(table).col(column).to_owned()
}

fn of_account(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "account_id")
        .to("accounts", "id")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let names = Table::create()
            .table("account_names")
            // the account's own id for its first name
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(string_len("channel", 16))
            .col(string_len("app_id", 64))
            .col(string_len("id_kind", 16))
            .col(blob("external_id_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("external_id_hash", 64))
            .col(string_len("hash_key_id", 64))
            .col(big_integer("created_at_ms"))
            // when a login last gave it as the name that the platform takes; 0: never
            .col(big_integer("payer_at_ms"))
            .foreign_key(&mut of_account("account_names"))
            .to_owned();
        manager.create_table(names).await?;
        manager.create_index(one_name("account_names_external_id", "account_names")).await?;
        manager.create_index(index("account_names_account", "account_names", "account_id")).await?;
        // An erased account has no name any more.
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO account_names (id, account_id, channel, app_id, id_kind,
                     external_id_sealed, key_id, external_id_hash, hash_key_id, created_at_ms,
                     payer_at_ms)
                 SELECT id, id, channel, app_id, id_kind, external_id_sealed, key_id,
                     external_id_hash, hash_key_id, created_at_ms, last_login_at_ms
                 FROM accounts WHERE erased_at_ms IS NULL",
            )
            .await?;
        let dropped = Index::drop().name("accounts_external_id").table("accounts").to_owned();
        manager.drop_index(dropped).await?;
        for column in OF_A_NAME {
            let dropped = Table::alter().table("accounts").drop_column(column).to_owned();
            manager.alter_table(dropped).await?;
        }
        // the account of the same person into which this one went, with everything it had
        let united = uuid_null("united_into");
        manager.alter_table(Table::alter().table("accounts").add_column(united).to_owned()).await?;
        manager.create_index(index("accounts_united_into", "accounts", "united_into")).await?;

        // What happened to an account's names; only ever added to.
        let changes = Table::create()
            .table("account_changes")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            // named, payer_name or united
            .col(string_len("change", 16))
            .col(string_len_null("id_kind", 16))
            .col(uuid_null("other_account_id"))
            .col(big_integer("at_ms"))
            .foreign_key(&mut of_account("account_changes"))
            .to_owned();
        manager.create_table(changes).await?;
        manager
            .create_index(index("account_changes_account", "account_changes", "account_id"))
            .await
    }

    /// A program of before knows one name for an account: the first one, and for an account that took
    /// others over the newest besides. Unions stay.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("account_changes").to_owned()).await?;
        let dropped = Index::drop().name("accounts_united_into").table("accounts").to_owned();
        manager.drop_index(dropped).await?;
        let united = Table::alter().table("accounts").drop_column("united_into").to_owned();
        manager.alter_table(united).await?;
        for column in [
            string_len("id_kind", 16).default("open_id"),
            blob("external_id_sealed").default(Expr::cust("''")),
            string_len("key_id", 64).default(""),
            string_len("external_id_hash", 64).default(""),
            string_len("hash_key_id", 64).default(""),
        ] {
            let added = Table::alter().table("accounts").add_column(column).to_owned();
            manager.alter_table(added).await?;
        }
        let db = manager.get_connection();
        db.execute_unprepared(
            "UPDATE accounts SET external_id_hash = 'erased:' || CAST(order_of_ids.n AS TEXT)
             FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM accounts) AS order_of_ids
             WHERE accounts.id = order_of_ids.id",
        )
        .await?;
        for column in OF_A_NAME {
            db.execute_unprepared(&format!(
                "UPDATE accounts SET {column} = (
                     SELECT n.{column} FROM account_names n WHERE n.account_id = accounts.id
                     ORDER BY CASE WHEN n.id = n.account_id THEN 0 ELSE 1 END, n.payer_at_ms DESC
                     LIMIT 1)
                 WHERE id IN (SELECT account_id FROM account_names)"
            ))
            .await?;
        }
        manager.create_index(one_name("accounts_external_id", "accounts")).await?;
        manager.drop_table(Table::drop().table("account_names").to_owned()).await
    }
}
