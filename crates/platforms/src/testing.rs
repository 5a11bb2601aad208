//! Keys and certificates for the tests of this crate, made from fixed seeds when first used.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Entropy, SeededEntropy};
use rsa::{
    RsaPrivateKey,
    pkcs1::EncodeRsaPrivateKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
    rand_core::{TryCryptoRng, TryRng},
};

use crate::rsa::SigningKey;

/// The serial of [`TestKey::platform`]'s certificate.
pub(crate) const PLATFORM_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7200000001";

/// Seeds whose primes are found at once: such a key takes some 20 ms and any other one 120, and every
/// test, being a process of its own, makes two or more. The first three are of the keys with names.
const QUICK_SEEDS: [u64; 23] = [
    402, 557, 667, 388, 898, 538, 184, 705, 770, 67, 793, 869, 710, 956, 1059, 727, 304, 410, 207,
    511, 459, 246, 62,
];

struct Chance(SeededEntropy);

impl TryRng for Chance {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Chance {}

pub(crate) struct TestKey(RsaPrivateKey);

impl TestKey {
    fn generate(seed: u64) -> TestKey {
        let mut chance = Chance(SeededEntropy::new(seed));
        TestKey(RsaPrivateKey::new(&mut chance, 2048).expect("a key"))
    }

    /// Ours: signs requests.
    pub(crate) fn merchant() -> &'static TestKey {
        static KEY: OnceLock<TestKey> = OnceLock::new();
        KEY.get_or_init(|| TestKey::generate(QUICK_SEEDS[0]))
    }

    /// Theirs: signs answers and notifications.
    pub(crate) fn platform() -> &'static TestKey {
        static KEY: OnceLock<TestKey> = OnceLock::new();
        KEY.get_or_init(|| TestKey::generate(QUICK_SEEDS[1]))
    }

    /// Nobody's.
    pub(crate) fn stranger() -> &'static TestKey {
        static KEY: OnceLock<TestKey> = OnceLock::new();
        KEY.get_or_init(|| TestKey::generate(QUICK_SEEDS[2]))
    }

    pub(crate) fn pkcs8_pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string()
    }

    pub(crate) fn pkcs1_pem(&self) -> String {
        self.0.to_pkcs1_pem(LineEnding::LF).expect("PEM").to_string()
    }

    pub(crate) fn public_pem(&self) -> String {
        self.0.to_public_key().to_public_key_pem(LineEnding::LF).expect("PEM")
    }

    /// What was encrypted for this key.
    pub(crate) fn opens(&self, sealed: &str) -> Option<String> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let plain = self.0.decrypt(rsa::Oaep::<sha1::Sha1>::new(), &bytes).ok()?;
        String::from_utf8(plain).ok()
    }

    pub(crate) fn sign(&self, text: &[u8]) -> String {
        let key = SigningKey::read("test key", &kernel::Secret::new(self.pkcs8_pem()));
        key.expect("a key").sign(text).expect("a signature")
    }

    /// A self-signed certificate with the serial [`PLATFORM_SERIAL`], valid until 2030.
    pub(crate) fn certificate_pem(&self) -> String {
        let pair = rcgen::KeyPair::from_pem(&self.pkcs8_pem()).expect("a key");
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        let serial = hex::decode(PLATFORM_SERIAL).expect("hexadecimal");
        parameters.serial_number = Some(serial.into());
        parameters.not_before = rcgen::date_time_ymd(2025, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
        parameters.self_signed(&pair).expect("a certificate").pem()
    }
}

/// Issues certificates like Alipay's: a root, an issuer below it, leaves.
pub(crate) struct Authority {
    root: rcgen::Certificate,
    issuer: rcgen::Certificate,
    signer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

fn parameters(name: &str, from: i32, until: i32, is_authority: bool) -> rcgen::CertificateParams {
    use rcgen::DnType::{CommonName, CountryName, OrganizationName, OrganizationalUnitName};
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    let mut subject = rcgen::DistinguishedName::new();
    subject.push(CountryName, "CN");
    subject.push(OrganizationName, "Test");
    subject.push(OrganizationalUnitName, "Certification Authority");
    subject.push(CommonName, name);
    parameters.distinguished_name = subject;
    parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
    parameters.is_ca = if is_authority {
        rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)
    } else {
        rcgen::IsCa::ExplicitNoCa
    };
    parameters
}

impl Authority {
    /// An authority with keys of its own, which no other one has.
    pub(crate) fn new(name: &str) -> Authority {
        static COUNT: AtomicUsize = AtomicUsize::new(3);
        let pair = || {
            let nth = COUNT.fetch_add(1, Ordering::SeqCst);
            let seed = QUICK_SEEDS.get(nth).copied().unwrap_or(10_000 + nth as u64);
            rcgen::KeyPair::from_pem(&TestKey::generate(seed).pkcs8_pem()).expect("a key")
        };
        let (upper, lower) = (pair(), pair());
        let top = parameters(name, 2020, 2040, true);
        let root = top.self_signed(&upper).expect("a certificate");
        let below = parameters(&format!("{name} Class 2"), 2020, 2040, true);
        let issuer = below.signed_by(&lower, &rcgen::Issuer::new(top, upper));
        let issuer = issuer.expect("a certificate");
        Authority { root, issuer, signer: rcgen::Issuer::new(below, lower) }
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub(crate) fn issuer_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A leaf for `key`, valid from New Year of one year to that of another.
    pub(crate) fn issue(&self, key: &TestKey, from: i32, until: i32) -> String {
        let pair = rcgen::KeyPair::from_pem(&key.pkcs8_pem()).expect("a key");
        let leaf = parameters("Leaf", from, until, false).signed_by(&pair, &self.signer);
        leaf.expect("a certificate").pem()
    }

    fn foreign(algorithm: &'static rcgen::SignatureAlgorithm) -> String {
        let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
        let root = parameters("Foreign", 2020, 2040, true).self_signed(&pair);
        root.expect("a certificate").pem()
    }

    pub(crate) fn elliptic() -> String {
        Authority::foreign(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn edwards() -> String {
        Authority::foreign(&rcgen::PKCS_ED25519)
    }
}

/// A PEM text without its armour, as consoles hand it out.
pub(crate) fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

/// `text` in base64 with one byte changed, still valid base64.
pub(crate) fn spoiled(signature: &str) -> String {
    let mut bytes = STANDARD.decode(signature).expect("base64");
    bytes[7] ^= 1;
    STANDARD.encode(bytes)
}

/// Writes every log line of this thread into `lines` until the guard is dropped.
pub(crate) fn capture(lines: &Arc<Mutex<Vec<u8>>>) -> tracing::subscriber::DefaultGuard {
    let lines = Arc::clone(lines);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || Lines(Arc::clone(&lines)))
        .finish();
    tracing::subscriber::set_default(subscriber)
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lines").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
