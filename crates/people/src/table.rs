//! The rows of this room. Private: other rooms call the acts. SeaORM demands a `Debug` of rows; it has
//! only sealed bytes, keyed hashes and ids to print.

/// One person in one mini-program.
pub(crate) mod accounts {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "accounts";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub channel: String,
        pub app_id: String,
        pub created_at_ms: i64,
        pub last_login_at_ms: i64,
        /// Since then its names are gone.
        pub erased_at_ms: Option<i64>,
        /// The account of the same person that has everything of this one since.
        pub united_into: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Under what a platform knows the person of an account.
pub(crate) mod account_names {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "account_names";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "account_names")]
    pub struct Model {
        /// The account's own id for its first name.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub channel: String,
        pub app_id: String,
        pub id_kind: String,
        pub external_id_sealed: Vec<u8>,
        pub key_id: String,
        pub external_id_hash: String,
        pub hash_key_id: String,
        pub created_at_ms: i64,
        /// When a login last gave it as the name that the platform takes; 0: never.
        pub payer_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What happened to an account's names; only ever added to.
pub(crate) mod account_changes {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "account_changes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub change: String,
        pub id_kind: Option<String>,
        pub other_account_id: Option<Uuid>,
        pub at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One insured person in one account; removed ones stay, see `docs/personal-data.md`.
pub(crate) mod persons {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "insured_persons";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "insured_persons")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub relation: String,
        pub document_kind: String,
        pub document_sealed: Vec<u8>,
        pub name_sealed: Vec<u8>,
        /// Of both sealed columns.
        pub key_id: String,
        pub document_hash: String,
        pub hash_key_id: String,
        pub created_at_ms: i64,
        pub removed_at_ms: Option<i64>,
        pub verified_at_ms: Option<i64>,
        pub verified_source: Option<String>,
        pub removed_by: Option<String>,
        /// Since then an agency is known to agree with name and number.
        pub recognised_at_ms: Option<i64>,
        /// Since then the sealed columns and the hash are empty.
        pub erased_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One agreement to one wording for one purpose.
pub(crate) mod consents {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "consents";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "consents")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub person_id: Uuid,
        pub purpose: String,
        pub text_version: String,
        pub given_at_ms: i64,
        pub withdrawn_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One try to prove a real name.
pub(crate) mod verifications {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "verifications";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "verifications")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub person_id: Uuid,
        pub channel: String,
        pub number: String,
        pub reference_sealed: Option<Vec<u8>>,
        pub key_id: Option<String>,
        pub content_hash: String,
        pub state: String,
        pub failure: Option<String>,
        pub expires_at_ms: i64,
        pub created_at_ms: i64,
        pub decided_at_ms: Option<i64>,
        /// The act that it is for; absent when only the name is proven.
        pub act: Option<String>,
        /// The act was done with it.
        pub used_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The mobile number of an account.
pub(crate) mod mobiles {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "mobiles";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "mobiles")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Uuid,
        pub number_sealed: Vec<u8>,
        pub key_id: String,
        pub number_hash: String,
        pub hash_key_id: String,
        pub source: String,
        pub bound_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Envelopes with telephone numbers that were used.
pub(crate) mod phone_proofs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "phone_proofs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub account_id: Uuid,
        pub used_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Codes that were sent by short message.
pub(crate) mod sms_codes {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "sms_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub number_hash: String,
        pub code_hash: String,
        pub tries: i16,
        pub sent_at_ms: i64,
        pub expires_at_ms: i64,
        pub used_at_ms: Option<i64>,
        /// The act that it is for; absent when it binds the number.
        pub act: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What was done with more than a login.
pub(crate) mod acts {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "acts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub act: String,
        pub proof: String,
        pub at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How often something was done on a business day.
pub(crate) mod quotas {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "quotas")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        pub day: String,
        pub used: i32,
        pub last_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Requests of insured persons that somebody else pays.
pub(crate) mod payment_requests {
    use sea_orm::entity::prelude::*;

    pub(crate) const TABLE: &str = "payment_requests";

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "payment_requests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub token_hash: String,
        pub account_id: Uuid,
        pub person_id: Uuid,
        pub city_code: String,
        pub order_no: Option<String>,
        pub state: String,
        pub created_at_ms: i64,
        pub expires_at_ms: i64,
        pub accepted_at_ms: Option<i64>,
        pub accepted_by: Option<Uuid>,
        pub accepted_person: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The daily forgetting: one process runs it.
pub(crate) mod retention_runs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "retention_runs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: String,
        pub started_at_ms: i64,
        pub finished_at_ms: Option<i64>,
        pub report_json: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
