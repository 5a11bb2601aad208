//! Alipay's judges: npm `alipay-sdk` and PyPI `python-alipay-sdk`, each in key mode and in
//! certificate mode.

use rstest::rstest;

use crate::bench::{Language, judge};

#[rstest]
#[tokio::test]
async fn alipay_sdk_for_node(
    #[values("public_key", "certificate")] mode: &str,
    #[values("keys", "login", "order", "refund", "bill", "notifications", "tampering")] step: &str,
) {
    judge("alipay", Language::Node, "judge.cjs", &[mode, step]).await;
}

#[rstest]
#[tokio::test]
async fn python_alipay_sdk(
    #[values("public_key", "certificate")] mode: &str,
    #[values("keys", "login", "order", "refund", "bill", "notifications", "tampering")] step: &str,
) {
    judge("alipay", Language::Python, "judge.py", &[mode, step]).await;
}
