//! Behaviours that only Alipay has, or has in its own way, to be ordered like any other fault
//! (alipay §8.5). None of them happens by itself.

use serde::{Deserialize, Serialize};

use crate::faults::FaultTarget;

/// What is odd about one answer, one bill or one attempt of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlipayOddity {
    // Answers. The effect is applied unless said otherwise.
    /// The answer carries no signature.
    Unsigned,
    /// Signed by the other one of Alipay's two keys.
    OtherKey,
    /// `sign` stands before the node.
    SignFirst,
    /// Indented, as people read it.
    Pretty,
    /// Slashes and everything beyond ASCII are escaped; signed as sent.
    Escaped,
    /// Slashes are escaped after signing: signed over `/`, sent as `\\/`.
    EscapedAfterSigning,
    /// A member whose text holds unbalanced braces and `"sign"`.
    Braces,
    /// The node stands there twice; the first is the signed one.
    DoubledRoot,
    /// A failure under `error_response`, signed; nothing applied.
    ErrorRoot,
    /// The same without a signature.
    UnsignedErrorRoot,
    /// 20000 without a signature; nothing applied.
    UnsignedError,
    /// `ACQ.SYSTEM_ERROR`, signed, although the effect is applied.
    SystemErrorAfterCommit,
    /// The connection drops and nothing is applied.
    DropBeforeCommit,
    /// Half of the answer, under the length of the whole of what is sent.
    Truncated,
    EmptyBody,
    // Single methods.
    /// The refund is done, and `fund_change` says `N`.
    NoFundChange,
    /// `fund_change` says `N`, and the refund is done a minute later.
    RefundPending,
    /// The user pays just before the close or the cancel.
    PaidFirst,
    /// The close succeeds, and a minute later it turns out that the payment won.
    PaidAfterClose,
    /// Nothing is done, and `retry_flag` says `Y`.
    RetryFlag,
    /// The user pays in the second in which the order expires.
    PaidAtExpiry,
    /// `expires_in` and `re_expires_in` are texts.
    ExpiresInText,
    /// The user takes no messages.
    Unsubscribed,
    // Bills.
    /// Not made yet.
    LateBill,
    MissingRow,
    ExtraRow,
    /// One row tells one fen more.
    AmountDiffers,
    /// A day without a file.
    NoDataFile,
    /// The address has expired when it is given.
    ExpiredUrl,
    TruncatedZip,
    /// The first row's subject has commas and nothing around it.
    UnquotedComma,
    /// Columns at the end that documents do not name.
    NewColumns,
    /// Lines end with a line feed alone.
    LfEndings,
    /// The balance bill's files bear the name of before (财务明细).
    OldNames,
    // Notifications; all but the last three are signed as the platform signs. `unsigned` and
    // `other_key` exist here too.
    /// The same event under another `notify_id`.
    NewId,
    UnknownNumber,
    /// The form and the signed bytes are GBK.
    GbkCharset,
    /// A quotation mark in a value came as `&quot;` before signing.
    HtmlEscaped,
    ExtraField,
    /// Nothing that a product may leave out.
    FewFields,
    /// `TRADE_FINISHED` without a `TRADE_SUCCESS` before.
    FinishedFirst,
    WaitBuyerPay,
    /// `alipay_cert_sn` stands in the form and in the signed text.
    CertificateSerial,
    /// `alipay_cert_sn` stands in the form and not in the signed text.
    CertificateSerialUnsigned,
    /// `sign_type` stands in the signed text.
    SignTypeSigned,
    /// Blank values are left out of the signed text.
    BlanksUnsigned,
}

impl AlipayOddity {
    pub(crate) fn suits(self, target: FaultTarget) -> bool {
        use AlipayOddity::{
            AmountDiffers, BlanksUnsigned, CertificateSerial, CertificateSerialUnsigned,
            ExpiredUrl, ExpiresInText, ExtraField, ExtraRow, FewFields, FinishedFirst, GbkCharset,
            HtmlEscaped, LateBill, LfEndings, MissingRow, NewColumns, NewId, NoDataFile,
            NoFundChange, OldNames, OtherKey, PaidAfterClose, PaidAtExpiry, PaidFirst,
            RefundPending, RetryFlag, SignTypeSigned, TruncatedZip, UnknownNumber, UnquotedComma,
            Unsigned, Unsubscribed, WaitBuyerPay,
        };
        if !target.code().starts_with("alipay.") {
            return false;
        }
        match self {
            Unsigned | OtherKey => true,
            NoFundChange | RefundPending => target == FaultTarget::AlipayRefund,
            PaidFirst => matches!(target, FaultTarget::AlipayClose | FaultTarget::AlipayCancel),
            PaidAfterClose => target == FaultTarget::AlipayClose,
            RetryFlag => target == FaultTarget::AlipayCancel,
            PaidAtExpiry => target == FaultTarget::AlipayCreate,
            ExpiresInText => target == FaultTarget::AlipayLogin,
            Unsubscribed => target == FaultTarget::AlipayMessage,
            LateBill | MissingRow | ExtraRow | AmountDiffers | NoDataFile | ExpiredUrl
            | TruncatedZip | UnquotedComma | NewColumns | LfEndings | OldNames => {
                target == FaultTarget::AlipayBill
            }
            NewId
            | UnknownNumber
            | GbkCharset
            | HtmlEscaped
            | ExtraField
            | FewFields
            | FinishedFirst
            | WaitBuyerPay
            | CertificateSerial
            | CertificateSerialUnsigned
            | SignTypeSigned
            | BlanksUnsigned => target == FaultTarget::AlipayNotification,
            _ => target != FaultTarget::AlipayNotification,
        }
    }
}
