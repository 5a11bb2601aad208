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

/// The wording that is agreed to.
pub const CONSENT: &str = "2026-11";

impl Town {
    /// Somebody logs in, adds themselves as the insured person, and proves their real name.
    pub async fn citizen(&self, channel: Channel, insured: Insured) -> Citizen<'_> {
        self.citizen_named(&format!("user of {}", insured.number), channel, insured).await
    }

    pub async fn citizen_named(
        &self,
        user: &str,
        channel: Channel,
        insured: Insured,
    ) -> Citizen<'_> {
        let citizen = self.newcomer_named(user, channel, insured).await;
        citizen.proves_name().await;
        citizen
    }

    /// Somebody logs in and says who they are, which nobody has proven.
    pub async fn newcomer(&self, channel: Channel, insured: Insured) -> Citizen<'_> {
        self.newcomer_named(&format!("user of {}", insured.number), channel, insured).await
    }

    pub async fn newcomer_named(
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

    /// Plays the mocks' control API.
    pub async fn plays(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.town.mocks.facts().control_url);
        let answer = super::client().post(url).body(body.to_string()).send().await;
        let answer = answer.expect("the mocks answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Shows the face, or somebody else's, on the platform's page.
    pub async fn shows_face(&self, action: &Value, passes: bool) {
        match action["kind"].as_str().expect("a kind") {
            "wechat_face" => {
                let id = &action["parameters"]["verifyId"];
                let verify_ret = if passes { 10_000 } else { 10_004 };
                let seen = json!({"verify_id": id, "verify_ret": verify_ret});
                self.plays("/wechat/faces", &seen).await;
            }
            "alipay_certify" => {
                assert!(action["url"].as_str().expect("a page").contains("sign="));
                let seen = json!({"certify_id": action["certify_id"], "passed": passes});
                self.plays("/alipay/certifications", &seen).await;
            }
            other => panic!("an unknown kind {other}"),
        }
    }

    /// Proves the real name of the citizen's own person, from begin to end.
    pub async fn proves_name(&self) {
        let path = format!("/api/v1/people/{}/real-name", self.person_id);
        let begun = self.post(&path, &json!({"consent_text_version": CONSENT})).await.expect(201);
        self.shows_face(&begun["action"], true).await;
        let id = begun["verification_id"].as_str().expect("an id");
        let person = self.post(&format!("{path}/{id}/result"), &json!({})).await.expect(200);
        assert_eq!(person["real_name"]["state"], "verified");
    }

    /// A proof by face that it is the owner who wants this, to be sent with the act.
    pub async fn proves_act(&self, act: &str) -> Value {
        let wish = json!({"act": act, "by": "face", "consent_text_version": CONSENT});
        let begun = self.post("/api/v1/me/proofs", &wish).await.expect(201);
        self.shows_face(&begun["action"], true).await;
        json!({"verification_id": begun["verification_id"]})
    }

    /// Erases the account, with a face as proof.
    pub async fn erases(&self) -> Answer {
        let proof = self.proves_act("erasure").await;
        self.post("/api/v1/me/erasure", &json!({"confirm": true, "proof": proof})).await
    }

    /// Places an order after a look at the confirmation, as a client does.
    pub async fn confirms_and_places(&self, key: &str, wish: &Value) -> Answer {
        let shown = self.post("/api/v1/confirmations", wish).await;
        if shown.status != 200 {
            return shown;
        }
        let mut wish = wish.clone();
        wish["confirmation"] = shown.json()["confirmation"].clone();
        self.place(key, &wish).await
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
