//! Looks whether every fen is where it belongs, in our database, at the platforms and at the agency.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kernel::Fen;
use sea_orm::DatabaseConnection;
use serde_json::Value;
use tokio::time::Instant;

use crate::{city::City, load::Seen};

/// What a killed worker leaves is taken up after 35 seconds, and a refund that nobody told of is asked
/// about after a minute.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);

const OPEN_WORK: &str = "SELECT o.order_no, o.state, COALESCE(string_agg(j.kind || ' ' || j.state || ' ' || \
    COALESCE(j.last_error, ''), '; '), '') FROM orders o LEFT JOIN jobs j ON j.order_id = o.id AND j.state <> 'done' \
    WHERE NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = o.id AND c.closed_at_ms IS NULL) \
    AND (o.state IN ('CREATED', 'PAYING', 'PAID', 'SUSPENDED', 'REFUNDING', 'REFUND_FAILED', 'REVERSED') \
      OR EXISTS (SELECT 1 FROM refunds r WHERE r.order_id = o.id AND r.state NOT IN ('succeeded', 'replaced'))) \
    GROUP BY o.order_no, o.state";

impl City {
    /// Waits until nothing moves any more, and proves that nothing is lost and nothing doubled.
    pub async fn close_books(&self, seen: &Seen) {
        let db = self.database().await;
        self.wait_for_the_end(&db, seen).await;
        self.prove_by_audit().await;
        self.prove_told(&db).await;
        self.prove_received(&db, seen).await;
        self.prove_booked(&db).await;
        self.prove_returned(&db).await;
        db.close().await.expect("an end");
    }

