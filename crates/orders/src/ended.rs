//! What came to an end since somebody last looked, for those who tell people of it. Reading only.

use kernel::{Fen, OrderId, RefundId, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{
    OrderError, OrderState, Orders,
    order::{Order, table as order_table},
    refund::{RefundState, table as refund_table},
};

/// After a moment, and at the moment itself after a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    pub at: Timestamp,
    pub row: Option<Uuid>,
}

/// Money that went back.
#[derive(Clone, Debug)]
pub struct Returned {
    pub refund: RefundId,
    pub at: Timestamp,
    pub order: Order,
    /// All that went back of the order so far, and in how many parts.
    pub amount: Fen,
    pub parts: usize,
    /// More of it is on its way.
    pub more_to_come: bool,
}

impl Orders {
    /// Orders that were booked, wholly or in part, after `since` and not after `until`, oldest first,
    /// at most `limit`.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn booked_since(
        &self,
        since: Since,
        until: Timestamp,
        limit: u64,
    ) -> Result<Vec<Order>, OrderError> {
        use order_table::order::{Column, Entity};
        let booked = [OrderState::Success, OrderState::SuccessPartial].map(OrderState::code);
        let (at, row) = (since.at.as_millis(), since.row.unwrap_or(Uuid::nil()));
        let same = Condition::all().add(Column::UpdatedAtMs.eq(at)).add(Column::Id.gt(row));
        let rows = Entity::find()
            .filter(Column::State.is_in(booked))
            .filter(Column::UpdatedAtMs.gte(at))
            .filter(Column::UpdatedAtMs.lte(until.as_millis()))
            .filter(Condition::any().add(Column::UpdatedAtMs.gt(at)).add(same))
            .order_by_asc(Column::UpdatedAtMs)
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    /// Refunds that succeeded after `since` and not after `until`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn returned_since(
        &self,
        since: Since,
        until: Timestamp,
        limit: u64,
    ) -> Result<Vec<Returned>, OrderError> {
        use refund_table::{Column, Entity};
        let (at, row) = (since.at.as_millis(), since.row.unwrap_or(Uuid::nil()));
        let same = Condition::all().add(Column::UpdatedAtMs.eq(at)).add(Column::Id.gt(row));
        let rows = Entity::find()
            .filter(Column::State.eq(RefundState::Succeeded.code()))
            .filter(Column::UpdatedAtMs.gte(at))
            .filter(Column::UpdatedAtMs.lte(until.as_millis()))
            .filter(Condition::any().add(Column::UpdatedAtMs.gt(at)).add(same))
            .order_by_asc(Column::UpdatedAtMs)
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        let mut returned = Vec::with_capacity(rows.len());
        for row in rows {
            let order = order_table::find(&self.db, OrderId::from_uuid(row.order_id)).await?;
            let refunds = refund_table::of_order(&self.db, order.id).await?;
            let back = refunds.iter().filter(|refund| refund.state == RefundState::Succeeded);
            returned.push(Returned {
                refund: RefundId::from_uuid(row.id),
                at: Timestamp::from_millis(row.updated_at_ms),
                amount: Fen::sum(back.clone().map(|refund| refund.amount)).unwrap_or(order.amount),
                parts: back.count(),
                more_to_come: refunds.iter().any(|refund| refund.state.is_open()),
                order,
            });
        }
        Ok(returned)
    }
}
