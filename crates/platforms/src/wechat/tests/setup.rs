//! Settings that cannot work, and secrets that must not show.

use super::*;

type Setting = fn(&mut WechatConfig);

#[rstest]
#[case(|c: &mut WechatConfig| c.merchant_key_pem = Secret::new("x"), "merchant private key: not an RSA key")]
#[case(|c: &mut WechatConfig| c.merchant_serial = "serial".into(), "merchant_serial: ")]
#[case(|c: &mut WechatConfig| c.apiv3_key = Secret::new("short"), "APIv3 key: must have 32 bytes")]
#[case(|c: &mut WechatConfig| c.mchid = "19000\n".into(), "mchid: ")]
#[case(|c: &mut WechatConfig| c.app_id = String::new(), "app_id: ")]
#[case(|c: &mut WechatConfig| c.base_url = "http://api.mch.weixin.qq.com".into(), "base_url: ")]
#[case(|c: &mut WechatConfig| c.backup_base_url = Some("http://api2.mch.weixin.qq.com".into()), "backup_base_url: ")]
#[case(|c: &mut WechatConfig| c.platform_certificates = vec![TestKey::merchant().certificate_pem()], "platform certificate 1: this is the merchant's")]
fn a_setting_that_cannot_work_is_named(#[case] change: Setting, #[case] says: &str) {
    let mut config = config("https://api.mch.weixin.qq.com".into());
    assert!(build(config.clone()).is_ok());
    change(&mut config);
    let error = build(config).expect_err("a refusal").to_string();
    assert!(error.starts_with(says), "{error}");
}

#[test]
fn nothing_shows_a_secret() {
    let config = config("https://api.mch.weixin.qq.com".into());
    let shown = format!("{config:?} {:?} {:?}", offline(), login("http://127.0.0.1:1".into()));
    for secret in [APIV3_KEY, "PRIVATE KEY", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
