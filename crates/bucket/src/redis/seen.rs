use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::share::Quota;

/// How things stood on the server when it answered last.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Option<(Instant, Look)>>);

/// How things stand on the server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// After how long tokens and requests are full again.
    pub(super) full_in: [Duration; 2],
    /// For how long nobody may take.
    pub(super) paused_for: Duration,
    /// How many calls are under way, where that was said.
    pub(super) calls: Option<u64>,
}

/// For how long what was said of calls under way is believed: nobody tells when they end elsewhere.
const CALLS_KNOWN: Duration = Duration::from_secs(1);

// === impl Seen ===

impl Seen {
    pub(super) fn put(&self, look: Look) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), look));
    }

    /// How things stand now, if nobody has come in between. If nothing was said yet, all is there.
    pub(super) fn now(&self) -> Look {
        let Some((at, look)) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) else {
            return Look::default();
        };
        let since = at.elapsed();
        Look {
            full_in: look.full_in.map(|left| left.saturating_sub(since)),
            paused_for: look.paused_for.saturating_sub(since),
            calls: look.calls.filter(|_| since < CALLS_KNOWN),
        }
    }
}

// === impl Quota ===

impl Quota {
    /// What is there of it when it will be full after so long; what is owed is negative.
    #[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
    pub(super) fn available(&self, full_in: Duration) -> i64 {
        let missing = (full_in.as_secs_f64() / self.seconds()).ceil() as i64;
        i64::try_from(self.capacity).unwrap_or(i64::MAX).saturating_sub(missing)
    }

    /// How long until so much of it is there, for who has others ahead of him in line; `None` for more than there ever is.
    pub(super) fn wait_for(&self, amount: u64, ahead: u64, full_in: Duration) -> Option<Duration> {
        let spare = self.capacity.checked_sub(amount)?;
        let refill = self.time(ahead.saturating_sub(spare));
        Some(full_in.saturating_sub(self.time(spare.saturating_sub(ahead))).saturating_add(refill))
    }

    /// The time that brings so much of it.
    pub(super) fn time(&self, amount: u64) -> Duration {
        Duration::try_from_secs_f64(amount as f64 * self.seconds()).unwrap_or(Duration::MAX)
    }

    /// The time that brings one.
    fn seconds(&self) -> f64 {
        self.price() / 16e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_refills_with_time() {
        let seen = Seen::default();
        assert_eq!(seen.now().full_in, [Duration::ZERO; 2]);
        let second = Duration::from_secs(1);
        seen.put(Look { full_in: [10 * second, second], paused_for: 2 * second, calls: Some(3) });
        tokio::time::advance(second).await;
        let look = seen.now();
        assert_eq!(look.full_in, [9 * second, Duration::ZERO]);
        assert_eq!((look.paused_for, look.calls), (second, None));
    }

    #[test]
    fn a_balance_is_told_in_tokens_and_in_time() {
        let quota = Quota::new(10, Rate::per_second(2.0).unwrap());
        for (full_in, available, wait) in [(0, 10, 0), (1_000, 8, 0), (5_000, 0, 2_000), (7_000, -4, 4_000)] {
            let full_in = Duration::from_millis(full_in);
            assert_eq!(quota.available(full_in), available);
            assert_eq!(quota.wait_for(4, 0, full_in), Some(Duration::from_millis(wait)));
        }
        let (three, second) = (3, Duration::from_secs(1));
        assert_eq!(quota.wait_for(4, three, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(quota.wait_for(4, 2 * three, 2 * second), Some(2 * second));
        assert_eq!(quota.wait_for(4, 4 * three, second), Some(4 * second));
        assert_eq!(quota.wait_for(11, 0, Duration::ZERO), None);
    }
}
