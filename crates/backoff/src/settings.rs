use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use fastrand::Rng;
use mainstay_fault::{Fault, retryable};

use crate::{GiveUp, GiveUpEvent, Jitter, RetryBudget, RetryEvent, event::observe};

/// What a policy says that does not depend on any type.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) retries: u32,
    pub(crate) jitter: Jitter,
    pub(crate) cap: Duration,
    pub(crate) max_wait: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) budget: Option<RetryBudget>,
    pub(crate) on_retry: Option<Arc<Hook<RetryEvent>>>,
    pub(crate) on_give_up: Option<Arc<Hook<GiveUpEvent>>>,
    pub(crate) when: Option<Arc<Decision>>,
    pub(crate) seed: Option<Arc<AtomicU64>>,
}

type Hook<Event> = dyn Fn(&Event) + Send + Sync;
type Decision = dyn Fn(&Fault) -> bool + Send + Sync;

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            retries: 3,
            jitter: Jitter::default(),
            cap: minute,
            max_wait: minute,
            deadline: None,
            budget: Some(RetryBudget::default()),
            on_retry: None,
            on_give_up: None,
            when: None,
            seed: None,
        }
    }
}

impl Settings {
    pub(crate) fn retryable(&self, fault: &Fault) -> bool {
        self.when.as_ref().map_or_else(|| retryable(fault), |when| when(fault))
    }

    /// Takes one attempt more out of the budget.
    pub(crate) fn pay(&self) -> Result<(), GiveUp> {
        if self.budget.as_ref().is_none_or(RetryBudget::withdraw) { Ok(()) } else { Err(GiveUp::Budget) }
    }

    /// Tells the hooks and the trace what was decided.
    pub(crate) fn tell(&self, attempt: u32, fault: &Fault, decision: Result<Duration, GiveUp>) {
        observe(attempt, fault, decision);
        let fault = *fault;
        match (decision, &self.on_retry, &self.on_give_up) {
            (Ok(delay), Some(hook), _) => hook(&RetryEvent { attempt, fault, delay }),
            (Err(reason), _, Some(hook)) => hook(&GiveUpEvent { attempt, fault, reason }),
            _ => {}
        }
    }

    /// The source of chance of one call.
    pub(crate) fn rng(&self) -> Rng {
        // The odd constant is 2^64 divided by the golden ratio: consecutive calls get seeds far apart.
        let next = |seed: &Arc<AtomicU64>| seed.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        self.seed.as_ref().map_or_else(Rng::new, |seed| Rng::with_seed(next(seed)))
    }
}
