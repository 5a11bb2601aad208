//! What Alipay is documented to refuse with (alipay §1.6, §2, §3, §5, §6), typing errors included.

/// sub_code and sub_msg.
pub(super) const ALIPAY: &[(&str, &str)] = &[
    // The gateway (§1.6): outcome unknown.
    ("isp.unknow-error", "系统繁忙"),
    ("aop.unknow-error", "系统繁忙"),
    ("aop.ACQ.SYSTEM_ERROR", "系统繁忙"),
    // The user's or the merchant's token.
    ("aop.invalid-auth-token", "无效的访问令牌"),
    ("aop.auth-token-time-out", "访问令牌已过期"),
    ("aop.invalid-app-auth-token", "无效的应用授权令牌"),
    ("aop.invalid-app-auth-token-no-api", "商户未授权当前接口"),
    ("aop.app-auth-token-time-out", "商户授权令牌超时"),
    ("aop.no-product-reg-by-partner", "商户未签约任何产品"),
    // Something is missing.
    ("isv.missing-method", "缺少方法名参数"),
    ("isv.missing-signature", "缺少签名参数"),
    ("isv.missing-signature-type", "缺少签名类型参数"),
    ("isv.missing-signature-key", "缺少签名配置"),
    ("isv.missing-app-id", "缺少appId参数"),
    ("isv.missing-timestamp", "缺少时间戳参数"),
    ("isv.missing-version", "缺少版本参数"),
    ("isv.missing-encrypt-key", "未设置加密密钥"),
    ("isv.missing-default-signature-type", "未设置默认签名算法"),
    ("isv.decryption-error-missing-encrypt-type", "解密出错，未指定加密算法"),
    ("isv.missing-app-cert-sn", "缺少应用公钥证书序列号"),
    ("isv.missing-alipay-root-cert-sn", "缺少支付宝根证书序列号"),
    // Something is wrong.
    ("isv.invalid-parameter", "无效参数"),
    ("isv.upload-fail", "文件上传失败"),
    ("isv.invalid-file-extension", "文件扩展名无效"),
    ("isv.invalid-file-size", "文件大小无效"),
    ("isv.invalid-method", "不存在的方法名"),
    ("isv.invalid-format", "无效的数据格式"),
    ("isv.invalid-signature-type", "无效的签名类型"),
    ("isv.invalid-signature", "无效签名"),
    ("isv.invalid-encrypt-type", "无效的加密类型"),
    ("isv.invalid-encrypt", "解密异常"),
    ("isv.invalid-app-id", "无效的appId参数"),
    ("isv.invalid-timestamp", "非法的时间戳参数"),
    ("isv.invalid-charset", "字符集错误"),
    ("isv.invalid-digest", "摘要错误"),
    ("isv.decryption-error-not-valid-encrypt-type", "解密出错，不支持的加密算法"),
    ("isv.decryption-error-unknown", "解密出错，未知异常"),
    ("isv.not-support-app-auth", "本接口不支持第三方代理调用"),
    ("isv.illegal-json", "非法的json格式数据"),
    ("isv.suspected-attack", "可疑的攻击请求"),
    ("isv.forbidden-api", "接口禁止调用"),
    ("isv.app-cert-expired", "应用公钥证书已过期"),
    ("isv.not-online-app", "应用未上线"),
    ("isv.invalid-openid", "无效的open_id"),
    // Login (§2.2).
    ("isv.grant-type-invalid", "grant_type参数不正确"),
    ("isv.code-invalid", "授权码code无效"),
    ("isv.refresh-token-invalid", "刷新令牌无效"),
    ("isv.refresh-token-time-out", "刷新令牌已过期"),
    ("isv.refreshed-token-invalid", "刷新出来的令牌无效"),
    ("isv.unmatched-app-id", "授权码与应用不匹配"),
    // Conditions, limits, permissions.
    ("isv.missing-signature-config", "验签出错，未配置对应签名算法的公钥"),
    ("isv.invalid-auth-relations", "无效的授权关系"),
    ("isv.app-call-limited", "应用调用次数超限"),
    ("isv.method-call-limited", "接口调用次数超限"),
    ("isv.insufficient-isv-permissions", "ISV权限不足"),
    ("isv.insufficient-user-permissions", "用户权限不足"),
    ("isv.self-invoke-forbidden", "禁止自调用"),
    // Trades (§3.3 to §3.9). The third spelling occurs.
    ("ACQ.SYSTEM_ERROR", "系统错误"),
    ("AQC.SYSTEM_ERROR", "系统错误"),
    ("ACQ.INVALID_PARAMETER", "参数无效"),
    ("ACQ.ILLEGAL_ARGUMENT", "参数无效"),
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
    ("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间"),
    ("ACQ.SUB_GOODS_SIZE_MAX_COUNT", "子商品明细超长"),
    ("ACQ.ENTERPRISE_PAY_BIZ_ERROR", "因公付业务异常"),
    // … the buyer.
    ("ACQ.BUYER_SELLER_EQUAL", "买卖家不能相同"),
    ("ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配"),
    ("ACQ.PAYER_UNMATCHED", "付款人不匹配"),
    ("ACQ.BUYER_NOT_EXIST", "买家不存在"),
    ("ACQ.BUYER_ERROR", "买家状态异常"),
    ("ACQ.BUYER_ENABLE_STATUS_FORBID", "买家状态非法"),
    ("ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT", "买家未通过人行认证"),
    ("ACQ.CUSTOMER_VALIDATE_ERROR", "付款人身份信息不一致"),
    ("ACQ.USER_LOGONID_DUP", "用户登录号重复"),
    ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足"),
    ("ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", "用户银行卡余额不足"),
    // … the seller and the contract.
    ("ACQ.SELLER_BEEN_BLOCKED", "卖家账号被冻结"),
    ("ACQ.SELLER_NOT_EXIST", "卖家不存在"),
    ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
    ("ACQ.INVALID_RECEIVE_ACCOUNT", "收款账户无效"),
    ("ACQ.ERROR_SELLER_CERTIFY_LEVEL_LIMIT", "卖家未通过人行认证"),
    ("ACQ.MERCHANT_STATUS_NOT_NORMAL", "商户状态异常"),
    ("ACQ.MERCHANT_PERM_RECEIPT_SUSPEND", "商户暂停收款"),
    ("ACQ.MERCHANT_PERM_RECEIPT_SINGLE_LIMIT", "超过单笔收款限额"),
    ("ACQ.MERCHANT_PERM_RECEIPT_DAY_LIMIT", "超过单日累计收款额度"),
    ("ACQ.BEYOND_PER_RECEIPT_SINGLE_RESTRICTION", "订单金额超过单笔限额"),
    ("ACQ.OPEN_ID_NOT_TINY_APP", "应用不是小程序"),
    ("ACQ.UNBOUND_APPLICATION", "应用未绑定该商户"),
    ("ACQ.PRODUCT_NOT_SUPPORT_IN_TINY_APP", "该产品不支持在小程序中使用"),
    ("ACQ.BIZ_PRODUCT_NOT_ALLOWED", "业务产品不允许"),
    ("ACQ.RISK_MERCHANT_IP_NOT_EXIST", "商户IP不存在"),
    ("ACQ.NOT_SUPPORT_PAYMENT_INST", "不支持的支付机构"),
    // … stores, sub-merchants, settlement.
    ("ACQ.INVALID_STORE_ID", "商户门店编号无效"),
    ("ACQ.STORE_INFO_INVALID", "门店信息无效"),
    ("ACQ.SUB_MERCHANT_CREATE_FAIL", "二级商户创建失败"),
    ("ACQ.SUB_MERCHANT_TYPE_INVALID", "二级商户类型非法"),
    ("ACQ.SECONDARY_MERCHANT_ID_BLANK", "二级商户编号错误"),
    ("ACQ.SECONDARY_MERCHANT_ID_INVALID", "二级商户不存在"),
    ("ACQ.SECONDARY_MERCHANT_STATUS_ERROR", "商户状态异常"),
    ("ACQ.SECONDARY_MERCHANT_ALIPAY_ACCOUNT_INVALID", "二级商户账户异常"),
    ("ACQ.TRADE_SETTLE_ERROR", "结算异常"),
    ("ACQ.DEFAULT_SETTLE_RULE_NOT_EXIST", "默认结算条款不存在"),
    ("ACQ.PLATFORM_BUSINESS_ACQUIRE_MODE_MUST_MERCHANT_ID", "二级商户编码为空"),
    // … refunds and cancels.
    ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    ("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息与原退款请求不一致"),
    ("ACQ.REFUND_FEE_ERROR", "退款金额有误"),
    ("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
    ("ACQ.NOT_ALLOW_PARTIAL_REFUND", "不支持部分退款"),
    ("ACQ.REFUNDALLOC_UNAUTH_LIMIT", "退分账限制"),
    ("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围"),
    ("ACQ.CANCEL_NOT_ALLOWED", "交易不允许撤销"),
    // Bills (§5.1). One is misspelt like this.
    ("NO_BILL_DATA", "账单不存在"),
    ("BILL_NOT_EXIST", "账单不存在"),
    ("BILL_DATE_BEFORE_REGISTRATION", "账单日期过早"),
    ("TYPE_NOT_SUPPORTED", "账单类型不支持"),
    ("INVAILID_ARGUMENTS", "入参不合法"),
    ("SYSTEM_RATE_LIMIT", "系统限流"),
    ("USER_RATE_LIMIT", "用户限流"),
    ("UNKNOWN_ERROR", "未知错误"),
    // Identity (§2.6).
    ("SYSTEM_ERROR", "系统错误"),
    ("ILLEGAL_ARGUMENT_FORMAT", "参数格式错误"),
    ("ILLEGAL_ARGUMENT", "参数无效"),
    ("INVALID_PARAMETER", "参数无效"),
    ("REQUIRED_PARAM_MISSING", "缺少必选参数"),
    ("ARRANGEMENT_STATUS_ERROR", "签约状态异常"),
    ("ACCOUNT_MONEY_LIMIT_ERROR", "账户余额不足"),
    ("CERTIFY_ID_EXPIRED", "认证已失效"),
    ("OPEN_CERTIFY_BILL_NOT_EXIST", "认证单据不存在"),
    ("OPEN_CERTIFY_BILL_STATUS_ERROR", "认证单据状态异常"),
    ("UNABLE_GET_IMAGE", "无法获取图片"),
    ("IDENTITY_VERIFY_CACHE_EXPIRED", "身份核验信息已过期"),
    ("GUARDIAN_LIMIT_ERROR", "监护人限制"),
    ("CERT_TYPE_INVALID", "证件类型无效"),
    // Messages (§6).
    ("TEMPLATE_ILLEGAL", "模板非法"),
    ("USER_TEMPLATE_ILLEGAL", "用户模板非法"),
    ("USER_TEMPLATE_STATUS_ILLEGAL", "模板状态非法"),
    ("MESSAGE_TEMPLATE_KEYWORD_ILLEGAL", "模板关键字非法"),
    ("USER_TEMPLATE_LACK_KEYWORD", "用户模板缺少关键字"),
    ("USER_KEYWORD_LENGTH_ERROR", "关键字超长"),
    ("PAGE_OVER_LIMIT", "页面路径超长"),
    ("BIZ_CONTENT_FORMAT_ERROR", "业务内容格式错误"),
    ("BIZ_CONTENT_IS_NULL", "业务内容为空"),
    ("DATA_CONTENT_FORMAT_ERROR", "数据格式错误"),
    ("DATA_IS_EMPTY", "数据为空"),
    ("DATA_SENSITIVE", "数据含敏感内容"),
    ("MSG_TEMPLATE_ID_VALID", "模板ID非法"),
    ("MSG_TEMPLATE_INVALID", "模板无效"),
    ("MSG_TEMPLATE_NOT_EXIST", "模板不存在"),
    ("SUBSCRIBE_TEMPLATE_OVER_LIMIT", "模板数量超限"),
    ("ILLEGAL_ARGUMENT_PARAMS", "参数非法"),
    ("APP_TYPE_ERROR", "应用类型错误"),
    ("APP_NO_AVAIABLE", "应用不可用"),
    ("NO_BIND_PUBLIC_APP", "未绑定生活号"),
    ("USER_ID_INVALID", "用户ID非法"),
    ("OPENID_INVALID", "用户标识非法"),
    ("FORM_ID_INVALID", "form_id非法"),
    ("FORM_ID_NOT_MATCH_APPID", "form_id与应用不匹配"),
    ("FORM_ID_OVER_TIME", "form_id已过期"),
    ("FORM_ID_SEND_LIMIT", "form_id发送次数超限"),
    ("TRADE_NO_NOT_MATCH_USERID", "交易号与用户不匹配"),
    ("MSG_UNAUTHORIZED", "消息未授权"),
    ("MESSAGE_SEND_AUTH_ERROR", "消息发送鉴权失败"),
    ("MSG_UNSUBSCRIBED", "用户未订阅"),
    ("MSG_REJECTED", "用户拒收"),
    ("MSG_CONTENT_NOT_INTERESTED", "用户不感兴趣"),
    ("MSG_SINGLE_SD_OVER", "单日发送超限"),
    ("NO_RECENT_VISIT_RECORD", "近期无访问记录"),
    ("NO_PLACE_ORDER_RECORD", "近期无下单记录"),
    ("MSG_SEND_ERROR", "消息发送失败"),
    ("QUERY_CONSUMER_REQEUST_ERROR", "查询用户失败"),
];

/// An answer before the method is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlipayRefusal {
    pub code: &'static str,
    pub sub_code: &'static str,
    pub message: &'static str,
    /// The gateway does not sign before it has proven who calls.
    pub signed: bool,
    /// Login says no under `error_response`.
    pub error_root: bool,
}

