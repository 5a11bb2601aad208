//! What an attempt's create calls left open, and a way to what belongs to an order or a payment that
//! does not read whole tables.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Name, table and column.
const INDEXES: [(&str, &str, &str); 7] = [
    ("payments_order", "payments", "order_id"),
    ("postings_payment", "postings", "payment_id"),
    ("postings_of_bill", "postings", "bill_no"),
    ("refunds_order", "refunds", "order_id"),
    ("jobs_order", "jobs", "order_id"),
    ("cases_order", "cases", "order_id"),
    ("notifications_payment", "notifications", "payment_id"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            // Building an index over years of records takes longer than any act may.
            manager.get_connection().execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        let tried = Table::alter()
            .table("payments")
            // the last time that the channel was asked to create the attempt
            .add_column(big_integer("create_tried_at_ms").default(0))
            .to_owned();
        manager.alter_table(tried).await?;
        let doubts = Table::alter()
            .table("payments")
            // create calls that may have reached the channel and were not answered, or are under way
            .add_column(integer("create_doubts").default(0))
            .to_owned();
        manager.alter_table(doubts).await?;
        // Of earlier attempts nobody knows how often the channel was asked.
        let earlier = "UPDATE payments SET create_tried_at_ms = updated_at_ms, create_doubts = 1";
        manager.get_connection().execute_unprepared(earlier).await?;
        for (name, table, column) in INDEXES {
            let index = Index::create().name(name).table(table).col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for column in ["create_doubts", "create_tried_at_ms"] {
            let dropped = Table::alter().table("payments").drop_column(column).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}
