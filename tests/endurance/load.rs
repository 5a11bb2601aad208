//! A crowd of citizens on both channels. Each lives once: logs in, adds a person, and buys a few
//! months. They are as patient as a mini-program with a service that is away: the same request with
//! the same key, until it is answered.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{Channel, Entropy, SeededEntropy};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use crate::city::{CLIENT_TIME_MAX, City, Letter};

/// How long somebody goes on trying. Above the minute after which a number that never reached its
/// channel may be given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// A short look at the result before the next purchase; the books follow every order to its end.
const LOOKS: u32 = 10;

/// What happens in a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Pays,
    /// The agency refuses the first bill only: half of the money goes back.
    RefusedInPart,
    /// The agency takes nothing.
    Refused,
    /// The agency books and its answer is lost.
    AnswerLost,
    /// Another counter collects a bill between order and payment.
    PaidElsewhere,
    /// Opens the wallet, closes it, gives up.
    GivesUp,
    /// Pays and gives up at the same moment, on two telephones.
    PaysAndGivesUp,
}

impl Plan {
    fn drawn(chance: &dyn Entropy) -> Plan {
        match chance.u64() % 100 {
            0..55 => Plan::Pays,
            55..65 => Plan::RefusedInPart,
            65..72 => Plan::Refused,
            72..80 => Plan::AnswerLost,
            80..86 => Plan::PaidElsewhere,
            86..94 => Plan::GivesUp,
            _ => Plan::PaysAndGivesUp,
        }
    }

    /// Faults of the mock agency towards this person (docs/agency-protocol.md).
    fn faults(self) -> Value {
        match self {
            Plan::RefusedInPart => {
                json!([{ "operation": "post-payment", "fault": "refuse", "code": "BILL_CHANGED" }])
            }
            Plan::Refused => json!([{
                "operation": "post-payment", "fault": "refuse", "code": "BILL_CHANGED", "times": null
            }]),
            Plan::AnswerLost => {
                json!([{ "operation": "post-payment", "fault": "commit_then_drop" }])
            }
            Plan::Pays | Plan::PaidElsewhere | Plan::GivesUp | Plan::PaysAndGivesUp => json!([]),
        }
    }
}

/// What a citizen remembers.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub plan: Plan,
    pub channel: Channel,
    pub order_no: String,
    pub out_trade_no: String,
    /// The wallet said that it paid.
    pub paid: bool,
}

/// One answered or unanswered request.
#[derive(Clone, Debug)]
pub struct Call {
    pub what: &'static str,
    pub began: Instant,
    pub took: Duration,
    /// `None`: no answer, such as a refused connection.
    pub status: Option<u16>,
}

#[derive(Default)]
pub struct Seen {
    pub purchases: Vec<Purchase>,
    pub calls: Vec<Call>,
}

/// The crowd at work.
pub struct Load {
    city: Arc<City>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    crowd: JoinSet<()>,
    began: Instant,
}

struct Street {
    city: Arc<City>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    lives: AtomicU64,
    /// Every notification is told to all services at once as well.
    telling_all: bool,
}

impl Load {
    /// Lets this many citizens live at a time.
    pub fn start(city: &Arc<City>, crowd_size: u64, telling_all: bool) -> Load {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let street = Arc::new(Street {
            city: Arc::clone(city),
            seen: Arc::clone(&seen),
            stop: Arc::clone(&stop),
            lives: AtomicU64::new(0),
            telling_all,
        });
        let mut crowd = JoinSet::new();
        for _ in 0..crowd_size {
            let street = Arc::clone(&street);
            crowd.spawn(async move {
                while !street.stop.load(Ordering::Relaxed) {
                    street.live(street.lives.fetch_add(1, Ordering::Relaxed)).await;
                }
            });
        }
        Load { city: Arc::clone(city), seen, stop, crowd, began: Instant::now() }
    }

    pub fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.seen.lock().expect("nobody panicked"))
    }

    /// A paid purchase, for probes.
    pub async fn first_paid(&self) -> Purchase {
        crate::town::eventually("the first payment", async || {
            self.look(|seen| seen.purchases.iter().find(|one| one.paid).cloned())
        })
        .await
    }

    /// Nobody begins anything new; those who are at it finish.
    pub async fn finish(self) -> Seen {
        let Load { city, seen, stop, mut crowd, began } = self;
        stop.store(true, Ordering::Relaxed);
        while let Some(life) = crowd.join_next().await {
            life.unwrap_or_else(|panic| panic!("ENDURANCE_SEED={}: {panic}", city.seed));
        }
        let seen = std::mem::take(&mut *seen.lock().expect("nobody panicked"));
        let minutes = began.elapsed().as_secs();
        let paid = seen.purchases.iter().filter(|purchase| purchase.paid).count();
        println!(
            "load: {} purchases, {paid} paid, {} requests in {minutes} s",
            seen.purchases.len(),
            seen.calls.len()
        );
        seen
    }
}

