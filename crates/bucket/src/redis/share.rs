use super::settings::share_of;
use crate::{InvalidLimit, Rate, TokenBucket};

/// One limit in time, as the scripts take it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    pub(super) capacity: u64,
    rate: Rate,
}

// === impl Quota ===

impl Quota {
    pub(super) const fn new(capacity: u64, rate: Rate) -> Self {
        Self { capacity, rate }
    }

    /// What one costs, in sixteenths of a microsecond.
    pub(super) fn price(&self) -> f64 {
        16e6 / self.rate.tokens_per_second()
    }

    /// A bucket of such a part of it, at least of one.
    pub(super) fn part(self, part: f64) -> Result<TokenBucket, InvalidLimit> {
        let rate = Rate::per_second(self.rate.tokens_per_second() * part)?;
        TokenBucket::new(share_of(self.capacity, part), rate)
    }
}
