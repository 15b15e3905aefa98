use super::settings::share_of;
use crate::{InvalidLimit, Rate, TokenBucket, settle::LONGEST_PAUSE};

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

    /// The most that is charged of what others say was used beyond what was taken: what comes in an hour, and
    /// twice what there ever is. The script knows what is owed already.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
    pub(super) fn most_beyond(&self) -> u64 {
        self.capacity
            .saturating_mul(2)
            .max((self.rate.tokens_per_second() * LONGEST_PAUSE.as_secs_f64()) as u64)
    }

    /// A bucket of such a part of it, at least of one.
    pub(super) fn part(self, part: f64) -> Result<TokenBucket, InvalidLimit> {
        let rate = Rate::per_second(self.rate.tokens_per_second() * part)?;
        TokenBucket::new(share_of(self.capacity, part), rate)
    }
}
