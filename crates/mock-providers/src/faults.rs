//! Faults on order: the next calls or notifications go wrong in a named way.
//!
//! A fault is set for one target, counts down with each use and is gone at zero, so that a test says
//! exactly what goes wrong and how often. Besides, a fault can be given a probability: chance
//! then comes from a seed, so that the same seed and the same calls meet the same accidents. Each rule
//! throws by itself: the n-th call of its target meets the same, whatever happens to other targets
//! meanwhile, and an attempt to tell something meets the same whenever it is made.

mod kind;

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use ring::digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::kind::Seconds;
pub(crate) use self::kind::{Class, DELAY_SECONDS_MAX};
pub use self::kind::{FaultKind, FaultTarget};
use crate::lock;

pub(crate) const TIMES_MAX: u32 = 1_000_000;
pub(crate) const PER_TEN_THOUSAND_MAX: u32 = 10_000;

/// `{"target":"wechat.notification","fault":"wrong_amount","times":1}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawFault")]
pub struct Fault {
    pub target: FaultTarget,
    pub fault: FaultKind,
    /// How many calls or attempts it strikes.
    pub times: u32,
    /// For `slow`, `slow_before_commit` (at most 60), `delay` and, if one likes, `paid_after_close`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// A fault as it is written, before its words are looked up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFault {
    target: String,
    fault: String,
    #[serde(default = "once")]
    times: u32,
    seconds: Option<u64>,
}

fn looked_up(target: &str, fault: &str) -> Result<(FaultTarget, FaultKind), FaultError> {
    let target: FaultTarget = target.parse()?;
    let kind = FaultKind::named(target, fault).ok_or_else(|| FaultError::Name {
        target: target.code(),
        names: FaultKind::names_for(target).join(", "),
    })?;
    Ok((target, kind))
}

impl TryFrom<RawFault> for Fault {
    type Error = FaultError;
    fn try_from(raw: RawFault) -> Result<Fault, FaultError> {
        let (target, fault) = looked_up(&raw.target, &raw.fault)?;
        Ok(Fault { target, fault, times: raw.times, seconds: raw.seconds })
    }
}

const fn once() -> u32 {
    1
}

impl Fault {
    /// A fault that strikes once.
    pub const fn next(target: FaultTarget, fault: FaultKind) -> Fault {
        Fault { target, fault, times: 1, seconds: None }
    }
}

/// `{"target":"wechat.query","fault":"slow","per_ten_thousand":50,"seconds":30}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRule")]
pub struct ChaosRule {
    pub target: FaultTarget,
    pub fault: FaultKind,
    /// Of ten thousand calls or attempts, how many are struck.
    pub per_ten_thousand: u32,
    /// As for a fault that is ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// A rule as it is written, before its words are looked up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    target: String,
    fault: String,
    per_ten_thousand: u32,
    seconds: Option<u64>,
}

impl TryFrom<RawRule> for ChaosRule {
    type Error = FaultError;
    fn try_from(raw: RawRule) -> Result<ChaosRule, FaultError> {
        let (target, fault) = looked_up(&raw.target, &raw.fault)?;
        let RawRule { per_ten_thousand, seconds, .. } = raw;
        Ok(ChaosRule { target, fault, per_ten_thousand, seconds })
    }
}

/// Accidents by chance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// The same seed and the same calls meet the same accidents.
    #[serde(default)]
    pub seed: u64,
    /// None ends it.
    pub rules: Vec<ChaosRule>,
}

/// Why a fault cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    #[error("there is no such target; there are {}", targets())]
    Target,
    #[error("this fault does not exist for this target")]
    Unsuitable,
    /// The name of a fault that the target does not have, with those that it has.
    #[error("{target} has no such fault; it has {names}")]
    Name { target: &'static str, names: String },
    #[error("times is between 1 and 1000000")]
    Times,
    #[error(
        "slow and slow_before_commit need seconds between 1 and 60, delay between 1 and 1000000, paid_after_close may have as many, others none"
    )]
    Seconds,
    #[error("per_ten_thousand is between 1 and 10000")]
    Probability,
    #[error("too many faults are waiting; delete them first")]
    TooMany,
}

