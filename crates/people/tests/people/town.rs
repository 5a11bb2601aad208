//! What every story here needs: a database, a clock that stands still, keys, and some citizens.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{
    AccountId, Channel, ControlledClock, Document, DocumentKind, Identity, PersonName, Secret,
    SystemEntropy, Timestamp,
};
use migrations::{Backend, throwaway};
use people::{AccountKey, FieldCipher, FieldKeys, NewPerson, People, Relation};
use sea_orm::DatabaseConnection;

pub const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
pub const NAME: &str = "古丽娜扎";
pub const NUMBER: &str = "32021319000101009X";
pub const OTHER_NUMBER: &str = "320213190001010006";
pub const CONSENT: &str = "2026-11";

pub struct Town {
    pub db: DatabaseConnection,
    pub clock: Arc<ControlledClock>,
    pub people: People,
}

impl Town {
    pub async fn new(backend: Backend) -> Town {
        Town::on(throwaway(backend).await.expect("a fresh database"))
    }

    pub fn on(db: DatabaseConnection) -> Town {
        let start = Timestamp::from_rfc3339("2026-11-23T09:00:00+08:00").expect("a time");
        let clock = Arc::new(ControlledClock::at(start));
        let people = handle(&db, &clock, first_keys());
        Town { db, clock, people }
    }

    /// The same town seen by a process with other keys.
    pub fn with_keys(&self, keys: FieldKeys) -> People {
        handle(&self.db, &self.clock, keys)
    }

    pub async fn account(&self, openid: &str) -> AccountId {
        self.people.sign_in(&wechat(openid)).await.expect("an account").id
    }
}

fn handle(db: &DatabaseConnection, clock: &Arc<ControlledClock>, keys: FieldKeys) -> People {
    let entropy = Arc::new(SystemEntropy::default());
    let cipher = FieldCipher::new(keys, entropy.clone());
    People::new(db.clone(), cipher, clock.clone(), entropy)
}

pub fn key(byte: u8) -> Secret {
    Secret::new(STANDARD.encode([byte; 32]))
}

pub fn first_keys() -> FieldKeys {
    FieldKeys::new("k1", &key(1), &key(101)).expect("keys")
}

/// New field key and new lookup key; the first ones can still be read.
pub fn second_keys() -> FieldKeys {
    FieldKeys::new("k2", &key(2), &key(102))
        .and_then(|keys| keys.with_old_key("k1", &key(1)))
        .and_then(|keys| keys.with_old_lookup_key(&key(101)))
        .expect("keys")
}

/// What is left when the first keys have gone.
pub fn second_keys_alone() -> FieldKeys {
    FieldKeys::new("k2", &key(2), &key(102)).expect("keys")
}

pub fn wechat(openid: &str) -> AccountKey {
    AccountKey {
        channel: Channel::Wechat,
        app_id: "wx0123456789abcdef".to_owned(),
        id_kind: "open_id".to_owned(),
        external_id: openid.to_owned(),
    }
}

pub fn identity(name: &str, number: &str) -> Identity {
    let today = Timestamp::from_rfc3339("2026-11-23T09:00:00+08:00").expect("a time");
    Identity {
        document: Document::parse(DocumentKind::ResidentId, number, today).expect("a number"),
        name: PersonName::parse(name).expect("a name"),
    }
}

pub fn person(name: &str, number: &str, relation: Relation) -> NewPerson {
    NewPerson {
        identity: identity(name, number),
        relation,
        birth_date: None,
        consent_text_version: CONSENT.to_owned(),
        guardian_text_version: None,
    }
}

/// `count` different, valid resident numbers.
pub fn numbers(count: usize) -> Vec<String> {
    const WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    (0..count)
        .map(|sequence| {
            let head = format!("32021319000102{sequence:03}");
            let digits = head.bytes().map(|byte| usize::from(byte - b'0'));
            let sum: usize = digits.zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
            format!("{head}{}", char::from(b"10X98765432"[sum % 11]))
        })
        .collect()
}
