//! Telling histories: one seed from its begin to its end, and many of them at once.

use std::{
    io::Write,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use policies::Catalogue;

use crate::{
    citizens::Citizen,
    coverage::Coverage,
    world::{World, lock},
};

/// A history that was told.
pub struct Told {
    pub history: Vec<String>,
    pub breaches: Vec<String>,
    pub coverage: Coverage,
    /// The database in the end.
    pub shown: String,
}

/// Tells the history of a seed.
pub fn tell(seed: u64, catalogue: &Arc<Catalogue>) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(history(seed, catalogue.clone()))
}

async fn history(seed: u64, catalogue: Arc<Catalogue>) -> Told {
    let world = World::new(seed, catalogue).await;
    let citizens = Citizen::settle(&world.dice, world.temper.citizens, world.temper.people);
    *lock(&world.citizens) = citizens;
    world.tell(format!("{:?}", world.temper));
    world.play_the_plot().await;
    for step in 0..world.temper.steps {
        if world.temper.stubborn && step == world.temper.steps * 2 / 3 {
            world.break_for_good();
        }
        world.step().await;
        if world.dice.percent(12) {
            world.check_now().await;
        }
        if !world.breaches().is_empty() {
            break;
        }
    }
    if world.breaches().is_empty() {
        world.end().await;
        world.check_the_end().await;
    }
    world.count_the_end().await;
    let breaches = world.breaches();
    let shown = if breaches.is_empty() { String::new() } else { world.shown().await };
    let history = lock(&world.history).clone();
    let coverage = lock(&world.coverage).clone();
    Told { history, breaches, coverage, shown }
}

/// The cities' packs, read once.
pub fn catalogue() -> Arc<Catalogue> {
    Arc::new(Catalogue::embedded().expect("the city packs"))
}

/// A long run says after every so many histories that it is alive.
const WORD_EVERY: u64 = 500;

/// Many histories.
pub struct Run {
    pub seeds: u64,
    pub failures: Vec<String>,
    pub coverage: Coverage,
    pub took: Duration,
}

impl Run {
    /// Tells all of them, on so many threads. How far it is, and which seeds end badly, goes to the
    /// terminal meanwhile.
    pub fn of(seeds: Range<u64>, threads: usize) -> Run {
        let catalogue = catalogue();
        let (next, end, count) = (AtomicU64::new(seeds.start), seeds.end, seeds.end - seeds.start);
        let failures = Mutex::new(Vec::new());
        let coverage = Mutex::new(Coverage::default());
        let done = AtomicU64::new(0);
        let show = std::env::var_os("SIMULATION_SHOW").is_some();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        if seed >= end {
                            return;
                        }
                        let told = tell(seed, &catalogue);
                        if show {
                            for line in &told.history {
                                writeln!(std::io::stdout(), "{line}")
                                    .expect("a terminal or a file");
                            }
                        }
                        lock(&coverage).merge(&told.coverage);
                        if !told.breaches.is_empty() {
                            lock(&failures).push(complaint(seed, &told));
                            word(&format!("seed {seed} broke a promise"));
                        }
                        let done = done.fetch_add(1, Ordering::SeqCst) + 1;
                        if done.is_multiple_of(WORD_EVERY) && done < count {
                            let bad = lock(&failures).len();
                            word(&format!("{done} of {count} told, {bad} broke a promise"));
                        }
                    }
                });
            }
        });
        let (failures, coverage) = (lock(&failures).clone(), lock(&coverage).clone());
        Run { seeds: count, failures, coverage, took: begun.elapsed() }
    }

    /// Prints what was met, what broke, and one line for all.
    pub fn report(&self) {
        let mut out = std::io::stdout().lock();
        let mut say = |text: &str| writeln!(out, "{text}").expect("a terminal or a file");
        say(&self.coverage.to_string());
        for failure in &self.failures {
            say(failure);
        }
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        let per_hundred = self.seeds * 100_000 / millis;
        say(&format!(
            "{} seeds, {} broke a promise, {}.{:02} seeds a second",
            self.seeds,
            self.failures.len(),
            per_hundred / 100,
            per_hundred % 100,
        ));
    }
}

fn word(text: &str) {
    writeln!(std::io::stderr(), "{text}").expect("a terminal or a file");
}

fn complaint(seed: u64, told: &Told) -> String {
    format!(
        "=== seed {seed} ===\n{}\n--- in the end ---\n{}\n--- broken ---\n- {}\nsee it again: tests/simulate --seed {seed}",
        told.history.join("\n"),
        told.shown,
        told.breaches.join("\n- "),
    )
}
