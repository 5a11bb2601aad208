//! The acts of whoever directs the mock: be the user, let time pass, look at what was sent, forge a
//! notification. The control API and the Rust handle both act through here.

mod requests;

use std::sync::Arc;

use kernel::Channel;

use crate::{
    alipay::{self, Alipay},
    delivery::Attempt,
    facts::WechatFacts,
    faults::FaultTarget,
    folder::{FolderError, Home},
    letter::{Letter, Overrides, SignKind, SignedNotification},
    people::PersonNo,
    sms::SmsBook,
    stage::Stage,
    wechat::{self, Wechat},
};

use self::requests::alipay_result_code;
pub use self::requests::{
    ClientResult, Craft, DeskError, EventKind, MintedCode, NotificationRequest, PayRequest,
    RefundView, TradeView,
};
pub use crate::wechat::WalletParameters as WechatWallet;

/// Both platforms and what they share.
#[derive(Clone)]
pub(crate) struct Desk {
    pub stage: Arc<Stage>,
    pub wechat: Arc<Wechat>,
    pub alipay: Arc<Alipay>,
    pub sms: Arc<SmsBook>,
    /// The folder for strangers, which knows the keys of the moment.
    pub home: Arc<Home>,
}

fn wechat_failed(refusal: &wechat::WalletRefusal) -> DeskError {
    match refusal {
        wechat::WalletRefusal::Unknown => DeskError::NotFound("trade"),
        other => DeskError::Wallet(format!("requestPayment:fail {other}")),
    }
}

fn alipay_failed(refusal: &alipay::WalletRefusal) -> DeskError {
    match refusal {
        alipay::WalletRefusal::Unknown => DeskError::NotFound("trade"),
        other => DeskError::Wallet(format!("4000 {other}")),
    }
}

enum Payable {
    Wechat(wechat::Payable),
    Alipay(alipay::Payable),
}

/// Exactly one name of what is to be paid, and one that the platform has.
fn payable(request: &PayRequest) -> Result<Payable, DeskError> {
    let PayRequest { platform, out_trade_no, prepay_id, trade_no, wallet, .. } = request.clone();
    let wrong = |names: &str| DeskError::BadRequest(format!("give exactly one of {names}"));
    if platform == Channel::Wechat && request.client_result.is_some() {
        return Err(DeskError::BadRequest("client_result is Alipay's".to_owned()));
    }
    match platform {
        Channel::Wechat => match (wallet, prepay_id, out_trade_no, trade_no) {
            (Some(wallet), None, None, None) => {
                Ok(Payable::Wechat(wechat::Payable::Wallet(wallet)))
            }
            (None, Some(id), None, None) => Ok(Payable::Wechat(wechat::Payable::Prepay(id))),
            (None, None, Some(no), None) => Ok(Payable::Wechat(wechat::Payable::Number(no))),
            _ => Err(wrong("wallet, prepay_id, out_trade_no")),
        },
        Channel::Alipay => match (trade_no, out_trade_no, prepay_id, wallet) {
            (Some(no), None, None, None) => Ok(Payable::Alipay(alipay::Payable::TradeNo(no))),
            (None, Some(no), None, None) => Ok(Payable::Alipay(alipay::Payable::Number(no))),
            _ => Err(wrong("trade_no, out_trade_no")),
        },
    }
}

/// The WeChat merchant of that number, or the first one.
fn merchant_of(desk: &Desk, mchid: Option<&str>) -> Result<Arc<wechat::Merchant>, DeskError> {
    let merchants = desk.wechat.merchants();
    let mut wanted = merchants.into_iter().filter(|one| mchid.is_none_or(|id| id == one.mchid));
    wanted.next().ok_or(DeskError::NotFound("WeChat merchant"))
}

/// The one that was found; several can only be told apart by a merchant.
fn only<T>(mut found: Vec<T>, what: &'static str) -> Result<T, DeskError> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(DeskError::NotFound(what)),
        (Some(_), false) => {
            let message = "several WeChat merchants have this number: give mchid";
            Err(DeskError::BadRequest(message.to_owned()))
        }
    }
}

