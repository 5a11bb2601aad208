//! Disputes (异议): what a citizen says is not right about an order, and what a person answers.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let disputes = Table::create()
            .table("disputes")
            .col(pk_uuid("id"))
            .col(uuid("order_id"))
            .col(string_len("order_no", 32))
            .col(uuid("account_id"))
            .col(string_len("reason", 32))
            // submitted, answered or withdrawn
            .col(string_len("state", 16))
            .col(boolean("late"))
            .col(blob("evidence_sealed"))
            .col(string_len("evidence_key_id", 64))
            .col(string_len_null("outcome", 32))
            .col(blob_null("answer_sealed"))
            .col(string_len_null("answer_key_id", 64))
            .col(big_integer_null("answered_at_ms"))
            .col(big_integer("submitted_at_ms"))
            .col(big_integer("updated_at_ms"))
            .foreign_key(
                ForeignKey::create()
                    .name("disputes_order")
                    .from("disputes", "order_id")
                    .to("orders", "id"),
            )
            .to_owned();
        manager.create_table(disputes).await?;
        let of_account =
            Index::create().name("disputes_account").table("disputes").col("account_id").to_owned();
        manager.create_index(of_account).await?;
        // One at a time: the open one is answered first.
        let one_open = Index::create()
            .name("disputes_open")
            .table("disputes")
            .col("order_id")
            .unique()
            .cond_where(Expr::col("state").eq("submitted"))
            .to_owned();
        manager.create_index(one_open).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("disputes").to_owned()).await
    }
}
