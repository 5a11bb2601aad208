//! The rows of orders and their frozen bills.

use std::collections::{HashMap, HashSet};

use agency::{BillCategory, BillComponent, BillRef};
use kernel::{
    AccountId, AgencyCode, BillKind, BillNo, Channel, CityCode, Fen, Insurance, Month, MonthRange,
    OrderId, OrderNo, PersonId, Timestamp,
};
use policies::Quote;
use sea_orm::{
    ActiveValue::Set,
    Condition, ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    OrderError, OrderFilter, OrderState,
    error::{exactly_one, read, read_fen},
};

pub(crate) mod order {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub order_no: String,
        pub account_id: Uuid,
        pub person_id: Uuid,
        pub city_code: String,
        pub channel: String,
        pub state: String,
        pub amount_fen: i64,
        pub idempotency_key: String,
        pub request_digest: String,
        pub expires_at_ms: i64,
        pub created_at_ms: i64,
        pub updated_at_ms: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod bill {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_bills")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i16,
        pub agency_code: String,
        pub bill_no: String,
        pub bill_version: i32,
        pub insurance: String,
        pub month_from: String,
        pub month_to: String,
        pub base_fen: Option<i64>,
        pub tier_no: Option<i16>,
        pub amount_fen: i64,
        pub components_json: String,
        pub quote_json: Option<String>,
        pub live: bool,
        pub kind: String,
        pub category_json: Option<String>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One intent to pay one or more bills of one insured person; amounts are frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub order_no: OrderNo,
    pub account: AccountId,
    pub person: PersonId,
    pub city: CityCode,
    /// The wallet that the citizen is in.
    pub channel: Channel,
    pub state: OrderState,
    pub amount: Fen,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub(crate) request_digest: String,
}

/// A bill as it was when the order was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenBill {
    pub agency: AgencyCode,
    pub bill: BillRef,
    pub insurance: Insurance,
    pub months: MonthRange,
    pub base: Option<Fen>,
    pub tier_no: Option<u16>,
    pub components: Vec<BillComponent>,
    /// Our own calculation at that time, with policy, version and steps.
    pub quote: Option<Quote>,
    /// What the money is for.
    pub kind: BillKind,
    /// Of residents' bills.
    pub category: Option<BillCategory>,
}

impl TryFrom<order::Model> for Order {
    type Error = OrderError;
    fn try_from(row: order::Model) -> Result<Order, OrderError> {
        let table = "orders";
        let id = row.id;
        Ok(Order {
            id: OrderId::from_uuid(id),
            order_no: read(table, "order_no", id, &row.order_no)?,
            account: AccountId::from_uuid(row.account_id),
            person: PersonId::from_uuid(row.person_id),
            city: read(table, "city_code", id, &row.city_code)?,
            channel: read(table, "channel", id, &row.channel)?,
            state: read(table, "state", id, &row.state)?,
            amount: read_fen(table, "amount_fen", id, row.amount_fen)?,
            expires_at: Timestamp::from_millis(row.expires_at_ms),
            created_at: Timestamp::from_millis(row.created_at_ms),
            updated_at: Timestamp::from_millis(row.updated_at_ms),
            request_digest: row.request_digest,
        })
    }
}

