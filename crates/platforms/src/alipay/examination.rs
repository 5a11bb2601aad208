//! What can be told about an Alipay account without a call.

use kernel::Timestamp;

use super::{
    APP_KEY, AlipayConfig,
    certificate::APP_CERTIFICATE,
    keys::{AlipayKeys, alipay_certificate},
    phone::ContentKey,
};
use crate::{
    Finding, Gravity,
    examination::dates,
    rsa::SigningKey,
    setup::{endpoint, identifier},
};

impl AlipayConfig {
    /// Everything that is wrong with the account's keys and certificates, or will be soon.
    #[must_use]
    pub fn examine(&self, now: Timestamp) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut note = |finding: Finding| findings.push(finding);
        if let Err(error) = endpoint("gateway", &self.gateway) {
            note(error.into());
        }
        for (setting, text) in [("app_id", &self.app_id), ("seller_id", &self.seller_id)] {
            if let Err(error) = identifier(setting, text.clone()) {
                note(error.into());
            }
        }
        if let Some(Err(error)) = self.content_key.as_ref().map(ContentKey::read) {
            note(error.into());
        }
        match SigningKey::read(APP_KEY, &self.app_private_key) {
            Err(error) => note(error.into()),
            Ok(key) => {
                let own = key.public_key();
                let keys = AlipayKeys::read(&self.alipay_public_keys, None, &own);
                let neither = self.alipay_public_keys.is_empty() && self.certificates.is_some();
                if let (false, Err(error)) = (neither, keys) {
                    note(error.into());
                }
                let certificates = self.certificates.as_ref();
                if let Some(certificates) = certificates
                    && let Err(error) = AlipayKeys::read(&[], Some(certificates), &own)
                {
                    note(error.into());
                }
            }
        }
        if let Some(certificates) = &self.certificates {
            let mut look = |setting: &str, text: &str, ended| {
                dates(setting, text, ended, now).into_iter().for_each(&mut note);
            };
            look(APP_CERTIFICATE, &certificates.application, Gravity::Broken);
            // The next one is downloaded when an answer names it.
            for (index, text) in certificates.alipay.iter().enumerate() {
                look(&alipay_certificate(index), text, Gravity::Attention);
            }
        }
        findings
    }
}
