//! What must hold: at any commit, at an acknowledgement, and when everything has come to its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mock_providers::TradeView;
use orders::OrderState;
use sea_orm::{ConnectionTrait, Statement};

use crate::world::{World, lock};

/// Labels that say to the citizen that no money was taken.
const UNPAID: [OrderState; 4] =
    [OrderState::Created, OrderState::Paying, OrderState::Closed, OrderState::Failed];

impl World {
    /// Rows of texts.
    pub async fn rows(&self, sql: &str, columns: usize) -> Vec<Vec<String>> {
        let backend = self.looking.get_database_backend();
        let rows = self.looking.query_all_raw(Statement::from_string(backend, sql)).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let text = |row: &sea_orm::QueryResult, at: usize| {
            let value: Option<String> = row.try_get_by_index(at).expect("a column of text");
            value.unwrap_or_default()
        };
        rows.iter().map(|row| (0..columns).map(|at| text(row, at)).collect()).collect()
    }

    async fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql, 1).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// How many rows were changed since the database was opened.
    pub async fn changes(&self) -> String {
        self.column("SELECT CAST(total_changes() AS TEXT)").await.concat()
    }

    /// Whether our books have money under a number.
    pub async fn is_booked(&self, out_trade_no: &str) -> bool {
        let booked = self.column("SELECT out_trade_no FROM payments WHERE state = 'paid'").await;
        booked.iter().any(|number| number == out_trade_no)
    }

    /// Numbers that our books gave up, of orders that are paid otherwise or whose bills are another
    /// order's by now.
    pub async fn delicate_numbers(&self) -> Vec<String> {
        let sql = "SELECT p.out_trade_no FROM payments p WHERE p.state IN ('closed', 'refused', 'given_up') AND (\
              EXISTS (SELECT 1 FROM payments q WHERE q.order_id = p.order_id AND q.id <> p.id) \
           OR EXISTS (SELECT 1 FROM order_bills b JOIN order_bills c ON c.bill_no = b.bill_no \
                 AND c.order_id <> b.order_id WHERE b.order_id = p.order_id AND c.live))";
        self.column(sql).await
    }

    /// After an acknowledgement the platform does not tell again: it must be on record now.
    pub async fn is_on_record(&self, kind: &str, number: &str) {
        let case = format!("SELECT kind FROM cases WHERE subject LIKE '%{number}%'");
        let row = match kind {
            "payment" => {
                format!(
                    "SELECT state FROM payments WHERE out_trade_no = '{number}' AND state = 'paid'"
                )
            }
            _ => format!(
                "SELECT n.effect FROM notifications n JOIN payments p ON p.id = n.payment_id \
                 WHERE p.out_trade_no = '{number}'"
            ),
        };
        if self.column(&row).await.is_empty() && self.column(&case).await.is_empty() {
            self.breach(format!("the {kind} of {number} was acknowledged and is not on record"));
        }
    }

    /// What holds at any commit.
    pub async fn check_now(&self) {
        if let Some(process) = self.process() {
            let audit = process.orders.audit().await.expect("an audit");
            if !audit.holds() {
                self.breach(format!("the audit does not hold: {}", audit.breaches.join("; ")));
            }
        }
        let claims = "SELECT o.order_no FROM orders o JOIN order_bills b ON b.order_id = o.id \
            WHERE (o.state IN ('CREATED', 'PAYING', 'PAID') AND NOT b.live) \
               OR (o.state NOT IN ('CREATED', 'PAYING', 'PAID', 'SUSPENDED') AND b.live)";
        for order in self.column(claims).await {
            self.breach(format!("order {order} claims its bills, or does not, against its state"));
        }
        self.nothing_is_booked_twice();
    }

    fn nothing_is_booked_twice(&self) {
        let mut booked = BTreeSet::new();
        for posting in self.mocks.agency().postings() {
            let bill = format!("{} {}", posting.agency, posting.bill_no);
            if !posting.reversed && !booked.insert(bill.clone()) {
                self.breach(format!("the agency booked {bill} twice"));
            }
        }
    }

    /// What holds when everything has come to its end.
    pub async fn check_the_end(self: &Arc<World>) {
        self.check_now().await;
        self.check_orders().await;
        self.check_receipts().await;
        self.check_refunds().await;
        self.check_bookings().await;
        self.check_labels().await;
    }

    async fn check_orders(&self) {
        let open = "SELECT o.order_no || ' ' || o.state FROM orders o WHERE o.state IN \
              ('CREATED', 'PAYING', 'PAID', 'SUSPENDED', 'REFUNDING', 'REFUND_FAILED', 'REVERSED') \
            AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = o.id AND c.closed_at_ms IS NULL)";
        for order in self.column(open).await {
            self.breach(format!("order {order} is not final and nobody looks at it"));
        }
        let parked = "SELECT j.kind FROM jobs j WHERE j.state = 'parked' AND NOT EXISTS \
            (SELECT 1 FROM cases c WHERE c.order_id = j.order_id AND c.closed_at_ms IS NULL)";
        for job in self.column(parked).await {
            self.breach(format!("a job {job} is parked without a case"));
        }
        let now = self.now().as_millis();
        let due = format!("SELECT kind FROM jobs WHERE state = 'ready' AND run_at_ms <= {now}");
        for job in self.column(&due).await {
            self.breach(format!("a job {job} is due and nobody runs it"));
        }
    }

    /// What the platforms took is what our books say, or stands in a case.
    async fn check_receipts(&self) {
        let sql = "SELECT out_trade_no, CAST(amount_fen AS TEXT), transaction_id FROM payments \
            WHERE state = 'paid'";
        let ours: BTreeMap<String, (String, String)> = self
            .rows(sql, 3)
            .await
            .into_iter()
            .filter_map(|row| {
                let [number, amount, transaction] = row.try_into().ok()?;
                Some((number, (amount, transaction)))
            })
            .collect();
        // What a person closed was on the list, and they said what became of the money.
        let listed =
            "SELECT subject FROM cases WHERE closed_at_ms IS NULL OR closings_json IS NOT NULL";
        let cases = self.column(listed).await;
        // Where the platform never answers, a person looks at the order.
        let looked_at = "SELECT p.out_trade_no FROM payments p JOIN cases c \
            ON c.order_id = p.order_id AND c.closed_at_ms IS NULL \
            WHERE p.state IN ('prepared', 'open') AND c.kind IN ('job_parked', 'payment_unanswered')";
        let looked_at = self.column(looked_at).await;
        let paid: BTreeMap<String, TradeView> = self
            .mocks
            .trades()
            .into_iter()
            .filter(|trade| trade.paid_at.is_some())
            .map(|trade| (trade.out_trade_no.clone(), trade))
            .collect();
        let vouched = lock(&self.rumours).vouched.clone();
        for (number, trade) in &paid {
            let transaction = trade.transaction_id.clone().unwrap_or_default();
            let told = (trade.total_fen.to_string(), transaction.clone());
            let in_case = cases.iter().any(|subject| {
                subject.contains(number.as_str()) && subject.contains(transaction.as_str())
            });
            // The platform vouched for another transaction before it took this one: a lie under its own
            // signature, which nobody but the platform could tell.
            let told_before = vouched.contains(number)
                && ours.get(number).is_some_and(|(amount, _)| *amount == told.0);
            let explained = in_case || looked_at.contains(number) || told_before;
            if ours.get(number) != Some(&told) && !explained {
                self.breach(format!("{number} was paid and is neither in the books nor in a case"));
            }
        }
        let vouched = lock(&self.rumours).vouched.clone();
        for number in ours.keys() {
            if !paid.contains_key(number) && !vouched.contains(number) {
                self.breach(format!("{number} is paid in the books and nobody paid it"));
            }
        }
    }

    async fn check_refunds(&self) {
        let sql = "SELECT r.out_refund_no, p.out_trade_no, CAST(r.amount_fen AS TEXT), r.state \
            FROM refunds r JOIN payments p ON p.id = r.payment_id";
        let mut ours = BTreeMap::new();
        for row in self.rows(sql, 4).await {
            let Ok([refund, number, amount, state]) = <[String; 4]>::try_from(row) else {
                continue;
            };
            ours.insert(refund, (number, amount, state));
        }
        let looked_at = "SELECT r.out_refund_no FROM refunds r JOIN cases c \
            ON c.order_id = r.order_id AND c.closed_at_ms IS NULL WHERE c.kind = 'refund_unfinished'";
        let looked_at = self.column(looked_at).await;
        let mut made = BTreeMap::new();
        for trade in self.mocks.trades() {
            let mut sum = 0;
            for refund in &trade.refunds {
                if refund.status == "SUCCESS" {
                    sum += refund.amount_fen;
                    made.insert(refund.out_refund_no.clone(), refund.amount_fen.to_string());
                }
                let told = (trade.out_trade_no.clone(), refund.amount_fen.to_string());
                match ours.get(&refund.out_refund_no) {
                    Some((number, amount, state)) => {
                        if (number, amount) != (&told.0, &told.1) {
                            self.breach(format!(
                                "refund {} is another one here",
                                refund.out_refund_no
                            ));
                        }
                        let seen = looked_at.contains(&refund.out_refund_no);
                        if refund.status == "SUCCESS" && state != "succeeded" && !seen {
                            self.breach(format!(
                                "refund {} is back and here {state}",
                                refund.out_refund_no
                            ));
                        }
                    }
                    None => self.breach(format!("refund {} is not ours", refund.out_refund_no)),
                }
            }
            if sum > trade.total_fen {
                self.breach(format!("{} gave more back than it took", trade.out_trade_no));
            }
        }
        for (refund, (_, amount, state)) in &ours {
            if state == "succeeded" && made.get(refund) != Some(amount) {
                self.breach(format!("refund {refund} is done here and not at the platform"));
            }
        }
    }

    async fn check_bookings(&self) {
        let sql = "SELECT x.agency_serial, o.order_no, x.bill_no, CAST(x.amount_fen AS TEXT) \
            FROM postings x JOIN orders o ON o.id = x.order_id WHERE x.agency_serial IS NOT NULL \
              AND x.state IN ('posted', 'agency_refunded', 'taking_back')";
        let ours: BTreeSet<Vec<String>> = self.rows(sql, 4).await.into_iter().collect();
        let mut theirs = BTreeSet::new();
        for posting in self.mocks.agency().postings() {
            if !posting.reversed {
                theirs.insert(vec![
                    posting.agency_serial,
                    posting.order_no.to_string(),
                    posting.bill_no.to_string(),
                    posting.amount.get().to_string(),
                ]);
            }
        }
        // What is booked there and in doubt here must stand in a case.
        let pending = "SELECT o.order_no || ' ' || x.bill_no FROM postings x \
            JOIN orders o ON o.id = x.order_id WHERE x.state IN ('pending', 'taking_back') AND EXISTS \
            (SELECT 1 FROM cases c WHERE c.order_id = o.id AND c.closed_at_ms IS NULL)";
        let pending = self.column(pending).await;
        for booking in theirs.difference(&ours) {
            if !pending.contains(&format!("{} {}", booking[1], booking[2])) {
                self.breach(format!("the agency booked {booking:?}, our books do not say so"));
            }
        }
        for booking in ours.difference(&theirs) {
            self.breach(format!("our books say {booking:?}, the agency did not book it"));
        }
        let refunded = "SELECT o.order_no || ' ' || r.bill_no FROM refunds r \
            JOIN orders o ON o.id = r.order_id WHERE r.bill_no IS NOT NULL";
        let refunded = self.column(refunded).await;
        for booking in &theirs {
            if refunded.contains(&format!("{} {}", booking[1], booking[2])) {
                self.breach(format!("{booking:?} is booked and its money promised back"));
            }
        }
    }

    /// Nobody who paid reads that nothing was paid.
    async fn check_labels(self: &Arc<World>) {
        let sql = "SELECT DISTINCT o.order_no FROM orders o JOIN payments p ON p.order_id = o.id \
            WHERE p.state = 'paid'";
        let paid = self.column(sql).await;
        let labels: BTreeMap<String, String> = self.labels().await.into_iter().collect();
        for order in paid {
            match labels.get(&order) {
                Some(label) if UNPAID.iter().any(|state| state.label() == label) => {
                    self.breach(format!("order {order} is paid and its citizen reads {label}"));
                }
                Some(_) => {}
                None => self.breach(format!("order {order} is paid and in no citizen's list")),
            }
        }
    }

    /// What the database says, for whoever reads a failed history.
    pub async fn shown(&self) -> String {
        let tables = [
            ("orders", "order_no || ' ' || channel || ' ' || state || ' ' || amount_fen"),
            ("payments", "out_trade_no || ' ' || state || ' ' || COALESCE(transaction_id, '')"),
            ("postings", "bill_no || ' ' || state || ' ' || COALESCE(objection, '')"),
            ("refunds", "out_refund_no || ' ' || state || ' ' || cause || ' ' || amount_fen"),
            ("jobs", "kind || ' ' || state || ' ' || attempts || ' ' || COALESCE(last_error, '')"),
            ("cases", "subject"),
        ];
        let mut text = String::new();
        for (table, columns) in tables {
            text.push_str(&format!("{table}:\n"));
            for row in self.column(&format!("SELECT {columns} FROM {table}")).await {
                text.push_str(&format!("  {row}\n"));
            }
        }
        if let Some(process) = self.process() {
            let audit = process.orders.audit().await.expect("an audit");
            text.push_str(&audit.to_string());
        }
        text
    }
}