impl Desk {
    /// A login code of a platform's own application, or of the named one: a sub-merchant's mini-program at
    /// WeChat, the second application at Alipay.
    pub fn mint_login_code_for(
        &self,
        platform: Channel,
        user: &str,
        app_id: Option<&str>,
    ) -> Result<MintedCode, DeskError> {
        let person = PersonNo::of(user);
        let blank = MintedCode {
            code: String::new(),
            openid: None,
            user_id: None,
            open_id: None,
            name: None,
            cert_no: None,
        };
        match platform {
            Channel::Wechat => {
                let (code, openid) = self.wechat.mint_login_code(person, app_id);
                Ok(MintedCode { code, openid: Some(openid), ..blank })
            }
            Channel::Alipay => {
                let minted = self.alipay.mint_code(app_id, person);
                let (code, user_id, open_id) = minted.ok_or(DeskError::NotFound("application"))?;
                Ok(MintedCode {
                    code,
                    user_id: Some(user_id),
                    open_id: Some(open_id),
                    name: Some(person.name()),
                    cert_no: Some(person.cert_no()),
                    ..blank
                })
            }
        }
    }

    /// The WeChat merchant of that number, or the first one.
    pub fn merchant(&self, mchid: Option<&str>) -> Result<Arc<wechat::Merchant>, DeskError> {
        merchant_of(self, mchid)
    }

    /// Every WeChat merchant's side of the contract, as it is now.
    pub fn wechat_facts(&self) -> Vec<WechatFacts> {
        self.wechat.merchants().iter().map(|merchant| merchant.facts()).collect()
    }

    /// Brings the folder up to date, when there is one, after keys of WeChat merchants changed.
    pub fn keep_keys(&self) -> Result<(), DeskError> {
        let kept = self.home.keep(self.wechat_facts());
        kept.map_err(|error: FolderError| DeskError::Folder(error.to_string()))
    }

    /// The trade and its WeChat merchant.
    fn wechat_trade(
        &self,
        out_trade_no: &str,
        mchid: Option<&str>,
    ) -> Result<(Arc<wechat::Merchant>, wechat::Trade), DeskError> {
        let mut found = self.wechat.trades_of(out_trade_no);
        found.retain(|(merchant, _)| mchid.is_none_or(|id| id == merchant.mchid));
        only(found, "trade")
    }

    /// Whose wallet it is that would open.
    fn wechat_payee(
        &self,
        payable: &wechat::Payable,
        mchid: Option<&str>,
    ) -> Result<Arc<wechat::Merchant>, DeskError> {
        let mut found = self.wechat.merchants();
        found.retain(|one| mchid.is_none_or(|id| id == one.mchid) && one.knows(payable));
        only(found, "trade")
    }

    /// Pays as the user; the notification follows by itself.
    pub fn pay(&self, request: &PayRequest) -> Result<ClientResult, DeskError> {
        let user = request.user.as_deref();
        match payable(request)? {
            Payable::Wechat(payable) => {
                let merchant = self.wechat_payee(&payable, request.mchid.as_deref())?;
                let trade =
                    merchant.pay(&payable, user).map_err(|refusal| wechat_failed(&refusal))?;
                Ok(wechat_result(trade, "requestPayment:ok"))
            }
            Payable::Alipay(payable) => {
                let told = alipay_result_code(request, "9000")?;
                let trade =
                    self.alipay.pay(&payable, user).map_err(|refusal| alipay_failed(&refusal))?;
                Ok(alipay_result(trade, told))
            }
        }
    }

    /// Opens the wallet and leaves it without paying.
    pub fn cancel(&self, request: &PayRequest) -> Result<ClientResult, DeskError> {
        self.leave(request, ["requestPayment:fail cancel", "6001"])
    }

    /// Opens the wallet, and the payment fails there: no money, a wrong password.
    pub fn fail(&self, request: &PayRequest) -> Result<ClientResult, DeskError> {
        self.leave(request, ["requestPayment:fail 支付失败", "4000"])
    }

