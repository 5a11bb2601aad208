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
        pub id_kind: String,
        pub external_id_sealed: Vec<u8>,
        pub key_id: String,
        pub external_id_hash: String,
        pub hash_key_id: String,
        pub created_at_ms: i64,
        pub last_login_at_ms: i64,
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
