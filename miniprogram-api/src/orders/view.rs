//! Orders as people see them: labels, masked data, and what to do next.

use kernel::{AccountId, Timestamp};
use orders::{
    FrozenBill, Order, OrderError, OrderRecord, OrderState, Part, PaymentState, Posting,
    PostingState, Refund, RefundState, Refusal,
};
use people::InsuredPerson;
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, Phrase, aloud, filled};

use super::history::HistoryView;
use crate::{
    Api, counter,
    counter::{BillKindView, CategoryView, ComponentView, MonthsView},
    persons::PersonView,
    problem::{ApiError, NextStep},
    sight::Sight,
    words,
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
    /// Sentence and next step as a voice reads them.
    speech: String,
    next_step: NextStep,
    /// Whom to call about the order: the hotlines of the agencies of its bills.
    #[schema(example = "12333")]
    help_line: String,
    /// Yuan.
    amount: String,
    city: String,
    city_name: String,
    channel: String,
    /// Where the order was made, as the guide calls it: `wechat_city` or `alipay_city`. What is paid at a
    /// government site, in a city's app or at a bank is no order here.
    #[schema(example = "wechat_city")]
    entry: String,
    entry_label: String,
    /// Absent when the person was removed from the account.
    person: Option<PersonView>,
    /// What is paid: insurance and months.
    items: Vec<Item>,
    created_at: String,
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Item {
    insurance: String,
    insurance_label: String,
    /// What it is for, in words: `职工基本医疗保险(补缴)`, `医保个人账户充值`.
    label: String,
    #[serde(flatten)]
    kind: BillKindView,
    category: Option<CategoryView>,
    months: MonthsView,
    /// Yuan.
    amount: String,
}

impl Item {
    fn of(frozen: &FrozenBill, language: Language) -> Item {
        let FrozenBill { insurance, kind, category, .. } = frozen;
        Item {
            insurance: insurance.code().to_owned(),
            insurance_label: words::insurance(language, *insurance),
            label: words::item(language, *insurance, *kind, category.as_ref()),
            kind: BillKindView::of(*kind, language),
            category: category.as_ref().map(|category| CategoryView::of(category, language)),
            months: MonthsView::of(frozen.months),
            amount: frozen.bill.amount.to_string(),
        }
    }
}

/// An order with all that belongs to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordView {
    #[serde(flatten)]
    order: OrderView,
    bills: Vec<BillView>,
    payment: Option<PaymentView>,
    refunds: Vec<RefundView>,
    /// How to pay in parts what the channel refused as above its limit; absent otherwise.
    #[schema(value_type = Option<Vec<Object>>)]
    parts: Option<Vec<Part>>,
    /// What happened, oldest first.
    history: Vec<HistoryView>,
}

/// Money going back the way it came.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundView {
    /// Yuan.
    amount: String,
    /// The bill that it was for, and its agency; absent when the whole payment goes back.
    agency: Option<String>,
    bill_no: Option<String>,
    /// `requested`, `processing`, `succeeded` or `failed` (a person is working on it).
    state: String,
    label: String,
    refunded_at: Option<String>,
}