/// A synthetic resident ID of 1900, from February on: January is the agency's own cast.
fn document_number(life: u64) -> String {
    let (day, sequence) = (life / 1_000, life % 1_000);
    let (month, day) = (2 + day / 28 % 11, 1 + day % 28);
    let digits = format!("3202131900{month:02}{day:02}{sequence:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits
        .chars()
        .zip(weights)
        .map(|(digit, weight)| digit.to_digit(10).expect("a digit") * weight)
        .sum();
    let check = "10X98765432".as_bytes()[(sum % 11) as usize];
    format!("{digits}{}", char::from(check))
}

struct Citizen<'a> {
    street: &'a Street,
    chance: SeededEntropy,
    channel: Channel,
    user: String,
    token: String,
}

impl Street {
    async fn live(&self, life: u64) {
        let chance = SeededEntropy::new(self.city.seed.wrapping_add(life));
        let drawn: &dyn Entropy = &chance;
        let channel = if drawn.u64() % 2 == 0 { Channel::Wechat } else { Channel::Alipay };
        let plan = Plan::drawn(drawn);
        let (number, name) = (document_number(life), "林试缴");
        let person = json!({ "document_number": number, "name": name, "faults": plan.faults() });
        self.city.control("/agency/people", Some(person)).await;
        let user = format!("citizen {life}");
        let mut citizen = Citizen { street: self, chance, channel, user, token: String::new() };
        citizen.log_in().await;
        let person = json!({
            "relation": "self", "name": name, "consent_text_version": "2026-11",
            "document": { "kind": "resident_id", "number": number },
        });
        let person = citizen.ask("people", Method::POST, "/people", Some(&person), &[]).await;
        let person = person["id"].as_str().expect("an id").to_owned();
        let months = 1 + citizen.dice(3);
        for month in 1..=months {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            citizen.buys(plan, &person, &format!("2023-{month:02}")).await;
        }
    }
}

