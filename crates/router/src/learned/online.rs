mod ridge;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::encoder::Encoded;
use ridge::{Belief, Evidence};

/// How a [`Chooser`](super::Chooser) learns on: for each model, a correction of what was predicted, linear in 16 features of the
/// prompt, with a bonus for what it is unsure of (`LinUCB`, [Li et al. 2010](https://arxiv.org/abs/1003.0146)). Old outcomes fade, so
/// that drift is followed. Its memory does not grow.
///
/// # Examples
///
/// ```
/// use mainstay_router::learned::Online;
///
/// let online = Online::default().memory(500).explore(0.1);
/// # let _ = online;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Online {
    explore: f64,
    memory: u32,
}

/// How far a model's outcomes are from what was predicted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// The model.
    pub model: String,
    /// How many outcomes were observed.
    pub seen: u64,
    /// The mean of outcome less prediction, of late: below 0 it answers worse than it used to.
    pub bias: f64,
}

/// How many features a correction sees.
pub(crate) const WIDTH: usize = 16;

/// The features of a prompt that a correction sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context(pub(crate) [f64; WIDTH]);

/// What is learned, for all models.
#[derive(Debug)]
pub(crate) struct Learning {
    online: Online,
    /// What choices read.
    beliefs: ArcSwap<Vec<Belief>>,
    /// What observers write.
    evidence: Mutex<Vec<Evidence>>,
}

// === impl Online ===

impl Default for Online {
    fn default() -> Self {
        Self { explore: 0.05, memory: 1_000 }
    }
}

impl Online {
    /// Sets how much what is unsure is preferred: 0 never explores; 0.05 by default.
    #[must_use]
    pub fn explore(mut self, explore: f64) -> Self {
        self.explore = if explore.is_finite() { explore.max(0.0) } else { 0.0 };
        self
    }

    /// Sets after how many outcomes of a model an old one counts for a third: 1,000 by default, at least 1.
    #[must_use]
    pub fn memory(mut self, outcomes: u32) -> Self {
        self.memory = outcomes.max(1);
        self
    }
}

// === impl Context ===

impl Context {
    /// One, and the first features of either kind.
    pub(crate) fn of(encoded: &Encoded) -> Self {
        let mut values = [0.0; WIDTH];
        let dense = encoded.dense().iter().take(5).map(|value| f64::from(*value) / 4.0);
        let latent = encoded.features().iter().skip(encoded.dense().len()).map(|value| f64::from(*value));
        values
            .iter_mut()
            .zip([1.0].into_iter().chain(dense).chain(latent))
            .for_each(|(slot, value)| *slot = value);
        Self(values)
    }
}

// === impl Learning ===

impl Learning {
    pub(crate) fn new(online: Online, models: usize) -> Self {
        let evidence = vec![Evidence::new(online.memory); models];
        let beliefs = evidence.iter().map(Evidence::belief).collect();
        Self { online, beliefs: ArcSwap::from_pointee(beliefs), evidence: Mutex::new(evidence) }
    }

    /// Learns how far an outcome was from what was predicted.
    pub(crate) fn observe(&self, model: usize, context: &Context, residual: f64) {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_model) = evidence.get_mut(model) else { return };
        of_model.add(context, residual);
        let belief = of_model.belief();
        let mut beliefs = Vec::clone(&self.beliefs.load());
        if let Some(slot) = beliefs.get_mut(model) {
            *slot = belief;
        }
        // Under the lock, so that no later belief is replaced by an earlier one.
        self.beliefs.store(Arc::new(beliefs));
    }

    /// Adds to each value what was learned since, and a bonus for what is unsure.
    pub(crate) fn correct(&self, context: &Context, values: &mut [f64]) {
        for (value, belief) in values.iter_mut().zip(self.beliefs.load().iter()) {
            *value += belief.mean(context) + self.online.explore * belief.spread(context);
        }
    }

    /// How many outcomes were seen of each model, and how far they were off of late.
    pub(crate) fn drift(&self) -> Vec<(u64, f64)> {
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        evidence.iter().map(Evidence::drift).collect()
    }
}
