//! What is asked at the desk, and what it answers.

use kernel::{Channel, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::WechatWallet;
use crate::{
    alipay::AlipayOddity,
    control::{Platform, oddity_schema},
    letter::SignKind,
};

/// Why an act is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{0}")]
    BadRequest(String),
    #[error("no key could be made: {0}")]
    Key(String),
    #[error("the folder does not know it: {0}")]
    Folder(String),
    /// The wallet does not pay; the client's own words.
    #[error("{0}")]
    Wallet(String),
}

/// A login code for a mock user, and the ids that it will turn into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MintedCode {
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_id: Option<String>,
    /// The user's made-up real name and identity number, which Alipay's cashier knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_no: Option<String>,
}

/// Names what a user pays: for WeChat `wallet`, `prepay_id` or `out_trade_no`, for Alipay `trade_no`
/// or `out_trade_no`. With `user`, the wallet refuses another person than the payer.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayRequest {
    #[schema(value_type = Platform)]
    pub platform: Channel,
    pub out_trade_no: Option<String>,
    pub prepay_id: Option<String>,
    pub trade_no: Option<String>,
    pub wallet: Option<WechatWallet>,
    /// Whose trade it is, when several WeChat merchants have one of this number.
    pub mchid: Option<String>,
    pub user: Option<String>,
    /// Alipay: what the client is told in place of the usual code; it never proves anything.
    pub client_result: Option<String>,
}

/// Every `resultCode` of `my.tradePay` (alipay §3.4).
const ALIPAY_RESULTS: [&str; 8] = ["9000", "8000", "4000", "6001", "6002", "6004", "4", "99"];

/// What the client of Alipay hears.
pub(super) fn alipay_result_code(
    request: &PayRequest,
    usual: &'static str,
) -> Result<&'static str, DeskError> {
    let Some(wanted) = &request.client_result else { return Ok(usual) };
    let known = ALIPAY_RESULTS.into_iter().find(|known| known == wanted);
    known.ok_or_else(|| {
        let codes = ALIPAY_RESULTS.join(", ");
        DeskError::BadRequest(format!("client_result is one of {codes}"))
    })
}

impl PayRequest {
    fn blank(platform: Channel) -> PayRequest {
        PayRequest {
            platform,
            out_trade_no: None,
            prepay_id: None,
            trade_no: None,
            wallet: None,
            mchid: None,
            user: None,
            client_result: None,
        }
    }

    pub fn number(platform: Channel, out_trade_no: impl Into<String>) -> PayRequest {
        PayRequest { out_trade_no: Some(out_trade_no.into()), ..PayRequest::blank(platform) }
    }

    pub fn wechat_wallet(wallet: WechatWallet) -> PayRequest {
        PayRequest { wallet: Some(wallet), ..PayRequest::blank(Channel::Wechat) }
    }

    pub fn alipay_trade(trade_no: impl Into<String>) -> PayRequest {
        PayRequest { trade_no: Some(trade_no.into()), ..PayRequest::blank(Channel::Alipay) }
    }
}

/// What the client sees when the wallet closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClientResult {
    #[schema(value_type = Platform)]
    pub platform: Channel,
    pub out_trade_no: String,
    /// WeChat `transaction_id` or Alipay `trade_no`; WeChat has none before payment.
    pub transaction_id: Option<String>,
    /// `requestPayment:ok` or `9000`; `requestPayment:fail cancel` or `6001`; `requestPayment:fail
    /// 支付失败` or `4000`.
    pub client_result: &'static str,
}

/// Which event a notification is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    #[default]
    Payment,
    Refund,
}

/// A crafted notification about a known trade. What is not given is told truthfully.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationRequest {
    #[schema(value_type = Platform)]
    pub platform: Channel,
    pub out_trade_no: String,
    /// Which refund; WeChat `out_refund_no`, Alipay `out_request_no`. The last one when not given.
    pub out_refund_no: Option<String>,
    /// Whose trade it is, when several WeChat merchants have one of this number.
    pub mchid: Option<String>,
    #[serde(flatten)]
    pub craft: Craft,
}

/// How a crafted notification differs from the genuine one.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct Craft {
    #[serde(default)]
    pub kind: EventKind,
    /// In place of the trade's address.
    pub notify_url: Option<String>,
    pub amount_fen: Option<i64>,
    pub currency: Option<String>,
    /// `mchid` or `seller_id`.
    pub merchant_id: Option<String>,
    pub app_id: Option<String>,
    /// The number that the notification names.
    pub claimed_out_trade_no: Option<String>,
    /// `transaction_id` or `trade_no`.
    pub transaction_id: Option<String>,
    /// `trade_state`, `refund_status` or `trade_status`.
    pub status: Option<String>,
    #[serde(default)]
    pub timestamp_offset_seconds: i64,
    #[serde(default)]
    pub sign: SignKind,
    #[serde(default)]
    pub tampered: bool,
    #[serde(default)]
    pub wrong_associated_data: bool,
    /// WeChat: encrypted with SM4, as for a merchant that was moved to 国密.
    #[serde(default)]
    pub sm4: bool,
    /// Alipay: what is odd about the form.
    #[schema(schema_with = oddity_schema)]
    pub oddity: Option<AlipayOddity>,
}

impl NotificationRequest {
    pub fn payment(platform: Channel, out_trade_no: impl Into<String>) -> NotificationRequest {
        let craft = Craft::default();
        NotificationRequest {
            platform,
            out_trade_no: out_trade_no.into(),
            out_refund_no: None,
            mchid: None,
            craft,
        }
    }

    pub fn refund(platform: Channel, out_trade_no: impl Into<String>) -> NotificationRequest {
        let craft = Craft { kind: EventKind::Refund, ..Craft::default() };
        NotificationRequest { craft, ..NotificationRequest::payment(platform, out_trade_no) }
    }
}

/// A trade as the platform knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TradeView {
    #[schema(value_type = Platform)]
    pub platform: Channel,
    /// `mchid` or `seller_id`.
    pub merchant_id: String,
    pub out_trade_no: String,
    pub transaction_id: Option<String>,
    /// In the platform's own words.
    pub state: &'static str,
    pub total_fen: i64,
    pub payer: String,
    pub notify_url: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<Timestamp>,
    pub refunds: Vec<RefundView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefundView {
    pub out_refund_no: String,
    pub amount_fen: i64,
    /// In WeChat's words; Alipay's refunds are always done.
    pub status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
