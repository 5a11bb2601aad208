//! An agency that takes every posting and answers none, while all notifications of payments are lost:
//! citizens are waiting for the word that their money has arrived, and hear it all the same.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    city::City,
    load::Load,
    town::{eventually, server},
};

const LASTS: Duration = Duration::from_secs(40);
const CROWD: u64 = 12;
/// Promised: a lost notification is found so soon, for 95 of 100.
const FOUND_WITHIN: Duration = Duration::from_secs(60);
/// Fewer would prove nothing: the agency's places must all have been taken several times over.
const PAYMENTS_LEAST: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_agency_keeps_nobody_waiting_for_the_channel() {
    let city = City::new(&server("TEST_POSTGRES_URL"), &server("TEST_REDIS_URL"), 1).await;
    let city = Arc::new(city);
    let mut service = city.service(0);
    service.start();
    city.ready(0).await;
    for channel in ["wechat", "alipay"] {
        let target = format!("{channel}.notification");
        let lost = json!({ "target": target, "fault": "lose", "times": 100_000 });
        city.control("/faults", Some(lost)).await;
    }
    let hangs = json!({
        "operation": "post-payment", "fault": "slow", "millis": 30_000, "times": null,
    });
    city.control("/agency/faults", Some(hangs)).await;
    let load = Load::start(&city, CROWD, false);
    tokio::time::sleep(LASTS).await;
    let seen = load.finish().await;
    let paid: Vec<&str> = seen
        .purchases
        .iter()
        .filter(|purchase| purchase.paid)
        .map(|purchase| purchase.out_trade_no.as_str())
        .collect();
    assert!(paid.len() >= PAYMENTS_LEAST, "{} payments", paid.len());
    let db = city.database().await;
    let found = "SELECT out_trade_no, (first_told - paid)::text FROM (SELECT p.out_trade_no, \
          p.paid_at_ms AS paid, (SELECT min(l.at_ms) FROM journal l WHERE l.payment_id = p.id) \
          AS first_told FROM payments p WHERE p.state = 'paid' AND p.told = 'query') AS told";
    let found = eventually("every payment on record", async || {
        let rows = city.rows(&db, found, 2).await;
        paid.iter().all(|number| rows.iter().any(|row| row[0] == *number)).then_some(rows)
    })
    .await;
    let waiting = "SELECT count(*)::text FROM jobs WHERE kind = 'post_bill' AND state = 'ready'";
    let waiting = city.rows(&db, waiting, 1).await.concat().concat();
    db.close().await.expect("an end");
    let mut after: Vec<u64> = found
        .iter()
        .map(|row| u64::try_from(row[1].parse::<i64>().expect("a time").max(0)).unwrap_or(0))
        .collect();
    after.sort_unstable();
    let at = |percent: usize| Duration::from_millis(after[(after.len() - 1) * percent / 100]);
    println!(
        "hanging agency: {} lost notifications found after {:.1?} (median), {:.1?} (95 %), {:.1?} (worst); \
         {waiting} bills wait for the agency",
        after.len(),
        at(50),
        at(95),
        at(100)
    );
    assert!(at(95) <= FOUND_WITHIN, "95 of 100 were found within {:?}", at(95));
    let audit = city.audit().await;
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    service.kill().await;
}
