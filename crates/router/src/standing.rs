use std::{
    fmt,
    sync::{
        Arc,
        atomic::{
            AtomicU32,
            Ordering::{AcqRel, Relaxed},
        },
    },
};

use mainstay_fault::{Fault, FaultKind, HealthEffect, PastDeadline, health_effect};

use crate::{
    Cause, Health,
    moment::Moment,
    window::{Seen, Window},
    word::{State, Word},
};

/// How a server stands with all who call it: whether it is set aside, how many of its calls failed of late, and the calls that it has.
///
/// Each backend has one of its own, unless it [shares](crate::Backend::sharing) one: where several sets call the same model on the same
/// server, say one for whole answers and one for streams, what one of them learns spares the calls of the others. Latencies, weights and
/// gates stay each set's own.
///
/// It is judged by its own [`Health`], not by that of the sets.
///
/// # Clone
///
/// Clones are the same standing.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{Fault, FaultKind};
/// use mainstay_router::{Backend, Backends, Cause, Health, Router, Standing, strategy::RoundRobin};
/// use tower::{ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let broke = service_fn(|(): ()| async { Err::<(), _>(Fault::from(FaultKind::QuotaExhausted)) });
/// let streams = service_fn(|(): ()| async { Ok::<_, Fault>("streamed") });
///
/// let standing = Standing::new(Health::default());
/// let whole = Backends::new([Backend::new("here", broke).sharing(&standing)])?;
/// let streamed = Backends::new([Backend::new("here", streams).sharing(&standing)])?;
///
/// Router::new(whole, RoundRobin::default()).oneshot(()).await.unwrap_err();
/// assert_eq!(standing.set_aside(), Some(Cause::QuotaExhausted));
/// let spared = Router::new(streamed, RoundRobin::default()).oneshot(()).await;
/// assert!(spared.is_err(), "nothing was sent: the money is gone for streams too");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Standing(Arc<Shared>);

struct Shared {
    /// What its moments are counted from: sets that share it may be of different ages.
    health: Health,
    word: Word,
    window: Window,
    in_flight: AtomicU32,
    /// The failures since the last success.
    streak: AtomicU32,
}

/// How a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The backend is up.
    Up,
    /// It is the one probe.
    Probe,
    /// The backend is set aside, and there was no other.
    LastResort,
}

/// What a call's outcome has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    SetAside,
    CameBack,
}

/// The least share of a backend that has just come back.
const LEAST_SHARE: f64 = 0.1;

// === impl Standing ===

impl Standing {
    /// Creates the standing of a server of which nothing is known.
    pub fn new(health: Health) -> Self {
        let (word, in_flight, streak) = Default::default();
        let window = Window::new(health.window);
        Self(Arc::new(Shared { health, word, window, in_flight, streak }))
    }

    /// Why it is set aside at the moment, if it is.
    pub fn set_aside(&self) -> Option<Cause> {
        match self.state(Moment::now()) {
            State::Up { .. } => None,
            State::Away { cause, .. } => Some(cause),
        }
    }

    /// What it is judged by.
    pub fn health(&self) -> Health {
        self.0.health
    }

    /// The calls that it has.
    pub fn in_flight(&self) -> u32 {
        self.0.in_flight.load(Relaxed)
    }

    pub(crate) fn enter(&self) {
        self.0.in_flight.fetch_add(1, AcqRel);
    }

    /// Ends a place in flight, and the place of a probe if it was one.
    pub(crate) fn give_back(&self, admission: Admission) {
        if admission == Admission::Probe {
            self.end_probe();
        }
        self.0.in_flight.fetch_sub(1, AcqRel);
    }

    /// The state now. Of a server that was never set aside, no time is told.
    pub(crate) fn state(&self, now: Moment) -> State {
        if self.0.word.is_clean() { State::Up { returned: None } } else { self.0.word.state(now) }
    }

    pub(crate) fn is_probed(&self) -> bool {
        self.0.word.is_probed()
    }

    pub(crate) fn end_probe(&self) {
        self.0.word.end_probe();
    }

    /// Whether it was never set aside.
    #[inline]
    pub(crate) fn is_clean(&self) -> bool {
        self.0.word.is_clean()
    }

