//! Strays (长款, 待查): money that a platform vouches for and that fits nothing we asked for. And the
//! reason for which a posting is taken back.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Every row is money on the channel's account and, until a person decides, on the account
        // of unexplained receipts.
        let strays = Table::create()
            .table("strays")
            .col(string_len("channel", 16))
            .col(string_len("transaction_id", 64))
            .col(string_len("merchant_key", 32))
            .col(string_len("out_trade_no", 64))
            .col(big_integer("amount_fen"))
            // held, or matched: the same transaction turned out to be the payment of an order
            .col(string_len("state", 16))
            // the case that a person looks at
            .col(string_len("case_subject", 255))
            .col(big_integer("told_at_ms"))
            .col(big_integer("updated_at_ms"))
            // one transaction is one amount of money, however often and under whatever name it is told
            .primary_key(Index::create().col("channel").col("transaction_id"))
            .to_owned();
        manager.create_table(strays).await?;
        let reason = Table::alter()
            .table("postings")
            .add_column(string_len_null("take_back_reason", 200))
            .to_owned();
        manager.alter_table(reason).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let reason = Table::alter().table("postings").drop_column("take_back_reason").to_owned();
        manager.alter_table(reason).await?;
        manager.drop_table(Table::drop().table("strays").to_owned()).await
    }
}
