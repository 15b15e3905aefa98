use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{AcqRel, Relaxed},
        },
    },
    time::Duration,
};

use mainstay_fault::{BackendId, Fault, FaultKind, HealthEffect, health_effect};
use tokio::time::Instant;

use crate::{
    Attributes, Gate, Health,
    ewma::Ewma,
    moment::Moment,
    standing::{Cause, Standing, State},
    window::Window,
};

/// A backend without its service: what it is, and what has been measured of it.
pub(crate) struct Member {
    pub(crate) id: BackendId,
    pub(crate) attributes: Attributes,
    pub(crate) gate: Option<Box<dyn Gate>>,
    pub(crate) pool: Arc<Pool>,
    weight: AtomicU64,
    in_flight: AtomicU32,
    pub(crate) first: Ewma,
    pub(crate) whole: Ewma,
    pub(crate) window: Window,
    pub(crate) standing: Standing,
    /// When it is its turn by weight: see [`Weighted`](crate::strategy::Weighted).
    pub(crate) turn: AtomicU64,
}

/// What the backends of a set have in common.
#[derive(Debug)]
pub(crate) struct Pool {
    epoch: Instant,
    pub(crate) health: Health,
    /// What is typical of all, and of a backend of which nothing is known.
    pub(crate) first: Ewma,
    pub(crate) whole: Ewma,
    /// The turn of the backend chosen last.
    pub(crate) turn: AtomicU64,
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

/// What is assumed of a set of which nothing is known.
const DEFAULT_LATENCY: f32 = 1.0;
/// The least share of a backend that has just come back.
const LEAST_SHARE: f64 = 0.1;

// === impl Pool ===

impl Pool {
    pub(crate) fn new(health: Health) -> Self {
        let (first, whole) = Default::default();
        Self { epoch: Instant::now(), health, first, whole, turn: AtomicU64::new(0) }
    }

    pub(crate) fn at(&self, now: Instant) -> Moment {
        Moment::between(self.epoch, now)
    }
}

// === impl Member ===

impl Member {
    pub(crate) fn new(
        id: BackendId,
        attributes: Attributes,
        weight: f64,
        gate: Option<Box<dyn Gate>>,
        pool: Arc<Pool>,
    ) -> Self {
        let (in_flight, first, whole, window, standing, turn) = Default::default();
        let weight = AtomicU64::new(weight.to_bits());
        Self { id, attributes, gate, pool, weight, in_flight, first, whole, window, standing, turn }
    }

    pub(crate) fn weight(&self) -> f64 {
        f64::from_bits(self.weight.load(Relaxed))
    }

    pub(crate) fn set_weight(&self, weight: f64) {
        self.weight.store(weight.to_bits(), Relaxed);
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, AcqRel);
    }

    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, AcqRel);
    }

    /// The latency to the first token, in seconds; what is typical where nothing is known.
    pub(crate) fn first_token(&self, now: Moment) -> f32 {
        let typical = self.pool.first.last().unwrap_or(DEFAULT_LATENCY);
        self.first.get(now, self.pool.health.decay, typical)
    }

    /// The latency to the end, in seconds.
    pub(crate) fn to_the_end(&self, now: Moment) -> f32 {
        let typical = self.pool.whole.last().unwrap_or(DEFAULT_LATENCY);
        self.whole.get(now, self.pool.health.decay, typical)
    }

    /// The share of its traffic that a backend has got back since it returned: from a tenth to 1.
    pub(crate) fn share(&self, now: Moment) -> f64 {
        match self.standing.state(now) {
            State::Up { returned: Some(at) } if !self.pool.health.ramp.is_zero() => {
                let passed = now.since(at).as_secs_f64() / self.pool.health.ramp.as_secs_f64();
                passed.clamp(LEAST_SHARE, 1.0)
            }
            _ => 1.0,
        }
    }

    /// Lets a call through that a strategy has chosen, unless the one place for a probe was taken meanwhile.
    pub(crate) fn admit(&self, now: Moment, last_resort: bool) -> Option<Admission> {
        match self.standing.state(now) {
            State::Up { .. } => Some(Admission::Up),
            State::Away { until, .. } if until <= now && self.standing.begin_probe() => {
                // Another probe may have ended since the state was read.
                match self.standing.state(now) {
                    State::Away { until, .. } if until <= now => Some(Admission::Probe),
                    State::Away { .. } => {
                        self.standing.end_probe();
                        last_resort.then_some(Admission::LastResort)
                    }
                    State::Up { .. } => {
                        self.standing.end_probe();
                        Some(Admission::Up)
                    }
                }
            }
            State::Away { .. } => last_resort.then_some(Admission::LastResort),
        }
    }

    pub(crate) fn first_came(&self, after: Duration, now: Moment) {
        let decay = self.pool.health.decay;
        self.first.observe(after, now, decay, true);
        self.pool.first.observe(after, now, decay, false);
    }

    pub(crate) fn succeeded(&self, took: Duration, admission: Admission, now: Moment) {
        let health = &self.pool.health;
        if admission != Admission::Up && self.standing.come_back(now) {
            self.window.clear();
            self.first.clear();
            self.whole.clear();
            self.tell("came back");
        }
        self.window.record(true, now, health.window);
        self.whole.observe(took, now, health.decay, true);
        self.pool.whole.observe(took, now, health.decay, false);
    }

    pub(crate) fn failed(&self, fault: &Fault, took: Duration, admission: Admission, now: Moment) {
        let health = &self.pool.health;
        if fault.kind == FaultKind::Timeout {
            self.first.observe(took, now, health.decay, true);
            self.whole.observe(took, now, health.decay, true);
        }
        if let Some((cause, pause)) = Cause::of(fault, health) {
            if self.standing.set_aside(cause, now.after(pause), now) {
                self.tell("set aside");
            }
        } else if health_effect(fault) == HealthEffect::CountsAgainst {
            self.window.record(false, now, health.window);
            self.break_if_bad(admission, now);
        } else if admission == Admission::Probe && served(fault) && self.standing.come_back(now) {
            self.window.clear();
            self.tell("came back");
        }
    }

    fn break_if_bad(&self, admission: Admission, now: Moment) {
        let health = &self.pool.health;
        let up = matches!(self.standing.state(now), State::Up { .. });
        let seen = self.window.seen(now, health.window);
        let bad = seen.calls() >= f64::from(health.min_calls) && seen.failures() >= health.failure_ratio;
        let trips = match admission {
            Admission::Probe => self.standing.trips() + 1,
            _ if up && bad => 0,
            _ => return,
        };
        if self.standing.set_aside(Cause::Broken, now.after(health.open(trips)), now) {
            self.tell("set aside");
        }
    }

    fn tell(&self, what: &str) {
        tracing::debug!(
            mainstay.router.backend = &*self.attributes.name,
            mainstay.router.health = what,
            "a backend's health changed"
        );
    }
}

/// Whether a fault that says nothing of its backend's health shows at least that it answers.
fn served(fault: &Fault) -> bool {
    !matches!(fault.kind, FaultKind::Shed | FaultKind::Cancelled)
}
