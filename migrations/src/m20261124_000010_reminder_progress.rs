//! How far the search for occasions has come, and the way to refunds that ended since.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let progress = Table::create()
            .table("reminder_progress")
            .col(string_len("name", 16).primary_key())
            // everything before this moment, or this day, has been looked at …
            .col(big_integer("at_ms"))
            // … and of the moment itself, or of the day, everything up to this row
            .col(uuid_null("row_id"))
            .col(big_integer("leased_until_ms"))
            .to_owned();
        manager.create_table(progress).await?;
        let refunded = Index::create()
            .name("refunds_state_updated")
            .table("refunds")
            .col("state")
            .col("updated_at_ms")
            .to_owned();
        manager.create_index(refunded).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refunded = Index::drop().name("refunds_state_updated").table("refunds").to_owned();
        manager.drop_index(refunded).await?;
        manager.drop_table(Table::drop().table("reminder_progress").to_owned()).await
    }
}