impl RefundView {
    fn of(refund: &Refund, language: Language) -> RefundView {
        RefundView {
            amount: refund.amount.to_string(),
            agency: refund.bill.as_ref().map(|bill| bill.agency.to_string()),
            bill_no: refund.bill.as_ref().map(|bill| bill.bill_no.to_string()),
            state: refund.state.code().to_owned(),
            label: words::refund(language, refund.state),
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
    /// What it is for, in words.
    label: String,
    #[serde(flatten)]
    kind: BillKindView,
    category: Option<CategoryView>,
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
        let text = StateText::of(api, order, bills, language);
        let city = api.catalogue.city(&order.city);
        OrderView {
            order_no: order.order_no.to_string(),
            state: order.state.code().to_owned(),
            label: words::state(language, order.state),
            text: text.sentence(language),
            speech: text.speech(language),
            next_step: text.next_step(language),
            help_line: text.help_line(language),
            amount: order.amount.to_string(),
            city: order.city.to_string(),
            city_name: city.map_or_else(String::new, |city| city.short_name().to_owned()),
            channel: order.channel.code().to_owned(),
            entry: words::entry_code(order.channel).to_owned(),
            entry_label: words::entry(language, order.channel),
            person: people.iter().find(|person| person.id == order.person).map(PersonView::of),
            items: bills.iter().map(|bill| Item::of(bill, language)).collect(),
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
        let text = StateText::of(api, &record.order, &record.bills, language);
        let text = text.in_detail(&record);
        (order.text, order.next_step) = (text.sentence(language), text.next_step(language));
        order.speech = text.speech(language);
        // Of a person who was removed nobody sees more than a payer.
        let person = people.iter().find(|person| person.id == record.order.person);
        let sight = person.map_or(Sight::Payer, Sight::of);
        let whole = sight.is_whole();
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
                insurance_label: words::insurance(language, frozen.insurance),
                label: words::item(
                    language,
                    frozen.insurance,
                    frozen.kind,
                    frozen.category.as_ref(),
                ),
                kind: BillKindView::of(frozen.kind, language),
                category: frozen.category.as_ref().map(|known| CategoryView::of(known, language)),
                months: MonthsView::of(frozen.months),
                base: frozen.base.filter(|_| whole).map(|base| base.to_string()),
                tier_no: frozen.tier_no.filter(|_| whole),
                amount: frozen.bill.amount.to_string(),
                components: ComponentView::seen(&frozen.components, sight, language),
                posting: posting.map(|posting| PostingView::of(posting, language)),
            }
        });
        let bills = bills.collect();
        // The paid attempt tells the story; without one, the latest.
        let paid = record.payments.iter().find(|payment| payment.state == PaymentState::Paid);
        let payment = paid.or(record.payments.last()).map(|payment| PaymentView {
            out_trade_no: payment.out_trade_no.to_string(),
            channel: payment.channel.code().to_owned(),
            channel_label: words::channel(language, payment.channel),
            state: payment.state.code().to_owned(),
            transaction_id: payment.transaction_id.clone(),
            paid_at: payment.paid_at.map(Timestamp::rfc3339),
        });
        // One that was replaced by another number never moved money.
        let refunds = record.refunds.iter().filter(|refund| refund.state.counts());
        let refunds = refunds.map(|refund| RefundView::of(refund, language)).collect();
        let journal = api.orders.journal(record.order.id).await?;
        let history = journal.iter().map(|line| HistoryView::of(line, language)).collect();
        let parts = record.parts();
        Ok(RecordView { order, bills, payment, refunds, parts, history })
    }
}

