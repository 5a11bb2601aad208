//! Citizens: logged in from one mini-program, paying for one insured person.

use kernel::{Channel, Fen};
use mock_providers::{
    ClientResult, DeskError, MintedCode, PayRequest, WechatWallet, agency::DefaultPerson,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Town};

/// A synthetic person of the mock agency (docs/agency-protocol.md).
#[derive(Clone, Copy, Debug)]
pub struct Insured {
    pub number: &'static str,
    pub name: &'static str,
}

/// People by name; the agency does to each what the table of the protocol says.
pub fn insured(name: &str) -> Insured {
    let person = DefaultPerson::ALL.iter().find(|person| person.name == name).expect("a person");
    let (number, name) = (person.document_number, person.name);
    Insured { number, name }
}

pub struct Citizen<'a> {
    pub town: &'a Town,
    pub channel: Channel,
    pub insured: Insured,
    pub person_id: String,
    /// The platform's name for the citizen.
    pub platform_id: String,
    pub user: String,
    pub token: String,
}

/// A placed order as the API told it.
#[derive(Clone, Debug)]
pub struct Order {
    pub order_no: String,
    pub amount: Fen,
    /// The body that asked for it.
    pub wish: Value,
}

/// What the wallet is opened with.
#[derive(Clone, Debug)]
pub struct Started {
    pub out_trade_no: String,
    pub wallet: Value,
}

impl Town {
    /// Somebody logs in and adds the insured person.
    pub async fn citizen(&self, channel: Channel, insured: Insured) -> Citizen<'_> {
        self.citizen_named(&format!("user of {}", insured.number), channel, insured).await
    }

    pub async fn citizen_named(
        &self,
        user: &str,
        channel: Channel,
        insured: Insured,
    ) -> Citizen<'_> {
        let (token, minted) = self.login(channel, user).await;
        let person = json!({
            "relation": "self", "name": insured.name, "consent_text_version": "2026-11",
            "document": { "kind": "resident_id", "number": insured.number },
        });
        let platform_id = minted.openid.or(minted.open_id).expect("an id at the platform");
        let mut citizen = Citizen {
            town: self,
            channel,
            insured,
            person_id: String::new(),
            platform_id,
            user: user.to_owned(),
            token,
        };
        let person = citizen.post("/api/v1/people", &person).await.expect(201);
        citizen.person_id = person["id"].as_str().expect("an id").to_owned();
        citizen
    }

    async fn login(&self, channel: Channel, user: &str) -> (String, MintedCode) {
        let minted = self.mocks.mint_login_code(channel, user);
        let mut login = json!({ "platform": channel, "code": minted.code });
        if self.several_apps {
            let facts = self.mocks.facts();
            login["app_id"] = match channel {
                Channel::Wechat => facts.wechat.app_id.as_str().into(),
                Channel::Alipay => facts.alipay.app_id.as_str().into(),
            };
        }
        let login = self.request(Method::POST, "/api/v1/sessions").json(&login);
        let session = self.send(login).await.expect(201);
        (session["token"].as_str().expect("a token").to_owned(), minted)
    }
}

