//! The life of an order: bills frozen into it, payments, postings, notifications, journal, jobs
//! and cases. The unique indexes are the last judges: one live order per bill, one open payment per
//! order, one payment per number and transaction, one posting per bill.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn of_order(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "order_id")
        .to("orders", "id")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}

fn unique(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).unique().to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let orders = Table::create()
            .table("orders")
            .col(pk_uuid("id"))
            .col(string_len_uniq("order_no", 32))
            .col(uuid("account_id"))
            .col(uuid("person_id"))
            .col(string_len("city_code", 6))
            .col(string_len("channel", 16))
            .col(string_len("state", 24))
            .col(big_integer("amount_fen"))
            .col(string_len("idempotency_key", 128))
            // what was asked under the key: same key with other content is an error
            .col(string_len("request_digest", 64))
            .col(big_integer("expires_at_ms"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        manager.create_table(orders).await?;
        manager
            .create_index(unique(
                "orders_idempotency",
                "orders",
                &["account_id", "idempotency_key"],
            ))
            .await?;
        let by_account = Index::create()
            .name("orders_account")
            .table("orders")
            .col("account_id")
            .col("id")
            .to_owned();
        manager.create_index(by_account).await?;

        let bills = Table::create()
            .table("order_bills")
            .col(uuid("order_id"))
            .col(small_integer("position"))
            .col(string_len("agency_code", 32))
            .col(string_len("bill_no", 64))
            .col(integer("bill_version"))
            .col(string_len("insurance", 32))
            .col(string_len("month_from", 7))
            .col(string_len("month_to", 7))
            .col(big_integer_null("base_fen"))
            .col(small_integer_null("tier_no"))
            .col(big_integer("amount_fen"))
            .col(text("components_json"))
            // our own calculation beside the agency's amount, replayable
            .col(text_null("quote_json"))
            // whether the order still claims the bill
            .col(boolean("live"))
            .primary_key(Index::create().col("order_id").col("position"))
            .foreign_key(&mut of_order("order_bills"))
            .to_owned();
        manager.create_table(bills).await?;
        let one_live_order = unique("order_bills_live", "order_bills", &["agency_code", "bill_no"])
            .cond_where(Expr::col("live").eq(true))
            .to_owned();
        manager.create_index(one_live_order).await?;

        let payments = Table::create()
            .table("payments")
            .col(pk_uuid("id"))
            .col(uuid("order_id"))
            .col(string_len("channel", 16))
            .col(string_len("merchant_key", 32))
            .col(string_len("merchant_id", 64))
            .col(string_len("app_id", 64))
            .col(string_len("out_trade_no", 32))
            .col(big_integer("amount_fen"))
            // the exact request, stored before the channel is called; holds the payer's id
            .col(blob("request_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("state", 16))
            // WeChat prepay_id, Alipay trade_no
            .col(string_len_null("token", 128))
            .col(big_integer_null("token_at_ms"))
            .col(string_len_null("transaction_id", 64))
            .col(big_integer_null("paid_at_ms"))
            .col(string_len_null("told", 16))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .foreign_key(&mut of_order("payments"))
            .to_owned();
        manager.create_table(payments).await?;
        manager
            .create_index(unique(
                "payments_out_trade_no",
                "payments",
                &["channel", "merchant_key", "out_trade_no"],
            ))
            .await?;
        manager
            .create_index(unique(
                "payments_transaction",
                "payments",
                &["channel", "transaction_id"],
            ))
            .await?;
        let one_open_number = unique("payments_open", "payments", &["order_id"])
            .cond_where(Expr::col("state").is_in(["prepared", "open"]))
            .to_owned();
        manager.create_index(one_open_number).await?;

        let postings = Table::create()
            .table("postings")
            .col(pk_uuid("id"))
            .col(uuid("order_id"))
            .col(uuid("payment_id"))
            .col(string_len("agency_code", 32))
            .col(string_len("bill_no", 64))
            .col(big_integer("amount_fen"))
            .col(string_len("state", 16))
            .col(string_len_null("agency_serial", 64))
            .col(big_integer_null("posted_at_ms"))
            .col(string_len_null("objection", 32))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .foreign_key(&mut of_order("postings"))
            .to_owned();
        manager.create_table(postings).await?;
        manager.create_index(unique("postings_bill", "postings", &["order_id", "bill_no"])).await?;
        let posted_once = unique("postings_posted_once", "postings", &["agency_code", "bill_no"])
            .cond_where(Expr::col("state").eq("posted"))
            .to_owned();
        manager.create_index(posted_once).await?;

        let notifications = Table::create()
            .table("notifications")
            .col(pk_uuid("id"))
            .col(string_len("channel", 16))
            .col(string_len("merchant_key", 32))
            // digest of what was told, so that repeats of one fact are one row
            .col(string_len("fact_digest", 64))
            .col(string_len("kind", 16))
            .col(string_len_null("external_id", 128))
            .col(blob("raw_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("effect", 32))
            .col(uuid_null("payment_id"))
            .col(integer("deliveries"))
            .col(big_integer("first_at_ms"))
            .col(big_integer("last_at_ms"))
            .to_owned();
        manager.create_table(notifications).await?;
        manager
            .create_index(unique(
                "notifications_fact",
                "notifications",
                &["channel", "merchant_key", "fact_digest"],
            ))
            .await?;

        // Append-only. A line that moves money names the account it leaves and the one it enters.
        let journal = Table::create()
            .table("journal")
            .col(uuid("order_id"))
            .col(integer("seq"))
            .col(big_integer("at_ms"))
            .col(string_len("event", 32))
            .col(string_len("from_state", 24))
            .col(string_len("to_state", 24))
            .col(string_len_null("debit", 128))
            .col(string_len_null("credit", 128))
            .col(big_integer_null("amount_fen"))
            .col(uuid_null("payment_id"))
            .col(string_len_null("bill_no", 64))
            .primary_key(Index::create().col("order_id").col("seq"))
            .foreign_key(&mut of_order("journal"))
            .to_owned();
        manager.create_table(journal).await?;

        let jobs = Table::create()
            .table("jobs")
            .col(pk_uuid("id"))
            .col(string_len("kind", 32))
            .col(uuid("order_id"))
            .col(string_len("subject", 128))
            .col(string_len("state", 16))
            .col(big_integer("run_at_ms"))
            .col(integer("attempts"))
            .col(big_integer_null("leased_until_ms"))
            .col(uuid_null("lease"))
            .col(text_null("last_error"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .foreign_key(&mut of_order("jobs"))
            .to_owned();
        manager.create_table(jobs).await?;
        manager.create_index(unique("jobs_subject", "jobs", &["kind", "subject"])).await?;
        let due = Index::create()
            .name("jobs_due")
            .table("jobs")
            .col("run_at_ms")
            .cond_where(Expr::col("state").eq("ready"))
            .to_owned();
        manager.create_index(due).await?;

        let cases = Table::create()
            .table("cases")
            .col(pk_uuid("id"))
            .col(string_len("kind", 32))
            // what the case is about, so that the same doubt opens one case
            .col(string_len_uniq("subject", 255))
            .col(uuid_null("order_id"))
            .col(string_len_null("channel", 16))
            .col(string_len_null("merchant_key", 32))
            .col(big_integer_null("amount_fen"))
            // figures and numbers only, no personal data
            .col(text("evidence_json"))
            .col(big_integer("opened_at_ms"))
            .col(big_integer_null("closed_at_ms"))
            .to_owned();
        manager.create_table(cases).await?;
        let open_cases = Index::create()
            .name("cases_open")
            .table("cases")
            .col("opened_at_ms")
            .cond_where(Expr::col("closed_at_ms").is_null())
            .to_owned();
        manager.create_index(open_cases).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "cases",
            "jobs",
            "journal",
            "notifications",
            "postings",
            "payments",
            "order_bills",
            "orders",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
