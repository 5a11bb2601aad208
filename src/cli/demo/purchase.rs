//! One purchase: city, quote, login, person, bills, order, prepay, payment, notification, posting,
//! record.

use std::time::Duration;

use kernel::Channel;
use serde_json::{Value, json};

use super::{
    Failure,
    brief::{brief, short},
    client::Client,
};
use crate::cli::say;

/// How long the demonstration waits for what should take a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who pays through which wallet.
pub(super) struct Purchase {
    pub client: Client,
    pub channel: Channel,
    /// A number that the mock agency knows.
    pub document: &'static str,
    pub name: &'static str,
}

impl Purchase {
    pub(super) async fn play(mut self) -> Result<(), Failure> {
        let channel = self.channel;
        say("");
        say(format!("━━ {} ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━", channel.label()));
        step(1, "选择参保城市", "choose the city");
        let found = self.client.get("/api/v1/cities/search?q=wuxi&limit=1").await?;
        let city = text(&found, "/cities/0/code")?;

        step(2, "试算", "quote");
        let wish = json!({ "city": city, "insurance": "pension", "tier": 1, "from": "2023-01", "months": 1 });
        let quote = self.client.post("/api/v1/quotes", wish).await?;
        say(format!("    养老保险一档一个月 {} 元", text(&quote, "/total")?));

        step(3, "登录", "log in with the mini-program's code");
        let minted = json!({ "platform": channel, "user": format!("demo-{channel}") });
        let code = self.client.control("/login-codes", Some(minted)).await?;
        let login = json!({ "platform": channel, "code": text(&code, "/code")? });
        let session = self.client.post("/api/v1/sessions", login).await?;
        let token = text(&session, "/token")?;
        self.client.log_in(&token);

        step(4, "添加参保人", "add the insured person");
        let person = json!({
            "relation": "self", "name": self.name, "consent_text_version": "2026-11",
            "document": { "kind": "resident_id", "number": self.document },
        });
        let person = self.client.post("/api/v1/people", person).await?;
        let person_id = text(&person, "/id")?;

        step(5, "查询应缴", "ask the agencies what is due");
        let path = format!("/api/v1/people/{person_id}/bills?city={city}&from=2023-01&to=2023-12");
        let told = self.client.get(&path).await?;
        let bills = first_month_due(&told)?;
        for bill in &bills {
            say(format!("    {} {} 元", text(bill, "/insurance_label")?, text(bill, "/amount")?));
        }

        step(
            6,
            "核对并下单",
            "check what is about to be paid, place the order: bills are frozen and locked",
        );
        let chosen: Vec<Value> = bills.iter().map(chosen).collect();
        let mut order = json!({ "person_id": person_id, "city": city, "bills": chosen });
        let shown = self.client.post("/api/v1/confirmations", order.clone()).await?;
        order["confirmation"] = text(&shown, "/confirmation")?.into();
        let key = format!("demo-{channel}-{person_id}");
        let order = self.client.post_once("/api/v1/orders", order, &key).await?;
        let order_no = text(&order, "/order_no")?;
        self.say_state(&order)?;

        step(7, "预支付", "prepay: the wallet's parameters, signed");
        let payment =
            self.client.post(&format!("/api/v1/orders/{order_no}/payments"), json!({})).await?;
        let out_trade_no = text(&payment, "/out_trade_no")?;

        step(8, "在钱包中付款", "the citizen pays in the wallet; the platform notifies");
        self.pay_in_wallet(&payment).await?;
        self.say_notification(&out_trade_no).await?;

        step(9, "入账", "the agency books each bill");
        let record = self.posted(&order_no).await?;
        self.say_state(&record)?;
        for bill in record.pointer("/bills").and_then(Value::as_array).into_iter().flatten() {
            say(format!(
                "    {} {} 元 {} {}",
                text(bill, "/insurance_label")?,
                text(bill, "/amount")?,
                text(bill, "/posting/label")?,
                text(bill, "/posting/agency_serial")?
            ));
        }

        step(10, "缴费记录", "the record");
        let records = self.client.get("/api/v1/orders?limit=1").await?;
        say(format!(
            "    {} {}",
            text(&records, "/orders/0/order_no")?,
            text(&records, "/orders/0/label")?
        ));
        Ok(())
    }