    /// Orders that a citizen left behind unpaid wait half an hour for their money; nobody here leaves
    /// one behind except by losing a race, so all come to an end.
    async fn wait_for_the_end(&self, db: &DatabaseConnection, seen: &Seen) {
        let known: BTreeSet<&str> =
            seen.purchases.iter().map(|purchase| purchase.order_no.as_str()).collect();
        let began = Instant::now();
        loop {
            let open = self.rows(db, OPEN_WORK, 3).await;
            // An order of which the citizen never heard again waits for its time to run out.
            let open: Vec<_> = open
                .into_iter()
                .filter(|row| known.contains(row[0].as_str()) || row[1] != "CREATED")
                .collect();
            if open.is_empty() {
                println!("books: everything final {:.1?} after the load", began.elapsed());
                return;
            }
            assert!(began.elapsed() < SETTLED_WITHIN, "these do not come to an end: {open:#?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn prove_by_audit(&self) {
        let audit = self.audit().await;
        let said = String::from_utf8_lossy(&audit.stdout);
        println!("{said}");
        let complaint = String::from_utf8_lossy(&audit.stderr);
        assert!(audit.status.success(), "{said}{complaint}");
        assert!(said.trim_end().ends_with("the equation is closed"), "{said}");
    }

    /// What we acknowledged is on record: the payment, or somebody who looks; and the message itself
    /// as often as we acknowledged it, because the active query would find the payment anyway.
    async fn prove_told(&self, db: &DatabaseConnection) {
        let deliveries = self.control("/deliveries?limit=10000", None).await;
        let mut acknowledged = BTreeMap::<(String, String), i64>::new();
        for told in deliveries["deliveries"].as_array().expect("deliveries") {
            let text = |name: &str| told[name].as_str().expect("text").to_owned();
            // Alipay tells of a refund in the words of a payment.
            if told["kind"] == "payment" || told["platform"] == "wechat" {
                let attempts = told["attempts"].as_array().expect("attempts");
                let accepted = attempts.iter().filter(|one| one["accepted"] == true).count();
                let count = acknowledged.entry((text("kind"), text("out_trade_no"))).or_default();
                *count += i64::try_from(accepted).expect("a small number");
            }
        }
        acknowledged.retain(|_, times| *times > 0);
        let kept = "SELECT n.kind, p.out_trade_no, sum(n.deliveries)::text FROM notifications n \
            JOIN payments p ON p.id = n.payment_id GROUP BY n.kind, p.out_trade_no";
        let kept: BTreeMap<(String, String), i64> = self
            .rows(db, kept, 3)
            .await
            .into_iter()
            .map(|row| ((row[0].clone(), row[1].clone()), row[2].parse().expect("a count")))
            .collect();
        let recorded = self.paid_numbers(db).await;
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|(told, times)| {
                !recorded.contains_key(&told.1) || kept.get(told).is_none_or(|kept| kept < times)
            })
            .collect();
        let all: i64 = acknowledged.values().sum();
        assert!(all > 0, "nothing was told");
        assert!(
            lost.is_empty(),
            "{} of {all} acknowledged and not on record: {lost:?}",
            lost.len()
        );
        println!("books: {all} acknowledged notifications, all on record");
    }

    async fn paid_numbers(&self, db: &DatabaseConnection) -> BTreeMap<String, i64> {
        let paid = "SELECT out_trade_no, amount_fen::text FROM payments WHERE state = 'paid'";
        let rows = self.rows(db, paid, 2).await.into_iter();
        rows.map(|row| (row[0].clone(), row[1].parse().expect("an amount"))).collect()
    }

    /// What the platforms took is what we recorded, and every payer has what the money was for, the
    /// money, or somebody who looks.
    async fn prove_received(&self, db: &DatabaseConnection, seen: &Seen) {
        let trades = self.trades().await;
        let taken: BTreeMap<String, i64> = trades
            .iter()
            .filter(|trade| !trade["paid_at"].is_null())
            .map(|trade| {
                let number = trade["out_trade_no"].as_str().expect("a number").to_owned();
                (number, trade["total_fen"].as_i64().expect("an amount"))
            })
            .collect();
        assert_eq!(taken, self.paid_numbers(db).await, "the platforms' receipts and ours");
        let ends = "SELECT o.order_no, o.state, (SELECT count(*) FROM cases c WHERE c.order_id = o.id)::text FROM orders o";
        let ends: BTreeMap<String, (String, String)> = self
            .rows(db, ends, 3)
            .await
            .into_iter()
            .map(|row| (row[0].clone(), (row[1].clone(), row[2].clone())))
            .collect();
        let mut counted = BTreeMap::<&str, u32>::new();
        for purchase in &seen.purchases {
            assert_eq!(purchase.paid, taken.contains_key(&purchase.out_trade_no), "{purchase:?}");
            let (state, cases) = &ends[&purchase.order_no];
            let served = ["SUCCESS", "SUCCESS_PARTIAL", "REFUNDED"].contains(&state.as_str());
            let fits = if purchase.paid { served } else { state == "CLOSED" };
            assert!(fits || cases != "0", "{purchase:?} ended as {state}");
            *counted.entry(state).or_default() += 1;
        }
        println!("books: orders of the crowd ended as {counted:?}");
    }

    async fn trades(&self) -> Vec<Value> {
        let trades = self.control("/trades?limit=10000", None).await;
        trades["trades"].as_array().expect("trades").clone()
    }

    /// The agency booked each bill once, and exactly what our postings say.
    async fn prove_booked(&self, db: &DatabaseConnection) {
        let bookings = self.control("/agency/postings", None).await;
        let mut bills = BTreeSet::new();
        let mut theirs = BTreeMap::new();
        for booking in bookings.as_array().expect("bookings") {
            let text = |name: &str| booking[name].as_str().expect("text").to_owned();
            assert!(bills.insert((text("agency"), text("bill_no"))), "booked twice: {booking}");
            let amount = Fen::from_yuan(&text("amount")).expect("yuan").get();
            theirs.insert(text("agency_serial"), (text("bill_no"), amount));
        }
        let ours =
            "SELECT agency_serial, bill_no, amount_fen::text FROM postings WHERE state = 'posted'";
        let ours: BTreeMap<String, (String, i64)> = self
            .rows(db, ours, 3)
            .await
            .into_iter()
            .map(|row| (row[0].clone(), (row[1].clone(), row[2].parse().expect("an amount"))))
            .collect();
        assert_eq!(theirs, ours, "the agency's bookings and ours");
        println!("books: {} bills booked, each once", bills.len());
    }

    /// The platforms gave back what we say, under the same numbers, and never more than they took.
    async fn prove_returned(&self, db: &DatabaseConnection) {
        let mut theirs = BTreeMap::new();
        for trade in self.trades().await {
            let mut sum = 0;
            for refund in trade["refunds"].as_array().expect("refunds") {
                let number = refund["out_refund_no"].as_str().expect("a number").to_owned();
                let amount = refund["amount_fen"].as_i64().expect("an amount");
                sum += amount;
                assert_eq!(theirs.insert(number, amount), None, "one number, two refunds");
            }
            assert!(sum <= trade["total_fen"].as_i64().expect("an amount"), "{trade}");
        }
        let ours = "SELECT out_refund_no, amount_fen::text FROM refunds WHERE state = 'succeeded'";
        let ours: BTreeMap<String, i64> = self
            .rows(db, ours, 2)
            .await
            .into_iter()
            .map(|row| (row[0].clone(), row[1].parse().expect("an amount")))
            .collect();
        assert_eq!(theirs, ours, "the platforms' refunds and ours");
        assert!(!ours.is_empty(), "nobody met a refusal");
        println!("books: {} refunds, {} fen", ours.len(), ours.values().sum::<i64>());
    }
}
