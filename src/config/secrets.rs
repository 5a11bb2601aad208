//! The keys that seal personal data.

use std::path::PathBuf;

use people::FieldKeys;
use serde::Deserialize;

use super::{Config, ConfigError};

/// Keys for personal data: base64 of 32 bytes, one per file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretsSection {
    /// Names the key in the database, so that it can be replaced later.
    pub field_key_id: String,
    /// AES-256-GCM.
    pub field_key_file: PathBuf,
    /// HMAC for searches.
    pub lookup_key_file: PathBuf,
    /// Keys that still open what was sealed under them; nothing new is sealed.
    #[serde(default)]
    pub old_field_keys: Vec<OldKeySection>,
    /// Keys under which rows can still be found.
    #[serde(default)]
    pub old_lookup_key_files: Vec<PathBuf>,
}

/// A field key that was replaced, or that comes next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OldKeySection {
    /// As it stands in the database.
    pub id: String,
    pub file: PathBuf,
}

impl Config {
    pub(crate) fn field_keys(&self) -> Result<FieldKeys, ConfigError> {
        let section = &self.secrets;
        let field = self.secret("secrets.field_key_file", &section.field_key_file)?;
        let lookup = self.secret("secrets.lookup_key_file", &section.lookup_key_file)?;
        let wrong = |error: people::CipherError| ConfigError::value("secrets", error.to_string());
        let mut keys =
            FieldKeys::new(section.field_key_id.clone(), &field, &lookup).map_err(wrong)?;
        for old in &section.old_field_keys {
            let key = self.secret("secrets.old_field_keys", &old.file)?;
            keys = keys.with_old_key(old.id.clone(), &key).map_err(wrong)?;
        }
        for file in &section.old_lookup_key_files {
            let key = self.secret("secrets.old_lookup_key_files", file)?;
            keys = keys.with_old_lookup_key(&key).map_err(wrong)?;
        }
        Ok(keys)
    }
}
