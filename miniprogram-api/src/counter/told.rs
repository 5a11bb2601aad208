//! What an agency's answers other than yes mean for a person, and what to do.

use agency::{AgencyError, Objection};
use axum::http::StatusCode;
use kernel::RetryClass;
use serde_json::json;

use crate::problem::{ApiError, internal, tell};

impl From<AgencyError> for ApiError {
    fn from(error: AgencyError) -> ApiError {
        match error {
            AgencyError::Objection(objection) => objection_told(objection),
            AgencyError::NotSent | AgencyError::Unknown(_) => {
                tracing::warn!(%error, "an agency did not answer");
                tell(
                    StatusCode::BAD_GATEWAY,
                    "agency_unavailable",
                    "社保经办机构系统暂时没有响应,请稍后再试。",
                    "The agency's system does not answer for the moment. Please try again later.",
                )
                .with("retryable", json!(error.retry_class() != RetryClass::Never))
            }
            AgencyError::Misconfigured(_) => internal(&error),
        }
    }
}

/// What each of the agency's objections means for a person, and what to do.
fn objection_told(objection: Objection) -> ApiError {
    let (status, code, chinese, english) = match objection {
        Objection::NotEnrolled => (
            404,
            "not_enrolled",
            "未查询到参保信息。请先到社保(医保)经办机构办理参保登记,咨询电话 12333。",
            "No enrolment was found. Please enrol at the agency first; call 12333.",
        ),
        Objection::IdentityMismatch => (
            422,
            "identity_mismatch",
            "填写的信息与经办机构的记录不一致,请核对后重新填写。",
            "The details do not agree with the agency's records. Please check them.",
        ),
        Objection::AccountSuspended => (
            409,
            "account_suspended",
            "参保状态为暂停,请联系经办机构恢复参保后再缴费,咨询电话 12333。",
            "The enrolment is suspended. Please contact the agency before paying; call 12333.",
        ),
        Objection::Retired => (
            409,
            "retired",
            "已办理退休,无需缴费。",
            "The person has retired; nothing needs to be paid.",
        ),
        Objection::EmployedElsewhere => (
            409,
            "employed_elsewhere",
            "已由单位参保缴费,请不要重复缴费。",
            "An employer already pays for this person. Please do not pay twice.",
        ),
        Objection::BaseNotDeclared => (
            409,
            "base_not_declared",
            "尚未选择缴费档次,请先选择档次。",
            "No tier has been chosen yet. Please choose one first.",
        ),
        Objection::BasePendingPublish => (
            409,
            "base_pending_publish",
            "新年度缴费基数尚未公布,请待公布后再缴费。",
            "The new year's bases are not published yet. Please wait until they are.",
        ),
        Objection::NoBill => (
            404,
            "no_bill",
            "没有应缴信息,所选月份可能已缴费,可在缴费记录中查看。",
            "Nothing is due. The months may be paid already: see your records.",
        ),
        Objection::AlreadyPaid => (
            409,
            "already_paid",
            "该费款已缴纳,请勿重复支付。",
            "This has been paid already. Please do not pay twice.",
        ),
        Objection::BillLocked => (
            409,
            "bill_locked",
            "其他渠道正在缴费,请勿重复支付,请稍后刷新再看。",
            "It is being paid through another channel. Please do not pay twice; look again later.",
        ),
        Objection::BillChanged => (
            409,
            "amount_changed",
            "应缴金额已变化,请重新查询并确认。",
            "The amount due has changed. Please query and confirm it again.",
        ),
        Objection::OutOfWindow => (
            409,
            "out_of_window",
            "当前不在缴费期内,请在缴费期内办理,咨询电话 12366。",
            "Payment is not open now. Please come back within the payment period; call 12366.",
        ),
        Objection::Maintenance => (
            503,
            "agency_maintenance",
            "经办机构系统维护中,请稍后再试。",
            "The agency's system is under maintenance. Please try again later.",
        ),
        Objection::DayCutoff => (
            503,
            "agency_day_cutoff",
            "经办机构正在日终处理,请稍后再试。",
            "The agency is closing its day. Please try again later.",
        ),
        Objection::AmountMismatch => (
            409,
            "amount_mismatch",
            "金额与经办机构的记录不一致,请重新查询应缴信息。",
            "The amount does not agree with the agency's record. Please query the bills again.",
        ),
        Objection::DuplicateRequest => (
            409,
            "duplicate_request",
            "请求重复,请刷新后查看结果。",
            "This was requested before. Please refresh and look at the result.",
        ),
        Objection::FullySubsidised => (
            409,
            "fully_subsidised",
            "由财政全额补助,无需个人缴费。",
            "It is paid by the government in full; nothing needs to be paid.",
        ),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
    tell(status, code, chinese, english).with("agency_code", json!(objection.code()))
}
