//! Orders as people see them: labels, masked data, and what to do next.

use agency::Objection;
use kernel::{AccountId, Timestamp};
use orders::{
    FrozenBill, Order, OrderError, OrderRecord, OrderState, PaymentState, Posting, PostingState,
    Refund, RefundState,
};
use people::{InsuredPerson, Relation};
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, Phrase, aloud, filled};

use super::history::HistoryView;
use crate::{
    Api, counter,
    counter::{BillKindView, CategoryView, ComponentView, MonthsView},
    persons::PersonView,
    problem::ApiError,
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
    #[serde(flatten)]
    kind: BillKindView,
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
        let text = StateText::of(order, None, api.clock.now());
        let item = |frozen: &FrozenBill| Item {
            insurance: frozen.insurance.code().to_owned(),
            insurance_label: words::insurance(language, frozen.insurance),
            kind: BillKindView::of(frozen.kind, language),
            months: MonthsView::of(frozen.months),
            amount: frozen.bill.amount.to_string(),
        };
        let city = api.catalogue.city(&order.city);
        OrderView {
            order_no: order.order_no.to_string(),
            state: order.state.code().to_owned(),
            label: words::state(language, order.state),
            text: text.sentence(language),
            speech: text.speech(language),
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
        let text = StateText::of(&record.order, Some(&record), api.clock.now());
        (order.text, order.next_step) = (text.sentence(language), text.next_step(language));
        order.speech = text.speech(language);
        // Of somebody else's bills a payer sees amounts and states.
        let person = people.iter().find(|person| person.id == record.order.person);
        let whole = person.is_some_and(|person| person.relation == Relation::Own);
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
                kind: BillKindView::of(frozen.kind, language),
                category: frozen.category.as_ref().map(CategoryView::of),
                months: MonthsView::of(frozen.months),
                base: frozen.base.filter(|_| whole).map(|base| base.to_string()),
                tier_no: frozen.tier_no.filter(|_| whole),
                amount: frozen.bill.amount.to_string(),
                components: ComponentView::list(&frozen.components),
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
        Ok(RecordView { order, bills, payment, refunds, history })
    }
}

impl PostingView {
    fn of(posting: &Posting, language: Language) -> PostingView {
        PostingView {
            state: posting.state.code().to_owned(),
            label: words::posting(language, posting.state),
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
    /// Nothing went back through the channel.
    by_hand: bool,
}

impl StateText {
    /// `record` where the whole order is at hand; a list knows the order alone.
    fn of(order: &Order, record: Option<&OrderRecord>, now: Timestamp) -> StateText {
        let postings = record.map_or(&[][..], |record| &record.postings);
        let count = |state| postings.iter().filter(|posting| posting.state == state).count();
        let through_the_channel = |record: &OrderRecord| {
            record.refunds.iter().any(|refund| refund.state == RefundState::Succeeded)
        };
        StateText {
            state: order.state,
            expires_at: order.expires_at,
            updated_at: order.updated_at,
            expired: now >= order.expires_at,
            posted: count(PostingState::Posted) + count(PostingState::AgencyRefunded),
            refused: count(PostingState::Refused) + count(PostingState::TakenBack),
            by_hand: record.is_some_and(|record| !through_the_channel(record)),
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
            _ => "",
        };
        wording::phrase(language, &format!("{key}{circumstance}")).unwrap_or_default()
    }

    fn values(&self) -> [(&'static str, String); 5] {
        [
            ("until", self.expires_at.beijing_text()),
            ("at", self.updated_at.beijing_text()),
            ("days", ANSWER_WORKING_DAYS.to_string()),
            ("posted", self.posted.to_string()),
            ("refused", self.refused.to_string()),
        ]
    }

    fn sentence(&self, language: Language) -> String {
        filled(self.phrase(language).message, &self.values())
    }

    fn next_step(&self, language: Language) -> NextStep {
        let phrase = self.phrase(language);
        NextStep { action: phrase.action.to_owned(), text: filled(phrase.next, &self.values()) }
    }

    /// Sentence and next step as a voice reads them.
    fn speech(&self, language: Language) -> String {
        aloud(language, &filled(&self.phrase(language).whole(language), &self.values()))
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
                };
                for language in Language::ALL {
                    let told = text.sentence(language);
                    assert!(!told.is_empty() && !told.contains('{'), "{state}: {told}");
                    assert!(!text.next_step(language).text.is_empty(), "{state} has no next step");
                    assert!(!text.speech(language).is_empty(), "{state} is silent");
                }
            }
        }
    }
}