impl TryFrom<bill::Model> for FrozenBill {
    type Error = OrderError;
    fn try_from(row: bill::Model) -> Result<FrozenBill, OrderError> {
        let table = "order_bills";
        let id = row.order_id;
        let broken = |column| OrderError::Row { table, column, row: id.to_string() };
        let from: Month = read(table, "month_from", id, &row.month_from)?;
        let to: Month = read(table, "month_to", id, &row.month_to)?;
        Ok(FrozenBill {
            agency: read(table, "agency_code", id, &row.agency_code)?,
            bill: BillRef {
                bill_no: read(table, "bill_no", id, &row.bill_no)?,
                version: u32::try_from(row.bill_version).map_err(|_| broken("bill_version"))?,
                amount: read_fen(table, "amount_fen", id, row.amount_fen)?,
            },
            insurance: read(table, "insurance", id, &row.insurance)?,
            months: MonthRange::new(from, to).map_err(|_| broken("month_to"))?,
            base: row.base_fen.map(|fen| read_fen(table, "base_fen", id, fen)).transpose()?,
            tier_no: row.tier_no.map(u16::try_from).transpose().map_err(|_| broken("tier_no"))?,
            components: serde_json::from_str(&row.components_json)
                .map_err(|_| broken("components_json"))?,
            quote: row
                .quote_json
                .map(|json| serde_json::from_str(&json).map_err(|_| broken("quote_json")))
                .transpose()?,
            kind: read(table, "kind", id, &row.kind)?,
            category: row
                .category_json
                .map(|json| serde_json::from_str(&json).map_err(|_| broken("category_json")))
                .transpose()?,
        })
    }
}

/// Writes a new order and its bills. A unique index refuses a bill that another live order claims.
pub(crate) async fn insert(
    txn: &DatabaseTransaction,
    order: &Order,
    idempotency_key: &str,
    bills: &[FrozenBill],
) -> Result<(), OrderError> {
    order::ActiveModel {
        id: Set(order.id.as_uuid()),
        order_no: Set(order.order_no.to_string()),
        account_id: Set(order.account.as_uuid()),
        person_id: Set(order.person.as_uuid()),
        city_code: Set(order.city.to_string()),
        channel: Set(order.channel.code().to_owned()),
        state: Set(order.state.code().to_owned()),
        amount_fen: Set(order.amount.get()),
        idempotency_key: Set(idempotency_key.to_owned()),
        request_digest: Set(order.request_digest.clone()),
        expires_at_ms: Set(order.expires_at.as_millis()),
        created_at_ms: Set(order.created_at.as_millis()),
        updated_at_ms: Set(order.updated_at.as_millis()),
    }
    .insert(txn)
    .await?;
    for (position, frozen) in bills.iter().enumerate() {
        let broken =
            |column| OrderError::Row { table: "order_bills", column, row: order.id.to_string() };
        bill::ActiveModel {
            order_id: Set(order.id.as_uuid()),
            position: Set(i16::try_from(position).map_err(|_| broken("position"))?),
            agency_code: Set(frozen.agency.to_string()),
            bill_no: Set(frozen.bill.bill_no.to_string()),
            bill_version: Set(
                i32::try_from(frozen.bill.version).map_err(|_| broken("bill_version"))?
            ),
            insurance: Set(frozen.insurance.code().to_owned()),
            month_from: Set(frozen.months.from().to_string()),
            month_to: Set(frozen.months.to().to_string()),
            base_fen: Set(frozen.base.map(Fen::get)),
            tier_no: Set(frozen
                .tier_no
                .map(i16::try_from)
                .transpose()
                .map_err(|_| broken("tier_no"))?),
            amount_fen: Set(frozen.bill.amount.get()),
            components_json: Set(
                serde_json::to_string(&frozen.components).map_err(|_| broken("components_json"))?
            ),
            quote_json: Set(frozen
                .quote
                .as_ref()
                .map(|quote| serde_json::to_string(quote).map_err(|_| broken("quote_json")))
                .transpose()?),
            live: Set(order.state.is_live()),
            kind: Set(frozen.kind.code().to_owned()),
            category_json: Set(frozen
                .category
                .as_ref()
                .map(|category| {
                    serde_json::to_string(category).map_err(|_| broken("category_json"))
                })
                .transpose()?),
        }
        .insert(txn)
        .await?;
    }
    Ok(())
}

/// Takes the order's row for this transaction. Always the first row that an act locks.
pub(crate) async fn lock(txn: &DatabaseTransaction, id: OrderId) -> Result<Order, OrderError> {
    let row = order::Entity::find_by_id(id.as_uuid()).lock_exclusive().one(txn).await?;
    row.ok_or(OrderError::NotFound)?.try_into()
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: OrderId) -> Result<Order, OrderError> {
    order::Entity::find_by_id(id.as_uuid()).one(db).await?.ok_or(OrderError::NotFound)?.try_into()
}

