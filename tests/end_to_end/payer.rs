//! A person who pays at the real program.

use kernel::Channel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::town::{Program, eventually};

/// A person of our own at the two processes: logged in, with January ordered and paid.
pub struct Payer<'a> {
    pub program: &'a Program,
    pub channel: Channel,
    pub token: String,
    pub person: String,
    /// Which month is ordered.
    pub month: &'static str,
}

impl<'a> Payer<'a> {
    pub async fn log_in(program: &'a Program, channel: Channel) -> Payer<'a> {
        let code = program.control("/login-codes", Some(json!({ "platform": channel }))).await;
        let login = json!({ "platform": channel, "code": code["code"] });
        let (token, person, month) = (String::new(), String::new(), "2023-01");
        let mut payer = Payer { program, channel, token, person, month };
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

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.program.url);
        let request = self.program.http().request(method, url);
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.request(method, path).header("Idempotency-Key", self.month);
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, answer) = self.program.call(request).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    }

    pub fn bills(&self) -> reqwest::RequestBuilder {
        let (person, month) = (&self.person, self.month);
        let path = format!("/people/{person}/bills?city=320200&from={month}&to={month}");
        self.request(Method::GET, &path)
    }

    /// Orders a month and begins to pay: the order's number and the attempt's.
    pub async fn begins(&self) -> (String, String) {
        let (_, bills) = self.program.call(self.bills()).await;
        let names = ["agency", "insurance", "months", "bill_no", "version", "amount"];
        let chosen = bills["bills"].as_array().expect("bills").iter().map(|bill| {
            names.iter().map(|name| ((*name).to_owned(), bill[name].clone())).collect()
        });
        let chosen: Vec<serde_json::Map<String, Value>> = chosen.collect();
        let mut wish = json!({ "person_id": self.person, "city": "320200", "bills": chosen });
        let shown = self.call(Method::POST, "/confirmations", Some(&wish)).await;
        wish["confirmation"] = shown["confirmation"].clone();
        let order = self.call(Method::POST, "/orders", Some(&wish)).await;
        let order_no = order["order_no"].as_str().expect("a number").to_owned();
        let payment = self.call(Method::POST, &format!("/orders/{order_no}/payments"), None).await;
        (order_no, payment["out_trade_no"].as_str().expect("a number").to_owned())
    }

    /// Pays what was begun; the notification is on its way.
    pub async fn pays_number(&self, out_trade_no: &str) {
        let pay = json!({ "platform": self.channel, "out_trade_no": out_trade_no });
        self.program.control("/pay", Some(pay)).await;
    }

    /// The notification about a number, as the platform sees it.
    pub async fn delivery(&self, out_trade_no: &str) -> Value {
        let path = format!("/deliveries?out_trade_no={out_trade_no}");
        self.program.control(&path, None).await["deliveries"][0].clone()
    }

    /// Waits until the platform has been told that we know.
    pub async fn is_heard(&self, out_trade_no: &str) {
        eventually("the acknowledged notification", async || {
            let delivery = self.delivery(out_trade_no).await;
            let attempts = delivery["attempts"].as_array()?;
            attempts.iter().any(|attempt| attempt["accepted"] == true).then_some(())
        })
        .await;
    }

    /// Orders and pays, and waits until the platform has been told that we know.
    pub async fn pays(&self) -> String {
        let (order_no, out_trade_no) = self.begins().await;
        self.pays_number(&out_trade_no).await;
        self.is_heard(&out_trade_no).await;
        order_no
    }

    pub async fn label(&self, order_no: &str) -> Value {
        self.call(Method::GET, &format!("/orders/{order_no}"), None).await["label"].clone()
    }

    pub async fn becomes_posted(&self, order_no: &str) {
        eventually("缴费成功", async || {
            (self.label(order_no).await == "缴费成功").then_some(())
        })
        .await;
        assert_eq!(bookings(self.program).await, 2, "each bill is booked once");
    }

    /// Sessions of the embedded store end with the process; a mini-program logs in silently.
    pub async fn logs_in_again(&mut self) {
        let code = self.program.control("/login-codes", Some(json!({ "platform": self.channel })));
        let login = json!({ "platform": self.channel, "code": code.await["code"] });
        self.token.clear();
        let session = self.call(Method::POST, "/sessions", Some(&login)).await;
        self.token = session["token"].as_str().expect("a token").to_owned();
    }
}

/// How many bills the agency has booked.
pub async fn bookings(program: &Program) -> usize {
    let postings = program.control("/agency/postings", None).await;
    postings.as_array().or(postings["postings"].as_array()).expect("bookings").len()
}