fn targets() -> String {
    FaultTarget::ALL.iter().map(|target| target.code()).collect::<Vec<_>>().join(", ")
}

const FAULTS_MAX: usize = 1_000;

/// Faults that wait for their moment, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Mutex<Vec<Fault>>,
    chaos: Mutex<Option<Dice>>,
}

/// Which attempt of which notification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    pub target: FaultTarget,
    pub out_trade_no: &'a str,
    /// `payment`, `refund` …
    pub kind: &'a str,
    /// The refund's number, where a trade has several of one kind.
    pub event: &'a str,
    /// How often the timetable has tried before.
    pub tries: usize,
}

/// Rules of chance and what decides them.
#[derive(Debug)]
struct Dice {
    chaos: Chaos,
    /// Calls so far, by target.
    calls: HashMap<FaultTarget, AtomicU64>,
}

impl Dice {
    fn new(chaos: Chaos) -> Dice {
        let calls = chaos.rules.iter().map(|rule| (rule.target, AtomicU64::new(0))).collect();
        Dice { chaos, calls }
    }

    /// One throw for each rule of the target; the first that hits strikes. `moment` names what the
    /// throw is about: a call by its count, a notification by what it tells.
    fn throw(&self, target: FaultTarget, moment: &str) -> Option<Fault> {
        let mut rules = self.chaos.rules.iter().enumerate();
        let (_, hit) = rules.find(|(place, rule)| {
            rule.target == target && self.lot(*place, target, moment) < rule.per_ten_thousand
        })?;
        Some(Fault { target, fault: hit.fault, times: 1, seconds: hit.seconds })
    }

    /// Below ten thousand, all equally likely as far as it matters here.
    fn lot(&self, rule: usize, target: FaultTarget, moment: &str) -> u32 {
        let text = format!("{}\n{rule}\n{}\n{moment}", self.chaos.seed, target.code());
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let bytes = hash.as_ref().iter().take(8);
        let lot = bytes.fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)) % 10_000;
        u32::try_from(lot).unwrap_or(u32::MAX)
    }

    fn at_call(&self, target: FaultTarget) -> Option<Fault> {
        let count = self.calls.get(&target)?.fetch_add(1, Ordering::Relaxed);
        self.throw(target, &count.to_string())
    }

    fn at_telling(&self, telling: &Telling<'_>) -> Option<Fault> {
        let Telling { target, out_trade_no, kind, event, tries } = telling;
        self.throw(*target, &format!("{out_trade_no}\n{kind}\n{event}\n{tries}"))
    }
}

impl Faults {
    pub fn set(&self, fault: Fault) -> Result<(), FaultError> {
        Faults::check(&fault)?;
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= FAULTS_MAX {
            return Err(FaultError::TooMany);
        }
        waiting.push(fault);
        Ok(())
    }

    /// Replaces the rules of chance; none ends it.
    pub fn set_chaos(&self, chaos: Chaos) -> Result<(), FaultError> {
        if chaos.rules.len() > FAULTS_MAX {
            return Err(FaultError::TooMany);
        }
        for rule in &chaos.rules {
            Faults::check(&Fault {
                target: rule.target,
                fault: rule.fault,
                times: 1,
                seconds: rule.seconds,
            })?;
            if !(1..=PER_TEN_THOUSAND_MAX).contains(&rule.per_ten_thousand) {
                return Err(FaultError::Probability);
            }
        }
        *lock(&self.chaos) = (!chaos.rules.is_empty()).then(|| Dice::new(chaos));
        Ok(())
    }

    pub fn chaos(&self) -> Chaos {
        lock(&self.chaos).as_ref().map(|dice| dice.chaos.clone()).unwrap_or_default()
    }

    fn check(fault: &Fault) -> Result<(), FaultError> {
        if !fault.fault.suits(fault.target) {
            return Err(FaultError::Unsuitable);
        }
        if !(1..=TIMES_MAX).contains(&fault.times) {
            return Err(FaultError::Times);
        }
        match (fault.fault.seconds(), fault.seconds) {
            (Seconds::None | Seconds::Possible(_), None) => Ok(()),
            (Seconds::Possible(limit) | Seconds::Needed(limit), Some(seconds))
                if (1..=limit).contains(&seconds) =>
            {
                Ok(())
            }
            _ => Err(FaultError::Seconds),
        }
    }