impl PostingView {
    fn of(posting: &Posting, language: Language) -> PostingView {
        PostingView {
            state: posting.state.code().to_owned(),
            label: words::posting(language, posting.state),
            agency_serial: posting.posted.as_ref().map(|posted| posted.agency_serial.clone()),
            posted_at: posting.posted.as_ref().map(|posted| posted.posted_at.rfc3339()),
            reason: posting.objection.map(|objection| words::objection(language, objection)),
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
    /// Nothing went back through the channel.
    by_hand: bool,
    /// Why the channel did not take it.
    refusal: Option<Refusal>,
    /// How many orders would do where one was above a limit; 0 where that is not the matter.
    parts: usize,
    /// The hotlines of the agencies.
    help: Option<String>,
    /// Where the agencies' own refunds are applied for.
    tax: Option<String>,
}

impl StateText {
    /// What is known in a list: not what became of each bill and payment.
    fn of(api: &Api, order: &Order, bills: &[FrozenBill], language: Language) -> StateText {
        let agencies = bills.iter().map(|bill| &bill.agency);
        let pack = api.catalogue.pack(&order.city);
        StateText {
            state: order.state,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            expired: api.clock.now() >= order.expires_at,
            posted: 0,
            refused: 0,
            by_hand: false,
            refusal: None,
            parts: 0,
            help: counter::help_line(api, &order.city, agencies, language),
            tax: pack.map(|pack| pack.hotlines.tax.clone()),
        }
    }

    fn in_detail(self, record: &OrderRecord) -> StateText {
        let count = |state| record.postings.iter().filter(|p| p.state == state).count();
        StateText {
            posted: count(PostingState::Posted) + count(PostingState::AgencyRefunded),
            refused: count(PostingState::Refused) + count(PostingState::TakenBack),
            by_hand: !record.refunds.iter().any(|refund| refund.state == RefundState::Succeeded),
            refusal: record.payments.last().and_then(|payment| payment.refusal),
            parts: record.parts().map_or(0, |parts| parts.len()),
            ..self
        }
    }

    /// Where a state has more than one sentence: which one.
    fn phrase(&self, language: Language) -> Phrase {
        let key = words::state_key(self.state);
        let circumstance = match self.state {
            OrderState::Created | OrderState::Paying if self.expired => "_late",
            // A list does not count the bills.
            OrderState::SuccessPartial if self.posted + self.refused == 0 => "_list",
            OrderState::Refunded if self.by_hand => "_by_hand",
            OrderState::Failed if self.parts > 0 => "_parts",
            _ => "",
        };
        wording::phrase(language, &format!("{key}{circumstance}")).unwrap_or_default()
    }

    fn help_line(&self, language: Language) -> String {
        let usual = || self.phrase(language).help_line.to_owned();
        self.help.clone().unwrap_or_else(usual)
    }

    fn values(&self, language: Language) -> [(&'static str, String); 9] {
        let refusal = self.refusal.unwrap_or(Refusal::Other);
        let help = self.help_line(language);
        [
            ("until", words::until(language, self.expires_at)),
            ("at", words::moment(language, self.updated_at)),
            ("days", ANSWER_WORKING_DAYS.to_string()),
            ("posted", self.posted.to_string()),
            ("refused", self.refused.to_string()),
            ("reason", words::refusal(language, refusal)),
            ("parts", self.parts.to_string()),
            ("tax", self.tax.clone().unwrap_or_else(|| help.clone())),
            ("help", help),
        ]
    }

    fn sentence(&self, language: Language) -> String {
        filled(self.phrase(language).message, &self.values(language))
    }

    fn next_step(&self, language: Language) -> NextStep {
        let phrase = self.phrase(language);
        let text = filled(phrase.next, &self.values(language));
        NextStep { action: phrase.action.to_owned(), text }
    }

    /// Sentence and next step as a voice reads them.
    fn speech(&self, language: Language) -> String {
        let whole = filled(&self.phrase(language).whole(language), &self.values(language));
        aloud(language, &whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_sentences() {
        for state in OrderState::ALL {
            for (expired, posted) in [(false, 0), (false, 1), (true, 0)] {
                let noon = Timestamp::from_millis(1_700_000_000_000);
                let text = StateText {
                    state,
                    expires_at: noon,
                    updated_at: noon,
                    expired,
                    posted,
                    refused: posted,
                    by_hand: expired,
                    refusal: None,
                    parts: posted,
                    help: None,
                    tax: None,
                };
                for language in Language::ALL {
                    let told = text.sentence(language);
                    assert!(!told.is_empty() && !told.contains('{'), "{state}: {told}");
                    let next = text.next_step(language).text;
                    assert!(!next.is_empty() && !next.contains('{'), "{state}: {next}");
                    assert!(!text.speech(language).is_empty(), "{state} is silent");
                }
            }
        }
    }

    /// 缴费失败 is said only when no money moved, and with the reason.
    #[test]
    fn a_failure_names_its_reason() {
        let noon = Timestamp::from_millis(1_700_000_000_000);
        for (refusal, reason) in [
            (Some(Refusal::Balance), "付款账户余额不足。您的账户未扣款。"),
            (Some(Refusal::Limit), "金额超过支付平台限额。您的账户未扣款。"),
            (Some(Refusal::Payer), "支付平台不允许当前账号支付这笔订单。您的账户未扣款。"),
            (None, "支付渠道未受理本次支付。您的账户未扣款。"),
        ] {
            let text = StateText {
                state: OrderState::Failed,
                expires_at: noon,
                updated_at: noon,
                expired: false,
                posted: 0,
                refused: 0,
                by_hand: false,
                refusal,
                parts: 0,
                help: None,
                tax: None,
            };
            assert_eq!(text.sentence(Language::Chinese), reason);
        }
    }
}
