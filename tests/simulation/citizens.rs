//! Citizens: who order, pay, pay again, give up, come back or vanish.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, header},
};
use kernel::Channel;
use mock_providers::{
    Fault, FaultKind, FaultTarget, PayRequest, WechatWallet,
    agency::{
        AgencyCodeWord, AgencyFault, AgencyOperation, DefaultPerson, FaultKind as AgencyFaultKind,
    },
};
use serde_json::{Value, json};

use crate::{
    chance::Dice,
    fate::Fuse,
    temper::Plot,
    world::{Heard, World, lock},
};

/// Months in which bills are ordered: few, so that citizens meet.
const MONTHS: [&str; 3] = ["2023-01", "2023-02", "2023-04"];

/// People for whom contributions are paid here. 曹慢 needs real seconds; the others that are missing
/// never get as far as an order.
const PEOPLE: [(u64, &str); 18] = [
    (12, "张三"),
    (4, "李四"),
    (8, "王五"),
    (8, "赵六"),
    (3, "杨缴"),
    (3, "朱改"),
    (2, "秦差"),
    (2, "尤重"),
    (3, "许维"),
    (3, "何日"),
    (3, "吕问"),
    (3, "施问"),
    (3, "张断"),
    (3, "孔断"),
    (2, "韩变"),
    (1, "沈占"),
    (1, "钱未"),
    (1, "孙小雨"),
];

/// Somebody insured, in the list of a citizen.
#[derive(Clone, Debug)]
pub struct Insured {
    pub number: &'static str,
    pub name: &'static str,
    id: Option<String>,
}

/// An order as the citizen knows it.
#[derive(Clone, Debug)]
pub struct Placed {
    pub order_no: String,
    pub state: String,
}

/// A wallet that was opened and can be opened again.
#[derive(Clone, Debug)]
pub struct Opened {
    order_no: String,
    wallet: Value,
}

#[derive(Clone, Debug)]
pub struct Citizen {
    pub user: String,
    pub channel: Channel,
    pub people: Vec<Insured>,
    pub orders: Vec<Placed>,
    token: Option<String>,
    opened: Vec<Opened>,
    /// Wishes with their keys, newest last: a citizen without an answer repeats the last one.
    wishes: Vec<(String, Value)>,
    unheard: bool,
    keys: u64,
}

impl Citizen {
    /// The people of a small town, shared by its citizens.
    pub fn settle(dice: &Dice, citizens: usize, people: usize) -> Vec<Citizen> {
        let mut insured = Vec::new();
        for _ in 0..people {
            let choices: Vec<(u64, &str)> = PEOPLE.to_vec();
            let name = dice.weighted(&choices).unwrap_or("张三");
            let known = DefaultPerson::ALL.iter().find(|person| person.name == name);
            let person = known.expect("a person of the mock agency");
            insured.push(Insured { number: person.document_number, name: person.name, id: None });
        }
        let citizen = |at: usize| Citizen {
            user: format!("citizen {at}"),
            channel: if dice.percent(50) { Channel::Wechat } else { Channel::Alipay },
            people: insured.clone(),
            orders: Vec::new(),
            token: None,
            opened: Vec::new(),
            wishes: Vec::new(),
            unheard: false,
            keys: 0,
        };
        (0..citizens).map(citizen).collect()
    }
}

/// What a citizen does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Order,
    Repeat,
    Look,
    Start,
    Pay,
    Leave,
    Sync,
    Cancel,
    Read,
}

