//! Whose name an agency knows, acts that need more than a login, and vouchers whose names are gone.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Columns that tables gained, all of them empty in the rows that are there.
fn columns() -> [(&'static str, &'static str, ColumnDef); 6] {
    [
        // an agency has said yes to name and number, so nobody is guessing
        ("insured_persons", "recognised_at_ms", big_integer_null("recognised_at_ms")),
        // what the code or the face is for, when it is for an act: export or erasure
        ("sms_codes", "act", string_len_null("act", 16)),
        ("verifications", "act", string_len_null("act", 16)),
        ("verifications", "used_at_ms", big_integer_null("used_at_ms")),
        // SHA-256 of a content without names; `digest` stays that of the content as issued
        ("vouchers", "blanked_digest", string_len_null("blanked_digest", 64)),
        // which wording was on the screen
        ("reminder_permissions", "text_version", string_len_null("text_version", 32)),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, _, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        // Who did what with more than a login: kept when the account is gone.
        let acts = Table::create()
            .table("acts")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            // export or erasure
            .col(string_len("act", 16))
            // face or sms
            .col(string_len("proof", 16))
            .col(big_integer("at_ms"))
            .to_owned();
        manager.create_table(acts).await?;
        let by_account =
            Index::create().name("acts_account").table("acts").col("account_id").to_owned();
        manager.create_index(by_account).await?;
        let by_age = Index::create().name("acts_age").table("acts").col("at_ms").to_owned();
        manager.create_index(by_age).await?;
        // How often somebody is ordered for, in whatever account.
        let by_person = Index::create()
            .name("orders_person")
            .table("orders")
            .col("person_id")
            .col("created_at_ms")
            .to_owned();
        manager.create_index(by_person).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_person = Index::drop().name("orders_person").table("orders").to_owned();
        manager.drop_index(by_person).await?;
        manager.drop_table(Table::drop().table("acts").to_owned()).await?;
        for (table, name, _) in columns() {
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}