pub(crate) async fn find_by_key(
    db: &impl ConnectionTrait,
    account: AccountId,
    idempotency_key: &str,
) -> Result<Option<Order>, OrderError> {
    let row = order::Entity::find()
        .filter(order::Column::AccountId.eq(account.as_uuid()))
        .filter(order::Column::IdempotencyKey.eq(idempotency_key))
        .one(db)
        .await?;
    row.map(Order::try_from).transpose()
}

pub(crate) async fn find_by_no(
    db: &impl ConnectionTrait,
    account: AccountId,
    order_no: &OrderNo,
) -> Result<Order, OrderError> {
    let row = order::Entity::find()
        .filter(order::Column::AccountId.eq(account.as_uuid()))
        .filter(order::Column::OrderNo.eq(order_no.as_str()))
        .one(db)
        .await?;
    row.ok_or(OrderError::NotFound)?.try_into()
}

/// Gives one account's orders to another one, and says how many; `persons` says which entries of insured
/// persons take the place of which. An idempotency key that both accounts used is taken from the order
/// that comes: nobody repeats a request of an account that is gone.
pub(crate) async fn hand_over(
    txn: &DatabaseTransaction,
    from: AccountId,
    to: AccountId,
    persons: &[(PersonId, PersonId)],
) -> Result<u64, OrderError> {
    let coming = order::Entity::find().filter(order::Column::AccountId.eq(from.as_uuid()));
    if coming.clone().limit(1).one(txn).await?.is_none() {
        return Ok(0);
    }
    let taken: Vec<String> = order::Entity::find()
        .select_only()
        .column(order::Column::IdempotencyKey)
        .filter(order::Column::AccountId.eq(to.as_uuid()))
        .into_tuple()
        .all(txn)
        .await?;
    let doubled = coming.filter(order::Column::IdempotencyKey.is_in(taken)).all(txn).await?;
    for row in doubled {
        let idempotency_key = Set(format!("united-{}", row.order_no));
        order::ActiveModel { idempotency_key, ..row.into() }.update(txn).await?;
    }
    let moved = order::Entity::update_many()
        .col_expr(order::Column::AccountId, Expr::value(to.as_uuid()))
        .filter(order::Column::AccountId.eq(from.as_uuid()))
        .exec(txn)
        .await?;
    for (gone, stays) in persons {
        order::Entity::update_many()
            .col_expr(order::Column::PersonId, Expr::value(stays.as_uuid()))
            .filter(order::Column::PersonId.eq(gone.as_uuid()))
            .exec(txn)
            .await?;
    }
    Ok(moved.rows_affected)
}

/// Whoever it belongs to: for operators and jobs.
pub(crate) async fn find_by_number(
    db: &impl ConnectionTrait,
    order_no: &OrderNo,
) -> Result<Order, OrderError> {
    let row =
        order::Entity::find().filter(order::Column::OrderNo.eq(order_no.as_str())).one(db).await?;
    row.ok_or(OrderError::NotFound)?.try_into()
}

/// Newest first, those before `before` when it is given.
pub(crate) async fn list(
    db: &impl ConnectionTrait,
    account: AccountId,
    filter: &OrderFilter,
    before: Option<OrderId>,
    limit: u64,
) -> Result<Vec<Order>, OrderError> {
    let mut query = order::Entity::find().filter(order::Column::AccountId.eq(account.as_uuid()));
    if let Some(before) = before {
        query = query.filter(order::Column::Id.lt(before.as_uuid()));
    }
    if let Some(person) = filter.person {
        query = query.filter(order::Column::PersonId.eq(person.as_uuid()));
    }
    if let Some(from) = filter.from {
        query = query.filter(order::Column::CreatedAtMs.gte(from.as_millis()));
    }
    if let Some(before) = filter.before {
        query = query.filter(order::Column::CreatedAtMs.lt(before.as_millis()));
    }
    if let Some(city) = &filter.city {
        query = query.filter(order::Column::CityCode.eq(city.as_str()));
    }
    if !filter.states.is_empty() {
        let states = filter.states.iter().map(|state| state.code());
        query = query.filter(order::Column::State.is_in(states));
    }
    if let Some(with_bill) = with_bill(filter) {
        query = query.filter(order::Column::Id.in_subquery(with_bill));
    }
    let rows = query.order_by_desc(order::Column::Id).limit(limit).all(db).await?;
    rows.into_iter().map(Order::try_from).collect()
}

