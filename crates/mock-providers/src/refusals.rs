//! What the platforms are documented to refuse with, to be ordered like any other fault: a tester who
//! wants to see a poor merchant or a blocked user needs only the platform's own word for it.
//!
//! Deliberately absent: WeChat's `SIGN_ERROR`, which only a wrong request brings about.

mod alipay;

use serde::{Serialize, Serializer};

pub(crate) use alipay::AlipayRefusal;

use crate::faults::{Class, FaultTarget};
use alipay::ALIPAY;

/// WeChat Pay: code, status, internal code, message (wechat §1.9, §4.4, §5.4). Where one code means several
/// things, its internal code stands behind a hyphen.
const WECHAT_PAY: &[(&str, u16, u32, &str)] = &[
    ("PARAM_ERROR", 400, 268_435_461, "参数错误"),
    ("INVALID_REQUEST", 400, 268_435_461, "请求参数符合规则，但不满足业务规则"),
    ("PARAM_ERROR-268498688", 400, 268_498_688, "请求重入时，参数与首次请求时不一致"),
    ("INVALID_REQUEST-268498688", 400, 268_498_688, "请求重入时，参数与首次请求时不一致"),
    ("APPID_MCHID_NOT_MATCH", 400, 268_445_527, "appid和mch_id不匹配，请检查后再试"),
    ("ORDERPAID", 400, 268_449_538, "该订单已支付"),
    ("ORDER_PAID", 403, 268_498_689, "该订单已支付"),
    ("ORDER_CLOSED", 400, 268_447_914, "该订单已关闭，请重新下单"),
    ("NO_STATEMENT_EXIST", 400, 268_435_461, "请求的账单文件不存在"),
    ("STATEMENT_CREATING", 400, 268_435_461, "账单生成中，请稍后再试"),
    ("NO_AUTH", 403, 268_443_701, "商户无权限"),
    ("ACCOUNT_ERROR", 403, 268_448_010, "账号异常"),
    ("NOT_ENOUGH", 403, 268_435_464, "基本账户余额不足，请充值后重新发起"),
    ("OUT_TRADE_NO_USED", 403, 268_498_688, "商户订单号重复"),
    ("RULE_LIMIT", 403, 268_435_464, "业务规则限制"),
    ("TRADE_ERROR", 403, 268_435_464, "交易错误"),
    ("USER_ACCOUNT_ABNORMAL", 403, 268_435_464, "用户账户异常或注销"),
    ("ORDER_NOT_EXIST", 404, 268_512_771, "订单不存在"),
    ("RESOURCE_NOT_EXISTS", 404, 268_512_771, "查询的资源不存在"),
    ("MCH_NOT_EXISTS", 404, 268_443_715, "商户号不存在"),
    ("FREQUENCY_LIMITED", 429, 268_447_840, "频率超限，请稍后重试"),
    ("RATELIMIT_EXCEEDED", 429, 268_447_840, "频率超限，请稍后重试"),
    ("RATE_LIMITED", 429, 268_447_840, "频率超限，请稍后重试"),
    ("SYSTEM_ERROR", 500, 268_435_456, "系统异常，请稍后重试"),
    ("BANK_ERROR", 500, 268_435_456, "银行系统异常"),
    ("INVALID_TRANSACTIONID", 500, 268_435_461, "微信支付订单号非法"),
    ("OPENID_MISMATCH", 500, 268_435_461, "openid和appid不匹配"),
    ("SERVICE_UNAVAILABLE", 503, 268_435_456, "服务不可用"),
];

