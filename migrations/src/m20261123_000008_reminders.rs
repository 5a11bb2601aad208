//! Reminders (提醒): who wants to hear of what, and what waits to be told.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let permissions = Table::create()
            .table("reminder_permissions")
            .col(uuid("account_id"))
            .col(string_len("kind", 16))
            .col(boolean("wanted"))
            // one acceptance is one message
            .col(integer("left_count"))
            .col(big_integer("updated_at_ms"))
            .primary_key(Index::create().col("account_id").col("kind"))
            .to_owned();
        manager.create_table(permissions).await?;
        let reminders = Table::create()
            .table("reminders")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(string_len("kind", 16))
            .col(uuid_null("person_id"))
            .col(string_len("subject", 64))
            // amounts and a masked name
            .col(blob("words_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("page", 255))
            // waiting, sent, declined, skipped or failed
            .col(string_len("state", 16))
            .col(big_integer("due_at_ms"))
            .col(integer("attempts"))
            .col(boolean("in_doubt"))
            // the day in Beijing on which it went out
            .col(string_len_null("sent_on", 10))
            .col(big_integer("noted_at_ms"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        manager.create_table(reminders).await?;
        let once = Index::create()
            .name("reminders_occasion")
            .table("reminders")
            .col("account_id")
            .col("kind")
            .col("subject")
            .unique()
            .to_owned();
        manager.create_index(once).await?;
        let due = Index::create()
            .name("reminders_due")
            .table("reminders")
            .col("state")
            .col("due_at_ms")
            .to_owned();
        manager.create_index(due).await?;
        // Which orders ended since the last look.
        let ended = Index::create()
            .name("orders_state_updated")
            .table("orders")
            .col("state")
            .col("updated_at_ms")
            .to_owned();
        manager.create_index(ended).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ended = Index::drop().name("orders_state_updated").table("orders").to_owned();
        manager.drop_index(ended).await?;
        for table in ["reminders", "reminder_permissions"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
