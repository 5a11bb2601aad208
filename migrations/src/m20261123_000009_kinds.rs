//! What a bill is for: contributions, missed months, money for a card's account. Kept with the frozen
//! bill and with its posting, so that records and the journal never mix them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["order_bills", "postings"] {
            let kind = Table::alter()
                .table(table)
                .add_column(string_len("kind", 16).default("regular"))
                .to_owned();
            manager.alter_table(kind).await?;
        }
        // whose yearly amount a residents' bill is: code and name as the agency gave them
        let category =
            Table::alter().table("order_bills").add_column(text_null("category_json")).to_owned();
        manager.alter_table(category).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in
            [("order_bills", "category_json"), ("postings", "kind"), ("order_bills", "kind")]
        {
            let dropped = Table::alter().table(table).drop_column(column).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}