/// The mini-program's server: errcode and errmsg (wechat §6).
const MINI_PROGRAM: &[(&str, &str)] = &[
    ("-1", "system error"),
    ("40001", "invalid credential, access_token is invalid or not latest"),
    ("40002", "invalid grant_type"),
    ("40003", "invalid openid"),
    ("40013", "invalid appid"),
    ("40014", "invalid access_token"),
    ("40029", "invalid code"),
    ("40037", "invalid template_id"),
    ("40125", "invalid appsecret"),
    ("40163", "code been used"),
    ("40164", "invalid ip, not in whitelist"),
    ("40226", "code blocked"),
    ("41002", "appid missing"),
    ("41004", "appsecret missing"),
    ("41030", "invalid page"),
    ("42001", "access_token expired"),
    ("43101", "user refuse to accept the msg"),
    ("43107", "service barred"),
    ("43108", "concurrent send"),
    ("44002", "empty post data"),
    ("45009", "reach max api daily quota limit"),
    ("45011", "api minute-quota reach limit"),
    ("47001", "data format error"),
    ("47003", "argument invalid"),
    ("48001", "api unauthorized"),
    ("87008", "invalid sig_method"),
    ("87009", "invalid signature"),
    ("89503", "ip needs the administrator's approval"),
];

/// Every code of WeChat Pay that can be ordered, with its status.
#[cfg(test)]
pub(crate) fn wechat_pay() -> impl Iterator<Item = (&'static str, u16)> {
    let refusals = WECHAT_PAY.iter().map(|(name, ..)| DocumentedRefusal(name));
    refusals.filter_map(|refusal| refusal.of_wechat_pay().map(|(status, code, ..)| (code, status)))
}

/// A refusal by the platform's own name of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DocumentedRefusal(&'static str);

impl DocumentedRefusal {
    /// The refusal of this code, when one of the platforms documents it.
    pub fn named(code: &str) -> Option<DocumentedRefusal> {
        DocumentedRefusal::all().find(|known| known.0 == code)
    }

    /// The code by which it is ordered.
    pub const fn code(self) -> &'static str {
        self.0
    }

    pub(crate) fn all() -> impl Iterator<Item = DocumentedRefusal> {
        let pay = WECHAT_PAY.iter().map(|(code, ..)| *code);
        let others = MINI_PROGRAM.iter().chain(ALIPAY).map(|(code, _)| *code);
        pay.chain(others).map(DocumentedRefusal)
    }

    /// WeChat Pay's status, internal code and message.
    pub(crate) fn of_wechat_pay(self) -> Option<(u16, &'static str, u32, &'static str)> {
        let (name, status, internal, message) =
            *WECHAT_PAY.iter().find(|(code, ..)| *code == self.0)?;
        let code = name.split('-').next().unwrap_or(name);
        Some((status, code, internal, message))
    }

    /// `errcode` and `errmsg`.
    pub(crate) fn of_mini_program(self) -> Option<(i32, &'static str)> {
        let known = MINI_PROGRAM.iter().find(|(code, _)| *code == self.0)?;
        Some((known.0.parse().ok()?, known.1))
    }

    /// Alipay's answer.
    pub(crate) fn of_alipay(self) -> Option<AlipayRefusal> {
        alipay::refusal(self.0)
    }

    /// Everything that Alipay documents.
    pub fn all_of_alipay() -> impl Iterator<Item = DocumentedRefusal> {
        ALIPAY.iter().map(|(code, _)| DocumentedRefusal(code))
    }

    pub(crate) fn suits(self, target: FaultTarget) -> bool {
        match (target.code().split_once('.'), target.class()) {
            (_, Class::Notification) => false,
            (Some(("alipay", _)), _) => self.of_alipay().is_some(),
            // The file of a bill is not signed, and yet one of the pay host's calls.
            (Some((_, "bill_file")), _) => self.of_wechat_pay().is_some(),
            (_, Class::Unsigned) => self.of_mini_program().is_some(),
            _ => self.of_wechat_pay().is_some(),
        }
    }
}

impl Serialize for DocumentedRefusal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_one_meaning_for_each_kind_of_call() {
        let tables = [
            WECHAT_PAY.iter().map(|(code, ..)| *code).collect::<Vec<_>>(),
            { MINI_PROGRAM.iter().map(|(code, _)| *code).collect() },
            ALIPAY.iter().map(|(code, _)| *code).collect(),
        ];
        for table in tables {
            assert_eq!(table.iter().collect::<BTreeSet<_>>().len(), table.len());
        }
        for refusal in DocumentedRefusal::all() {
            assert!(FaultTarget::ALL.iter().any(|target| refusal.suits(*target)), "{refusal:?}");
            assert!(!refusal.suits(FaultTarget::WechatNotification));
        }
    }
}
