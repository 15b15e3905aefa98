use std::time::Duration;

use crate::Invalid;

/// When a backend is set aside, for how long, and how it comes back.
///
/// | setting | default |
/// |---|---|
/// | [`window`](Self::window) | 30 s: failures are counted for so long |
/// | [`min_calls`](Self::min_calls) | 10: fewer calls in the window, or failures in a row, set nothing aside |
/// | [`failure_ratio`](Self::failure_ratio) | 0.5 of the calls in the window; the last `min_calls` are enough if all of them failed |
/// | [`open_for`](Self::open_for) | 5 s, doubled by each probe that fails, up to 60 s |
/// | [`paused_for`](Self::paused_for) | 1 s, for a rate limit without Retry-After |
/// | [`longest_pause`](Self::longest_pause) | 1 h, whatever Retry-After says |
/// | [`leave_rate_limits`](Self::leave_rate_limits) | no |
/// | [`leave_missing_models`](Self::leave_missing_models) | no |
/// | [`long`](Self::long) | 5 min: no money, no key, no such model |
/// | [`ramp`](Self::ramp) | 10 s from its return until it has its full share again |
/// | [`decay`](Self::decay) | 10 s: the time constant of latencies |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_router::{Backends, Health};
///
/// let health = Health::default().min_calls(20).failure_ratio(0.3)?.open_for(Duration::from_secs(10), Duration::from_secs(120));
/// let backends: Backends<()> = Backends::with_health(health);
/// # Ok::<_, mainstay_router::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Health {
    pub(crate) window: Duration,
    pub(crate) min_calls: u32,
    pub(crate) failure_ratio: f64,
    pub(crate) open_for: Duration,
    pub(crate) open_at_most: Duration,
    pub(crate) paused_for: Duration,
    pub(crate) longest_pause: Duration,
    pub(crate) leave_rate_limits: bool,
    pub(crate) leave_missing_models: bool,
    pub(crate) long: Duration,
    pub(crate) ramp: Duration,
    pub(crate) decay: Duration,
}

// === impl Health ===

impl Default for Health {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            min_calls: 10,
            failure_ratio: 0.5,
            open_for: Duration::from_secs(5),
            open_at_most: Duration::from_secs(60),
            paused_for: Duration::from_secs(1),
            longest_pause: Duration::from_secs(3600),
            leave_rate_limits: false,
            leave_missing_models: false,
            long: Duration::from_secs(300),
            ramp: Duration::from_secs(10),
            decay: Duration::from_secs(10),
        }
    }
}

impl Health {
    /// Sets for how long successes and failures are counted.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets how many calls the window must have before failures can open the breaker, and how many failures in a row open it
    /// whatever else is in the window.
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls;
        self
    }

    /// Sets the share of failures that opens the breaker.
    ///
    /// # Errors
    ///
    /// It is not above 0 and at most 1.
    pub fn failure_ratio(mut self, ratio: f64) -> Result<Self, Invalid> {
        let holds = ratio > 0.0 && ratio <= 1.0;
        self.failure_ratio = Invalid::unless(holds, "failure ratio", ratio, "above 0 and at most 1")?;
        Ok(self)
    }

    /// Sets how long the breaker stays open at first, and after many failed probes.
    pub fn open_for(mut self, first: Duration, at_most: Duration) -> Self {
        self.open_for = first;
        self.open_at_most = at_most.max(first);
        self
    }

    /// Sets how long a rate limit without Retry-After sets a backend aside.
    pub const fn paused_for(mut self, pause: Duration) -> Self {
        self.paused_for = pause;
        self
    }

    /// Sets how long a Retry-After sets a backend aside at most.
    pub const fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// Leaves rate limits with a Retry-After to a limiter that stands before each backend and learns from them, and of which its
    /// [`Gate`](crate::Gate) tells: calls may then wait in the limiter's line where no other backend can take them.
    pub const fn leave_rate_limits(mut self) -> Self {
        self.leave_rate_limits = true;
        self
    }

    /// Sets nothing aside for a model that is missing: for a backend that is asked for whatever model a call names, of which one says
    /// nothing of the others.
    pub const fn leave_missing_models(mut self) -> Self {
        self.leave_missing_models = true;
        self
    }

    /// Sets how long a backend is set aside that has no money, does not know our key or does not have the model.
    pub const fn long(mut self, long: Duration) -> Self {
        self.long = long;
        self
    }

    /// Sets how long a backend that comes back takes to get its full share again.
    pub const fn ramp(mut self, ramp: Duration) -> Self {
        self.ramp = ramp;
        self
    }

    /// Sets the time constant of latencies.
    pub const fn decay(mut self, decay: Duration) -> Self {
        self.decay = decay;
        self
    }

    /// How long the breaker stays open after so many failed probes.
    pub(crate) fn open(&self, trips: u32) -> Duration {
        self.open_for.saturating_mul(1 << trips.min(16)).min(self.open_at_most)
    }
}
