//! How a backend is chosen among those that can take the call.
//!
//! A [`Strategy`] chooses from a [`View`]; a [`Filter`] rules backends out before another strategy ranks the rest:
//!
//! ```
//! use mainstay_router::{Candidate, Profile, strategy::{FilterExt, LeastLoaded, filter}};
//!
//! let near = filter("near", |candidate: &Candidate<'_>, _: &Profile<'_>| candidate.attributes().name().starts_with("eu-"));
//! let strategy = near.then(LeastLoaded::default());
//! # let _ = strategy;
//! ```

mod by_fn;
mod complexity;
mod cost_budget;
mod filtered;
#[cfg(feature = "learned")]
mod learned;
mod least_loaded;
mod round_robin;
mod weighted;
mod within;

use std::{sync::Arc, time::Duration};

use crate::{View, budget::Hold};

pub use by_fn::{ByFn, by_fn};
pub use complexity::{Complexity, Weights};
pub use cost_budget::CostBudget;
pub use filtered::{ByFilter, Filter, FilterExt, Filtered, filter};
#[cfg(feature = "learned")]
pub use learned::{Learned, LearnedError, Unloadable};
pub use least_loaded::LeastLoaded;
pub use round_robin::RoundRobin;
pub use weighted::Weighted;
pub use within::Within;

/// Chooses a backend for a call.
///
/// It chooses among those that [`View::eligible`] shows, and no other. It is asked on the path of each call: it should not
/// allocate or lock.
pub trait Strategy: Send + Sync {
    /// Chooses, or says why it does not.
    ///
    /// # Errors
    ///
    /// No backend is eligible, or the strategy itself refuses the call.
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal>;

    /// Whether any backend can take the call.
    fn serves(&self, view: &View<'_>) -> bool {
        view.all_eligible().next().is_some()
    }

    /// What a backend's rank depends on, for people: the lower the better. `None` where it has no score.
    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        let _ = (view, index);
        None
    }

    /// What weighed in the choice, for people: what weighed most first.
    fn reasons(&self, view: &View<'_>) -> Vec<String> {
        let _ = view;
        Vec::new()
    }

    /// Its name, for traces and people.
    fn name(&self) -> &'static str;
}

impl<St: Strategy + ?Sized> Strategy for Arc<St> {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        (**self).choose(view)
    }

    fn serves(&self, view: &View<'_>) -> bool {
        (**self).serves(view)
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        (**self).score(view, index)
    }

    fn reasons(&self, view: &View<'_>) -> Vec<String> {
        (**self).reasons(view)
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }
}

/// The backend that a strategy has chosen.
#[derive(Debug)]
pub struct Pick {
    pub(crate) index: usize,
    pub(crate) hold: Option<Hold>,
}

/// Why a strategy chooses no backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// None is eligible.
    NoneEligible,
    /// A budget is used up, for so long; [`Duration::MAX`] if a new window has no room for the call either.
    BudgetUsedUp(Duration),
}

// === impl Pick ===

impl Pick {
    /// Chooses the backend at an index of the view.
    pub const fn new(index: usize) -> Self {
        Self { index, hold: None }
    }

    /// Holds what the call may cost, besides what is held already.
    pub(crate) fn holding(self, hold: Hold) -> Self {
        Self { hold: Some(hold.and(self.hold)), ..self }
    }

    /// The index of the backend in the view.
    pub const fn index(&self) -> usize {
        self.index
    }
}

/// The eligible backend with the least score.
pub(crate) fn least(view: &View<'_>, score: impl Fn(&crate::Candidate<'_>) -> f64) -> Result<Pick, Refusal> {
    let scored = view.all_eligible().map(|(index, candidate)| (index, score(&candidate)));
    let best = scored.min_by(|(_, one), (_, other)| one.total_cmp(other));
    best.map(|(index, _)| Pick::new(index)).ok_or(Refusal::NoneEligible)
}
