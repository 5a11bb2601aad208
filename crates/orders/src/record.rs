//! What a citizen and an operator see of orders: lists and details, nothing decided here.

use std::collections::{HashMap, HashSet};

use kernel::{AccountId, CityCode, Insurance, Month, OrderId, OrderNo, PersonId, Timestamp};

use crate::{
    Case, OrderError, OrderState, Orders, case,
    journal::{self, JournalLine},
    order::{FrozenBill, Order, Part, halve, table as order_table},
    payment::{Payment, Refusal, table as payment_table},
    posting::{Posting, table as posting_table},
    refund::{Refund, table as refund_table},
};

/// An order with all that belongs to it.
#[derive(Clone, Debug)]
pub struct OrderRecord {
    pub order: Order,
    pub bills: Vec<FrozenBill>,
    pub payments: Vec<Payment>,
    pub postings: Vec<Posting>,
    pub refunds: Vec<Refund>,
}

impl OrderRecord {
    /// How the order could be paid in parts, where a channel refused it as above its limit.
    pub fn parts(&self) -> Option<Vec<Part>> {
        let refused = self.payments.last().and_then(|payment| payment.refusal);
        if self.order.state != OrderState::Failed || refused != Some(Refusal::Limit) {
            return None;
        }
        let bills = self.bills.iter();
        halve(bills.map(|frozen| (frozen.months, &frozen.bill.bill_no, frozen.bill.amount)))
    }
}

/// Which orders a citizen wants to see; what is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub person: Option<PersonId>,
    /// Placed at this moment or later.
    pub from: Option<Timestamp>,
    /// Placed before this moment.
    pub before: Option<Timestamp>,
    /// With at least one bill of this insurance.
    pub insurance: Option<Insurance>,
    /// With at least one contribution whose months (费款所属期) reach this month or lie after it. A
    /// top-up has no months. With an insurance: of that insurance.
    pub months_from: Option<Month>,
    /// … reach this month or lie before it.
    pub months_to: Option<Month>,
    pub city: Option<CityCode>,
    /// In one of these states; in any when empty.
    pub states: Vec<OrderState>,
}

/// One page of a list, newest first.
#[derive(Clone, Debug)]
pub struct OrderPage {
    pub orders: Vec<(Order, Vec<FrozenBill>)>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<OrderId>,
}

impl Orders {
    /// One order of this account. Others' orders are simply not found.
    ///
    /// # Errors
    /// [`OrderError::NotFound`].
    pub async fn record(
        &self,
        account: AccountId,
        order_no: &OrderNo,
    ) -> Result<OrderRecord, OrderError> {
        let order = order_table::find_by_no(&self.db, account, order_no).await?;
        Ok(OrderRecord {
            bills: order_table::bills(&self.db, order.id).await?,
            payments: payment_table::of_order(&self.db, order.id).await?,
            postings: posting_table::of_order(&self.db, order.id).await?,
            refunds: refund_table::of_order(&self.db, order.id).await?,
            order,
        })
    }

    /// An order of this account by its row.
    ///
    /// # Errors
    /// [`OrderError::NotFound`].
    pub async fn find(&self, account: AccountId, id: OrderId) -> Result<Order, OrderError> {
        let order = order_table::find(&self.db, id).await?;
        if order.account == account { Ok(order) } else { Err(OrderError::NotFound) }
    }

    /// The bills that this account has paid or is paying, by agency and number: of somebody else's paid
    /// bills a payer sees these.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn paid_bills(
        &self,
        account: AccountId,
    ) -> Result<HashSet<(String, String)>, OrderError> {
        order_table::bills_of_account(&self.db, account).await
    }

    /// The account's orders before `cursor`, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(
        &self,
        account: AccountId,
        cursor: Option<OrderId>,
        limit: u32,
    ) -> Result<OrderPage, OrderError> {
        self.list_matching(account, &OrderFilter::default(), cursor, limit).await
    }

    /// [`Self::list`] of those that fit a filter.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_matching(
        &self,
        account: AccountId,
        filter: &OrderFilter,
        cursor: Option<OrderId>,
        limit: u32,
    ) -> Result<OrderPage, OrderError> {
        let mut orders =
            order_table::list(&self.db, account, filter, cursor, u64::from(limit) + 1).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = orders.len() > wanted;
        orders.truncate(wanted);
        let next = orders.last().filter(|_| more).map(|order| order.id);
        let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
        let mut bills: HashMap<OrderId, Vec<FrozenBill>> =
            order_table::bills_of(&self.db, &ids).await?;
        let orders = orders
            .into_iter()
            .map(|order| {
                let bills = bills.remove(&order.id).unwrap_or_default();
                (order, bills)
            })
            .collect();
        Ok(OrderPage { orders, next })
    }

    /// What happened to an order, oldest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn journal(&self, order: OrderId) -> Result<Vec<JournalLine>, OrderError> {
        journal::lines(&self.db, order).await
    }

    /// [`Orders::journal`] of the order of that number, whoever's it is: for the operator's side, not for faces.
    ///
    /// # Errors
    /// [`OrderError::NotFound`].
    pub async fn journal_of(&self, order_no: &OrderNo) -> Result<Vec<JournalLine>, OrderError> {
        let order = order_table::find_by_number(&self.db, order_no).await?;
        journal::lines(&self.db, order.id).await
    }

    /// How many cases are open.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_open_cases(&self) -> Result<u64, OrderError> {
        case::count_open(&self.db).await
    }

    /// Open cases, oldest first: the named list that a person is looking at.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn open_cases(&self, limit: u32) -> Result<Vec<Case>, OrderError> {
        case::list_open(&self.db, u64::from(limit)).await
    }
}
