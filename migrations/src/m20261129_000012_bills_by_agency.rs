//! Bills are numbered by their agencies, each for itself: of two agencies in one order both may have
//! a bill 1. So a posting is one for each agency's number, and what names a bill names its agency.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const POSTINGS_BILL: &str = "postings_bill";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            // Over years of records this takes longer than any act may.
            manager.get_connection().execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        one_posting_for(manager, &["order_id", "agency_code", "bill_no"]).await?;
        for table in ["refunds", "journal"] {
            let agency = Table::alter()
                .table(table)
                .add_column(string_len_null("agency_code", 32))
                .to_owned();
            manager.alter_table(agency).await?;
            // Until now a number meant one bill of an order.
            let known = format!(
                "UPDATE {table} SET agency_code = (SELECT x.agency_code FROM postings x \
                 WHERE x.order_id = {table}.order_id AND x.bill_no = {table}.bill_no) \
                 WHERE bill_no IS NOT NULL"
            );
            manager.get_connection().execute_unprepared(&known).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["journal", "refunds"] {
            let agency = Table::alter().table(table).drop_column("agency_code").to_owned();
            manager.alter_table(agency).await?;
        }
        one_posting_for(manager, &["order_id", "bill_no"]).await
    }
}

/// Puts another unique index in the place of the present one.
async fn one_posting_for(
    manager: &SchemaManager<'_>,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let before = Index::drop().name(POSTINGS_BILL).table("postings").to_owned();
    manager.drop_index(before).await?;
    let mut index = Index::create().name(POSTINGS_BILL).table("postings").unique().to_owned();
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}