impl World {
    fn citizen(&self, at: usize) -> Citizen {
        lock(&self.citizens)[at].clone()
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut Citizen)) {
        change(&mut lock(&self.citizens)[at]);
    }

    async fn asked(
        &self,
        at: usize,
        method: Method,
        path: &str,
        (key, body): (Option<&str>, Option<&Value>),
    ) -> Heard {
        let citizen = self.citizen(at);
        let mut request = Request::builder().method(method.clone()).uri(path);
        if let Some(token) = &citizen.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        let shown = path.split('?').next().unwrap_or_default().replace("/api/v1", "");
        let what = format!("{method} {shown}");
        self.tell(format!("{} ({}): {what}", citizen.user, citizen.channel));
        let heard = self.ask(&what, request.body(body).expect("a request")).await;
        match &heard {
            Heard::Answer { status, json } => {
                let word = ["code", "label", "state"].iter().find_map(|name| json[*name].as_str());
                self.tell(format!("  = {status} {}", word.unwrap_or_default()));
                if *status == 401 {
                    self.change(at, |citizen| citizen.token = None);
                }
            }
            Heard::Silence => self.tell("  = no answer"),
        }
        heard
    }

    /// Logs in, and adds the people when they are not known yet.
    pub async fn log_in(&self, at: usize) -> bool {
        let citizen = self.citizen(at);
        let minted = self.mocks.mint_login_code(citizen.channel, &citizen.user);
        let body = json!({ "platform": citizen.channel, "code": minted.code });
        let heard = self.asked(at, Method::POST, "/api/v1/sessions", (None, Some(&body))).await;
        let Heard::Answer { status: 201, json } = heard else { return false };
        let token = json["token"].as_str().map(str::to_owned);
        self.change(at, |citizen| citizen.token = token);
        true
    }

    async fn add_person(&self, at: usize, place: usize) -> bool {
        let person = self.citizen(at).people[place].clone();
        // The first is the citizen, the others are paid for; nobody's name is proven, so all are confirmed.
        let relation = if place == 0 { "self" } else { "other" };
        let body = json!({
            "relation": relation, "name": person.name, "consent_text_version": "2026-11",
            "document": { "kind": "resident_id", "number": person.number },
        });
        let heard = self.asked(at, Method::POST, "/api/v1/people", (None, Some(&body))).await;
        let Heard::Answer { status: 201, json } = heard else { return false };
        let id = json["id"].as_str().map(str::to_owned);
        self.change(at, |citizen| citizen.people[place].id = id);
        true
    }

    fn choose_deed(&self, citizen: &Citizen) -> Deed {
        if citizen.unheard && self.dice.percent(60) {
            return if self.dice.percent(60) { Deed::Repeat } else { Deed::Look };
        }
        let last = citizen.orders.last();
        let is = |state: &str| last.is_some_and(|order| order.state == state);
        let opened = last.is_some_and(|order| {
            citizen.opened.iter().any(|opened| opened.order_no == order.order_no)
        });
        let payable = is("CREATED") || is("PAYING");
        let weight = |usual: bool, often: u64, seldom: u64| if usual { often } else { seldom };
        let deeds = [
            (weight(!payable, 30, 2), Deed::Order),
            (weight(!citizen.wishes.is_empty(), 2, 0), Deed::Repeat),
            (2, Deed::Look),
            (weight(payable, weight(opened, 8, 40), weight(last.is_some(), 2, 0)), Deed::Start),
            (weight(opened && payable, 55, weight(citizen.opened.is_empty(), 0, 12)), Deed::Pay),
            (weight(opened, 3, 0), Deed::Leave),
            (weight(last.is_some(), weight(opened, 10, 2), 0), Deed::Sync),
            (weight(last.is_some(), weight(payable, 7, 2), 0), Deed::Cancel),
            (weight(last.is_some(), 4, 0), Deed::Read),
        ];
        self.dice.weighted(&deeds).unwrap_or(Deed::Look)
    }

    /// A citizen does something that makes sense, or nearly.
    pub async fn citizen_step(&self) {
        let count = lock(&self.citizens).len();
        let at = self.dice.below(count);
        if self.citizen(at).token.is_none() && !self.log_in(at).await {
            return;
        }
        let citizen = self.citizen(at);
        match self.choose_deed(&citizen) {
            Deed::Order => self.order(at).await,
            Deed::Repeat => self.repeat(at).await,
            Deed::Look => self.look(at).await,
            Deed::Pay => self.pay(at),
            Deed::Leave => self.leave(at),
            deed => {
                // Mostly the newest order, sometimes any.
                let last = citizen.orders.last();
                let order =
                    if self.dice.percent(75) { last } else { self.dice.pick(&citizen.orders) };
                if let Some(order) = order {
                    self.about(at, deed, order.order_no.clone()).await;
                }
            }
        }
    }

    /// What happens before chance rules alone.
    pub async fn play_the_plot(&self) {
        let plot = self.temper.plot;
        if plot == Plot::Nothing {
            return;
        }
        self.fate.begin(None);
        self.play(plot).await;
        lock(&self.coverage).count(format!("plot.{plot:?}"));
        self.fate.begin(self.temper.fuse(&self.dice));
        self.tell("(from here on chance rules)");
    }

    async fn play(&self, plot: Plot) {
        if !self.log_in(0).await {
            return;
        }
        for _ in 0..4 {
            if self.citizen(0).orders.is_empty() {
                self.order(0).await;
            }
        }
        let Some(order) = self.citizen(0).orders.last().cloned() else { return };
        if plot == Plot::TwoTelephones {
            let refused = AgencyFaultKind::Refuse { code: AgencyCodeWord::BillLocked };
            let refused = AgencyFault::once(AgencyOperation::LockBills, refused);
            self.mocks.agency().add_fault(refused);
            *lock(&self.other_telephone) = Some("lock-bills".to_owned());
            self.about(0, Deed::Start, order.order_no.clone()).await;
            self.pay_with(0, 0);
            return;
        }
        if matches!(plot, Plot::GivenUpUnderWay | Plot::RefusedAfterAll) {
            return self.create_twice(plot, &order.order_no).await;
        }
        self.about(0, Deed::Start, order.order_no.clone()).await;
        self.clock.advance(Duration::from_secs(61));
        let (target, told) = match self.citizen(0).channel {
            Channel::Wechat => (FaultTarget::WechatQuery, FaultTarget::WechatNotification),
            Channel::Alipay => (FaultTarget::AlipayQuery, FaultTarget::AlipayNotification),
        };
        if plot == Plot::Race {
            let lost = Fault::next(told, FaultKind::Lose);
            self.mocks.set_fault(lost).expect("a fault of this target");
            *lock(&self.ambush) = Some(".close".to_owned());
            self.about(0, Deed::Cancel, order.order_no.clone()).await;
            return;
        }
        // For a while the platform does not see its own number, so the service gives it up.
        let lag = Fault { times: 3, ..Fault::next(target, FaultKind::Lag) };
        self.mocks.set_fault(lag).expect("a fault of this target");
        if plot == Plot::Twice {
            self.fate.begin(Some(Fuse::new(Some("UPDATE payments SET state"), 1)));
        }
        self.about(0, Deed::Cancel, order.order_no.clone()).await;
        self.mocks.clear_faults();
        if self.process().is_none() {
            self.revive();
            self.fate.begin(None);
        }
        match plot {
            Plot::Twice => {
                if self.citizen(0).token.is_none() || !self.temper.sessions_survive {
                    self.log_in(0).await;
                }
                self.about(0, Deed::Start, order.order_no.clone()).await;
                self.pay_with(0, 1);
            }
            Plot::LateForOthersBills => {
                let other = lock(&self.citizens).len() - 1;
                if other == 0 || self.log_in(other).await {
                    self.order(other).await;
                }
            }
            Plot::Late
            | Plot::Race
            | Plot::TwoTelephones
            | Plot::GivenUpUnderWay
            | Plot::RefusedAfterAll
            | Plot::Nothing => {}
        }
        self.pay_with(0, 0);
    }

    /// The first call that creates the payment brings no answer, and a second one is made.
    async fn create_twice(&self, plot: Plot, order_no: &str) {
        let (create, told, refusal) = match self.citizen(0).channel {
            Channel::Wechat => {
                (FaultTarget::WechatCreate, FaultTarget::WechatNotification, "RULE_LIMIT")
            }
            Channel::Alipay => {
                let refusal = "ACQ.BUYER_ENABLE_STATUS_FORBID";
                (FaultTarget::AlipayCreate, FaultTarget::AlipayNotification, refusal)
            }
        };
        let fault = |target, kind| {
            self.mocks.set_fault(Fault::next(target, kind)).expect("a fault of this target");
        };
        let first = match plot {
            Plot::GivenUpUnderWay => FaultKind::ErrorBeforeCommit,
            _ => FaultKind::DropAfterCommit,
        };
        fault(create, first);
        self.about(0, Deed::Start, order_no.to_owned()).await;
        self.clock.advance(Duration::from_secs(self.dice.between(1, 90)));
        if plot == Plot::GivenUpUnderWay {
            *lock(&self.gives_up) = Some(".create".to_owned());
        } else {
            let refusal = FaultKind::refusal(refusal).expect("a documented refusal");
            fault(create, refusal);
        }
        self.about(0, Deed::Start, order_no.to_owned()).await;
        fault(told, FaultKind::Lose);
        if plot == Plot::GivenUpUnderWay {
            self.pay_with(0, 0);
        } else if let Some(trade) = self.mocks.trades().first() {
            let citizen = self.citizen(0);
            let request = PayRequest::number(citizen.channel, &trade.out_trade_no);
            self.pay_what(&citizen, &request);
        }
        self.mocks.clear_faults();
    }

    /// The first citizen gives the newest order up.
    pub fn give_up(self: Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if let Some(order) = self.citizen(0).orders.last() {
                self.about(0, Deed::Cancel, order.order_no.clone()).await;
            }
        })
    }

    /// The first citizen starts the payment of the newest order again.
    pub fn start_again(self: Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if let Some(order) = self.citizen(0).orders.last() {
                self.about(0, Deed::Start, order.order_no.clone()).await;
            }
        })
    }

    /// Pays in the wallet that was opened as the `place`-th.
    pub fn pay_with(&self, at: usize, place: usize) {
        let citizen = self.citizen(at);
        if let Some(request) = self.wallet_at(&citizen, place) {
            self.pay_what(&citizen, &request);
        }
    }

    async fn order(&self, at: usize) {
        let place = self.dice.below(self.citizen(at).people.len());
        if self.citizen(at).people[place].id.is_none() && !self.add_person(at, place).await {
            return;
        }
        let Some(id) = self.citizen(at).people[place].id.clone() else { return };
        let first = self.dice.below(MONTHS.len());
        let last = (first + self.dice.below(2)).min(MONTHS.len() - 1);
        let (from, to) = match self.citizen(at).people[place].name {
            "孙小雨" => ("2024-01", "2024-12"),
            _ => (MONTHS[first], MONTHS[last]),
        };
        let path = format!("/api/v1/people/{id}/bills?city=320200&from={from}&to={to}");
        let heard = self.asked(at, Method::GET, &path, (None, None)).await;
        let Heard::Answer { status: 200, json } = heard else { return };
        let mut bills = json["bills"].as_array().cloned().unwrap_or_default();
        // Mostly what can be paid; sometimes what the screen still shows.
        if self.dice.percent(85) {
            bills.retain(|bill| bill["state"] == "due");
        }
        if bills.len() > 1 && self.dice.percent(50) {
            let kept = 1 + self.dice.below(bills.len() - 1);
            bills.truncate(kept);
        }
        if bills.is_empty() {
            return;
        }
        let names = ["agency", "insurance", "months", "bill_no", "version", "amount"];
        let chosen = bills.iter().map(|bill| {
            let parts = names.map(|name| (name.to_owned(), bill[name].clone()));
            Value::Object(parts.into_iter().collect())
        });
        let mut wish =
            json!({ "person_id": id, "city": "320200", "bills": chosen.collect::<Vec<_>>() });
        let path = "/api/v1/confirmations";
        let heard = self.asked(at, Method::POST, path, (None, Some(&wish))).await;
        if let Heard::Answer { status: 200, json } = heard {
            wish["confirmation"] = json["confirmation"].clone();
        }
        let mut key = String::new();
        self.change(at, |citizen| {
            citizen.keys += 1;
            key = format!("wish-{}", citizen.keys);
            citizen.wishes.push((key.clone(), wish.clone()));
        });
        self.place(at, &key, &wish).await;
    }

    async fn repeat(&self, at: usize) {
        let wish = self.citizen(at).wishes.last().cloned();
        if let Some((key, wish)) = wish {
            self.place(at, &key, &wish).await;
        }
    }

    async fn place(&self, at: usize, key: &str, wish: &Value) {
        let heard = self.asked(at, Method::POST, "/api/v1/orders", (Some(key), Some(wish))).await;
        self.change(at, |citizen| citizen.unheard = matches!(heard, Heard::Silence));
        if let Heard::Answer { status: 200 | 201, json } = heard {
            self.learn(at, &json);
        }
    }

    /// What an answer says about an order.
    fn learn(&self, at: usize, record: &Value) {
        let (Some(order_no), Some(state)) = (record["order_no"].as_str(), record["state"].as_str())
        else {
            return;
        };
        let placed = Placed { order_no: order_no.to_owned(), state: state.to_owned() };
        self.change(at, |citizen| {
            match citizen.orders.iter_mut().find(|order| order.order_no == placed.order_no) {
                Some(known) => *known = placed,
                None => citizen.orders.push(placed),
            }
        });
    }

    async fn look(&self, at: usize) {
        let heard = self.asked(at, Method::GET, "/api/v1/orders?limit=50", (None, None)).await;
        if let Heard::Answer { status: 200, json } = heard {
            self.change(at, |citizen| citizen.unheard = false);
            for order in json["orders"].as_array().into_iter().flatten().rev() {
                self.learn(at, order);
            }
        }
    }

    async fn about(&self, at: usize, deed: Deed, order_no: String) {
        let order = format!("/api/v1/orders/{order_no}");
        let nothing = json!({});
        let (method, path, body) = match deed {
            Deed::Start => (Method::POST, format!("{order}/payments"), Some(&nothing)),
            Deed::Sync => (Method::POST, format!("{order}/sync"), Some(&nothing)),
            Deed::Cancel => (Method::POST, format!("{order}/cancel"), Some(&nothing)),
            _ => (Method::GET, order, None),
        };
        let heard = self.asked(at, method, &path, (None, body)).await;
        let Heard::Answer { status: 200, json } = heard else { return };
        self.learn(at, &json);
        if deed == Deed::Start {
            let mut wallet = json["wallet"].clone();
            if let Some(parameters) = wallet.as_object_mut() {
                parameters.remove("channel");
            }
            self.change(at, |citizen| {
                if let Some(order) = citizen.orders.iter_mut().find(|o| o.order_no == order_no) {
                    order.state = "PAYING".to_owned();
                }
                citizen.opened.push(Opened { order_no, wallet });
            });
        }
    }

    fn wallet(&self, citizen: &Citizen) -> Option<PayRequest> {
        let place = if self.dice.percent(70) {
            citizen.opened.len().checked_sub(1)?
        } else {
            self.dice.below(citizen.opened.len())
        };
        self.wallet_at(citizen, place)
    }

    fn wallet_at(&self, citizen: &Citizen, place: usize) -> Option<PayRequest> {
        let wallet = &citizen.opened.get(place)?.wallet;
        let mut request = match citizen.channel {
            Channel::Wechat => {
                let parameters: WechatWallet = serde_json::from_value(wallet.clone()).ok()?;
                PayRequest::wechat_wallet(parameters)
            }
            Channel::Alipay => PayRequest::alipay_trade(wallet["tradeNO"].as_str()?),
        };
        request.user = Some(citizen.user.clone());
        Some(request)
    }

    fn pay(&self, at: usize) {
        let citizen = self.citizen(at);
        if let Some(request) = self.wallet(&citizen) {
            self.pay_what(&citizen, &request);
        }
    }

    fn pay_what(&self, citizen: &Citizen, request: &PayRequest) {
        let said = match self.mocks.pay(request) {
            Ok(paid) => format!("pays {}", paid.out_trade_no),
            Err(error) => format!("cannot pay: {error}"),
        };
        self.tell(format!("{} {said}", citizen.user));
    }

    fn leave(&self, at: usize) {
        let citizen = self.citizen(at);
        let Some(request) = self.wallet(&citizen) else { return };
        let said = match self.mocks.cancel(&request) {
            Ok(_) => "leaves the wallet".to_owned(),
            Err(error) => format!("cannot open the wallet: {error}"),
        };
        self.tell(format!("{} {said}", citizen.user));
    }

    /// Every order of every citizen with its label, as they read them in the end.
    pub async fn labels(self: &Arc<World>) -> Vec<(String, String)> {
        let count = lock(&self.citizens).len();
        let mut labels = Vec::new();
        for at in 0..count {
            if !self.log_in(at).await {
                self.breach("a citizen cannot log in although nothing goes wrong");
                continue;
            }
            let heard = self.asked(at, Method::GET, "/api/v1/orders?limit=50", (None, None)).await;
            let Heard::Answer { status: 200, json } = heard else {
                self.breach("a citizen cannot list orders although nothing goes wrong");
                continue;
            };
            for order in json["orders"].as_array().into_iter().flatten() {
                let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
                labels.push((text("order_no"), text("label")));
            }
        }
        labels
    }
}
