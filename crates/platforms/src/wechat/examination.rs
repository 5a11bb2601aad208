//! What can be told about a WeChat Pay account without a call.

use kernel::Timestamp;

use super::{
    WechatConfig,
    content::ContentKey,
    keys::{self, PlatformKeys},
};
use crate::{
    Finding, Gravity,
    examination::dates,
    rsa::{SigningKey, VerifyingKey},
    setup::{host, identifier},
};

impl WechatConfig {
    /// Everything that is wrong with the account's keys and certificates, or will be soon.
    #[must_use]
    pub fn examine(&self, now: Timestamp) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut note = |finding: Finding| findings.push(finding);
        let hosts = [("base_url", Some(&self.base_url))];
        let hosts = hosts.into_iter().chain([("backup_base_url", self.backup_base_url.as_ref())]);
        for (setting, url) in hosts {
            if let Some(Err(error)) = url.map(|url| host(setting, url)) {
                note(error.into());
            }
        }
        let partner = self.partner.iter();
        let partner = partner.flat_map(|partner| {
            let sub_app_id = partner.sub_app_id.iter().map(|text| ("sub_app_id", text));
            [("sub_mchid", &partner.sub_mchid)].into_iter().chain(sub_app_id)
        });
        let ours = [("mchid", &self.mchid), ("app_id", &self.app_id)];
        for (setting, text) in ours.into_iter().chain(partner) {
            if let Err(error) = identifier(setting, text.clone()) {
                note(error.into());
            }
        }
        if let Err(error) = keys::merchant_serial(&self.merchant_serial) {
            note(error.into());
        }
        if let Err(error) = ContentKey::read(&self.apiv3_key) {
            note(error.into());
        }
        let own = match SigningKey::read(super::MERCHANT_KEY, &self.merchant_key_pem) {
            Ok(key) => Some(key.public_key()),
            Err(error) => {
                note(error.into());
                None
            }
        };
        if let Some(text) = &self.merchant_certificate {
            if let Some(own) = &own
                && let Err(error) = keys::check_merchant(text, &self.merchant_serial, own)
            {
                note(error.into());
            }
            dates(keys::MERCHANT_CERTIFICATE, text, Gravity::Broken, now)
                .into_iter()
                .for_each(&mut note);
        }
        // One by one, also without a key of our own: a fault in one file must not hide the next.
        let mut readable = true;
        for (index, text) in self.platform_certificates.iter().enumerate() {
            if let Err(error) = keys::read_certificates(&keys::certificate_setting(index), text) {
                note(error.into());
                readable = false;
            }
        }
        for (_, text) in &self.public_keys {
            if let Err(error) = VerifyingKey::read(keys::PUBLIC_KEY, text) {
                note(error.into());
                readable = false;
            }
        }
        if let (true, Some(own)) = (readable, own)
            && let Err(error) =
                PlatformKeys::read(&self.platform_certificates, &self.public_keys, own)
        {
            note(error.into());
        }
        // WeChat's list is downloaded when none of these holds any more.
        for (index, text) in self.platform_certificates.iter().enumerate() {
            let setting = keys::certificate_setting(index);
            dates(&setting, text, Gravity::Attention, now).into_iter().for_each(&mut note);
        }
        findings
    }
}