impl Citizen<'_> {
    fn dice(&self, sides: u64) -> u64 {
        let chance: &dyn Entropy = &self.chance;
        chance.u64() % sides
    }

    async fn log_in(&mut self) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            // A code serves once, and whether a lost answer used it up nobody knows.
            let wanted = json!({ "platform": self.channel, "user": self.user });
            let minted = self.street.city.control("/login-codes", Some(wanted)).await;
            let login = json!({ "platform": self.channel, "code": minted["code"] });
            self.token.clear();
            if let Some((201, session)) =
                self.try_once("sessions", Method::POST, "/sessions", Some(&login)).await
            {
                self.token = session["token"].as_str().expect("a token").to_owned();
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nobody could log in for {PATIENCE:?}");
    }

    async fn try_once(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(u16, Value)> {
        let urls = &self.street.city.urls;
        let url = &urls[usize::try_from(self.dice(urls.len() as u64)).expect("a small number")];
        let mut request = self
            .street
            .city
            .http
            .request(method, format!("{url}/api/v1{path}"))
            .timeout(CLIENT_TIME_MAX);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.header("Idempotency-Key", key_of(body)).json(body);
        }
        let began = Instant::now();
        let answer = async {
            let answer = request.send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        };
        let answer = answer.await;
        let status = answer.as_ref().map(|(status, _)| *status);
        let call = Call { what, began, took: began.elapsed(), status };
        self.street.seen.lock().expect("nobody panicked").calls.push(call);
        let (status, text) = answer?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Asks until there is an answer that is no failure of the service. A refusal that is not among
    /// `refusals` is a mistake of the service.
    async fn ask(
        &mut self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        refusals: &[&str],
    ) -> Value {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match self.try_once(what, method.clone(), path, body).await {
                Some((200..300, answer)) => return answer,
                // Redis forgot everybody: a mini-program logs in again silently.
                Some((401, _)) => {
                    Box::pin(self.log_in()).await;
                    continue;
                }
                None | Some((500.., _)) => {}
                Some((_, refusal)) if refusal["code"] == "payment_in_progress" => {}
                Some((_, refusal)) if refusals.iter().any(|code| refusal["code"] == *code) => {
                    return refusal;
                }
                Some((status, refusal)) => {
                    panic!("{} {path}: {status} {refusal}", self.user);
                }
            }
            tokio::time::sleep(Duration::from_millis(50 + self.dice(100))).await;
        }
        panic!("{} {path}: no answer for {PATIENCE:?}", self.user);
    }

    async fn buys(&mut self, plan: Plan, person: &str, month: &str) {
        let bills = format!("/people/{person}/bills?city=320200&from={month}&to={month}");
        let bills = self.ask("bills", Method::GET, &bills, None, &[]).await;
        let names = ["agency", "insurance", "months", "bill_no", "version", "amount"];
        let chosen = bills["bills"].as_array().expect("bills").iter().map(|bill| {
            names.iter().map(|name| ((*name).to_owned(), bill[name].clone())).collect()
        });
        let mut chosen: Vec<serde_json::Map<String, Value>> = chosen.collect();
        assert_eq!(chosen.len(), 2, "pension and medical: {bills}");
        if plan == Plan::Refused {
            // WeChat wants a minute between two refunds of one payment; one bill is one refund.
            chosen.truncate(1);
        }
        let bill_no = chosen[0]["bill_no"].clone();
        let mut wish = json!({ "person_id": person, "city": "320200", "bills": chosen });
        let shown =
            self.ask("confirmations", Method::POST, "/confirmations", Some(&wish), &[]).await;
        wish["confirmation"] = shown["confirmation"].clone();
        let order = self.ask("orders", Method::POST, "/orders", Some(&wish), &[]).await;
        let order_no = order["order_no"].as_str().expect("a number").to_owned();
        let path = format!("/orders/{order_no}");
        let started =
            self.ask("payments", Method::POST, &format!("{path}/payments"), None, &[]).await;
        let out_trade_no = started["out_trade_no"].as_str().expect("a number").to_owned();
        let channel = self.channel;
        let mut purchase = Purchase { plan, channel, order_no, out_trade_no, paid: false };
        if plan == Plan::PaidElsewhere {
            let bill = json!({ "bill_no": bill_no });
            self.street.city.control("/agency/bills/pay-elsewhere", Some(bill)).await;
        }
        match plan {
            Plan::GivesUp => self.gives_up(&path).await,
            Plan::PaysAndGivesUp => {
                let wallet = self.pays(&started, &purchase);
                let mut second_phone = Citizen {
                    street: self.street,
                    chance: SeededEntropy::new(self.dice(u64::MAX)),
                    channel,
                    user: self.user.clone(),
                    token: self.token.clone(),
                };
                (purchase.paid, ()) = tokio::join!(wallet, second_phone.gives_up(&path));
            }
            _ => {
                purchase.paid = self.pays(&started, &purchase).await;
                assert!(purchase.paid, "{purchase:?}");
            }
        }
        let paid = purchase.paid;
        if paid && self.street.telling_all {
            self.tells_all(&purchase).await;
        }
        self.street.seen.lock().expect("nobody panicked").purchases.push(purchase);
        for look in 0..LOOKS {
            if !paid {
                return;
            }
            let order = match look {
                0 => self.ask("sync", Method::POST, &format!("{path}/sync"), None, &[]).await,
                _ => self.ask("order", Method::GET, &path, None, &[]).await,
            };
            if order["label"] == "缴费成功" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Opens the wallet with what the service signed; whether it paid.
    async fn pays(&self, started: &Value, purchase: &Purchase) -> bool {
        let mut wallet = started["wallet"].clone();
        wallet.as_object_mut().expect("parameters").remove("channel");
        let pay = match self.channel {
            Channel::Wechat => json!({ "platform": "wechat", "wallet": wallet, "user": self.user }),
            Channel::Alipay => {
                json!({ "platform": "alipay", "trade_no": wallet["tradeNO"], "user": self.user })
            }
        };
        match self.street.city.try_control("/pay", Some(pay)).await {
            Ok(_) => true,
            Err(_) if purchase.plan == Plan::PaysAndGivesUp => false,
            Err(refusal) => panic!("{purchase:?}: {refusal}"),
        }
    }

    async fn gives_up(&mut self, path: &str) {
        // Money that was faster wins.
        let path = format!("{path}/cancel");
        self.ask("cancel", Method::POST, &path, None, &["order_moved_on"]).await;
    }

    /// The same notification for every service at the same moment, twice. Who does not accept it is
    /// told again, as the platform would.
    async fn tells_all(&self, purchase: &Purchase) {
        let city = &self.street.city;
        let letter = city.letter(purchase.channel.code(), &purchase.out_trade_no).await;
        let mut services: Vec<usize> = (0..city.urls.len()).chain(0..city.urls.len()).collect();
        let began = Instant::now();
        while !services.is_empty() {
            let told = services.iter().map(|service| city.deliver(&letter, *service));
            let answers = futures::future::join_all(told).await;
            assert!(began.elapsed() < PATIENCE, "{purchase:?}: {answers:?}");
            let mut accepted = answers.iter().map(|(answer, _)| Letter::accepts(answer.as_ref()));
            services.retain(|_| !accepted.next().expect("an answer each"));
        }
    }
}

/// One intent, one key: of the same wish it is the same.
fn key_of(wish: &Value) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, wish.to_string().as_bytes());
    hex::encode(digest)
}
