//! Certificate mode (公钥证书模式): the serial numbers of certificates in Alipay's own sense, and the
//! chain from a certificate of Alipay to the roots that were configured.
//!
//! A certificate's number here is not its X.509 serial: it is the MD5 of the issuer's name, written
//! in the order of RFC 2253 (the reverse of how it is encoded), followed by the X.509 serial in
//! decimal. MD5 names a certificate; what is trusted is decided by the chain alone.

use std::fmt;

use kernel::Timestamp;
use md5::{Digest, Md5};
use x509_parser::{pem::Pem, prelude::X509Certificate, x509::X509Name};

use crate::{
    SetupError,
    rsa::{BadSignature, VerifyingKey},
};

/// The RSA family of signature algorithms. Roots with others (SM2, ECDSA) do not count.
const RSA_FAMILY: &str = "1.2.840.113549.1.1.";
/// Leaf, issuers and root: Alipay's chains have three.
const CHAIN_MAX: usize = 6;
/// Roots and issuers beyond this are a mistake.
const SECTIONS_MAX: usize = 64;

/// A certificate's number: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial([u8; 16]);

impl Serial {
    /// Reads it as messages write it.
    pub(super) fn parse(text: &str) -> Option<Serial> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Serial(bytes))
    }

    fn of(issuer: &str, serial_decimal: &str) -> Serial {
        Serial(Md5::digest(format!("{issuer}{serial_decimal}").as_bytes()).into())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A leaf of which the key is used.
#[derive(Clone)]
pub(super) struct Certificate {
    pub(super) serial: Serial,
    pub(super) key: VerifyingKey,
    valid_from: Timestamp,
    valid_until: Timestamp,
}

impl Certificate {
    fn of(setting: &str, parsed: &X509Certificate<'_>) -> Result<Certificate, SetupError> {
        let moment = |time: i64| Timestamp::from_unix_seconds(time);
        Ok(Certificate {
            serial: serial(setting, parsed)?,
            key: VerifyingKey::from_info(setting, parsed.public_key())?,
            valid_from: moment(parsed.validity().not_before.timestamp()),
            valid_until: moment(parsed.validity().not_after.timestamp()),
        })
    }

    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.valid_from <= now && now <= self.valid_until
    }
}

pub(super) const APP_CERTIFICATE: &str = "application certificate";
pub(super) const ROOT_CERTIFICATES: &str = "Alipay root certificates";

/// The application's certificate (appCertPublicKey_….crt): the first in its file. `alipay` are the
/// files beside it, one of which may stand in its place.
pub(super) fn application(
    text: &str,
    own: &VerifyingKey,
    alipay: &[String],
) -> Result<Serial, SetupError> {
    let setting = APP_CERTIFICATE;
    let sections = sections(setting, text)?;
    let parsed = parse(setting, sections.first())?;
    let certificate = Certificate::of(setting, &parsed)?;
    if &certificate.key == own {
        return Ok(certificate.serial);
    }
    let swapped = alipay.iter().any(|text| first_key(text).as_ref() == Some(own));
    let problem = match swapped {
        true => {
            "is not of the application's private key, whose certificate is given in place of Alipay's: \
             the two files are swapped"
        }
        false => "is not of the application's private key",
    };
    Err(SetupError::new(setting, problem))
}

/// The key of the first certificate of a text.
fn first_key(text: &str) -> Option<VerifyingKey> {
    let sections = sections("", text).ok()?;
    let parsed = parse("", sections.first()).ok()?;
    VerifyingKey::from_info("", parsed.public_key()).ok()
}

/// Whether a text can be Alipay's certificate at all: neither ours, nor a root, nor an issuer.
pub(super) fn looks_like_alipays(
    setting: &str,
    text: &str,
    own: Option<&VerifyingKey>,
) -> Result<(), SetupError> {
    let sections = sections(setting, text)?;
    let leaf = parse(setting, sections.first())?;
    if leaf.issuer() == leaf.subject() {
        let problem = "begins with a root, like alipayRootCert.crt; Alipay's own certificate \
                       (alipayCertPublicKey_RSA2.crt) is needed";
        return Err(SetupError::new(setting, problem));
    }
    let key = VerifyingKey::from_info(setting, leaf.public_key())?;
    if own == Some(&key) {
        let problem = "this is the application's own certificate (appCertPublicKey_….crt); Alipay's \
                       (alipayCertPublicKey_RSA2.crt) is needed";
        return Err(SetupError::new(setting, problem));
    }
    if leaf.is_ca() {
        let problem =
            "begins with an issuer; Alipay's own certificate has to stand first in the file";
        return Err(SetupError::new(setting, problem));
    }
    Ok(())
}

