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

/// Where the numbers of one choice come from: a generator that is seeded, or the thread's own.
struct Draws(Option<Rng>);

/// How many pairs are drawn before all are looked at.
const PAIRS: usize = 4;

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

    #[inline]
    fn load(&self, candidate: &Candidate<'_>) -> f64 {
        candidate.load(if self.to_the_end { candidate.to_the_end() } else { candidate.first_token() })
    }

    /// Draws for one choice: the thread's own, unless they are to be repeatable.
    fn draws(&self) -> Draws {
        let next = |seed: &AtomicU64| seed.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        Draws(self.seed.as_ref().map(|seed| Rng::with_seed(next(seed))))
    }
}

// === impl Draws ===

impl Draws {
    /// An index below each of two bounds, from the halves of one number.
    #[inline]
    fn pair(&mut self, below: usize, other: usize) -> (usize, usize) {
        let number = self.0.as_mut().map_or_else(|| fastrand::u64(..), |rng| rng.u64(..));
        (scaled(number >> 32, below), scaled(number & u64::from(u32::MAX), other))
    }
}

/// The index below a bound that so many of 2^32 make.
const fn scaled(part: u64, bound: usize) -> usize {
    (part.wrapping_mul(bound as u64) >> 32) as usize
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
        let others = match view.len() {
            0 => return Err(Refusal::NoneEligible),
            1 => return view.eligible(0).map(|_| Pick::new(0)).ok_or(Refusal::NoneEligible),
            all => all - 1,
        };
        let mut draws = self.draws();
        let mut first: Option<(usize, Candidate<'_>)> = None;
        for _ in 0..PAIRS {
            let (one, among_the_rest) = draws.pair(view.len(), others);
            for index in [one, another(one, among_the_rest)] {
                let Some(candidate) = view.eligible(index) else { continue };
                if candidate.wants_probe() {
                    return Ok(Pick::new(index));
                }
                match first.replace((index, candidate)) {
                    Some((other, before)) if other != index => {
                        let better = self.load(&candidate) < self.load(&before);
                        return Ok(Pick::new(if better { index } else { other }));
                    }
                    _ => {}
                }
            }
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
