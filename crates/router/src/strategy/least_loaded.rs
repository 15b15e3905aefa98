use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fastrand::Rng;

use crate::{
    Candidate, View,
    strategy::{Pick, Refusal, Strategy, least},
};

/// The better of two backends drawn at random: power of two choices, over latency times calls in flight.
///
/// A choice costs the same whether there are two backends or a thousand, and a backend that looks best draws no herd. The load of
/// a backend is its peak-EWMA latency times the calls that it would have, more where calls fail; one that has just come
/// back looks loaded until its ramp is over. One that waits for its probe gets it as soon as it is drawn.
///
/// Power of two choices: Mitzenmacher, *The Power of Two Choices in Randomized Load Balancing* (2001); peak-EWMA: Finagle.
///
/// # Examples
///
/// ```
/// use mainstay_router::strategy::LeastLoaded;
///
/// let by_first_token = LeastLoaded::default();
/// let by_whole_answers = LeastLoaded::to_the_end().seed(7);
/// # let _ = (by_first_token, by_whole_answers);
/// ```
#[derive(Debug, Default)]
pub struct LeastLoaded {
    to_the_end: bool,
    seed: Option<AtomicU64>,
}

/// How many indices are drawn before all are looked at.
const DRAWS: usize = 8;

// === impl LeastLoaded ===

impl LeastLoaded {
    /// Goes by the latency to the end of an answer, and not to its first token.
    #[must_use]
    pub fn to_the_end() -> Self {
        Self { to_the_end: true, seed: None }
    }

    /// Makes the draws repeatable.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(AtomicU64::new(seed));
        self
    }

    fn load(&self, candidate: &Candidate<'_>) -> f64 {
        candidate.load(if self.to_the_end { candidate.to_the_end() } else { candidate.first_token() })
    }

    /// Draws for one choice: the thread's own, unless they are to be repeatable.
    fn draws(&self) -> impl FnMut(usize) -> usize {
        let next = |seed: &AtomicU64| Rng::with_seed(seed.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed));
        let mut seeded = self.seed.as_ref().map(next);
        move |below| match &mut seeded {
            None => fastrand::usize(..below),
            Some(rng) => rng.usize(..below),
        }
    }
}

/// An index of all but one.
const fn another(one: usize, among_the_rest: usize) -> usize {
    if among_the_rest < one { among_the_rest } else { among_the_rest + 1 }
}

/// A clone draws for itself, from where this one stands.
impl Clone for LeastLoaded {
    fn clone(&self) -> Self {
        let seed = self.seed.as_ref().map(|seed| AtomicU64::new(seed.load(Relaxed)));
        Self { to_the_end: self.to_the_end, seed }
    }
}

impl Strategy for LeastLoaded {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        if view.is_empty() {
            return Err(Refusal::NoneEligible);
        }
        let mut draw = self.draws();
        let mut first: Option<(usize, Candidate<'_>)> = None;
        for _ in 0..DRAWS {
            let index = match first {
                None => draw(view.len()),
                Some(_) if view.len() == 1 => break,
                Some((other, _)) => another(other, draw(view.len() - 1)),
            };
            let Some(candidate) = view.eligible(index) else { continue };
            if candidate.wants_probe() {
                return Ok(Pick::new(index));
            }
            let Some((other, before)) = first.replace((index, candidate)) else { continue };
            let index = if self.load(&candidate) < self.load(&before) { index } else { other };
            return Ok(Pick::new(index));
        }
        least(view, |candidate| self.load(candidate))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        view.get(index).map(|candidate| self.load(&candidate))
    }

    fn name(&self) -> &'static str {
        "least_loaded"
    }
}
