//! Orders as people see them: labels, masked data, and what to do next.

use agency::Objection;
use kernel::{AccountId, Timestamp};
use orders::{
    FrozenBill, Order, OrderError, OrderRecord, OrderState, PaymentState, Posting, PostingState,
    Refund, RefundState,
};
use people::InsuredPerson;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api, counter,
    counter::{ComponentView, MonthsView},
    language::Language,
    persons::PersonView,
    problem::ApiError,
};

/// An order in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderView {
    order_no: String,
    /// Stable code, such as `CREATED`, `PAYING`, `PAID`, `SUCCESS`.
    #[schema(example = "SUCCESS")]
    state: String,
    #[schema(example = "缴费成功")]
    label: String,
    /// What the state means, in one sentence.
    text: String,
    next_step: NextStep,
    /// Yuan.
    amount: String,
    city: String,
    city_name: String,
    channel: String,
    /// Absent when the person was removed from the account.
    person: Option<PersonView>,
    /// What is paid: insurance and months.
    items: Vec<Item>,
    created_at: String,
    expires_at: String,
}

/// What the person can or should do.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextStep {
    /// `pay`, `wait`, `look`, `start_again` or `call`.
    action: String,
    text: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Item {
    insurance: String,
    insurance_label: String,
    months: MonthsView,
    /// Yuan.
    amount: String,
}

/// An order with all that belongs to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordView {
    #[serde(flatten)]
    order: OrderView,
    bills: Vec<BillView>,
    payment: Option<PaymentView>,
    refunds: Vec<RefundView>,
}

/// Money going back the way it came.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundView {
    /// Yuan.
    amount: String,
    /// The bill that it was for; absent when the whole payment goes back.
    bill_no: Option<String>,
    /// `requested`, `processing`, `succeeded` or `failed` (a person is working on it).
    state: String,
    label: String,
    refunded_at: Option<String>,
}