/// What goes wrong before the caller's signature is proven, or because it cannot be.
const BEFORE_THE_SIGNATURE: [&str; 16] = [
    "isv.missing-method",
    "isv.missing-signature",
    "isv.missing-signature-type",
    "isv.missing-signature-key",
    "isv.missing-app-id",
    "isv.missing-timestamp",
    "isv.missing-version",
    "isv.missing-app-cert-sn",
    "isv.missing-alipay-root-cert-sn",
    "isv.missing-signature-config",
    "isv.invalid-format",
    "isv.invalid-signature-type",
    "isv.invalid-signature",
    "isv.invalid-app-id",
    "isv.invalid-timestamp",
    "isv.app-cert-expired",
];

const OF_LOGIN: [&str; 6] = [
    "isv.grant-type-invalid",
    "isv.code-invalid",
    "isv.refresh-token-invalid",
    "isv.refresh-token-time-out",
    "isv.refreshed-token-invalid",
    "isv.unmatched-app-id",
];

/// The refusal of this sub code.
pub(super) fn refusal(sub_code: &str) -> Option<AlipayRefusal> {
    let (sub_code, message) = *ALIPAY.iter().find(|(known, _)| *known == sub_code)?;
    let code = match sub_code {
        "isp.unknow-error" | "aop.unknow-error" | "aop.ACQ.SYSTEM_ERROR" => "20000",
        "isv.app-call-limited" | "isv.method-call-limited" => "40005",
        "isv.missing-signature-config" | "isv.invalid-auth-relations" => "40003",
        "isv.self-invoke-forbidden" => "40006",
        "isv.decryption-error-missing-encrypt-type" => "40001",
        name if name.starts_with("aop.") => "20001",
        name if name.starts_with("isv.missing-") => "40001",
        name if name.starts_with("isv.insufficient-") => "40006",
        name if name.starts_with("isv.") => "40002",
        _ => "40004",
    };
    let signed = !BEFORE_THE_SIGNATURE.contains(&sub_code);
    let error_root = OF_LOGIN.contains(&sub_code);
    Some(AlipayRefusal { code, sub_code, message, signed, error_root })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The reference's lists, word for word; a star stands for any end.
    const LISTED: &[(&str, &str)] = &[
        ("20000", "isp.unknow-error aop.unknow-error aop.ACQ.SYSTEM_ERROR"),
        (
            "20001",
            "aop.invalid-auth-token aop.auth-token-time-out aop.invalid-app-auth-token aop.invalid-app-auth-token-no-api aop.app-auth-token-time-out aop.no-product-reg-by-partner",
        ),
        (
            "40001",
            "isv.missing-method isv.missing-signature isv.missing-signature-type isv.missing-signature-key isv.missing-app-id isv.missing-timestamp isv.missing-version isv.missing-encrypt-key isv.missing-default-signature-type isv.decryption-error-missing-encrypt-type isv.missing-app-cert-sn isv.missing-alipay-root-cert-sn",
        ),
        (
            "40002",
            "isv.invalid-parameter isv.upload-fail isv.invalid-file-extension isv.invalid-file-size isv.invalid-method isv.invalid-format isv.invalid-signature-type isv.invalid-signature isv.invalid-encrypt-type isv.invalid-encrypt isv.invalid-app-id isv.invalid-timestamp isv.invalid-charset isv.invalid-digest isv.decryption-error-* isv.not-support-app-auth isv.illegal-json isv.suspected-attack isv.forbidden-api isv.code-invalid isv.app-cert-expired isv.not-online-app isv.invalid-openid",
        ),
        (
            "40002",
            "isv.grant-type-invalid isv.refresh-token-invalid isv.refresh-token-time-out isv.refreshed-token-invalid isv.unmatched-app-id",
        ),
        ("40003", "isv.missing-signature-config isv.invalid-auth-relations"),
        ("40005", "isv.app-call-limited isv.method-call-limited"),
        (
            "40006",
            "isv.insufficient-isv-permissions isv.insufficient-user-permissions isv.self-invoke-forbidden",
        ),
        // §2.6
        (
            "40004",
            "SYSTEM_ERROR ILLEGAL_ARGUMENT_FORMAT ARRANGEMENT_STATUS_ERROR UNKNOWN_ERROR CERTIFY_ID_EXPIRED OPEN_CERTIFY_BILL_NOT_EXIST OPEN_CERTIFY_BILL_STATUS_ERROR UNABLE_GET_IMAGE INVALID_PARAMETER ACCOUNT_MONEY_LIMIT_ERROR IDENTITY_VERIFY_CACHE_EXPIRED GUARDIAN_LIMIT_ERROR REQUIRED_PARAM_MISSING ILLEGAL_ARGUMENT CERT_TYPE_INVALID",
        ),
        // §3.3
        (
            "40004",
            "ACQ.SYSTEM_ERROR ACQ.INVALID_PARAMETER ACQ.ILLEGAL_ARGUMENT ACQ.ACCESS_FORBIDDEN ACQ.EXIST_FORBIDDEN_WORD ACQ.PARTNER_ERROR ACQ.TOTAL_FEE_EXCEED ACQ.CONTEXT_INCONSISTENT ACQ.DUP_OUT_ORDER ACQ.TRADE_HAS_SUCCESS ACQ.TRADE_HAS_CLOSE ACQ.BUYER_SELLER_EQUAL ACQ.TRADE_BUYER_NOT_MATCH ACQ.PAYER_UNMATCHED ACQ.BUYER_NOT_EXIST ACQ.BUYER_ENABLE_STATUS_FORBID ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT ACQ.CUSTOMER_VALIDATE_ERROR ACQ.SELLER_BEEN_BLOCKED ACQ.SELLER_NOT_EXIST ACQ.INVALID_RECEIVE_ACCOUNT ACQ.ERROR_SELLER_CERTIFY_LEVEL_LIMIT ACQ.MERCHANT_STATUS_NOT_NORMAL ACQ.MERCHANT_PERM_RECEIPT_SUSPEND ACQ.MERCHANT_PERM_RECEIPT_SINGLE_LIMIT ACQ.MERCHANT_PERM_RECEIPT_DAY_LIMIT ACQ.BEYOND_PER_RECEIPT_SINGLE_RESTRICTION ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR ACQ.OPEN_ID_NOT_TINY_APP ACQ.UNBOUND_APPLICATION ACQ.PRODUCT_NOT_SUPPORT_IN_TINY_APP ACQ.BIZ_PRODUCT_NOT_ALLOWED ACQ.RISK_MERCHANT_IP_NOT_EXIST ACQ.SUB_MERCHANT_* ACQ.SECONDARY_MERCHANT_* ACQ.TRADE_SETTLE_ERROR ACQ.DEFAULT_SETTLE_RULE_NOT_EXIST ACQ.PLATFORM_BUSINESS_ACQUIRE_MODE_MUST_MERCHANT_ID ACQ.INVALID_STORE_ID ACQ.STORE_INFO_INVALID ACQ.NOT_SUPPORT_PAYMENT_INST ACQ.USER_LOGONID_DUP ACQ.SUB_GOODS_SIZE_MAX_COUNT",
        ),
        // Of paying by code (alipay.trade.pay); whoever creates a trade should bear them too.
        ("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH"),
        // §3.5 to §3.8
        (
            "40004",
            "ACQ.TRADE_NOT_EXIST ACQ.ENTERPRISE_PAY_BIZ_ERROR ACQ.TRADE_STATUS_ERROR ACQ.REASON_TRADE_STATUS_INVALID ACQ.REASON_ILLEGAL_STATUS AQC.SYSTEM_ERROR ACQ.SELLER_BALANCE_NOT_ENOUGH ACQ.REASON_TRADE_BEEN_FREEZEN ACQ.TRADE_HAS_FINISHED ACQ.TRADE_CANCEL_TIME_OUT ACQ.REASON_TRADE_REFUND_FEE_ERR ACQ.CANCEL_NOT_ALLOWED ACQ.REFUND_AMT_NOT_EQUAL_TOTAL ACQ.DISCORDANT_REPEAT_REQUEST ACQ.REFUND_FEE_ERROR ACQ.TRADE_NOT_ALLOW_REFUND ACQ.NOT_ALLOW_PARTIAL_REFUND ACQ.BUYER_ERROR ACQ.REFUNDALLOC_UNAUTH_LIMIT",
        ),
        // §5.1
        (
            "40004",
            "NO_BILL_DATA BILL_NOT_EXIST BILL_DATE_BEFORE_REGISTRATION TYPE_NOT_SUPPORTED INVAILID_ARGUMENTS UNKNOWN_ERROR SYSTEM_RATE_LIMIT USER_RATE_LIMIT",
        ),
        // §6
        (
            "40004",
            "TEMPLATE_ILLEGAL USER_TEMPLATE_ILLEGAL USER_TEMPLATE_STATUS_ILLEGAL MESSAGE_TEMPLATE_KEYWORD_ILLEGAL USER_TEMPLATE_LACK_KEYWORD USER_KEYWORD_LENGTH_ERROR PAGE_OVER_LIMIT BIZ_CONTENT_FORMAT_ERROR DATA_CONTENT_FORMAT_ERROR DATA_IS_EMPTY DATA_SENSITIVE MSG_TEMPLATE_ID_VALID ILLEGAL_ARGUMENT_PARAMS APP_TYPE_ERROR APP_NO_AVAIABLE NO_BIND_PUBLIC_APP USER_ID_INVALID FORM_ID_INVALID FORM_ID_NOT_MATCH_APPID FORM_ID_OVER_TIME FORM_ID_SEND_LIMIT TRADE_NO_NOT_MATCH_USERID MSG_UNAUTHORIZED MESSAGE_SEND_AUTH_ERROR MSG_UNSUBSCRIBED MSG_REJECTED MSG_CONTENT_NOT_INTERESTED MSG_SINGLE_SD_OVER NO_RECENT_VISIT_RECORD NO_PLACE_ORDER_RECORD MSG_SEND_ERROR QUERY_CONSUMER_REQEUST_ERROR MSG_TEMPLATE_INVALID MSG_TEMPLATE_NOT_EXIST OPENID_INVALID SUBSCRIBE_TEMPLATE_OVER_LIMIT BIZ_CONTENT_IS_NULL",
        ),
    ];

    fn ordered(listed: &str) -> Vec<AlipayRefusal> {
        match listed.strip_suffix('*') {
            None => refusal(listed).into_iter().collect(),
            Some(begin) => {
                let names = ALIPAY.iter().filter(|(name, _)| name.starts_with(begin));
                let names = names.filter(|(name, _)| !name.contains("missing"));
                names.filter_map(|(name, _)| refusal(name)).collect()
            }
        }
    }

    #[test]
    fn whatever_is_documented_can_be_ordered_by_its_own_code() {
        let mut known = BTreeSet::new();
        for (code, listed) in LISTED {
            for name in listed.split(' ') {
                let found = ordered(name);
                assert!(!found.is_empty(), "{name} cannot be ordered");
                for refusal in found {
                    assert_eq!(refusal.code, *code, "{name}");
                    known.insert(refusal.sub_code);
                }
            }
        }
        let others: Vec<_> = ALIPAY.iter().filter(|(name, _)| !known.contains(name)).collect();
        assert!(others.is_empty(), "documented nowhere: {others:?}");
    }

    #[test]
    fn what_fails_at_the_door_is_not_signed() {
        assert!(!refusal("isv.invalid-signature").unwrap().signed);
        assert!(refusal("isv.invalid-openid").unwrap().signed);
        assert!(refusal("isv.code-invalid").unwrap().error_root);
        assert!(!refusal("ACQ.TRADE_NOT_EXIST").unwrap().error_root);
    }
}