impl Citizen<'_> {
    /// Sessions end while nobody uses them; a mini-program logs in silently.
    pub async fn logs_in_again(&mut self) {
        self.token = self.town.login(self.channel, &self.user).await.0;
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.town.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.town.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.town.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.town.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.town.send(self.request(Method::DELETE, path)).await
    }

    /// The bills of these months, both ends included, as the API shows them.
    pub async fn bills(&self, from: &str, to: &str) -> Vec<Value> {
        let path =
            format!("/api/v1/people/{}/bills?city=320200&from={from}&to={to}", self.person_id);
        let bills = self.get(&path).await.expect(200);
        bills["bills"].as_array().expect("bills").clone()
    }

    /// The body of an order for these bills.
    pub fn wish(&self, bills: &[Value]) -> Value {
        let names = ["agency", "insurance", "months", "bill_no", "version", "amount"];
        let chosen = bills.iter().map(|bill| {
            Value::Object(
                names.map(|name| (name.to_owned(), bill[name].clone())).into_iter().collect(),
            )
        });
        json!({ "person_id": self.person_id, "city": "320200", "bills": chosen.collect::<Vec<_>>() })
    }

    pub async fn place(&self, key: &str, wish: &Value) -> Answer {
        let request = self.request(Method::POST, "/api/v1/orders").header("Idempotency-Key", key);
        self.town.send(request.json(wish)).await
    }

    /// Orders everything that is due in one month: pension and medical.
    pub async fn orders(&self, month: &str) -> Order {
        let mut wish = self.wish(&self.bills(month, month).await);
        let key = format!("{month}-{}", self.token);
        let mut placed = self.place(&key, &wish).await;
        // Paying for another person is confirmed a second time.
        if placed.status == 409 && placed.json()["code"] == "confirmation_needed" {
            let shown = self.post("/api/v1/confirmations", &wish).await.expect(200);
            wish["confirmation"] = shown["confirmation"].clone();
            placed = self.place(&key, &wish).await;
        }
        let order = placed.expect(201);
        assert_eq!(order["state"], "CREATED");
        Order {
            order_no: order["order_no"].as_str().expect("a number").to_owned(),
            amount: Fen::from_yuan(order["amount"].as_str().expect("an amount")).expect("yuan"),
            wish,
        }
    }

    pub async fn tries_to_pay(&self, order: &Order) -> Answer {
        self.post(&format!("/api/v1/orders/{}/payments", order.order_no), &json!({})).await
    }

    pub async fn starts_paying(&self, order: &Order) -> Started {
        let started = self.tries_to_pay(order).await.expect(200);
        assert_eq!(started["amount"], order.amount.to_string());
        let mut wallet = started["wallet"].clone();
        assert_eq!(wallet["channel"], self.channel.code());
        wallet.as_object_mut().expect("parameters").remove("channel");
        let out_trade_no = started["out_trade_no"].as_str().expect("a number").to_owned();
        Started { out_trade_no, wallet }
    }

    /// Opens the wallet with exactly the parameters that the service signed, and pays.
    pub fn pays(&self, started: &Started) -> Result<ClientResult, DeskError> {
        let mut request = match self.channel {
            Channel::Wechat => {
                let wallet: WechatWallet =
                    serde_json::from_value(started.wallet.clone()).expect("wallet parameters");
                PayRequest::wechat_wallet(wallet)
            }
            Channel::Alipay => {
                PayRequest::alipay_trade(started.wallet["tradeNO"].as_str().expect("a trade"))
            }
        };
        request.user = Some(self.user.clone());
        self.town.mocks.pay(&request)
    }

    /// Orders one month and pays it; the platform keeps quiet about it.
    pub async fn pays_unheard(&self, month: &str) -> (Order, Started) {
        let order = self.orders(month).await;
        let started = self.starts_paying(&order).await;
        self.town.lose_notifications(self.channel);
        self.pays(&started).expect("the wallet pays");
        self.town.mocks.settle().await;
        assert!(self.town.mocks.faults().is_empty(), "the notification is lost");
        (order, started)
    }

    /// Orders one month, pays it, and the platform's notification has arrived.
    pub async fn pays_for(&self, month: &str) -> (Order, Started) {
        let order = self.orders(month).await;
        let started = self.starts_paying(&order).await;
        self.pays(&started).expect("the wallet pays");
        self.town.mocks.settle().await;
        (order, started)
    }

    pub async fn record(&self, order: &Order) -> Value {
        self.get(&format!("/api/v1/orders/{}", order.order_no)).await.expect(200)
    }

    /// The order's label, as the citizen reads it.
    pub async fn label(&self, order: &Order) -> String {
        self.record(order).await["label"].as_str().expect("a label").to_owned()
    }

    pub async fn sync(&self, order: &Order) -> Value {
        self.post(&format!("/api/v1/orders/{}/sync", order.order_no), &json!({})).await.expect(200)
    }

    pub async fn cancels(&self, order: &Order) -> Answer {
        self.post(&format!("/api/v1/orders/{}/cancel", order.order_no), &json!({})).await
    }
}
