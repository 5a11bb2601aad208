//! Vouchers (缴费凭证), the counters of their numbers, and documents of agencies as they were received.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The last number given out in a city and month. A row is written in the transaction that
        // uses the number, so there are no gaps.
        let counters = Table::create()
            .table("voucher_counters")
            .col(string_len("city_code", 6))
            .col(string_len("month", 7))
            .col(big_integer("last"))
            .primary_key(Index::create().col("city_code").col("month"))
            .to_owned();
        manager.create_table(counters).await?;

        let vouchers = Table::create()
            .table("vouchers")
            .col(pk_uuid("id"))
            // issued once
            .col(uuid("order_id").unique_key().to_owned())
            .col(string_len_uniq("serial", 32))
            // canonical JSON of what it says, people masked
            .col(text("content"))
            // SHA-256 of the content, hexadecimal
            .col(string_len("digest", 64))
            // the verification code, sealed for this serial and digest
            .col(blob("code_sealed"))
            .col(string_len("key_id", 64))
            .col(big_integer("issued_at_ms"))
            .foreign_key(
                ForeignKey::create()
                    .from("vouchers", "order_id")
                    .to("orders", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .to_owned();
        manager.create_table(vouchers).await?;

        let documents = Table::create()
            .table("official_documents")
            .col(pk_uuid("id"))
            .col(uuid("order_id"))
            // one document for each booking
            .col(uuid("posting_id").unique_key().to_owned())
            .col(string_len("agency_code", 32))
            .col(string_len("bill_no", 64))
            // the agency's number of the booking, under which it was asked for
            .col(string_len("agency_serial", 128))
            .col(string_len("media_type", 100))
            // SHA-256 of the bytes as received, hexadecimal
            .col(string_len("digest", 64))
            .col(big_integer("size_bytes"))
            .col(blob("content_sealed"))
            .col(string_len("key_id", 64))
            .col(big_integer("fetched_at_ms"))
            .foreign_key(
                ForeignKey::create()
                    .from("official_documents", "order_id")
                    .to("orders", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .foreign_key(
                ForeignKey::create()
                    .from("official_documents", "posting_id")
                    .to("postings", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            )
            .to_owned();
        manager.create_table(documents).await?;
        let of_order = Index::create()
            .name("official_documents_order")
            .table("official_documents")
            .col("order_id")
            .to_owned();
        manager.create_index(of_order).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["official_documents", "vouchers", "voucher_counters"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
