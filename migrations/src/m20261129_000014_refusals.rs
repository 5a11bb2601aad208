//! Why a channel did not accept a request to collect.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // payer, limit, balance or other; absent for payments that were refused before it was kept
        let refusal = Table::alter().table("payments").add_column(text_null("refusal")).to_owned();
        manager.alter_table(refusal).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refusal = Table::alter().table("payments").drop_column("refusal").to_owned();
        manager.alter_table(refusal).await
    }
}