/// Alipay's roots (alipayRootCert.crt) and the issuers below them that are known.
#[derive(Clone)]
pub(super) struct Roots {
    roots: Vec<Pem>,
    issuers: Vec<Pem>,
    serial: String,
}

impl Roots {
    pub(super) fn read(text: &str) -> Result<Roots, SetupError> {
        let setting = ROOT_CERTIFICATES;
        let roots = sections(setting, text)?;
        let (mut serials, mut self_signed) = (Vec::new(), false);
        for section in &roots {
            let parsed = parse(setting, Some(section))?;
            self_signed |= parsed.issuer() == parsed.subject();
            let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
            if algorithm.starts_with(RSA_FAMILY) {
                serials.push(serial(setting, &parsed)?.to_string());
            }
        }
        if !self_signed {
            let problem = "no self-signed root is in it; alipayRootCert.crt is needed";
            return Err(SetupError::new(setting, problem));
        }
        if serials.is_empty() {
            return Err(SetupError::new(setting, "no root with an RSA signature is among them"));
        }
        Ok(Roots { roots, issuers: Vec::new(), serial: serials.join("_") })
    }

    /// `alipay_root_cert_sn`: the numbers of the RSA roots in the file's order.
    pub(super) fn serial(&self) -> &str {
        &self.serial
    }

    /// A certificate of Alipay from a file or a download: the first section is the leaf, which must
    /// lead to a root over issuers of this text or of those read before. `own` is the application's key,
    /// which must not be Alipay's. `now` is absent while the
    /// program starts: an ended certificate among several is no reason not to start, it just proves
    /// nothing later.
    pub(super) fn admit(
        &mut self,
        setting: &str,
        text: &str,
        own: Option<&VerifyingKey>,
        now: Option<Timestamp>,
    ) -> Result<Certificate, SetupError> {
        looks_like_alipays(setting, text, own)?;
        let sections = sections(setting, text)?;
        let leaf = parse(setting, sections.first())?;
        let certificate = Certificate::of(setting, &leaf)?;
        if now.is_some_and(|now| !certificate.is_valid_at(now)) {
            return Err(SetupError::new(setting, "has ended or not begun"));
        }
        let given = sections.iter().skip(1);
        let issuers: Vec<X509Certificate<'_>> =
            given.chain(&self.issuers).filter_map(|section| section.parse_x509().ok()).collect();
        let roots: Vec<X509Certificate<'_>> =
            self.roots.iter().filter_map(|section| section.parse_x509().ok()).collect();
        if !leads_to(&leaf, &issuers, &roots, now) {
            let issued = |upper: &X509Certificate<'_>| upper.subject() == leaf.issuer();
            let problem = match issuers.iter().chain(&roots).any(issued) {
                true => "does not lead to one of Alipay's roots",
                false => {
                    "its issuer is missing: the file has to hold Alipay's certificate and then its \
                     issuer's, as the console hands it out"
                }
            };
            return Err(SetupError::new(setting, problem));
        }
        drop((issuers, roots, leaf));
        let room = SECTIONS_MAX.saturating_sub(self.issuers.len());
        self.issuers.extend(sections.into_iter().skip(1).take(room));
        Ok(certificate)
    }
}

/// Walks up from `leaf`, each step by name and by signature. Short and without loops, because an
/// issuer's signature is checked for each step and the number of steps is bounded.
fn leads_to(
    leaf: &X509Certificate<'_>,
    issuers: &[X509Certificate<'_>],
    roots: &[X509Certificate<'_>],
    now: Option<Timestamp>,
) -> bool {
    let signs = |upper: &X509Certificate<'_>, lower: &X509Certificate<'_>| {
        let valid = now.is_none_or(|now| {
            let (from, until) = (upper.validity().not_before, upper.validity().not_after);
            (from.timestamp()..=until.timestamp()).contains(&now.unix_seconds())
        });
        valid
            && upper.subject() == lower.issuer()
            && upper.is_ca()
            && lower.verify_signature(Some(upper.public_key())).is_ok()
    };
    let mut current = leaf;
    for _ in 0..CHAIN_MAX {
        if roots.iter().any(|root| signs(root, current)) {
            return true;
        }
        match issuers.iter().find(|issuer| signs(issuer, current)) {
            Some(upper) => current = upper,
            None => return false,
        }
    }
    false
}

fn not_a_certificate(setting: &str) -> SetupError {
    SetupError::new(setting, "not an X.509 certificate in PEM")
}

fn sections(setting: &str, text: &str) -> Result<Vec<Pem>, SetupError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(SetupError::new(setting, "this is a private key"));
    }
    if text.contains("PUBLIC KEY-----") {
        return Err(SetupError::new(setting, "this is a public key, not a certificate"));
    }
    let text = text.trim_start_matches('\u{feff}');
    let sections = Pem::iter_from_buffer(text.as_bytes()).take(SECTIONS_MAX);
    let sections: Result<Vec<Pem>, _> = sections.collect();
    let sections = sections.map_err(|_| not_a_certificate(setting))?;
    if sections.is_empty() { Err(not_a_certificate(setting)) } else { Ok(sections) }
}