    /// What the mini-program's wallet would do with the parameters.
    async fn pay_in_wallet(&self, payment: &Value) -> Result<(), Failure> {
        let wallet = payment.pointer("/wallet").ok_or("no wallet parameters in the answer")?;
        let wish = match self.channel {
            Channel::Wechat => {
                let mut wallet = wallet.clone();
                if let Some(parameters) = wallet.as_object_mut() {
                    parameters.remove("channel");
                }
                json!({ "platform": self.channel, "wallet": wallet })
            }
            Channel::Alipay => {
                json!({ "platform": self.channel, "trade_no": text(wallet, "/tradeNO")? })
            }
        };
        let result = self.client.control("/pay", Some(wish)).await?;
        say(format!("    钱包 wallet: {}", brief(&result)));
        Ok(())
    }

    /// The notification as the platform sent it and as it was answered.
    async fn say_notification(&self, out_trade_no: &str) -> Result<(), Failure> {
        let path = format!("/deliveries?platform={}&out_trade_no={out_trade_no}", self.channel);
        let attempt = eventually("the notification", async || {
            let deliveries = self.client.control(&path, None).await?;
            Ok(deliveries
                .pointer("/deliveries/0/attempts/0")
                .or(deliveries.pointer("/0/attempts/0"))
                .cloned())
        })
        .await?;
        say(format!("    POST {}", text(&attempt, "/url")?));
        for (name, value) in headers(&attempt) {
            if name.to_ascii_lowercase().starts_with("wechatpay-") {
                say(format!("      {name}: {}", short(&value)));
            }
        }
        let body = text(&attempt, "/body")?;
        let told = serde_json::from_str(&body).map_or_else(|_| short(&body), |json| brief(&json));
        say(format!("      {told}"));
        say(format!(
            "    → {} {}",
            attempt.pointer("/status").unwrap_or(&Value::Null),
            text(&attempt, "/answer")?
        ));
        Ok(())
    }

    async fn posted(&self, order_no: &str) -> Result<Value, Failure> {
        let path = format!("/api/v1/orders/{order_no}");
        eventually("the posting", async || {
            let record = self.client.look(&path).await?;
            Ok((text(&record, "/state")? == "SUCCESS").then_some(record))
        })
        .await
    }

    fn say_state(&self, record: &Value) -> Result<(), Failure> {
        say(format!("    状态 {}：{}", text(record, "/label")?, text(record, "/text")?));
        Ok(())
    }
}

/// The bills of the first month in which something is due.
fn first_month_due(told: &Value) -> Result<Vec<Value>, Failure> {
    let bills = told.pointer("/bills").and_then(Value::as_array).ok_or("no bills in the answer")?;
    let due = || bills.iter().filter(|bill| bill["state"] == "due");
    let month =
        due().filter_map(|bill| bill["months"]["from"].as_str()).min().ok_or("nothing is due")?;
    Ok(due().filter(|bill| bill["months"]["from"] == month).cloned().collect())
}

/// The parts of a bill that an order names.
fn chosen(bill: &Value) -> Value {
    let mut chosen = serde_json::Map::new();
    for name in ["agency", "insurance", "months", "bill_no", "version", "amount"] {
        chosen.insert(name.to_owned(), bill.get(name).cloned().unwrap_or(Value::Null));
    }
    Value::Object(chosen)
}

fn step(number: u8, chinese: &str, english: &str) {
    say(format!("{number:>2}. {chinese}  {english}"));
}

fn text(value: &Value, pointer: &str) -> Result<String, Failure> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("{pointer} is missing in {}", short(&value.to_string())).into())
}

fn headers(attempt: &Value) -> Vec<(String, String)> {
    match attempt.pointer("/headers") {
        Some(Value::Object(headers)) => headers
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        Some(Value::Array(pairs)) => pairs
            .iter()
            .filter_map(|pair| {
                Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Asks again until there is an answer, for a while.
async fn eventually(
    what: &str,
    ask: impl AsyncFn() -> Result<Option<Value>, Failure>,
) -> Result<Value, Failure> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{what} did not come within {} s", PATIENCE.as_secs()).into())
}
