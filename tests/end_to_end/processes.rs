//! The real program, killed and told to end, and the ways that the README promises.

use kernel::Channel;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::town::{Backend, Program, command, eventually, free_port, replaced};

/// A person of our own at the two processes: logged in, with January ordered and paid.
struct Payer<'a> {
    program: &'a Program,
    channel: Channel,
    token: String,
    person: String,
}

impl<'a> Payer<'a> {
    async fn log_in(program: &'a Program, channel: Channel) -> Payer<'a> {
        let code = program.control("/login-codes", Some(json!({ "platform": channel }))).await;
        let login = json!({ "platform": channel, "code": code["code"] });
        let mut payer = Payer { program, channel, token: String::new(), person: String::new() };
        let session = payer.call(Method::POST, "/sessions", Some(&login)).await;
        payer.token = session["token"].as_str().expect("a token").to_owned();
        let person = json!({
            "relation": "self", "name": "张三", "consent_text_version": "2026-11",
            "document": { "kind": "resident_id", "number": "320213190001010006" },
        });
        let person = payer.call(Method::POST, "/people", Some(&person)).await;
        payer.person = person["id"].as_str().expect("an id").to_owned();
        payer
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.program.url);
        let request = self.program.http().request(method, url);
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.request(method, path).header("Idempotency-Key", "january");
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, answer) = self.program.call(request).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    }

    fn bills(&self) -> reqwest::RequestBuilder {
        let path = format!("/people/{}/bills?city=320200&from=2023-01&to=2023-01", self.person);
        self.request(Method::GET, &path)
    }

    /// Orders and pays, and waits until the platform has been told that we know.
    async fn pays(&self) -> String {
        let (_, bills) = self.program.call(self.bills()).await;
        let names = ["agency", "insurance", "months", "bill_no", "version", "amount"];
        let chosen = bills["bills"].as_array().expect("bills").iter().map(|bill| {
            names.iter().map(|name| ((*name).to_owned(), bill[name].clone())).collect()
        });
        let chosen: Vec<serde_json::Map<String, Value>> = chosen.collect();
        let wish = json!({ "person_id": self.person, "city": "320200", "bills": chosen });
        let order = self.call(Method::POST, "/orders", Some(&wish)).await;
        let order_no = order["order_no"].as_str().expect("a number").to_owned();
        let payment = self.call(Method::POST, &format!("/orders/{order_no}/payments"), None).await;
        let out = payment["out_trade_no"].as_str().expect("a number");
        let pay = json!({ "platform": self.channel, "out_trade_no": out });
        self.program.control("/pay", Some(pay)).await;
        eventually("the acknowledged notification", async || {
            let sent = self.program.control(&format!("/deliveries?out_trade_no={out}"), None).await;
            (sent["deliveries"][0]["state"] == "delivered").then_some(())
        })
        .await;
        order_no
    }

    async fn label(&self, order_no: &str) -> Value {
        self.call(Method::GET, &format!("/orders/{order_no}"), None).await["label"].clone()
    }

    async fn becomes_posted(&self, order_no: &str) {
        eventually("缴费成功", async || {
            (self.label(order_no).await == "缴费成功").then_some(())
        })
        .await;
        assert_eq!(bookings(self.program).await, 2, "each bill is booked once");
    }

    /// Sessions of the embedded store end with the process; a mini-program logs in silently.
    async fn logs_in_again(&mut self) {
        let code = self.program.control("/login-codes", Some(json!({ "platform": self.channel })));
        let login = json!({ "platform": self.channel, "code": code.await["code"] });
        self.token.clear();
        let session = self.call(Method::POST, "/sessions", Some(&login)).await;
        self.token = session["token"].as_str().expect("a token").to_owned();
    }
}

/// How many bills the agency has booked.
async fn bookings(program: &Program) -> usize {
    let postings = program.control("/agency/postings", None).await;
    postings.as_array().or(postings["postings"].as_array()).expect("bookings").len()
}

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
    let (token, person) = (payer.token.clone(), payer.person.clone());
    program.kill().await;
    let forget = program.http().delete(format!("{}/agency/faults", program.control_url));
    assert!(forget.send().await.expect("the mock answers").status().is_success());

    program.serve().await;
    let mut payer = Payer { program: &program, channel: Channel::Wechat, token, person };
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

/// The fenced block of shell below a heading that holds `mark`.
fn readme_block(mark: &str) -> String {
    let readme = include_str!("../../README.md");
    let mut blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains(mark));
    block.unwrap_or_else(|| panic!("the README has no block with `{mark}`")).to_owned()
}

#[rstest]
#[case::wechat(Channel::Wechat)]
#[case::alipay(Channel::Alipay)]
#[tokio::test]
async fn the_way_in_the_readme_ends_posted(#[case] channel: Channel) {
    let folder = TempDir::new().expect("a folder");
    let start = readme_block("cargo build");
    assert!(start.contains("target/debug/city-services mock --dir /tmp/mock "));
    assert!(start.contains("city-services serve --config /tmp/mock/city-services.toml"));
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let walk = readme_block("API=");
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
