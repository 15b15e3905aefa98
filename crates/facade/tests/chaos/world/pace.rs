//! How fast time goes, and how much happens in it.

use std::time::Duration;

/// How fast time goes, and how much happens in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// What a second of the scenario takes.
    pub(crate) second: Duration,
    /// What a second of a limit takes: a deadline, a timeout. Where time is real it is longer, so that a machine which is busy with other
    /// things does not make calls fail which are well.
    pub(crate) limit: Duration,
    pub(crate) calls: u32,
    pub(crate) is_simulated: bool,
}

// === impl Pace ===

impl Pace {
    /// A paused clock.
    pub(crate) const SIMULATED: Self = Self {
        second: Duration::from_secs(1),
        limit: Duration::from_secs(1),
        calls: 600,
        is_simulated: true,
    };
    /// A real one, on which a second takes 10 ms.
    pub(crate) const BRIEF: Self = Self {
        second: Duration::from_millis(10),
        limit: Duration::from_millis(400),
        calls: 60,
        is_simulated: false,
    };

    pub(crate) fn seconds(self, seconds: f64) -> Duration {
        self.second.mul_f64(seconds)
    }

    /// What outlasts a limit of fewer seconds.
    pub(crate) fn outlasting(self, seconds: f64) -> Duration {
        self.limit.mul_f64(seconds)
    }

    /// The same as a configuration says it.
    pub(crate) fn toml(self, seconds: f64) -> String {
        written(self.seconds(seconds))
    }

    /// A limit of so many seconds, as a configuration says it.
    pub(crate) fn limit(self, seconds: f64) -> String {
        written(self.outlasting(seconds))
    }
}

fn written(time: Duration) -> String {
    format!("\"{}us\"", time.as_micros())
}
