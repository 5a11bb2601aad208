//! Everything spoken to WeChat and Alipay; usable by anyone as an SDK.
//!
//! Players: a *channel* takes and returns money for one merchant account; a *login provider* turns
//! a mini-program's code into the platform's name for a person, and a *citizen provider* also says
//! whether that person is who they say, and what their telephone number is. Promised: a [`PaymentFact`] exists
//! only when the platform vouched for it (a verified notification or a verified query answer);
//! every call has a time limit, a stated retry class and a metric; what is sent twice is sent with
//! the same bytes; keys, codes and identity numbers never reach an error or a log.
//!
//! Deliberately absent: a default verifier, a `bool` for "verified", a mode flag for keys
//! (a key store picks by serial), retries of money calls (the caller owns them), and the database.
//!
//! Sources: the platforms' public documents as collected in `docs/protocols.md`.

mod alipay;
mod call;
mod channel;
mod citizen;
mod examination;
mod facts;
#[doc(hidden)]
pub mod fuzzing;
mod login;
mod rsa;
mod setup;
#[cfg(test)]
mod testing;
mod wechat;

pub use alipay::{
    AlipayBalanceLine, AlipayBalanceStatement, AlipayCancelled, AlipayCertificates, AlipayConfig,
    AlipayLogin, AlipayMerchant, AlipayTradeLine, AlipayTradeStatement, BillError, CertifyDocument,
    CertifyId, CertifyRequest, CertifyScene, CertifyStanding, MessageFate, PhoneError,
    StatementError, StatementKind, TemplateMessage,
};
pub use channel::{
    CALL_TIME_MAX, ChannelError, Created, Payer, PaymentChannel, PaymentRequest, PaymentStanding,
    Prepared, RefundRequest, RefundStanding, Refused, WalletParameters,
};
pub use citizen::{
    CitizenError, CitizenProvider, PhoneProvider, RealNameAction, RealNameNo, RealNameProof,
    RealNameProvider, RealNameRequest, RealNameStanding, RealNameTicket,
};
pub use examination::{ENDS_SOON, Finding, Gravity};
pub use facts::{Notice, PaymentFact, RefundFact, RefundStatus, Refusal, Told};
pub use login::{LoginError, LoginIdentity, LoginProvider, PayerIdKind};
pub use setup::SetupError;
pub use wechat::{
    CityArrival, CityArrivalError, CityCard, CityCardWord, CityHint, CityPage, CityPath,
    CityPathRequest, CityPathSource, EmbeddedTokens, FaceFailure, FaceId, FaceProof, FaceRequest,
    FaceStanding, FaceTicket, MessageLanguage, MiniProgramError, MiniProgramRefused,
    MiniProgramVersion, StatementStanding, SubscriptionMessage, TokenStore, TokenStoreAway,
    WechatConfig, WechatFaceNumber, WechatFundMove, WechatFundStatement, WechatLogin,
    WechatLoginConfig, WechatMerchant, WechatMiniProgram, WechatOfficialAccount, WechatPartner,
    WechatPhoneNumber, WechatRefundTarget, WechatStatementError, WechatStatementKind, WechatTrade,
    WechatTradeRefund, WechatTradeStatement,
};
