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
}

impl Config {
    pub(crate) fn field_keys(&self) -> Result<FieldKeys, ConfigError> {
        let section = &self.secrets;
        let field = self.secret("secrets.field_key_file", &section.field_key_file)?;
        let lookup = self.secret("secrets.lookup_key_file", &section.lookup_key_file)?;
        FieldKeys::new(section.field_key_id.clone(), &field, &lookup)
            .map_err(|error| ConfigError::value("secrets", error.to_string()))
    }
}
