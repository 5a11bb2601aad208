//! The list of platform certificates, each encrypted for the merchant (wechat §1.6).

use std::sync::Arc;

use axum::{extract::State, response::Response};
use kernel::Entropy;
use serde_json::json;

use super::{Wechat, answer::found, crypt};

pub(super) async fn list(State(wechat): State<Arc<Wechat>>) -> Response {
    let entropy: &dyn Entropy = wechat.stage.entropy.as_ref();
    let (keys, nonce) = (&wechat.keys, entropy.hex(6));
    let platform = &keys.platform;
    let ciphertext =
        crypt::encrypt(&keys.apiv3_key, &nonce, "certificate", &platform.certificate_pem);
    found(&json!({"data": [{
        "serial_no": platform.serial,
        "effective_time": platform.valid_from.rfc3339(),
        "expire_time": platform.valid_until.rfc3339(),
        "encrypt_certificate": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": "certificate",
            "ciphertext": ciphertext,
        },
    }]}))
}
