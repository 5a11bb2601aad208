//! Refunds: money on its way back through the channel. The number and the request are fixed before
//! the first try and never change.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let refunds = Table::create()
            .table("refunds")
            .col(pk_uuid("id"))
            .col(uuid("order_id"))
            .col(uuid("payment_id"))
            .col(string_len_uniq("out_refund_no", 32))
            .col(big_integer("amount_fen"))
            // why the money goes back
            .col(string_len("cause", 32))
            // the bill that it was for; absent when the whole payment goes back
            .col(string_len_null("bill_no", 64))
            .col(text("request"))
            .col(string_len("state", 16))
            .col(big_integer_null("refunded_at_ms"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .foreign_key(
                ForeignKey::create()
                    .from("refunds", "order_id")
                    .to("orders", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .foreign_key(
                ForeignKey::create()
                    .from("refunds", "payment_id")
                    .to("payments", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .to_owned();
        manager.create_table(refunds).await?;
        let of_payment =
            Index::create().name("refunds_payment").table("refunds").col("payment_id").to_owned();
        manager.create_index(of_payment).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("refunds").to_owned()).await
    }
}
