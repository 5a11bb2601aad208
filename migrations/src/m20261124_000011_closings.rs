//! What a person said when they closed a case.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // all closings, oldest first: a case may be opened again
        let closings =
            Table::alter().table("cases").add_column(text_null("closings_json")).to_owned();
        manager.alter_table(closings).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let closings = Table::alter().table("cases").drop_column("closings_json").to_owned();
        manager.alter_table(closings).await
    }
}