    /// Nothing changes at the platform, if the wallet could be opened at all.
    fn leave(
        &self,
        request: &PayRequest,
        [wechat, alipay]: [&'static str; 2],
    ) -> Result<ClientResult, DeskError> {
        match payable(request)? {
            Payable::Wechat(payable) => {
                let merchant = self.wechat_payee(&payable, request.mchid.as_deref())?;
                let trade = merchant.cancel(&payable).map_err(|refusal| wechat_failed(&refusal))?;
                Ok(wechat_result(trade, wechat))
            }
            Payable::Alipay(payable) => {
                let told = alipay_result_code(request, alipay)?;
                let trade =
                    self.alipay.cancel(&payable).map_err(|refusal| alipay_failed(&refusal))?;
                Ok(alipay_result(trade, told))
            }
        }
    }

    /// Lets an unpaid trade be over.
    pub fn expire(
        &self,
        platform: Channel,
        out_trade_no: &str,
        mchid: Option<&str>,
    ) -> Result<TradeView, DeskError> {
        match platform {
            Channel::Wechat => {
                let (merchant, _) = self.wechat_trade(out_trade_no, mchid)?;
                let trade = merchant.expire(out_trade_no);
                let trade = trade.map_err(|refusal| wechat_failed(&refusal))?;
                Ok(wechat_view(&merchant, &trade))
            }
            Channel::Alipay => {
                let trade = self.alipay.expire(out_trade_no);
                let trade = trade.map_err(|refusal| alipay_failed(&refusal))?;
                Ok(self.alipay_view(&trade))
            }
        }
    }

    fn alipay_view(&self, trade: &alipay::Trade) -> TradeView {
        let refund = |refund: &alipay::Refund| RefundView {
            out_refund_no: refund.out_request_no.clone(),
            amount_fen: refund.amount.get(),
            status: "SUCCESS",
            created_at: refund.at,
        };
        TradeView {
            platform: Channel::Alipay,
            merchant_id: self.alipay.keys.at(trade.app).seller_id.clone(),
            out_trade_no: trade.out_trade_no.clone(),
            transaction_id: Some(trade.trade_no.clone()),
            state: trade.status(self.stage.clocks.now()),
            total_fen: trade.total.get(),
            payer: self.alipay.open_id_of(trade),
            notify_url: trade.notify_url.clone(),
            created_at: trade.created_at,
            expires_at: trade.expires_at,
            paid_at: trade.paid_at(),
            refunds: trade.refunds.iter().map(refund).collect(),
        }
    }

    /// The newest trades of one platform, or of both in turn.
    pub fn trades(&self, platform: Option<Channel>, count_max: usize) -> Vec<TradeView> {
        let mut views = Vec::new();
        if platform != Some(Channel::Alipay) {
            let trades = self.wechat.trades(count_max);
            views.extend(trades.iter().map(|(merchant, trade)| wechat_view(merchant, trade)));
        }
        if platform != Some(Channel::Wechat) {
            let trades = self.alipay.trades(count_max);
            views.extend(trades.iter().map(|trade| self.alipay_view(trade)));
        }
        views
    }

    /// Every trade of this number: of several merchants, perhaps.
    pub fn trades_of(&self, platform: Channel, out_trade_no: &str) -> Vec<TradeView> {
        match platform {
            Channel::Wechat => {
                let found = self.wechat.trades_of(out_trade_no);
                found.iter().map(|(merchant, trade)| wechat_view(merchant, trade)).collect()
            }
            Channel::Alipay => {
                let found = self.alipay.trade(out_trade_no);
                found.iter().map(|trade| self.alipay_view(trade)).collect()
            }
        }
    }

    pub fn trade(&self, platform: Channel, out_trade_no: &str) -> Option<TradeView> {
        self.trades_of(platform, out_trade_no).into_iter().next()
    }

    fn letter(&self, request: &NotificationRequest) -> Result<Box<dyn Letter>, DeskError> {
        let number = request.out_trade_no.as_str();
        let wanted = request.out_refund_no.as_deref();
        let other_url = request.craft.notify_url.as_deref();
        let no_refund = DeskError::NotFound("refund of this trade");
        match (request.platform, request.craft.kind) {
            (Channel::Wechat, kind) => {
                let (merchant, trade) = self.wechat_trade(number, request.mchid.as_deref())?;
                let url = other_url.unwrap_or(&trade.notify_url);
                if kind == EventKind::Payment {
                    return Ok(Box::new(merchant.payment_letter(&trade, url)));
                }
                let refunds = merchant.refunds_of(&trade);
                let fits = |r: &&wechat::Refund| wanted.is_none_or(|no| no == r.out_refund_no);
                let refund = refunds.iter().rev().find(fits).ok_or(no_refund)?;
                Ok(Box::new(merchant.refund_letter(refund, url)))
            }
            (Channel::Alipay, kind) => {
                let trade = self.alipay.trade(number).ok_or(DeskError::NotFound("trade"))?;
                let url = other_url.or(trade.notify_url.as_deref()).ok_or_else(|| {
                    DeskError::BadRequest("the trade has no notify_url; give one".to_owned())
                })?;
                if kind == EventKind::Payment {
                    return Ok(Box::new(self.alipay.payment_letter(&trade, url)));
                }
                let fits = |r: &&alipay::Refund| wanted.is_none_or(|no| no == r.out_request_no);
                let refund = trade.refunds.iter().rev().find(fits).ok_or(no_refund)?;
                Ok(Box::new(self.alipay.refund_letter(&trade, refund, url)))
            }
        }
    }

    /// Writes and signs one notification without sending it.
    pub fn craft_notification(
        &self,
        request: &NotificationRequest,
    ) -> Result<(Box<dyn Letter>, SignedNotification), DeskError> {
        let craft = &request.craft;
        let of_wechat = matches!(craft.sign, SignKind::Probe | SignKind::UnknownSerial)
            || craft.tampered
            || craft.sm4
            || craft.wrong_associated_data;
        if request.platform == Channel::Alipay && of_wechat {
            let message = "probe, unknown_serial, tampered, wrong_associated_data and sm4 exist for WeChat only";
            return Err(DeskError::BadRequest(message.to_owned()));
        }
        if craft.oddity.is_some_and(|oddity| !oddity.suits(FaultTarget::AlipayNotification))
            || (request.platform == Channel::Wechat && craft.oddity.is_some())
        {
            let message = "this oddity is none of Alipay's notifications";
            return Err(DeskError::BadRequest(message.to_owned()));
        }
        let letter = self.letter(request)?;
        let overrides = Overrides {
            amount_fen: craft.amount_fen,
            currency: craft.currency.clone(),
            merchant_id: craft.merchant_id.clone(),
            app_id: craft.app_id.clone(),
            out_trade_no: craft.claimed_out_trade_no.clone(),
            transaction_id: craft.transaction_id.clone(),
            status: craft.status.clone(),
            timestamp_offset_seconds: craft.timestamp_offset_seconds,
            sign: craft.sign,
            tampered: craft.tampered,
            wrong_associated_data: craft.wrong_associated_data,
            sm4: craft.sm4,
            oddity: craft.oddity,
        };
        let clocks = &self.stage.clocks;
        let signed = letter.written(clocks.now(), clocks.wire(), &overrides);
        Ok((letter, signed))
    }

    /// Crafts and sends once, outside every timetable.
    pub async fn send_notification(
        &self,
        request: &NotificationRequest,
    ) -> Result<Attempt, DeskError> {
        let (letter, signed) = self.craft_notification(request)?;
        let now = self.stage.clocks.now();
        Ok(self.stage.office.send(letter.as_ref(), now, signed, None).await)
    }
}

fn wechat_view(merchant: &wechat::Merchant, trade: &wechat::Trade) -> TradeView {
    let now = merchant.stage.clocks.now();
    let refund = |refund: &wechat::Refund| RefundView {
        out_refund_no: refund.out_refund_no.clone(),
        amount_fen: refund.amount_fen,
        status: refund.status(now),
        created_at: refund.created_at,
    };
    TradeView {
        platform: Channel::Wechat,
        merchant_id: merchant.mchid.clone(),
        out_trade_no: trade.out_trade_no.clone(),
        transaction_id: trade.transaction_id.clone().filter(|_| trade.is_paid()),
        state: trade.state.code(),
        total_fen: trade.total_fen,
        payer: trade.openid.clone(),
        notify_url: Some(trade.notify_url.clone()),
        created_at: trade.created_at,
        expires_at: trade.expires_at,
        paid_at: trade.paid_at.filter(|_| trade.is_paid()),
        refunds: merchant.refunds_of(trade).iter().map(refund).collect(),
    }
}

fn wechat_result(trade: wechat::Trade, client_result: &'static str) -> ClientResult {
    ClientResult {
        platform: Channel::Wechat,
        out_trade_no: trade.out_trade_no,
        transaction_id: trade.transaction_id,
        client_result,
    }
}

fn alipay_result(trade: alipay::Trade, client_result: &'static str) -> ClientResult {
    ClientResult {
        platform: Channel::Alipay,
        out_trade_no: trade.out_trade_no,
        transaction_id: Some(trade.trade_no),
        client_result,
    }
}