    /// Whether it was never set aside, and none of its calls of late failed: what most servers are at most times, and quick to tell.
    #[inline]
    pub(crate) fn is_spotless(&self) -> bool {
        self.is_clean() && self.0.window.is_spotless()
    }

    /// The calls of late.
    pub(crate) fn seen(&self, now: Moment) -> Seen {
        self.0.window.seen(now)
    }

    /// The share of its traffic that it has got back since it returned: from a tenth to 1.
    pub(crate) fn share(&self, now: Moment) -> f64 {
        let ramp = self.0.health.ramp;
        match self.state(now) {
            State::Up { returned: Some(at) } if !ramp.is_zero() => {
                let passed = now.since(at).as_secs_f64() / ramp.as_secs_f64();
                passed.clamp(LEAST_SHARE, 1.0)
            }
            _ => 1.0,
        }
    }

    /// Lets a call through that a strategy has chosen, unless the one place for a probe was taken meanwhile.
    pub(crate) fn admit(&self, now: Moment, last_resort: bool) -> Option<Admission> {
        let due = |until: Moment| until <= now;
        match self.state(now) {
            State::Up { .. } => Some(Admission::Up),
            State::Away { until, .. } if due(until) && self.0.word.begin_probe() => {
                // Another probe may have ended since the state was read.
                match self.state(now) {
                    State::Away { until, .. } if due(until) => Some(Admission::Probe),
                    State::Away { .. } => {
                        self.end_probe();
                        last_resort.then_some(Admission::LastResort)
                    }
                    State::Up { .. } => {
                        self.end_probe();
                        Some(Admission::Up)
                    }
                }
            }
            State::Away { .. } => last_resort.then_some(Admission::LastResort),
        }
    }

    pub(crate) fn succeeded(&self, admission: Admission, now: Moment) -> Change {
        let Shared { word, window, streak, .. } = &*self.0;
        let came_back = admission != Admission::Up && word.come_back(now);
        if came_back {
            window.clear();
        }
        window.record(true, now);
        if streak.load(Relaxed) != 0 {
            streak.store(0, Relaxed);
        }
        if came_back { Change::CameBack } else { Change::Nothing }
    }

    pub(crate) fn failed(&self, fault: &Fault, admission: Admission, now: Moment) -> Change {
        let Shared { health, word, window, streak, .. } = &*self.0;
        if let Some((cause, pause)) = Cause::of(fault, health) {
            return Change::set_aside(word.set_aside(cause, now.after(pause), now));
        }
        if health_effect(fault) == HealthEffect::CountsAgainst {
            window.record(false, now);
            return self.break_if_bad(admission, now);
        }
        if admission == Admission::Probe && served(fault) && word.come_back(now) {
            window.clear();
            streak.store(0, Relaxed);
            return Change::CameBack;
        }
        Change::Nothing
    }

    fn break_if_bad(&self, admission: Admission, now: Moment) -> Change {
        let Shared { health, word, window, streak, .. } = &*self.0;
        let up = matches!(word.state(now), State::Up { .. });
        let seen = window.seen(now);
        let in_a_row = streak.fetch_add(1, Relaxed).saturating_add(1);
        // The last so many calls are enough by themselves: at a thousand calls a second the window is full of good ones for half of its
        // length after the last of them.
        let bad = in_a_row >= health.min_calls
            || seen.calls() >= f64::from(health.min_calls) && seen.failures() >= health.failure_ratio;
        let trips = match admission {
            Admission::Probe => word.trips() + 1,
            _ if up && bad => 0,
            _ => return Change::Nothing,
        };
        Change::set_aside(word.set_aside(Cause::Broken, now.after(health.open(trips)), now))
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self::new(Health::default())
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing")
            .field("word", &self.0.word)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

/// Whether a fault that says nothing of its backend's health shows at least that it answers.
fn served(fault: &Fault) -> bool {
    !matches!(fault.kind, FaultKind::Shed | FaultKind::Cancelled)
        && fault.past_deadline != Some(PastDeadline::Unsent)
        && !fault.unread
}

// === impl Change ===

impl Change {
    const fn set_aside(was_up: bool) -> Self {
        if was_up { Self::SetAside } else { Self::Nothing }
    }
}
