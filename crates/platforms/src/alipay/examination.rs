//! What can be told about an Alipay account without a call.

use kernel::Timestamp;
use x509_parser::pem::Pem;

use super::{
    APP_KEY, AlipayCertificates, AlipayConfig,
    certificate::{APP_CERTIFICATE, ROOT_CERTIFICATES},
    keys::{AlipayKeys, alipay_certificate, certificate_problems},
    phone::ContentKey,
};
use crate::{
    Finding, Gravity,
    examination::{dates, dates_of},
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
        self.examine_numbers().into_iter().for_each(&mut note);
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
                let certificates = self.certificates.iter();
                let problems = certificates.flat_map(|texts| certificate_problems(texts, &own));
                problems.map(Finding::from).for_each(&mut note);
            }
        }
        if let Some(certificates) = &self.certificates {
            examine_dates(certificates, now).into_iter().for_each(note);
        }
        findings
    }

    /// The two numbers, which look alike and are easily exchanged.
    fn examine_numbers(&self) -> Vec<Finding> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let seller = |text: &str| digits(text) && text.len() == 16 && text.starts_with("2088");
        let broken = |setting, sentence| Finding::new(Gravity::Broken, setting, sentence);
        if seller(&self.app_id) && !seller(&self.seller_id) {
            let sentence =
                "is a collecting account's number (2088…), and app_id and seller_id are exchanged";
            return vec![broken("app_id", sentence)];
        }
        let mut findings = Vec::new();
        if let Err(error) = identifier("app_id", self.app_id.clone()) {
            findings.push(error.into());
        } else if !digits(&self.app_id) {
            findings.push(broken("app_id", "is not all digits, as Alipay's application ids are"));
        } else if seller(&self.app_id) {
            findings.push(broken("app_id", "is a collecting account's number (2088…)"));
        }
        if !seller(&self.seller_id) {
            let sentence =
                "is not 2088 and twelve digits more, as Alipay's account numbers (PID) are";
            findings.push(broken("seller_id", sentence));
        }
        findings
    }
}

fn sections(text: &str) -> Vec<Pem> {
    let sections = Pem::iter_from_buffer(text.trim_start_matches('\u{feff}').as_bytes());
    sections.filter_map(Result::ok).collect()
}

fn examine_dates(certificates: &AlipayCertificates, now: Timestamp) -> Vec<Finding> {
    let mut findings = dates(APP_CERTIFICATE, &certificates.application, Gravity::Broken, now);
    let files: Vec<Vec<Pem>> = certificates.alipay.iter().map(|text| sections(text)).collect();
    let holds = |file: &Vec<Pem>| {
        let leaf = file.first().and_then(|section| section.parse_x509().ok());
        leaf.is_some_and(|leaf| {
            let (from, until) = (leaf.validity().not_before, leaf.validity().not_after);
            (from.timestamp()..=until.timestamp()).contains(&now.unix_seconds())
        })
    };
    // Beside one that holds, an ended one does no harm.
    let ended = if files.iter().any(holds) { Gravity::Attention } else { Gravity::Broken };
    let mut issuers = Vec::new();
    for (index, file) in files.iter().enumerate() {
        for (place, section) in file.iter().enumerate() {
            let Ok(certificate) = section.parse_x509() else { continue };
            issuers.push(certificate.issuer().as_raw().to_vec());
            let (setting, ended) = match place {
                0 => (alipay_certificate(index), ended),
                // The next certificate could not lead to a root over it.
                _ => (format!("{}, its issuer", alipay_certificate(index)), Gravity::Broken),
            };
            findings.extend(dates_of(&setting, &certificate, ended, now));
        }
    }
    for section in sections(&certificates.roots) {
        let Ok(root) = section.parse_x509() else { continue };
        // Old roots stay in the bundle; only those that are needed matter.
        if issuers.iter().any(|issuer| issuer == root.subject().as_raw()) {
            findings.extend(dates_of(ROOT_CERTIFICATES, &root, Gravity::Broken, now));
        }
    }
    findings
}
