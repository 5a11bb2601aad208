//! When the process dies: at the n-th boundary from now, wherever that is.
//!
//! A boundary is a moment at which the world could notice a difference: a clock was read (every act
//! begins so), a statement was done, a call to the outside begins or has ended, an answer is about to
//! leave. Death is an unwinding from there; what it does not unwind is thrown away.

use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::{Clock, ControlledClock, Timestamp};

/// What unwinds through a process that dies.
pub struct Killed;

/// Where a process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Boundary {
    Clock,
    Statement,
    BeforeCall,
    AfterCall,
    Answer,
}

/// How long a process lives.
#[derive(Clone, Debug)]
pub struct Fuse {
    /// The count begins at the first boundary whose place holds this.
    pub after: Option<&'static str>,
    /// Boundaries left to live then; 0: it dies right there.
    pub boundaries: u64,
    aimed: bool,
}

impl Fuse {
    pub const fn new(after: Option<&'static str>, boundaries: u64) -> Fuse {
        Fuse { after, boundaries, aimed: false }
    }
}

#[derive(Default)]
struct State {
    fuse: Option<Fuse>,
    /// Acts of the service under way, one inside the other, each with a number of its own.
    acts: Vec<u64>,
    last_act: u64,
    death: Option<(Boundary, String)>,
    passed: u64,
    stray_commits: u64,
    /// Looks at the clock; there are many, and few of them tell anything new.
    looks: u64,
}

/// What is in store for the present process.
#[derive(Default)]
pub struct Fate(Mutex<State>);

impl Fate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new process begins, and lives for so long.
    pub fn begin(&self, fuse: Option<Fuse>) {
        let mut state = self.state();
        state.fuse = fuse;
        state.death = None;
    }

    pub fn enter(&self) {
        let mut state = self.state();
        state.last_act += 1;
        let act = state.last_act;
        state.acts.push(act);
    }

    pub fn leave(&self) {
        self.state().acts.pop();
    }

    /// The act that is under way, the innermost one.
    pub fn act(&self) -> u64 {
        self.state().acts.last().copied().unwrap_or_default()
    }

    /// Whether what is being committed is the work of an act of a living process. What a process
    /// leaves behind for later dies with it; here it dies at the end of its act already, so that an
    /// answer that leaves before its commit is found out.
    pub fn may_commit(&self) -> bool {
        let mut state = self.state();
        let may = !state.acts.is_empty() && state.death.is_none();
        state.stray_commits += u64::from(!may && state.death.is_none());
        may
    }

    /// How many commits came after the answer.
    pub fn stray_commits(&self) -> u64 {
        self.state().stray_commits
    }

    pub fn is_dead(&self) -> bool {
        self.state().death.is_some()
    }

    /// Where the process died.
    pub fn death(&self) -> Option<(Boundary, String)> {
        self.state().death.clone()
    }

    /// How many boundaries were passed in this history.
    pub fn passed(&self) -> u64 {
        self.state().passed
    }

    /// Whether the process dies here.
    fn strikes(&self, boundary: Boundary, place: impl Fn() -> String) -> bool {
        let mut state = self.state();
        if state.acts.is_empty() {
            return false;
        }
        if state.death.is_some() {
            // A dead process does nothing any more, also what its own clean-up would like to do.
            return true;
        }
        state.passed += 1;
        let State { fuse: Some(fuse), looks, .. } = &mut *state else { return false };
        if let Some(after) = fuse.after {
            if !place().contains(after) {
                return false;
            }
            fuse.after = None;
            fuse.aimed = true;
            fuse.boundaries += 1;
        }
        if boundary == Boundary::Clock && !fuse.aimed {
            *looks += 1;
            if !looks.is_multiple_of(4) {
                return false;
            }
        }
        fuse.boundaries = fuse.boundaries.saturating_sub(1);
        if fuse.boundaries > 0 {
            return false;
        }
        state.death = Some((boundary, place()));
        true
    }

    /// Passes a boundary, or dies at it.
    pub fn pass(&self, boundary: Boundary, place: impl Fn() -> String) {
        if self.strikes(boundary, place) && !std::thread::panicking() {
            resume_unwind(Box::new(Killed));
        }
    }

    /// Passes the last boundary of an act, outside of what could unwind.
    pub fn answer(&self, place: impl Fn() -> String) {
        let _dead = self.strikes(Boundary::Answer, place);
    }
}

/// The service's clock: the one that all share, and a boundary whenever it is read.
#[derive(Debug)]
pub struct FatefulClock {
    pub real: Arc<ControlledClock>,
    pub fate: Arc<Fate>,
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fate")
    }
}

impl Clock for FatefulClock {
    fn now(&self) -> Timestamp {
        self.fate.pass(Boundary::Clock, || "a look at the clock".to_owned());
        self.real.now()
    }
}
