//! Mock WeChat Pay, WeChat mini-program login, Alipay, agency and sender of short messages: real HTTP, real keys, real
//! signatures, for demonstrations, for tests, and for anyone who writes a merchant in any language.
//!
//! Players: [`Providers`] binds the servers and is the handle of tests; `wechat` and `alipay` speak
//! the protocols; the post office repeats notifications by each platform's timetable; the control
//! API plays the user, the clock and the accidents. Promised: what a merchant sends is checked as the
//! platform checks it, and what the mock sends verifies only with the right key over the right bytes.
//! Accidents happen only when ordered, one by one or by a probability with a seed.
//!
//! Deliberately absent: the client's code. This crate imports nothing but `kernel`, so that two
//! implementations of each protocol check each other. Also absent: persistence beyond keys (a mock
//! that stops forgets its trades) and everything a production room might want to use.

pub mod agency;
mod alipay;
mod bounded;
mod clocks;
mod control;
mod delivery;
mod desk;
mod facts;
mod faults;
mod folder;
mod http;
mod keys;
mod letter;
mod outage;
mod people;
mod phone;
mod providers;
mod refusals;
mod settings;
mod sms;
mod stage;
mod vocabulary;
mod wechat;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use alipay::AlipayOddity;
pub use delivery::{Attempt, Delivery, DeliveryState};
pub use desk::{
    ClientResult, Craft, DeskError, EventKind, MintedCode, NotificationRequest, PayRequest,
    RefundView, TradeView, WechatWallet,
};
pub use facts::{AgencyFacts, AlipayAppFacts, AlipayFacts, Facts, SmsFacts, WechatFacts};
pub use faults::{Chaos, ChaosRule, Fault, FaultError, FaultKind, FaultTarget};
pub use folder::{FolderError, WrittenFolder};
pub use keys::KeyError;
pub use letter::{SignKind, SignedNotification};
pub use phone::{BookLine, Books};
pub use providers::{Providers, ProvidersError, ProvidersOptions};
pub use refusals::DocumentedRefusal;
pub use settings::{
    AlipayIdMode, AlipayKeyMode, AlipaySigner, Settings, SignerWeights, WechatSigner,
};
pub use sms::SmsView;
pub use wechat::{
    CertificateStanding, CertificateView, DoorView, FaceView, MerchantCertificateView,
    MigrationRequest, MigrationView, Rotation, SentMessage,
};

/// Locks, also after a panic elsewhere: the mock's books stay usable for whoever looks at them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
