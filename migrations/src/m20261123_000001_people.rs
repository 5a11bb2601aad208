//! Accounts, insured persons and consents. Personal data is sealed from this first migration on.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A platform's name for a person in one mini-program: sealed to be used, hashed to be found.
        let accounts = Table::create()
            .table("accounts")
            .col(pk_uuid("id"))
            .col(string_len("channel", 16))
            .col(string_len("app_id", 64))
            .col(string_len("id_kind", 16))
            .col(blob("external_id_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("external_id_hash", 64))
            .col(string_len("hash_key_id", 64))
            .col(big_integer("created_at_ms"))
            .col(big_integer("last_login_at_ms"))
            .to_owned();
        manager.create_table(accounts).await?;
        let one_account = Index::create()
            .name("accounts_external_id")
            .table("accounts")
            .col("channel")
            .col("app_id")
            .col("id_kind")
            .col("external_id_hash")
            .unique()
            .to_owned();
        manager.create_index(one_account).await?;

        let persons = Table::create()
            .table("insured_persons")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            // self or other: whether the account's owner is the insured person
            .col(string_len("relation", 16))
            .col(string_len("document_kind", 32))
            .col(blob("document_sealed"))
            .col(blob("name_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("document_hash", 64))
            .col(string_len("hash_key_id", 64))
            .col(big_integer("created_at_ms"))
            .col(big_integer_null("removed_at_ms"))
            .foreign_key(
                ForeignKey::create()
                    .from("insured_persons", "account_id")
                    .to("accounts", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .to_owned();
        manager.create_table(persons).await?;
        let one_person = Index::create()
            .name("insured_persons_document")
            .table("insured_persons")
            .col("account_id")
            .col("document_kind")
            .col("document_hash")
            .unique()
            .cond_where(Expr::col("removed_at_ms").is_null())
            .to_owned();
        manager.create_index(one_person).await?;

        let consents = Table::create()
            .table("consents")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(uuid("person_id"))
            .col(string_len("purpose", 32))
            // which wording the person agreed to
            .col(string_len("text_version", 32))
            .col(big_integer("given_at_ms"))
            .col(big_integer_null("withdrawn_at_ms"))
            .foreign_key(
                ForeignKey::create()
                    .from("consents", "person_id")
                    .to("insured_persons", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .to_owned();
        manager.create_table(consents).await?;
        let by_person = Index::create()
            .name("consents_person")
            .table("consents")
            .col("person_id")
            .col("purpose")
            .to_owned();
        manager.create_index(by_person).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["consents", "insured_persons", "accounts"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
