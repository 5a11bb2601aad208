//! A look into the database of a town, and what must hold there whatever happened.
//!
//! In every town: each fen that came for an order is posted, goes back or stands in transit; what is
//! neither posted nor back waits for a job or has an open case; the service's own audit agrees; the agency booked each bill once at most, and
//! exactly what our postings say; no job is due and none is parked without a case.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::Fen;
use sea_orm::{ConnectionTrait, Statement};

use super::{Backend, Order, Town};

/// Nothing was found.
pub const NONE: [&str; 0] = [];

/// Every row of every table, as text.
pub type Dump = BTreeMap<String, Vec<String>>;

/// Movements of money of one order: event, debited account, credited account, fen.
pub type Movement = (String, String, String, i64);

impl Town {
    async fn query(&self, sql: &str, columns: usize) -> Vec<Vec<String>> {
        let backend = self.parts.db.get_database_backend();
        let rows = self.parts.db.query_all_raw(Statement::from_string(backend, sql)).await;
        let text = |row: &sea_orm::QueryResult, at| {
            let value: Option<String> = row.try_get_by_index(at).expect("a column of text");
            value.unwrap_or_default()
        };
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| (0..columns).map(|at| text(row, at)).collect()).collect()
    }

    /// The first column of each row, as text.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        self.query(sql, 1).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    pub async fn count(&self, table: &str) -> i64 {
        let counted = self.column(&format!("SELECT CAST(count(*) AS TEXT) FROM {table}")).await;
        counted[0].parse().expect("a count")
    }

    /// All there is in the database.
    pub async fn dump(&self) -> Dump {
        let tables = match self.backend {
            Backend::Embedded => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Backend::Servers => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        };
        let mut dump = Dump::new();
        for table in self.column(tables).await {
            let sql = match self.backend {
                Backend::Embedded => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let quoted = self.column(&columns).await;
                    let quoted: Vec<String> =
                        quoted.iter().map(|column| format!("quote(\"{column}\")")).collect();
                    format!("SELECT {} FROM \"{table}\" ORDER BY 1", quoted.join("||','||"))
                }
                Backend::Servers => format!("SELECT t::text FROM \"{table}\" t ORDER BY 1"),
            };
            let rows = self.column(&sql).await;
            dump.insert(table, rows);
        }
        assert!(dump.contains_key("orders") && dump.contains_key("insured_persons"), "{dump:?}");
        dump
    }

    /// Where a secret text can be read: in any answer that the service gave to anybody in this town,
    /// or in the database, in clear, in hexadecimal or in base64.
    pub async fn shown_anywhere(&self, secret: &str) -> Vec<String> {
        assert!(secret.chars().count() >= 2, "`{secret}` would be found everywhere");
        let forms = [secret.to_owned(), hex::encode(secret), BASE64.encode(secret)];
        let shows = |text: &str| {
            let lower = text.to_lowercase();
            text.contains(&forms[0]) || lower.contains(&forms[1]) || text.contains(&forms[2])
        };
        let mut places: Vec<String> = Vec::new();
        places.extend(
            self.heard
                .lock()
                .expect("nobody panicked")
                .iter()
                .filter(|answer| shows(answer))
                .cloned(),
        );
        for (table, rows) in self.dump().await {
            places
                .extend(rows.iter().filter(|row| shows(row)).map(|row| format!("{table}: {row}")));
        }
        for file in ["city-services.sqlite", "city-services.sqlite-wal"] {
            let path = self.folder.path().join(file);
            if self.backend == Backend::Embedded && path.exists() {
                let bytes = std::fs::read(path).expect("the database's file");
                if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                    places.push(format!("the file {file}"));
                }
            }
        }
        places.extend(self.sessions_in_redis().await.into_iter().filter(|value| shows(value)));
        places
    }

    /// What Redis holds for this town's accounts.
    async fn sessions_in_redis(&self) -> Vec<String> {
        if self.backend == Backend::Embedded {
            return Vec::new();
        }
        let client = redis::Client::open(super::server("TEST_REDIS_URL")).expect("an address");
        let mut redis = client.get_multiplexed_async_connection().await.expect("Redis");
        let mut found = Vec::new();
        for account in self.column("SELECT CAST(id AS TEXT) FROM accounts").await {
            let mut ask = redis::cmd("HGETALL");
            ask.arg(format!("city-services:session:account:{account}"));
            let values: Vec<String> = ask.query_async(&mut redis).await.expect("an answer");
            found.extend(values);
        }
        assert!(!found.is_empty(), "somebody is logged in");
        found
    }

    /// WeChat's session keys: the mock's chance gave out each of them as 16 bytes.
    pub fn session_keys(&self) -> Vec<String> {
        self.chance
            .given
            .lock()
            .expect("nobody panicked")
            .iter()
            .map(|key| BASE64.encode(key))
            .collect()
    }

    /// The lines of an order's journal that move money, oldest first.
    pub async fn journal(&self, order: &Order) -> Vec<Movement> {
        let sql = format!(
            "SELECT j.event, j.debit, j.credit, CAST(j.amount_fen AS TEXT) FROM journal j \
             JOIN orders o ON o.id = j.order_id \
             WHERE o.order_no = '{}' AND j.amount_fen IS NOT NULL ORDER BY j.seq",
            order.order_no
        );
        let rows = self.query(&sql, 4).await;
        let mut lines = Vec::new();
        for row in rows {
            let [event, debit, credit, fen] = row.try_into().expect("four columns");
            lines.push((event, debit, credit, fen.parse().expect("an amount")));
        }
        lines
    }

    /// The kinds of the open cases, oldest first.
    pub async fn cases(&self) -> Vec<String> {
        let cases = self.parts.orders.open_cases(100).await.expect("cases");
        cases.iter().map(|case| case.kind.code().to_owned()).collect()
    }

    /// What the agency booked for an order, in fen, in the order of booking.
    pub fn booked(&self, order: &Order) -> Vec<Fen> {
        let postings = self.mocks.agency().postings();
        let of_order =
            postings.iter().filter(|posting| posting.order_no.as_str() == order.order_no);
        of_order.map(|posting| posting.amount).collect()
    }

    /// What the platform gave back for a number, in fen.
    pub fn returned(&self, channel: kernel::Channel, out_trade_no: &str) -> i64 {
        let trade = self.mocks.trade(channel, out_trade_no).expect("a trade");
        trade.refunds.iter().map(|refund| refund.amount_fen).sum()
    }

    pub(super) async fn assert_order(&self) {
        self.assert_money().await;
        self.assert_bookings().await;
        let now = self.now().as_millis();
        let due = format!("SELECT kind FROM jobs WHERE state = 'ready' AND run_at_ms <= {now}");
        assert_eq!(self.column(&due).await, NONE, "jobs are due and nobody runs them");
        let unseen = "SELECT j.kind FROM jobs j WHERE j.state = 'parked' AND NOT EXISTS \
            (SELECT 1 FROM cases c WHERE c.order_id = j.order_id AND c.closed_at_ms IS NULL)";
        assert_eq!(self.column(unseen).await, NONE, "jobs are parked without a case");
    }

    async fn assert_money(&self) {
        let audit = self.parts.orders.audit().await.expect("an audit");
        assert!(audit.holds(), "{audit}");
        // The same once more from outside, order by order.
        let sum =
            |of: &str| format!("CAST((SELECT COALESCE(sum(x.amount_fen), 0) FROM {of}) AS TEXT)");
        let count = |of: &str| format!("CAST((SELECT count(*) FROM {of}) AS TEXT)");
        let columns = [
            "o.order_no".to_owned(),
            "CAST(o.amount_fen AS TEXT)".to_owned(),
            count("payments x WHERE x.order_id = o.id AND x.state = 'paid'"),
            sum(
                "journal x WHERE x.order_id = o.id AND x.credit = 'in_transit' AND x.debit LIKE 'channel:%'",
            ),
            sum(
                "journal x WHERE x.order_id = o.id AND x.credit = 'in_transit' AND x.debit NOT LIKE 'channel:%'",
            ),
            sum("journal x WHERE x.order_id = o.id AND x.debit = 'in_transit'"),
            sum(
                "postings x WHERE x.order_id = o.id AND x.agency_serial IS NOT NULL AND x.state <> 'taken_back'",
            ),
            sum(
                "refunds x WHERE x.order_id = o.id AND x.cause <> 'surplus' AND x.state <> 'replaced'",
            ),
            count(
                "refunds x WHERE x.order_id = o.id AND x.state NOT IN ('succeeded', 'replaced', 'returned_by_hand')",
            ),
            count(
                "jobs x WHERE x.order_id = o.id AND x.kind IN ('post_bill', 'refund', 'take_back') AND x.state = 'ready'",
            ),
            count("cases x WHERE x.order_id = o.id AND x.closed_at_ms IS NULL"),
        ];
        let sql = format!("SELECT {} FROM orders o", columns.join(", "));
        for row in self.query(&sql, columns.len()).await {
            let numbers: Vec<i64> = row[1..].iter().map(|n| n.parse().expect("a number")).collect();
            let [amount, paid, received, undone, gone, posted, returning, unreturned, jobs, cases] =
                numbers[..]
            else {
                panic!("as many numbers as asked for")
            };
            let order = &row[0];
            let owed = if paid > 0 { amount } else { 0 };
            assert_eq!(received, owed, "order {order}: what was received is in the journal");
            let transit = received + undone - gone;
            assert_eq!(
                transit,
                owed - posted - returning,
                "order {order}: in transit is what is left"
            );
            let settled = transit == 0 && unreturned == 0;
            assert!(settled || jobs > 0 || cases > 0, "order {order}: nobody looks at its money");
        }
    }

    async fn assert_bookings(&self) {
        let mut booked = BTreeSet::new();
        let mut serials = BTreeSet::new();
        for posting in self.mocks.agency().postings() {
            let bill = (posting.agency.to_string(), posting.bill_no.to_string());
            if !posting.reversed {
                assert!(booked.insert(bill.clone()), "{bill:?} is booked twice");
                serials.insert(posting.agency_serial);
            }
        }
        let standing = "SELECT agency_serial FROM postings \
            WHERE agency_serial IS NOT NULL AND state <> 'taken_back'";
        let ours = self.column(standing).await;
        assert_eq!(ours.len(), serials.len(), "the agency's bookings and our postings agree");
        assert_eq!(BTreeSet::from_iter(ours), serials);
    }
}