fn parse<'a>(setting: &str, section: Option<&'a Pem>) -> Result<X509Certificate<'a>, SetupError> {
    let section = section.filter(|section| section.label == "CERTIFICATE");
    let section = section.ok_or_else(|| not_a_certificate(setting))?;
    section.parse_x509().map_err(|_| not_a_certificate(setting))
}

fn serial(setting: &str, parsed: &X509Certificate<'_>) -> Result<Serial, SetupError> {
    let issuer = name(parsed.issuer());
    let issuer =
        issuer.ok_or_else(|| SetupError::new(setting, "the issuer's name cannot be read"))?;
    Ok(Serial::of(&issuer, &parsed.tbs_certificate.serial.to_string()))
}

/// A name as RFC 2253 writes it: last part first, commas without blanks. `None` for attributes that
/// RFC 2253 has no short name for; libraries disagree about those, and Alipay's names have none.
fn name(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for relative in name.iter_rdn() {
        let mut attributes = Vec::new();
        for attribute in relative.iter() {
            let short = match attribute.attr_type().to_id_string().as_str() {
                "2.5.4.3" => "CN",
                "2.5.4.6" => "C",
                "2.5.4.7" => "L",
                "2.5.4.8" => "ST",
                "2.5.4.9" => "STREET",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                "0.9.2342.19200300.100.1.1" => "UID",
                "0.9.2342.19200300.100.1.25" => "DC",
                _ => return None,
            };
            attributes.push(format!("{short}={}", escaped(attribute.as_str().ok()?)));
        }
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (at, character) in value.chars().enumerate() {
        let special = ",+\"\\<>;".contains(character)
            || (at == 0 && " #".contains(character))
            || (at == last && character == ' ');
        if special {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Whether `key` signed `text`; for one that was picked by its number.
pub(super) fn proves(
    certificate: &Certificate,
    now: Timestamp,
    text: &[u8],
    signature: &str,
) -> Result<(), BadSignature> {
    if !certificate.is_valid_at(now) {
        return Err(BadSignature);
    }
    certificate.key.verify(text, signature)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{Authority, TestKey};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

    #[rstest]
    #[case::ant(
        "CN=Ant Financial Certification Authority R1,OU=Certification Authority,O=Ant Financial,C=CN",
        "2292228364100439313",
        "687b59193f3f462dd5336e5abf83c5d8"
    )]
    #[case::itrus(
        "CN=iTrusChina Class 2 Root CA - G3,OU=China Trust Network,O=iTrusChina,C=CN",
        "95790491425698859646659490580052089075020051350",
        "02941eef3187dddf3d3b83462e1dfcf6"
    )]
    #[case::test(
        "CN=Ant Financial Certification Authority Class 2 R1 test,OU=Certification Authority test,O=Ant Financial test,C=CN",
        "42727596570937250296276815632325160726",
        "9c51a0ddeb34866e5a331e613f57bf0f"
    )]
    fn a_number_is_the_digest_of_issuer_and_serial(
        #[case] issuer: &str,
        #[case] serial: &str,
        #[case] number: &str,
    ) {
        assert_eq!(Serial::of(issuer, serial).to_string(), number);
        assert_eq!(Serial::parse(number), Some(Serial::of(issuer, serial)));
    }

    #[rstest]
    #[case("")]
    #[case("687b")]
    #[case("687b59193f3f462dd5336e5abf83c5dg")]
    #[case("687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6")]
    fn what_is_no_number_is_none(#[case] text: &str) {
        assert_eq!(Serial::parse(text), None);
    }

    #[test]
    fn names_are_written_last_part_first() {
        let authority = Authority::new("Root, \"one\"");
        let sections = sections("root", &authority.root_pem()).expect("sections");
        let parsed = parse("root", sections.first()).expect("a certificate");
        assert_eq!(
            name(parsed.issuer()).as_deref(),
            Some(r#"CN=Root\, \"one\",OU=Certification Authority,O=Test,C=CN"#)
        );
        let number = Serial::of(
            r#"CN=Root\, \"one\",OU=Certification Authority,O=Test,C=CN"#,
            &parsed.tbs_certificate.serial.to_string(),
        );
        assert_eq!(serial("root", &parsed), Ok(number));
    }

    #[test]
    fn only_rsa_roots_count_in_the_files_order() {
        let (one, two) = (Authority::new("One"), Authority::new("Two"));
        let (elliptic, edwards) = (Authority::elliptic(), Authority::edwards());
        let bundle = [elliptic.as_str(), &one.root_pem(), &edwards, &two.root_pem()].join("\n");
        let numbers = [&one, &two].map(|authority| {
            let alone = Roots::read(&authority.root_pem()).expect("a root");
            alone.serial().to_owned()
        });
        assert_eq!(Roots::read(&bundle).expect("roots").serial(), numbers.join("_"));
        assert!(Roots::read(&elliptic).is_err());
    }

    #[test]
    fn a_leaf_is_admitted_over_its_issuer() {
        let authority = Authority::new("Root");
        let mut roots = Roots::read(&authority.root_pem()).expect("roots");
        let leaf = authority.issue(TestKey::platform(), 2025, 2030);
        assert!(roots.admit("Alipay", &leaf, None, Some(NOW)).is_err(), "the issuer is not known");
        let chain = format!("{leaf}\n{}", authority.issuer_pem());
        let admitted = roots.admit("Alipay", &chain, None, Some(NOW)).expect("admitted");
        let signature = TestKey::platform().sign(b"text");
        assert_eq!(proves(&admitted, NOW, b"text", &signature), Ok(()));
        let later = Timestamp::from_unix_seconds(1_924_992_000); // 2031
        assert_eq!(proves(&admitted, later, b"text", &signature), Err(BadSignature));
        let renewed = authority.issue(TestKey::stranger(), 2025, 2035);
        assert!(
            roots.admit("Alipay", &renewed, None, Some(NOW)).is_ok(),
            "the issuer is known now"
        );
    }

    #[test]
    fn what_does_not_lead_to_a_root_is_refused() {
        let (ours, other) = (Authority::new("Root"), Authority::new("Root"));
        let mut roots = Roots::read(&ours.root_pem()).expect("roots");
        let chain =
            |authority: &Authority, leaf: String| format!("{leaf}\n{}", authority.issuer_pem());
        let foreign = chain(&other, other.issue(TestKey::platform(), 2025, 2030));
        let mixed = chain(&ours, other.issue(TestKey::platform(), 2025, 2030));
        let ended = chain(&ours, ours.issue(TestKey::platform(), 2020, 2025));
        let own = TestKey::platform().certificate_pem();
        for text in [foreign, mixed, own, ours.issuer_pem(), ours.root_pem()] {
            assert!(roots.admit("Alipay", &text, None, Some(NOW)).is_err(), "{text}");
            assert!(roots.admit("Alipay", &text, None, None).is_err(), "{text}");
        }
        assert!(roots.admit("Alipay", &ended, None, Some(NOW)).is_err());
        assert!(roots.admit("Alipay", &ended, None, None).is_ok(), "no reason not to start");
    }

    #[test]
    fn a_file_in_the_place_of_another_is_named() {
        let own = VerifyingKey::read("own", &TestKey::merchant().public_pem()).expect("a key");
        let authority = Authority::new("Root");
        let leaf = authority.issue(TestKey::platform(), 2025, 2030);
        let ours = authority.issue(TestKey::merchant(), 2025, 2030);
        let chain = format!("{leaf}\n{}", authority.issuer_pem());
        let swapped = application(&leaf, &own, std::slice::from_ref(&ours));
        let swapped = swapped.expect_err("swapped").to_string();
        assert!(swapped.ends_with("the two files are swapped"), "{swapped}");
        let mut roots = Roots::read(&authority.root_pem()).expect("roots");
        for (text, says) in [
            (&ours, "Alipay: this is the application's own certificate"),
            (&authority.root_pem(), "Alipay: begins with a root"),
            (&Authority::elliptic(), "Alipay: begins with a root"),
            (&authority.issuer_pem(), "Alipay: begins with an issuer"),
            (&leaf, "Alipay: its issuer is missing"),
        ] {
            let error = roots.admit("Alipay", text, Some(&own), None).err();
            let error = error.expect("a refusal").to_string();
            assert!(error.starts_with(says), "{error}");
        }
        assert!(roots.admit("Alipay", &chain, Some(&own), None).is_ok());
        for text in [&ours, &chain] {
            let error = Roots::read(text).err().expect("no roots").to_string();
            assert!(error.contains("no self-signed root is in it"), "{error}");
        }
    }

    #[test]
    fn the_applications_certificate_must_be_of_its_key() {
        let own = VerifyingKey::read("own", &TestKey::merchant().public_pem()).expect("a key");
        assert!(application(&TestKey::merchant().certificate_pem(), &own, &[]).is_ok());
        for text in [
            TestKey::platform().certificate_pem(),
            TestKey::merchant().public_pem(),
            TestKey::merchant().pkcs8_pem(),
            String::new(),
        ] {
            let error = application(&text, &own, &[]).expect_err("a refusal").to_string();
            assert!(error.starts_with("application certificate: "), "{error}");
            assert!(!error.contains("MII"), "{error}");
        }
    }
}
