//! What the platforms are documented to refuse with, to be ordered like any other fault: a tester who
//! wants to see a poor merchant or a blocked user needs only the platform's own word for it.
//!
//! Deliberately absent: `SIGN_ERROR` and the gateway's `isv.` failures before the signature, which
//! only a wrong request brings about.

use serde::{Serialize, Serializer};

use crate::faults::{Class, FaultTarget};

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

/// Alipay: sub_code and sub_msg; the code follows from the name (alipay §1.6, §2, §3, §5, §6).
const ALIPAY: &[(&str, &str)] = &[
    ("isp.unknow-error", "系统繁忙"),
    ("aop.unknow-error", "系统繁忙"),
    ("aop.ACQ.SYSTEM_ERROR", "系统繁忙"),
    ("aop.invalid-auth-token", "无效的访问令牌"),
    ("aop.auth-token-time-out", "访问令牌已过期"),
    ("aop.invalid-app-auth-token", "无效的应用授权令牌"),
    ("isv.missing-encrypt-key", "未设置加密密钥"),
    ("isv.invalid-parameter", "无效参数"),
    ("isv.invalid-openid", "无效的open_id"),
    ("isv.code-invalid", "授权码code无效"),
    ("isv.refresh-token-invalid", "刷新令牌无效"),
    ("isv.refresh-token-time-out", "刷新令牌已过期"),
    ("isv.unmatched-app-id", "授权码与应用不匹配"),
    ("isv.grant-type-invalid", "grant_type参数不正确"),
    ("isv.suspected-attack", "可疑的攻击请求"),
    ("isv.forbidden-api", "接口禁止调用"),
    ("isv.not-online-app", "应用未上线"),
    ("isv.missing-signature-config", "验签出错，未配置对应签名算法的公钥"),
    ("isv.invalid-auth-relations", "无效的授权关系"),
    ("isv.app-call-limited", "应用调用次数超限"),
    ("isv.method-call-limited", "接口调用次数超限"),
    ("isv.insufficient-isv-permissions", "ISV权限不足"),
    ("isv.insufficient-user-permissions", "用户权限不足"),
    ("isv.self-invoke-forbidden", "禁止自调用"),
    ("ACQ.SYSTEM_ERROR", "系统错误"),
    ("ACQ.INVALID_PARAMETER", "参数无效"),
    ("ACQ.ACCESS_FORBIDDEN", "无权限使用接口"),
    ("ACQ.EXIST_FORBIDDEN_WORD", "订单信息中包含违禁词"),
    ("ACQ.PARTNER_ERROR", "应用APP_ID填写错误"),
    ("ACQ.TOTAL_FEE_EXCEED", "订单总金额超过限额"),
    ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
    ("ACQ.DUP_OUT_ORDER", "商户订单号重复"),
    ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    ("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
    ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    ("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常"),
    ("ACQ.REASON_ILLEGAL_STATUS", "交易状态异常"),
    ("ACQ.REASON_TRADE_BEEN_FREEZEN", "交易已被冻结"),
    ("ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效"),
    ("ACQ.BUYER_SELLER_EQUAL", "买卖家不能相同"),
    ("ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配"),
    ("ACQ.PAYER_UNMATCHED", "付款人不匹配"),
    ("ACQ.BUYER_NOT_EXIST", "买家不存在"),
    ("ACQ.BUYER_ENABLE_STATUS_FORBID", "买家状态非法"),
    ("ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT", "买家未通过人行认证"),
    ("ACQ.CUSTOMER_VALIDATE_ERROR", "付款人身份信息不一致"),
    ("ACQ.SELLER_BEEN_BLOCKED", "卖家账号被冻结"),
    ("ACQ.SELLER_NOT_EXIST", "卖家不存在"),
    ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
    ("ACQ.INVALID_RECEIVE_ACCOUNT", "收款账户无效"),
    ("ACQ.MERCHANT_STATUS_NOT_NORMAL", "商户状态异常"),
    ("ACQ.MERCHANT_PERM_RECEIPT_SUSPEND", "商户暂停收款"),
    ("ACQ.MERCHANT_PERM_RECEIPT_SINGLE_LIMIT", "超过单笔收款限额"),
    ("ACQ.MERCHANT_PERM_RECEIPT_DAY_LIMIT", "超过单日累计收款额度"),
    ("ACQ.BEYOND_PER_RECEIPT_SINGLE_RESTRICTION", "订单金额超过单笔限额"),
    ("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间"),
    ("ACQ.OPEN_ID_NOT_TINY_APP", "应用不是小程序"),
    ("ACQ.UNBOUND_APPLICATION", "应用未绑定该商户"),
    ("ACQ.RISK_MERCHANT_IP_NOT_EXIST", "商户IP不存在"),
    ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    ("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息与原退款请求不一致"),
    ("ACQ.REFUND_FEE_ERROR", "退款金额有误"),
    ("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
    ("ACQ.NOT_ALLOW_PARTIAL_REFUND", "不支持部分退款"),
    ("ACQ.REFUNDALLOC_UNAUTH_LIMIT", "退分账限制"),
    ("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围"),
    ("ACQ.CANCEL_NOT_ALLOWED", "交易不允许撤销"),
    ("NO_BILL_DATA", "账单不存在"),
    ("BILL_NOT_EXIST", "账单不存在"),
    ("BILL_DATE_BEFORE_REGISTRATION", "账单日期过早"),
    ("SYSTEM_RATE_LIMIT", "系统限流"),
    ("USER_RATE_LIMIT", "用户限流"),
    ("UNKNOWN_ERROR", "未知错误"),
    ("SYSTEM_ERROR", "系统错误"),
    ("ARRANGEMENT_STATUS_ERROR", "签约状态异常"),
    ("ACCOUNT_MONEY_LIMIT_ERROR", "账户余额不足"),
    ("CERTIFY_ID_EXPIRED", "认证已失效"),
    ("UNABLE_GET_IMAGE", "无法获取图片"),
    ("TEMPLATE_ILLEGAL", "模板非法"),
    ("USER_TEMPLATE_STATUS_ILLEGAL", "模板状态非法"),
    ("DATA_SENSITIVE", "数据含敏感内容"),
    ("FORM_ID_OVER_TIME", "form_id已过期"),
    ("FORM_ID_SEND_LIMIT", "form_id发送次数超限"),
    ("MSG_UNAUTHORIZED", "消息未授权"),
    ("MESSAGE_SEND_AUTH_ERROR", "消息发送鉴权失败"),
    ("MSG_REJECTED", "用户拒收"),
    ("MSG_CONTENT_NOT_INTERESTED", "用户不感兴趣"),
    ("MSG_SINGLE_SD_OVER", "单日发送超限"),
    ("NO_RECENT_VISIT_RECORD", "近期无访问记录"),
    ("MSG_SEND_ERROR", "消息发送失败"),
    ("QUERY_CONSUMER_REQEUST_ERROR", "查询用户失败"),
    ("MSG_TEMPLATE_NOT_EXIST", "模板不存在"),
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

    /// Alipay's code, sub_code and sub_msg.
    pub(crate) fn of_alipay(self) -> Option<(&'static str, &'static str, &'static str)> {
        let (sub_code, message) = *ALIPAY.iter().find(|(code, _)| *code == self.0)?;
        let code = match sub_code {
            "isp.unknow-error" | "aop.unknow-error" | "aop.ACQ.SYSTEM_ERROR" => "20000",
            "isv.app-call-limited" | "isv.method-call-limited" => "40005",
            "isv.missing-signature-config" | "isv.invalid-auth-relations" => "40003",
            "isv.self-invoke-forbidden" => "40006",
            name if name.starts_with("aop.") => "20001",
            name if name.starts_with("isv.missing-") => "40001",
            name if name.starts_with("isv.insufficient-") => "40006",
            name if name.starts_with("isv.") => "40002",
            _ => "40004",
        };
        Some((code, sub_code, message))
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
