//! Every code that the protocol's error envelope can carry, with its status and text.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $message:literal;)*) => {
        /// An answer other than yes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub enum AgencyCodeWord { $(#[serde(rename = $code)] $name,)* }

        impl AgencyCodeWord {
            pub const ALL: &'static [AgencyCodeWord] = &[$(AgencyCodeWord::$name,)*];

            pub const fn code(self) -> &'static str {
                match self { $(AgencyCodeWord::$name => $code,)* }
            }

            pub const fn status(self) -> u16 {
                match self { $(AgencyCodeWord::$name => $status,)* }
            }

            pub const fn message(self) -> &'static str {
                match self { $(AgencyCodeWord::$name => $message,)* }
            }
        }
    };
}

codes! {
    NotEnrolled = "NOT_ENROLLED", 422, "未查询到参保信息";
    IdentityMismatch = "IDENTITY_MISMATCH", 422, "姓名与证件号码不一致";
    AccountSuspended = "ACCOUNT_SUSPENDED", 422, "参保状态异常(暂停)";
    Retired = "RETIRED", 422, "已办理退休,无需缴费";
    EmployedElsewhere = "EMPLOYED_ELSEWHERE", 422, "已由单位参保缴费";
    BaseNotDeclared = "BASE_NOT_DECLARED", 422, "未选择缴费档次";
    BasePendingPublish = "BASE_PENDING_PUBLISH", 422, "新年度缴费基数尚未公布";
    NoBill = "NO_BILL", 422, "无应缴信息";
    AlreadyPaid = "ALREADY_PAID", 422, "该费款已缴纳";
    BillLocked = "BILL_LOCKED", 422, "其他渠道正在缴费";
    BillChanged = "BILL_CHANGED", 422, "应缴金额已变化";
    OutOfWindow = "OUT_OF_WINDOW", 422, "不在缴费期内";
    Maintenance = "MAINTENANCE", 422, "系统维护中";
    DayCutoff = "DAY_CUTOFF", 422, "日终处理中";
    AmountMismatch = "AMOUNT_MISMATCH", 422, "金额不一致";
    DuplicateRequest = "DUPLICATE_REQUEST", 422, "重复请求";
    FullySubsidised = "FULLY_SUBSIDISED", 422, "财政全额补助";
    CardNotActivated = "CARD_NOT_ACTIVATED", 422, "社会保障卡未激活";
    SchoolBilled = "SCHOOL_BILLED", 422, "由学校统一代收";
    TopupLimit = "TOPUP_LIMIT", 422, "超过充值限额";
    Unknown = "UNKNOWN", 422, "处理结果未知";
    BadRequest = "BAD_REQUEST", 400, "请求格式错误";
    BadSignature = "BAD_SIGNATURE", 401, "签名错误";
    ClockSkew = "CLOCK_SKEW", 401, "请求时间超出允许范围";
    UnknownInstitution = "UNKNOWN_INSTITUTION", 403, "未知机构";
    UnknownAgency = "UNKNOWN_AGENCY", 404, "未知经办机构";
}