/// Orders with a bill of the insurance and months wanted: one bill must fit all of it.
fn with_bill(filter: &OrderFilter) -> Option<SelectStatement> {
    let OrderFilter { insurance, months_from, months_to, .. } = filter;
    let mut bills = Query::select();
    bills.column(bill::Column::OrderId).from(bill::Entity);
    if let Some(insurance) = insurance {
        bills.and_where(bill::Column::Insurance.eq(insurance.code()));
    }
    // Months are written YYYY-MM, so their texts stand in the order of the calendar.
    if let Some(from) = months_from {
        bills.and_where(bill::Column::MonthTo.gte(from.to_string()));
    }
    if let Some(to) = months_to {
        bills.and_where(bill::Column::MonthFrom.lte(to.to_string()));
    }
    if months_from.is_some() || months_to.is_some() {
        bills.and_where(bill::Column::Kind.ne(BillKind::Topup.code()));
    } else {
        (*insurance)?;
    }
    Some(bills)
}

pub(crate) async fn bills(
    db: &impl ConnectionTrait,
    id: OrderId,
) -> Result<Vec<FrozenBill>, OrderError> {
    let rows = bill::Entity::find()
        .filter(bill::Column::OrderId.eq(id.as_uuid()))
        .order_by_asc(bill::Column::Position)
        .all(db)
        .await?;
    rows.into_iter().map(FrozenBill::try_from).collect()
}