impl RefundView {
    fn of(refund: &Refund) -> RefundView {
        let label = match refund.state {
            RefundState::Requested | RefundState::Processing => "退款中",
            RefundState::Succeeded => "已退款",
            RefundState::Failed | RefundState::Replaced => "退款异常",
        };
        RefundView {
            amount: refund.amount.to_string(),
            bill_no: refund.bill_no.as_ref().map(ToString::to_string),
            state: refund.state.code().to_owned(),
            label: label.to_owned(),
            refunded_at: refund.refunded_at.map(Timestamp::rfc3339),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BillView {
    bill_no: String,
    version: u32,
    agency: String,
    agency_name: String,
    insurance: String,
    insurance_label: String,
    months: MonthsView,
    base: Option<String>,
    tier_no: Option<u16>,
    amount: String,
    components: Vec<ComponentView>,
    posting: Option<PostingView>,
}

/// The agency's booking of one bill.
#[derive(Serialize, ToSchema)]
pub(crate) struct PostingView {
    /// `pending`, `posted` or `refused`.
    state: String,
    label: String,
    agency_serial: Option<String>,
    posted_at: Option<String>,
    /// Why the agency refused.
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentView {
    out_trade_no: String,
    channel: String,
    channel_label: String,
    /// `prepared`, `open`, `paid`, `closed` or `refused`.
    state: String,
    transaction_id: Option<String>,
    paid_at: Option<String>,
}

impl OrderView {
    pub(crate) fn of(
        api: &Api,
        order: &Order,
        bills: &[FrozenBill],
        people: &[InsuredPerson],
        language: Language,
    ) -> OrderView {
        let text = StateText::of(order, &[], api.clock.now());
        let item = |frozen: &FrozenBill| Item {
            insurance: frozen.insurance.code().to_owned(),
            insurance_label: frozen.insurance.label().to_owned(),
            months: MonthsView::of(frozen.months),
            amount: frozen.bill.amount.to_string(),
        };
        let city = api.catalogue.city(&order.city);
        OrderView {
            order_no: order.order_no.to_string(),
            state: order.state.code().to_owned(),
            label: order.state.label().to_owned(),
            text: text.sentence(language),
            next_step: text.next_step(language),
            amount: order.amount.to_string(),
            city: order.city.to_string(),
            city_name: city.map_or_else(String::new, |city| city.short_name().to_owned()),
            channel: order.channel.code().to_owned(),
            person: people.iter().find(|person| person.id == order.person).map(PersonView::of),
            items: bills.iter().map(item).collect(),
            created_at: order.created_at.rfc3339(),
            expires_at: order.expires_at.rfc3339(),
        }
    }
}

impl RecordView {
    pub(crate) async fn of(
        api: &Api,
        account: AccountId,
        record: OrderRecord,
        language: Language,
    ) -> Result<RecordView, ApiError> {
        let people = api.people.list_persons(account).await.map_err(OrderError::from)?;
        let mut order = OrderView::of(api, &record.order, &record.bills, &people, language);
        let text = StateText::of(&record.order, &record.postings, api.clock.now());
        (order.text, order.next_step) = (text.sentence(language), text.next_step(language));
        let bills = record.bills.iter().map(|frozen| {
            let posting = record.postings.iter().find(|posting| {
                posting.agency == frozen.agency && posting.bill_no == frozen.bill.bill_no
            });
            BillView {
                bill_no: frozen.bill.bill_no.to_string(),
                version: frozen.bill.version,
                agency: frozen.agency.to_string(),
                agency_name: counter::agency_name(api, &record.order.city, &frozen.agency),
                insurance: frozen.insurance.code().to_owned(),
                insurance_label: frozen.insurance.label().to_owned(),
                months: MonthsView::of(frozen.months),
                base: frozen.base.map(|base| base.to_string()),
                tier_no: frozen.tier_no,
                amount: frozen.bill.amount.to_string(),
                components: ComponentView::list(&frozen.components),
                posting: posting.map(PostingView::of),
            }
        });
        let bills = bills.collect();
        // The paid attempt tells the story; without one, the latest.
        let paid = record.payments.iter().find(|payment| payment.state == PaymentState::Paid);
        let payment = paid.or(record.payments.last()).map(|payment| PaymentView {
            out_trade_no: payment.out_trade_no.to_string(),
            channel: payment.channel.code().to_owned(),
            channel_label: payment.channel.label().to_owned(),
            state: payment.state.code().to_owned(),
            transaction_id: payment.transaction_id.clone(),
            paid_at: payment.paid_at.map(Timestamp::rfc3339),
        });
        // One that was replaced by another number never moved money.
        let refunds = record.refunds.iter().filter(|refund| refund.state.counts());
        let refunds = refunds.map(RefundView::of).collect();
        Ok(RecordView { order, bills, payment, refunds })
    }
}

impl PostingView {
    fn of(posting: &Posting) -> PostingView {
        let label = match posting.state {
            PostingState::Pending => "待入账",
            PostingState::Posted => "已入账",
            PostingState::Refused => "未入账",
            PostingState::TakingBack => "撤销中",
            PostingState::TakenBack => "已撤销",
            PostingState::AgencyRefunded => "已退费",
        };
        PostingView {
            state: posting.state.code().to_owned(),
            label: label.to_owned(),
            agency_serial: posting.posted.as_ref().map(|posted| posted.agency_serial.clone()),
            posted_at: posting.posted.as_ref().map(|posted| posted.posted_at.rfc3339()),
            reason: posting.objection.map(Objection::label).map(str::to_owned),
        }
    }
}

/// Working days in which a person answers a suspended order. A promise of the operator.
const ANSWER_WORKING_DAYS: u8 = 3;

/// The sentence and the next step of a state (domain: 状态文案). Never says that something failed
/// when money was taken; every failure says whether money moved.
struct StateText {
    state: OrderState,
    expires_at: Timestamp,
    updated_at: Timestamp,
    expired: bool,
    posted: usize,
    refused: usize,
}

impl StateText {
    fn of(order: &Order, postings: &[Posting], now: Timestamp) -> StateText {
        let count = |state| postings.iter().filter(|posting| posting.state == state).count();
        StateText {
            state: order.state,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            expired: now >= order.expires_at,
            posted: count(PostingState::Posted) + count(PostingState::AgencyRefunded),
            refused: count(PostingState::Refused) + count(PostingState::TakenBack),
        }
    }

    fn sentence(&self, language: Language) -> String {
        let (until, at) = (self.expires_at.beijing_text(), self.updated_at.beijing_text());
        let (posted, refused) = (self.posted, self.refused);
        let (chinese, english) = match self.state {
            OrderState::Created => (
                format!("请在{until}前完成支付,超时订单将自动关闭。"),
                format!("Please pay before {until}; the order closes by itself after that."),
            ),
            OrderState::Paying => (
                "正在确认支付结果,请勿重复支付。".to_owned(),
                "The result of the payment is being confirmed. Please do not pay twice.".to_owned(),
            ),
            OrderState::Paid => (
                "款项已支付,正在由社保(税务)部门入账,一般几分钟内完成。".to_owned(),
                "Paid. The agency is booking it, usually within minutes.".to_owned(),
            ),
            OrderState::Suspended => (
                format!("入账结果需要进一步核实,我们会在{ANSWER_WORKING_DAYS}个工作日内告知您,请勿重复支付。"),
                format!("The booking needs a closer look. We will tell you within {ANSWER_WORKING_DAYS} working days. Please do not pay twice."),
            ),
            OrderState::Success => (
                "已入账,可查看或下载缴费凭证。".to_owned(),
                "Booked by the agency. The record is your proof of payment.".to_owned(),
            ),
            // A list does not count the bills.
            OrderState::SuccessPartial if posted + refused == 0 => (
                "部分账单已入账,未入账款项将原路退回。".to_owned(),
                "Some bills are booked; the money for the others goes back to where it came from.".to_owned(),
            ),
            OrderState::SuccessPartial => (
                format!("{posted}笔已入账,{refused}笔未入账,未入账款项将原路退回。"),
                format!("{posted} booked, {refused} not booked; the money for those goes back to where it came from."),
            ),
            OrderState::Failed => (
                "支付渠道未受理本次支付。您的账户未扣款。".to_owned(),
                "The payment channel did not accept this payment. Nothing was taken from your account.".to_owned(),
            ),
            OrderState::Refunding => (
                "款项将原路退回,到账时间以支付机构为准。".to_owned(),
                "The money is going back to where it came from; the payment institution decides when it arrives.".to_owned(),
            ),
            OrderState::Refunded => (
                format!("已于{at}退回原支付账户。"),
                format!("Returned to the account it came from at {at}."),
            ),
            OrderState::RefundFailed => (
                "退款未完成,客服正在处理,款项安全。".to_owned(),
                "The refund is not complete. A person is working on it; the money is safe.".to_owned(),
            ),
            OrderState::Closed => (
                "订单已关闭,未扣款。".to_owned(),
                "The order is closed. Nothing was taken.".to_owned(),
            ),
            OrderState::Reversed => (
                "该笔入账已被撤销,款项将退回。".to_owned(),
                "The booking was taken back; the money will be returned.".to_owned(),
            ),
            OrderState::AgencyRefunded => (
                "社保(税务)部门已办理退费。".to_owned(),
                "The agency has refunded it.".to_owned(),
            ),
        };
        match language {
            Language::Chinese => chinese,
            Language::English => english,
        }
    }

    fn next_step(&self, language: Language) -> NextStep {
        let (action, chinese, english) = match self.state {
            OrderState::Created if !self.expired => ("pay", "请点击“去支付”。", "Tap “Pay”."),
            OrderState::Created => (
                "wait",
                "支付时间已过,订单即将关闭。",
                "The time to pay is over; the order is closing.",
            ),
            OrderState::Paying if !self.expired => (
                "wait",
                "如果已经付款,请稍等片刻刷新;如果没有付款,可以继续支付本订单。",
                "If you have paid, wait a moment and refresh. If not, you can go on paying this same order.",
            ),
            OrderState::Paying
            | OrderState::Paid
            | OrderState::Refunding
            | OrderState::Reversed => {
                ("wait", "无需操作,请稍后刷新查看。", "Nothing to do; please look again later.")
            }
            OrderState::Suspended | OrderState::RefundFailed => (
                "call",
                "无需操作。如有疑问,请凭订单号拨打 12333(社保)、12393(医保)或 12366(税务)。",
                "Nothing to do. Questions: call 12333 (insurance), 12393 (medical) or 12366 (tax) with the order number.",
            ),
            OrderState::Success | OrderState::SuccessPartial => {
                ("look", "可查看缴费明细。", "You can look at the details.")
            }
            OrderState::Failed | OrderState::Closed => (
                "start_again",
                "如仍需缴费,请重新查询应缴信息。",
                "To pay, query what is due again.",
            ),
            OrderState::Refunded | OrderState::AgencyRefunded => (
                "look",
                "请在原支付账户中查看到账情况。",
                "Please look at the account that you paid from.",
            ),
        };
        let text = match language {
            Language::Chinese => chinese,
            Language::English => english,
        };
        NextStep { action: action.to_owned(), text: text.to_owned() }
    }
}