    /// What strikes a call of this target: what was ordered comes before what chance brings.
    pub fn take(&self, target: FaultTarget) -> Option<Fault> {
        // Counted in any case, so that an order does not move what chance has in store.
        let by_chance = lock(&self.chaos).as_ref().and_then(|dice| dice.at_call(target));
        self.ordered(target).or(by_chance)
    }

    /// What strikes an attempt to tell something.
    pub fn take_for(&self, telling: &Telling<'_>) -> Option<Fault> {
        let by_chance = || lock(&self.chaos).as_ref()?.at_telling(telling);
        self.ordered(telling.target).or_else(by_chance)
    }

    /// The oldest fault for this target, counted down.
    fn ordered(&self, target: FaultTarget) -> Option<Fault> {
        let mut waiting = lock(&self.waiting);
        let at = waiting.iter().position(|fault| fault.target == target)?;
        let taken = Fault { times: 1, ..waiting[at] };
        waiting[at].times -= 1;
        if waiting[at].times == 0 {
            waiting.remove(at);
        }
        tracing::info!(fault.target = target.code(), fault.kind = ?taken.fault, "a fault strikes");
        Some(taken)
    }

    pub fn list(&self) -> Vec<Fault> {
        lock(&self.waiting).clone()
    }

    pub fn clear(&self) {
        lock(&self.waiting).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_ordered() {
        let faults = Faults::default();
        let target = FaultTarget::WechatCreate;
        faults
            .set(Fault { times: 2, ..Fault::next(target, FaultKind::ErrorBeforeCommit) })
            .unwrap();
        assert!(faults.take(FaultTarget::AlipayCreate).is_none());
        assert!(faults.take(target).is_some());
        assert!(faults.take(target).is_some());
        assert!(faults.take(target).is_none());
    }

    #[test]
    fn chance_follows_its_seed_and_its_probability() {
        let struck = |seed| {
            let faults = Faults::default();
            let target = FaultTarget::WechatQuery;
            let rule = ChaosRule {
                target,
                fault: FaultKind::Busy,
                per_ten_thousand: 1_000,
                seconds: None,
            };
            faults.set_chaos(Chaos { seed, rules: vec![rule] }).unwrap();
            (0..10_000).filter(|_| faults.take(target).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
        assert!((800..1_200).contains(&struck(7).len()), "{}", struck(7).len());
    }

    fn often(target: FaultTarget, fault: FaultKind) -> ChaosRule {
        ChaosRule { target, fault, per_ten_thousand: 3_000, seconds: None }
    }

    #[test]
    fn what_happens_to_one_target_does_not_depend_on_another() {
        let (query, refund) = (FaultTarget::WechatQuery, FaultTarget::AlipayRefund);
        let rules = vec![often(query, FaultKind::Busy), often(refund, FaultKind::NotEnough)];
        let struck = |between: usize, rules: &[ChaosRule]| {
            let faults = Faults::default();
            faults.set_chaos(Chaos { seed: 7, rules: rules.to_vec() }).unwrap();
            let query = |_: &usize| {
                for _ in 0..between {
                    let _struck = faults.take(refund);
                }
                faults.take(query).is_some()
            };
            (0..200).filter(query).collect::<Vec<_>>()
        };
        let alone = struck(0, &rules);
        assert!((30..90).contains(&alone.len()), "{}", alone.len());
        assert_eq!(struck(1, &rules), alone);
        assert_eq!(struck(3, &rules), alone);
        assert_eq!(struck(0, &rules[..1]), alone, "nor on other rules behind it");
    }

    #[test]
    fn an_order_does_not_move_what_chance_has_in_store() {
        let target = FaultTarget::WechatQuery;
        let struck = |ordered: bool| {
            let faults = Faults::default();
            let rules = vec![often(target, FaultKind::Busy)];
            faults.set_chaos(Chaos { seed: 7, rules }).unwrap();
            if ordered {
                faults.set(Fault::next(target, FaultKind::Lag)).unwrap();
            }
            let kinds = (0..100).map(|_| faults.take(target).map(|fault| fault.fault));
            kinds.skip(1).collect::<Vec<_>>()
        };
        assert_eq!(struck(true), struck(false));
    }

    #[test]
    fn a_notification_meets_the_same_whenever_it_is_told() {
        let target = FaultTarget::AlipayNotification;
        let faults = Faults::default();
        let rules = vec![often(target, FaultKind::Lose), often(target, FaultKind::Twin)];
        faults.set_chaos(Chaos { seed: 7, rules }).unwrap();
        let telling = |number: &str, kind: &str, event: &str, tries| {
            let telling = Telling { target, out_trade_no: number, kind, event, tries };
            faults.take_for(&telling).map(|fault| fault.fault)
        };
        let numbers: Vec<String> = (0..100).map(|number| format!("SI{number}")).collect();
        let told = |number: &String| telling(number, "payment", "", 0);
        let forth: Vec<_> = numbers.iter().map(told).collect();
        let mut back: Vec<_> = numbers.iter().rev().map(told).collect();
        back.reverse();
        assert_eq!(forth, back);
        for (kind, event, tries) in [("refund", "", 0), ("payment", "R1", 0), ("payment", "", 1)] {
            let other: Vec<_> =
                numbers.iter().map(|number| telling(number, kind, event, tries)).collect();
            assert_ne!(forth, other, "{kind} {event} {tries} is another throw");
        }
    }

    #[test]
    fn chance_must_be_possible_and_can_be_ended() {
        let faults = Faults::default();
        let rule = |fault, per_ten_thousand| Chaos {
            seed: 1,
            rules: vec![ChaosRule {
                target: FaultTarget::WechatCreate,
                fault,
                per_ten_thousand,
                seconds: None,
            }],
        };
        assert_eq!(faults.set_chaos(rule(FaultKind::Busy, 0)), Err(FaultError::Probability));
        assert_eq!(faults.set_chaos(rule(FaultKind::Lag, 1)), Err(FaultError::Unsuitable));
        assert_eq!(faults.set_chaos(rule(FaultKind::Slow, 1)), Err(FaultError::Seconds));
        faults.set_chaos(rule(FaultKind::Busy, 10_000)).unwrap();
        assert!(faults.take(FaultTarget::WechatCreate).is_some());
        faults.set_chaos(Chaos::default()).unwrap();
        assert!(faults.take(FaultTarget::WechatCreate).is_none());
    }

    #[test]
    fn a_fault_must_exist_for_its_target() {
        let faults = Faults::default();
        let set = |target, kind| faults.set(Fault::next(target, kind));
        assert_eq!(
            set(FaultTarget::AlipayNotification, FaultKind::Probe),
            Err(FaultError::Unsuitable)
        );
        assert_eq!(set(FaultTarget::WechatCreate, FaultKind::Lag), Err(FaultError::Unsuitable));
        assert_eq!(set(FaultTarget::WechatCreate, FaultKind::Slow), Err(FaultError::Seconds));
        assert_eq!(
            set(FaultTarget::WechatQuery, FaultKind::PaidAfterClose),
            Err(FaultError::Unsuitable)
        );
        for target in FaultTarget::ALL {
            assert_eq!(target.code().parse(), Ok(*target));
        }
    }

    #[test]
    fn a_fault_that_a_target_does_not_have_is_answered_with_those_it_has() {
        let read = |text: &str| serde_json::from_str::<Fault>(text).unwrap_err().to_string();
        let told = read(r#"{"target":"wechat.close","fault":"paid_afterclose"}"#);
        assert!(told.contains("wechat.close has no such fault; it has "), "{told}");
        for name in ["paid_after_close", "paid_meanwhile", "ORDER_CLOSED"] {
            assert!(told.contains(name), "{told}");
        }
        assert!(!told.contains("wrong_amount"), "{told}");
        let told = read(r#"{"target":"wechat.closed","fault":"probe"}"#);
        assert!(told.contains("there are wechat.notification"), "{told}");
    }
}
