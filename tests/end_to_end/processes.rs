//! The real program, killed and told to end, and the way that docs/walk.md promises.

use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    payer::{Payer, bookings},
    town::{Backend, Program, command, eventually, free_port, replaced},
};

/// The service dies between acknowledging the notification and posting, or while the agency, which
/// has booked, owes it the answer. Then the lease must end before anybody may go on.
#[rstest]
#[case::before_posting("drop_before_commit", 0)]
#[case::while_posting("slow", 2)]
#[tokio::test]
async fn a_killed_service_goes_on_where_it_was(
    #[case] fault: &str,
    #[case] booked: usize,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let folder = TempDir::new().expect("a folder");
    let mut program = Program::start(folder.path(), backend).await;
    let mut order = json!({ "operation": "post-payment", "times": 1_000, "fault": fault });
    if fault == "slow" {
        order["millis"] = json!(60_000);
    }
    program.control("/agency/faults", Some(order)).await;
    let payer = Payer::log_in(&program, Channel::Wechat).await;
    let order_no = payer.pays().await;
    eventually("both postings to reach the agency", async || {
        let faults = program.control("/agency/faults", None).await;
        let faults = faults.as_array().or(faults["faults"].as_array())?;
        (faults[0]["times"] == 998).then_some(())
    })
    .await;
    assert_eq!(bookings(&program).await, booked);
    assert_eq!(payer.label(&order_no).await, "已支付待入账");
    let (token, person, month) = (payer.token.clone(), payer.person.clone(), payer.month);
    program.kill().await;
    let forget = program.http().delete(format!("{}/agency/faults", program.control_url));
    assert!(forget.send().await.expect("the mock answers").status().is_success());

    program.serve().await;
    let channel = Channel::Wechat;
    let mut payer = Payer { program: &program, channel, token, person, month };
    if backend == Backend::Embedded {
        payer.logs_in_again().await;
    }
    payer.becomes_posted(&order_no).await;
    program.close().await;
}

#[rstest]
#[tokio::test]
async fn a_service_that_is_told_to_end_finishes_what_is_under_way(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let folder = TempDir::new().expect("a folder");
    let mut program = Program::start(folder.path(), backend).await;
    let payer = Payer::log_in(&program, Channel::Alipay).await;
    let slow = json!({ "operation": "query-bills", "times": 1, "fault": "slow", "millis": 1_500 });
    program.control("/agency/faults", Some(slow)).await;
    let request = tokio::spawn(payer.bills().send());
    eventually("the request to reach the agency", async || {
        let faults = program.control("/agency/faults", None).await;
        let left = faults.as_array().or(faults["faults"].as_array())?;
        left.iter().all(|fault| fault["times"] == 0).then_some(())
    })
    .await;
    let ended = program.tell_to_end().await;
    let answer = request.await.expect("a task").expect("the request is answered");
    assert_eq!(answer.status(), 200);
    let bills: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    assert_eq!(bills["total_due"], "1289.80");
    assert_eq!(ended.await.code(), Some(0));
    program.close().await;
}

/// The fenced block of shell that holds `mark`.
fn block_of_the_walk(mark: &str) -> String {
    let walk = include_str!("../../docs/walk.md");
    let mut blocks = walk.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains(mark));
    block.unwrap_or_else(|| panic!("docs/walk.md has no block with `{mark}`")).to_owned()
}

#[rstest]
#[case::wechat(Channel::Wechat)]
#[case::alipay(Channel::Alipay)]
#[tokio::test]
async fn the_way_with_curl_ends_posted(#[case] channel: Channel) {
    let folder = TempDir::new().expect("a folder");
    let start = block_of_the_walk("cargo build");
    assert!(start.contains("target/debug/city-services mock --dir /tmp/mock "));
    assert!(start.contains("city-services serve --config /tmp/mock/city-services.toml"));
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let walk = block_of_the_walk("API=");
    let api = format!("API={}/api/v1", program.url);
    let walk = replaced(&walk, "API=http://127.0.0.1:8080/api/v1", api);
    let walk = replaced(&walk, "/tmp/mock", folder.path().display());
    // Three seconds are enough for a person at a quiet machine; a test waits for the label itself.
    let wait = "for _ in $(seq 240); do sleep 0.25; \
        curl -s $API/orders/$ORDER -H \"$auth\" | grep -q 缴费成功 && break; done;";
    let mut walk = replaced(&walk, "sleep 3;", wait);
    if channel == Channel::Alipay {
        assert_eq!(walk.matches("\"platform\":\"wechat\"").count(), 1);
        assert_eq!(walk.matches("\\\"platform\\\":\\\"wechat\\\"").count(), 2);
        walk = walk.replace("\"platform\":\"wechat\"", "\"platform\":\"alipay\"");
        walk = walk.replace("\\\"platform\\\":\\\"wechat\\\"", "\\\"platform\\\":\\\"alipay\\\"");
    }
    let mut shell = Command::new("bash");
    shell.arg("-euo").arg("pipefail").arg("-c").arg(&walk).current_dir(folder.path());
    let ended = shell.kill_on_drop(true).output().await.expect("bash, curl and python3");
    let said = String::from_utf8_lossy(&ended.stdout);
    let complaint = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{complaint}");
    assert!(said.ends_with("缴费成功\n"), "{said}\n{complaint}");
    program.close().await;
}

#[tokio::test]
async fn the_demonstration_posts_two_purchases() {
    let port = free_port().to_string();
    let ended = command(&["demo", "--once", "--port", &port]).await;
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(said.matches("状态 缴费成功").count(), 2, "{said}");
}
