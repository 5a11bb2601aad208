//! Real names, bound telephones, family requests, and what is needed to forget people on time.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const PERSONS: &str = "insured_persons";

fn of_account(table: &'static str, column: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to("accounts", "id")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}

fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            big_integer_null("verified_at_ms"),
            // wechat_face or alipay_certify
            string_len_null("verified_source", 16),
            // payer or insured: who ended it; lifted when the insured person asked for it again
            string_len_null("removed_by", 16),
            // the sealed columns are gone
            big_integer_null("erased_at_ms"),
        ] {
            manager
                .alter_table(Table::alter().table(PERSONS).add_column(column).to_owned())
                .await?;
        }
        let by_document = ["document_kind", "document_hash"];
        manager.create_index(index("insured_persons_hash", PERSONS, &by_document)).await?;
        let erased = big_integer_null("erased_at_ms");
        manager.alter_table(Table::alter().table("accounts").add_column(erased).to_owned()).await?;

        // One try to prove that a person is who they say, at the platform that their account is of.
        let verifications = Table::create()
            .table("verifications")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(uuid("person_id"))
            .col(string_len("channel", 16))
            // our number at the platform, used once
            .col(string_len_uniq("number", 32))
            // the platform's name of it: opens its page, so it is sealed, and gone when it is over
            .col(blob_null("reference_sealed"))
            .col(string_len_null("key_id", 64))
            // keyed hash of name and document: the result counts for exactly these
            .col(string_len("content_hash", 64))
            .col(string_len("state", 16))
            .col(string_len_null("failure", 32))
            .col(big_integer("expires_at_ms"))
            .col(big_integer("created_at_ms"))
            .col(big_integer_null("decided_at_ms"))
            .foreign_key(&mut of_account("verifications", "account_id"))
            .to_owned();
        manager.create_table(verifications).await?;
        let by_person = ["person_id", "created_at_ms"];
        manager.create_index(index("verifications_person", "verifications", &by_person)).await?;
        let by_age = ["created_at_ms"];
        manager.create_index(index("verifications_age", "verifications", &by_age)).await?;

        let mobiles = Table::create()
            .table("mobiles")
            .col(pk_uuid("account_id"))
            .col(blob("number_sealed"))
            .col(string_len("key_id", 64))
            .col(string_len("number_hash", 64))
            .col(string_len("hash_key_id", 64))
            .col(string_len("source", 16))
            .col(big_integer("bound_at_ms"))
            .foreign_key(&mut of_account("mobiles", "account_id"))
            .to_owned();
        manager.create_table(mobiles).await?;

        // Envelopes with telephone numbers that were used: they carry no time and no user themselves.
        let proofs = Table::create()
            .table("phone_proofs")
            .col(string_len("digest", 64).primary_key())
            .col(uuid("account_id"))
            .col(big_integer("used_at_ms"))
            .to_owned();
        manager.create_table(proofs).await?;

        let codes = Table::create()
            .table("sms_codes")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(string_len("number_hash", 64))
            // keyed, and over id, account and number too: six digits are tried out quickly
            .col(string_len("code_hash", 64))
            .col(small_integer("tries"))
            .col(big_integer("sent_at_ms"))
            .col(big_integer("expires_at_ms"))
            .col(big_integer_null("used_at_ms"))
            .foreign_key(&mut of_account("sms_codes", "account_id"))
            .to_owned();
        manager.create_table(codes).await?;
        let by_account = ["account_id", "sent_at_ms"];
        manager.create_index(index("sms_codes_account", "sms_codes", &by_account)).await?;
        manager.create_index(index("sms_codes_age", "sms_codes", &["sent_at_ms"])).await?;

        // How often something was done by somebody on a business day.
        let quotas = Table::create()
            .table("quotas")
            .col(string_len("subject", 128).primary_key())
            .col(string_len("day", 10))
            .col(integer("used"))
            .col(big_integer("last_at_ms"))
            .to_owned();
        manager.create_table(quotas).await?;
        manager.create_index(index("quotas_age", "quotas", &["last_at_ms"])).await?;

        // An insured person asks somebody in the family to pay (亲情代缴).
        let requests = Table::create()
            .table("payment_requests")
            .col(pk_uuid("id"))
            // SHA-256 of 256 random bits
            .col(string_len_uniq("token_hash", 64))
            .col(uuid("account_id"))
            .col(uuid("person_id"))
            .col(string_len("city_code", 6))
            // an unpaid order of the asking account, given up when somebody accepts
            .col(string_len_null("order_no", 32))
            .col(string_len("state", 16))
            .col(big_integer("created_at_ms"))
            .col(big_integer("expires_at_ms"))
            .col(big_integer_null("accepted_at_ms"))
            .col(uuid_null("accepted_by"))
            .col(uuid_null("accepted_person"))
            .foreign_key(&mut of_account("payment_requests", "account_id"))
            .to_owned();
        manager.create_table(requests).await?;
        let by_account = ["account_id", "created_at_ms"];
        manager
            .create_index(index("payment_requests_account", "payment_requests", &by_account))
            .await?;
        let by_age = ["created_at_ms"];
        manager.create_index(index("payment_requests_age", "payment_requests", &by_age)).await?;

        // Who runs the daily forgetting, and what came of it.
        let runs = Table::create()
            .table("retention_runs")
            .col(string_len("day", 10).primary_key())
            .col(big_integer("started_at_ms"))
            .col(big_integer_null("finished_at_ms"))
            .col(text_null("report_json"))
            .to_owned();
        manager.create_table(runs).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "retention_runs",
            "payment_requests",
            "quotas",
            "sms_codes",
            "phone_proofs",
            "mobiles",
            "verifications",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        manager
            .alter_table(Table::alter().table("accounts").drop_column("erased_at_ms").to_owned())
            .await?;
        let index = Index::drop().name("insured_persons_hash").table(PERSONS).to_owned();
        manager.drop_index(index).await?;
        for column in ["erased_at_ms", "removed_by", "verified_source", "verified_at_ms"] {
            manager
                .alter_table(Table::alter().table(PERSONS).drop_column(column).to_owned())
                .await?;
        }
        Ok(())
    }
}
