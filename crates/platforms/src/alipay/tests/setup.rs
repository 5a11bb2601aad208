//! Settings that cannot work, and secrets that must not show.

use super::*;

type Setting = fn(&mut AlipayConfig);

#[rstest]
#[case(|c: &mut AlipayConfig| c.app_private_key = Secret::new("x"), "application private key: not an RSA key")]
#[case(|c: &mut AlipayConfig| c.alipay_public_keys = vec![TestKey::merchant().public_pem()], "Alipay public key 1: this is the application's own")]
#[case(|c: &mut AlipayConfig| c.alipay_public_keys = vec!["x".into()], "Alipay public key 1: not an RSA public key")]
#[case(|c: &mut AlipayConfig| c.alipay_public_keys.clear(), "Alipay public keys: none is given")]
#[case(|c: &mut AlipayConfig| c.app_id = "2021 1".into(), "app_id: ")]
#[case(|c: &mut AlipayConfig| c.seller_id = String::new(), "seller_id: ")]
#[case(|c: &mut AlipayConfig| c.gateway = "http://openapi.alipay.com/gateway.do".into(), "gateway: ")]
fn a_setting_that_cannot_work_is_named(#[case] change: Setting, #[case] says: &str) {
    let mut config = config("https://openapi.alipay.com");
    assert!(AlipayMerchant::new(config.clone(), clock()).is_ok());
    change(&mut config);
    let error = AlipayMerchant::new(config, clock()).expect_err("a refusal").to_string();
    assert!(error.starts_with(says), "{error}");
}
