use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use mainstay_fault::{BackendId, Fault, FaultKind};

use crate::{
    Attributes, Gate, Health, Standing,
    ewma::Ewma,
    moment::Moment,
    standing::{Admission, Change},
};

/// A backend without its service: what it is, and what has been measured of it.
pub(crate) struct Member {
    pub(crate) id: BackendId,
    pub(crate) attributes: Attributes,
    pub(crate) gate: Option<Box<dyn Gate>>,
    pub(crate) pool: Arc<Pool>,
    weight: AtomicU64,
    pub(crate) first: Ewma,
    pub(crate) whole: Ewma,
    pub(crate) standing: Standing,
    /// When it is its turn by weight: see [`Weighted`](crate::strategy::Weighted).
    pub(crate) turn: AtomicU64,
}

/// What the backends of a set have in common.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) health: Health,
    /// What is typical of all, and of a backend of which nothing is known.
    pub(crate) first: Ewma,
    pub(crate) whole: Ewma,
    /// The turn of the backend chosen last.
    pub(crate) turn: AtomicU64,
}

/// What is assumed of a set of which nothing is known.
const DEFAULT_LATENCY: f32 = 1.0;

// === impl Pool ===

impl Pool {
    pub(crate) fn new(health: Health) -> Self {
        let (first, whole) = Default::default();
        Self { health, first, whole, turn: AtomicU64::new(0) }
    }
}

// === impl Member ===

impl Member {
    pub(crate) fn new(
        id: BackendId,
        attributes: Attributes,
        weight: f64,
        gate: Option<Box<dyn Gate>>,
        standing: Option<Standing>,
        pool: Arc<Pool>,
    ) -> Self {
        let (first, whole, turn) = Default::default();
        let weight = AtomicU64::new(weight.to_bits());
        let standing = standing.unwrap_or_else(|| Standing::new(pool.health));
        Self { id, attributes, gate, pool, weight, first, whole, standing, turn }
    }

    pub(crate) fn weight(&self) -> f64 {
        f64::from_bits(self.weight.load(Relaxed))
    }

    pub(crate) fn set_weight(&self, weight: f64) {
        self.weight.store(weight.to_bits(), Relaxed);
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

    pub(crate) fn first_came(&self, after: Duration, now: Moment) {
        let decay = self.pool.health.decay;
        self.first.observe(after, now, decay);
        self.pool.first.follow(after, now, decay);
    }

    pub(crate) fn succeeded(&self, took: Duration, admission: Admission, now: Moment) {
        if self.standing.succeeded(admission, now) == Change::CameBack {
            self.first.clear();
            self.whole.clear();
            self.tell(Change::CameBack);
        }
        let decay = self.pool.health.decay;
        self.whole.observe(took, now, decay);
        self.pool.whole.follow(took, now, decay);
    }

    pub(crate) fn failed(&self, fault: &Fault, took: Duration, admission: Admission, now: Moment) {
        if fault.kind == FaultKind::Timeout {
            let decay = self.pool.health.decay;
            self.first.observe(took, now, decay);
            self.whole.observe(took, now, decay);
        }
        self.tell(self.standing.failed(fault, admission, now));
    }

    fn tell(&self, change: Change) {
        let what = match change {
            Change::Nothing => return,
            Change::SetAside => "set aside",
            Change::CameBack => "came back",
        };
        tracing::debug!(
            mainstay.router.backend = &*self.attributes.name,
            mainstay.router.health = what,
            "a backend's health changed"
        );
    }
}