/// The bills of several orders at once.
pub(crate) async fn bills_of(
    db: &impl ConnectionTrait,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, Vec<FrozenBill>>, OrderError> {
    let rows = bill::Entity::find()
        .filter(bill::Column::OrderId.is_in(ids.iter().map(|id| id.as_uuid())))
        .order_by_asc(bill::Column::Position)
        .all(db)
        .await?;
    let mut bills: HashMap<OrderId, Vec<FrozenBill>> = HashMap::new();
    for row in rows {
        bills.entry(OrderId::from_uuid(row.order_id)).or_default().push(row.try_into()?);
    }
    Ok(bills)
}

/// An order that counts against a limit.
pub(crate) struct Recent {
    pub(crate) of_account: bool,
    pub(crate) for_person: bool,
    /// It waits for its payment.
    pub(crate) unpaid: bool,
    pub(crate) created_at: Timestamp,
}

/// Orders that wait for their payment, and those that were placed since a moment: of the account, or for
/// one of the persons. The oldest first.
pub(crate) async fn recent(
    db: &impl ConnectionTrait,
    account: AccountId,
    persons: &[PersonId],
    since: Timestamp,
) -> Result<Vec<Recent>, OrderError> {
    let payable: Vec<&str> = OrderState::ALL
        .iter()
        .filter(|state| state.is_payable())
        .map(|state| state.code())
        .collect();
    let whose = Condition::any()
        .add(order::Column::AccountId.eq(account.as_uuid()))
        .add(of_persons(persons));
    let when = Condition::any()
        .add(order::Column::State.is_in(payable.iter().copied()))
        .add(order::Column::CreatedAtMs.gt(since.as_millis()));
    let rows: Vec<(Uuid, Uuid, String, i64)> = order::Entity::find()
        .select_only()
        .columns([
            order::Column::AccountId,
            order::Column::PersonId,
            order::Column::State,
            order::Column::CreatedAtMs,
        ])
        .filter(whose)
        .filter(when)
        .order_by_asc(order::Column::CreatedAtMs)
        .into_tuple()
        .all(db)
        .await?;
    let recent = rows.into_iter().map(|(of, person, state, created_at)| Recent {
        of_account: of == account.as_uuid(),
        for_person: persons.contains(&PersonId::from_uuid(person)),
        unpaid: payable.contains(&state.as_str()),
        created_at: Timestamp::from_millis(created_at),
    });
    Ok(recent.collect())
}

fn of_persons(persons: &[PersonId]) -> Expr {
    order::Column::PersonId.is_in(persons.iter().map(|id| id.as_uuid()))
}

/// The bills that an account has paid, or is about to, by agency and number.
pub(crate) async fn bills_of_account(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<HashSet<(String, String)>, OrderError> {
    let ever_paid = OrderState::ALL
        .into_iter()
        .filter(|state| !matches!(state, OrderState::Closed | OrderState::Failed));
    let orders = order::Entity::find()
        .select_only()
        .column(order::Column::Id)
        .filter(order::Column::AccountId.eq(account.as_uuid()))
        .filter(order::Column::State.is_in(ever_paid.map(|state| state.code())))
        .into_query();
    let bills: Vec<(String, String)> = bill::Entity::find()
        .select_only()
        .column(bill::Column::AgencyCode)
        .column(bill::Column::BillNo)
        .filter(bill::Column::OrderId.in_subquery(orders))
        .into_tuple()
        .all(db)
        .await?;
    Ok(bills.into_iter().collect())
}

/// What was ordered for these entries of one document since a moment, by what it is for: of orders that
/// are paid or may yet be.
pub(crate) async fn ordered_since(
    db: &impl ConnectionTrait,
    persons: &[PersonId],
    kind: BillKind,
    since: Timestamp,
) -> Result<Vec<Fen>, OrderError> {
    let rows = order::Entity::find()
        .filter(of_persons(persons))
        .filter(order::Column::CreatedAtMs.gte(since.as_millis()))
        .all(db)
        .await?;
    let orders: Vec<Order> = rows.into_iter().map(Order::try_from).collect::<Result<_, _>>()?;
    let counts = |order: &&Order| {
        order.state.is_live()
            || matches!(order.state, OrderState::Success | OrderState::SuccessPartial)
    };
    let ids: Vec<OrderId> = orders.iter().filter(counts).map(|order| order.id).collect();
    let bills = bills_of(db, &ids).await?;
    let of_kind = bills.into_values().flatten().filter(|frozen| frozen.kind == kind);
    Ok(of_kind.map(|frozen| frozen.bill.amount).collect())
}

/// The live order that claims the bill, if there is one.
pub(crate) async fn claimant(
    db: &impl ConnectionTrait,
    agency: &AgencyCode,
    bill_no: &BillNo,
) -> Result<Option<OrderId>, OrderError> {
    let row = bill::Entity::find()
        .filter(bill::Column::AgencyCode.eq(agency.as_str()))
        .filter(bill::Column::BillNo.eq(bill_no.as_str()))
        .filter(bill::Column::Live.eq(true))
        .one(db)
        .await?;
    Ok(row.map(|row| OrderId::from_uuid(row.order_id)))
}

pub(crate) async fn set_state(
    txn: &DatabaseTransaction,
    id: OrderId,
    state: OrderState,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = order::Entity::update_many()
        .col_expr(order::Column::State, Expr::value(state.code()))
        .col_expr(order::Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(order::Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("orders", id, done.rows_affected)
}

/// Claims or releases all bills of the order.
pub(crate) async fn set_live(
    txn: &DatabaseTransaction,
    id: OrderId,
    live: bool,
) -> Result<(), OrderError> {
    bill::Entity::update_many()
        .col_expr(bill::Column::Live, Expr::value(live))
        .filter(bill::Column::OrderId.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    Ok(())
}
