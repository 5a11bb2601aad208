//! WeChat Pay, judged by `wechatpay-axios-plugin` (Node) and `wechatpayv3` (Python).

use rstest::rstest;

use crate::judge::{Language, run};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_and_the_mock_understand_each_other(
    #[values((Language::Node, "axios_plugin.js"), (Language::Python, "wechatpayv3_judge.py"))]
    judge: (Language, &str),
    #[values("certificate", "public_key")] mode: &str,
    #[values("keys", "payment", "refund", "bill", "notification", "partner", "flipped")]
    steps: &str,
) {
    run(judge.0, "wechat", judge.1, &[mode, steps]).await;
}
