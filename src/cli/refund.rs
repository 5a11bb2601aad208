//! `refund` and `retry`: what an operator may do about one order's money.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kernel::{AgencyCode, BillNo, Fen, OrderNo};
use orders::{OrderError, TakeBack};

use super::{connected, fail, say};

/// Takes bills back from the agency and returns their money through the channel.
#[derive(Debug, Args)]
pub(crate) struct Refund {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The order.
    #[arg(long, value_name = "NUMBER")]
    order: OrderNo,
    /// One bill; without it, all bills of the order.
    #[arg(long, value_name = "NUMBER")]
    bill: Option<BillNo>,
    /// The agency of the bills; with a number that two agencies of the order use, it must be said.
    #[arg(long, value_name = "CODE")]
    agency: Option<AgencyCode>,
    /// What can go back as you saw it, in yuan. Without it, the command only says how much that is.
    #[arg(long, value_name = "YUAN", value_parser = Fen::from_yuan)]
    refundable: Option<Fen>,
    /// For the agency, 1 to 100 characters; names nobody.
    #[arg(long, value_name = "TEXT", default_value = "缴费人申请撤销")]
    reason: String,
    /// The agency confirmed to you that it never booked the bill, though it once said so: the money
    /// goes back without being undone there. The agency is asked once more.
    #[arg(long)]
    never_booked: bool,
}

impl Refund {
    pub(crate) async fn run(self) -> ExitCode {
        let orders = match connected(&self.config).await {
            Ok(orders) => orders,
            Err(error) => return fail(&error),
        };
        let Some(refundable_seen) = self.refundable else {
            return match orders.refundable(&self.order).await {
                Ok(refundable) => {
                    say(format!(
                        "{refundable} can go back; say --refundable {refundable} to begin"
                    ));
                    ExitCode::SUCCESS
                }
                Err(error) => told(&error),
            };
        };
        let wish = TakeBack {
            order_no: self.order,
            bill_no: self.bill,
            agency: self.agency,
            refundable_seen,
            reason: self.reason,
        };
        let begun = if self.never_booked {
            orders.return_unbooked(&wish).await
        } else {
            orders.take_back(&wish).await
        };
        match begun {
            Ok(left) => {
                say(format!(
                    "begun; after this {left} can still go back. `serve` or `worker` does the rest"
                ));
                ExitCode::SUCCESS
            }
            Err(error) => told(&error),
        }
    }
}

/// Lets parked jobs and failed refunds of an order go on.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The order.
    #[arg(long, value_name = "NUMBER", required_unless_present = "all")]
    order: Option<OrderNo>,
    /// Every order with a job that stopped, after an outage for example. Failed refunds are not
    /// touched: each of them wants its own decision.
    #[arg(long, conflicts_with = "order")]
    all: bool,
}

impl Retry {
    pub(crate) async fn run(self) -> ExitCode {
        let orders = match connected(&self.config).await {
            Ok(orders) => orders,
            Err(error) => return fail(&error),
        };
        let said = match &self.order {
            Some(order) => orders.retry(order).await.map(|retried| {
                format!(
                    "{} parked jobs and {} failed refunds ({}) go on",
                    retried.jobs, retried.refunds, retried.amount
                )
            }),
            None => orders.retry_stopped().await.map(|jobs| format!("{jobs} parked jobs go on")),
        };
        match said {
            Ok(said) => {
                say(said);
                ExitCode::SUCCESS
            }
            Err(error) => told(&error),
        }
    }
}

fn told(error: &OrderError) -> ExitCode {
    match error {
        OrderError::NotFound => fail(&"there is no such order"),
        error => fail(error),
    }
}
