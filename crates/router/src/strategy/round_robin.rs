use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::{
    View,
    strategy::{Pick, Refusal, Strategy},
};

/// One after the other.
///
/// The turn of a backend that cannot take the call, or part of the turns of one that has just come back, goes to another drawn
/// at random, so that its neighbour is not the one that gets it all.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Backends, Router, strategy::RoundRobin};
///
/// # let backends: Backends<()> = Backends::with_health(Default::default());
/// let router = Router::new(backends, RoundRobin::default());
/// ```
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

/// How many are drawn before all are looked at.
const DRAWS: usize = 8;

// === impl RoundRobin ===

impl Strategy for RoundRobin {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        if view.is_empty() {
            return Err(Refusal::NoneEligible);
        }
        let turn = self.next.fetch_add(1, Relaxed) % view.len();
        for draw in 0..DRAWS {
            let index = if draw == 0 { turn } else { fastrand::usize(..view.len()) };
            if let Some(candidate) = view.eligible(index) {
                let share = candidate.share();
                if share >= 1.0 || fastrand::f64() < share {
                    return Ok(Pick::new(index));
                }
            }
        }
        let from = fastrand::usize(..view.len());
        let all = (from..view.len()).chain(0..from);
        let found = all.into_iter().find(|index| view.eligible(*index).is_some());
        found.map(Pick::new).ok_or(Refusal::NoneEligible)
    }

    fn name(&self) -> &'static str {
        "round_robin"
    }
}
