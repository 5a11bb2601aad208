//! WeChat Pay's judges: npm `wechatpay-axios-plugin` and PyPI `wechatpayv3`, each with platform
//! certificates and with the public key.

use rstest::rstest;

use crate::bench::{Language, judge};

#[rstest]
#[tokio::test]
async fn wechatpay_axios_plugin(
    #[values("certificate", "public_key")] mode: &str,
    #[values("keys", "payment", "refund", "bill", "notification", "partner", "flipped")] step: &str,
) {
    judge("wechat", Language::Node, "axios_plugin.js", &[mode, step]).await;
}

#[rstest]
#[tokio::test]
async fn wechatpayv3(
    #[values("certificate", "public_key")] mode: &str,
    #[values("keys", "payment", "refund", "bill", "notification", "partner", "flipped")] step: &str,
) {
    judge("wechat", Language::Python, "wechatpayv3_judge.py", &[mode, step]).await;
}
