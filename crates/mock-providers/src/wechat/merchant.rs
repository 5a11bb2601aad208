//! One merchant of mock WeChat Pay: its keys, its trades, and what is asked of it. The mini-program and its
//! users are the same for all merchants.

use std::sync::{Arc, Mutex};

use kernel::Timestamp;

use super::{
    bills::BillFiles,
    certificates::PlatformCertificates,
    credentials::Credentials,
    ledger::{Ledger, Refund, Trade},
    migration::{Migration, MigrationRequest, MigrationView},
};
use crate::{
    facts::WechatFacts,
    keys::{RsaPair, WechatApp, WechatKeys},
    lock,
    people::People,
    stage::Stage,
};

/// The mini-program, its users, and where WeChat is.
pub(crate) struct App {
    pub app_id: String,
    pub app_secret: String,
    pub people: People,
    /// The main host, which offers of files name.
    pub base_url: String,
    pub backup_url: String,
}

impl App {
    pub fn new(app: WechatApp, base_url: String, backup_url: String) -> App {
        let people = People::new(&app.app_secret);
        App { app_id: app.app_id, app_secret: app.app_secret, people, base_url, backup_url }
    }

    /// The users of a sub-merchant's mini-program: the same persons, under ids of its own.
    pub fn people_of(&self, app_id: &str) -> People {
        if app_id == self.app_id {
            return People::new(&self.app_secret);
        }
        People::new(&format!("{}:{app_id}", self.app_secret))
    }
}

pub(crate) struct Merchant {
    pub app: Arc<App>,
    pub stage: Arc<Stage>,
    pub mchid: String,
    /// With what the merchant proves itself, and what is encrypted for it.
    pub(super) credentials: Credentials,
    /// With what WeChat proves itself to this merchant.
    pub(super) platform: PlatformCertificates,
    pub(super) public_key_id: String,
    pub(super) public_key: RsaPair,
    pub(crate) ledger: Mutex<Ledger>,
    /// Of all merchants, so that a link of another one is told from one that never was.
    pub(super) files: Arc<BillFiles>,
    migration: Migration,
}

impl Merchant {
    pub(super) fn new(
        keys: WechatKeys,
        app: Arc<App>,
        files: Arc<BillFiles>,
        stage: Arc<Stage>,
    ) -> Merchant {
        Merchant {
            credentials: Credentials::new(keys.merchant, keys.apiv3_key),
            platform: PlatformCertificates::new(keys.platform),
            public_key_id: keys.public_key_id,
            public_key: keys.public_key,
            ledger: Mutex::new(Ledger::new()),
            migration: Migration::default(),
            mchid: keys.mchid,
            app,
            files,
            stage,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stage.clocks.now()
    }

    /// Begins the migration to the public key. False: that share is none.
    pub fn begin_migration(&self, request: MigrationRequest) -> bool {
        self.migration.begin(self.now(), request)
    }

    pub fn end_migration(&self) {
        self.migration.end();
    }

    pub fn migration(&self) -> Option<MigrationView> {
        self.migration.view(self.now())
    }

    /// Whether the plan of a migration lets the public key sign the next callback; `None` without one.
    pub(super) fn migrates_next(&self) -> Option<bool> {
        self.migration.public_key_is_next(self.now(), self.stage.entropy.as_ref())
    }

    /// A copy of one trade as it stands now.
    pub fn trade(&self, out_trade_no: &str) -> Option<Trade> {
        lock(&self.ledger).trade(out_trade_no, self.now()).cloned()
    }

    pub fn refunds_of(&self, trade: &Trade) -> Vec<Refund> {
        lock(&self.ledger).refunds_of(trade)
    }

    /// What the merchant's side needs to know at this moment.
    pub fn facts(&self) -> WechatFacts {
        let (certified, first) = (self.credentials.newest(), self.platform.first());
        WechatFacts {
            base_url: self.app.base_url.clone(),
            backup_url: self.app.backup_url.clone(),
            app_id: self.app.app_id.clone(),
            app_secret: self.app.app_secret.clone(),
            mchid: self.mchid.clone(),
            apiv3_key: self.credentials.apiv3_key(),
            merchant_serial: certified.serial.clone(),
            merchant_key: certified.pair.private_pem.clone(),
            merchant_cert: certified.certificate_pem.clone(),
            platform_serial: first.serial.clone(),
            platform_cert: first.certificate_pem.clone(),
            platform_key: first.pair.private_pem.clone(),
            public_key_id: self.public_key_id.clone(),
            public_key: self.public_key.public_pem.clone(),
            public_key_private: self.public_key.private_pem.clone(),
        }
    }
}
