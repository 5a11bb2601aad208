//! What happens next, in a history and inside of a call, and how a history ends.

use std::{pin::Pin, sync::Arc, time::Duration};

use kernel::Timestamp;

use crate::world::{World, lock};

/// Jobs run in one go of a worker; more would mean that one comes back for ever.
const JOBS_MAX: usize = 200;
/// Longer than any lease.
const LEASE_AND_MORE: Duration = Duration::from_secs(36);
/// How long the end is awaited: a refund is put to a person after three days, a job gives up within
/// two.
const DAYS_MAX: u64 = 7;
/// The same where something is asked for every quarter of an hour until a person helps.
const DAYS_ASKING_MAX: u64 = 2;
/// Moments looked at while the end is awaited.
const MOMENTS_MAX: usize = 2_500;

#[derive(Clone, Copy)]
enum Step {
    Citizen,
    Deliver,
    Jobs,
    Clock,
    PlatformFault,
    AgencyFault,
    AgencyEvent,
    Lie,
    Repeat,
    Sessions,
    Operator,
}

impl World {
    /// One step of the history.
    pub async fn step(&self) {
        let temper = &self.temper;
        let steps = [
            (temper.citizen_weight, Step::Citizen),
            (temper.delivery_weight, Step::Deliver),
            (temper.job_weight, Step::Jobs),
            (temper.clock_weight, Step::Clock),
            (temper.platform_fault_weight, Step::PlatformFault),
            (temper.agency_fault_weight, Step::AgencyFault),
            (temper.agency_event_weight, Step::AgencyEvent),
            (temper.forgery_weight, Step::Lie),
            (temper.repeat_weight, Step::Repeat),
            (temper.session_weight, Step::Sessions),
            (temper.operator_weight, Step::Operator),
        ];
        match self.dice.weighted(&steps).unwrap_or(Step::Clock) {
            Step::Citizen => self.citizen_step().await,
            Step::Deliver => self.deliver_due().await,
            Step::Jobs => self.work().await,
            Step::Clock => self.let_time_pass().await,
            Step::PlatformFault => self.platform_fault(),
            Step::AgencyFault => self.agency_fault(),
            Step::AgencyEvent => self.agency_event(),
            Step::Lie => self.lie().await,
            Step::Repeat => self.repeat_notification().await,
            Step::Sessions => self.trouble_sessions(),
            Step::Operator => self.operate().await,
        }
        if self.bury() {
            lock(&self.coverage).count("restarts");
            // Sometimes nobody is there for a while: platforms and citizens find a closed door.
            if self.dice.percent(70) {
                self.revive();
            }
        } else if self.process().is_none() && self.dice.percent(50) {
            self.revive();
        }
    }

    /// What happens while a call is under way.
    pub fn nested_step(self: Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            lock(&self.coverage).count("nested");
            self.tell("(meanwhile");
            match self.dice.below(10) {
                0..=3 => self.citizen_step().await,
                4..=5 => {
                    self.deliver_next().await;
                }
                6 => {
                    self.run_one_job().await;
                }
                7..=8 => {
                    // So slow that another worker takes the job over.
                    self.clock.advance(LEASE_AND_MORE);
                    self.tell("36 seconds pass");
                    self.run_one_job().await;
                }
                _ => self.repeat_notification().await,
            }
            self.tell("meanwhile)");
        })
    }

    fn trouble_sessions(&self) {
        let away = !self.sessions_are_away();
        self.set_sessions_away(away);
        self.tell(if away { "! the session store is away" } else { "the session store is back" });
        lock(&self.coverage).count("sessions.away");
    }

    pub async fn deliver_due(&self) {
        for _ in 0..20 {
            if !self.deliver_next().await {
                return;
            }
        }
    }

    /// A worker runs what is due.
    pub async fn work(&self) {
        for _ in 0..JOBS_MAX {
            if !self.run_one_job().await {
                return;
            }
        }
        self.breach("jobs come back for ever");
    }

    /// When anything wants to happen next.
    async fn next_event(&self) -> Option<Timestamp> {
        let notification = self.mocks.next_attempt_at();
        let job = match self.process() {
            Some(process) => process.orders.next_job_at().await.expect("the database answers"),
            None => None,
        };
        match (notification, job) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Seconds, minutes, hours; with everything that wants to happen on the way, or asleep.
    async fn let_time_pass(&self) {
        let seconds = match self.dice.below(10) {
            0..=3 => self.dice.between(1, 30),
            4..=6 => self.dice.between(31, 600),
            7 => self.dice.between(601, 2_400),
            8 => self.dice.between(2_401, 20_000),
            _ => self.dice.between(20_001, 60_000),
        };
        let until = self.now().plus(Duration::from_secs(seconds));
        let awake = self.dice.percent(75);
        self.tell(format!("{seconds} seconds pass{}", if awake { "" } else { ", nobody works" }));
        if awake {
            self.wait_until(until, 40).await;
        }
        if self.now() < until {
            self.clock.set(until);
        }
    }

    /// Lets everything happen that wants to happen until then. `false`: it was too much.
    async fn wait_until(&self, until: Timestamp, moments: usize) -> bool {
        for _ in 0..moments {
            self.deliver_due().await;
            self.work().await;
            if self.process().is_none() {
                return true;
            }
            match self.next_event().await {
                Some(next) if next <= until => {
                    if next > self.now() {
                        self.clock.set(next);
                    }
                }
                _ => return true,
            }
        }
        false
    }

    /// Nothing goes wrong any more; days pass until everything has come to its end.
    pub async fn end(&self) {
        self.calm_down();
        let days = if self.temper.asks_for_ever() { DAYS_ASKING_MAX } else { DAYS_MAX };
        let until = self.now().plus(Duration::from_secs(days * 86_400));
        if !self.wait_until(until, MOMENTS_MAX).await {
            self.breach("the end does not come");
        }
    }
}
