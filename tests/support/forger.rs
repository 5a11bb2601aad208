//! Notifications that the platform signed although it would never send them: the tests hold the
//! mocks' private keys.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use mock_providers::SignedNotification;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

use super::Town;

/// RSA with SHA-256 in base64.
pub fn sign(private_pem: &str, text: &[u8]) -> String {
    let der: String = private_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(der).expect("a key in PEM");
    let key = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).expect("a signature");
    BASE64.encode(signature)
}

impl Town {
    /// Another body under a notification's headers, signed by the key that they name.
    pub fn signed_by_wechat(
        &self,
        told: &SignedNotification,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let header = |wanted: &str| {
            let found = told.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.expect("a signed notification").1.as_bytes()
        };
        let (time, nonce) = (header("wechatpay-timestamp"), header("wechatpay-nonce"));
        let text = [time, b"\n", nonce, b"\n", body, b"\n"].concat();
        let facts = &self.mocks.facts().wechat;
        let is_public_key = header("wechatpay-serial") == facts.public_key_id.as_bytes();
        let key = if is_public_key { &facts.public_key_private } else { &facts.platform_key };
        let signature = sign(key, &text);
        let mut headers = told.headers.clone();
        for (name, value) in &mut headers {
            if name.eq_ignore_ascii_case("wechatpay-signature") {
                value.clone_from(&signature);
            }
        }
        headers
    }

    /// The same form with some fields changed, signed by Alipay's key.
    pub fn signed_by_alipay(
        &self,
        told: &SignedNotification,
        changes: &[(&str, &str)],
    ) -> SignedNotification {
        let mut form = reqwest::Url::parse("http://form/").expect("an address");
        form.set_query(Some(&told.body));
        let mut fields: std::collections::BTreeMap<String, String> =
            form.query_pairs().into_owned().collect();
        for (name, value) in changes {
            fields.insert((*name).to_owned(), (*value).to_owned());
        }
        fields.remove("sign");
        let signed = fields.iter().filter(|(name, _)| *name != "sign_type");
        let text: Vec<String> = signed.map(|(name, value)| format!("{name}={value}")).collect();
        let text = text.join("&");
        fields.insert(
            "sign".to_owned(),
            sign(&self.mocks.facts().alipay.alipay_private_key, text.as_bytes()),
        );
        form.query_pairs_mut().clear().extend_pairs(fields);
        let body = form.query().expect("a form").to_owned();
        SignedNotification { body, ..told.clone() }
    }
}
