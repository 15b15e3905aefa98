use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a call is sent again, and after what wait.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::{RetryConfig, RouteConfig, ServedConfig};
///
/// let patient = RetryConfig::default().retries(8).base(Duration::from_secs(2));
/// let route = RouteConfig::new().retry(patient).tier(ServedConfig::on("local"));
/// assert_eq!(route.retry.unwrap().factor, 2.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// How often at most: 3 unless set.
    pub retries: u32,
    /// The first wait: `"1s"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub base: Duration,
    /// How much longer each wait is than the one before: 2 unless set.
    pub factor: f64,
    /// The longest wait: `"1m"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub cap: Duration,
    /// How waits are spread: `"proportional"` unless set.
    pub jitter: JitterConfig,
    /// The longest Retry-After that is waited for: `"1m"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_wait: Duration,
    /// How many retries calls earn, so that an outage is not met with a storm of them: 0.2 for each call unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<RetryBudgetConfig>,
    #[serde(skip)]
    pub(super) left_out: LeftOut,
}

/// The fields that a route of a file leaves out: they are as everywhere, also where that is set in code later.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftOut(Vec<&'static str>);

/// How many retries calls earn. Moves to another backend spend it too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryBudgetConfig {
    /// The retries that each call earns: 0.2 unless set.
    pub ratio: f64,
    /// The retries a second that there are in any case: 10 unless set.
    pub floor: f64,
    /// The most retries that are saved up: 100 unless set.
    pub burst: u32,
}

/// How waits are spread, so that those who failed together do not come back together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JitterConfig {
    /// Not at all.
    None,
    /// Anything from nothing to the whole wait.
    Full,
    /// Half of the wait, and anything up to the other half.
    Equal,
    /// Half to one and a half times the wait.
    #[default]
    Proportional,
}

// === impl RetryConfig ===

impl RetryConfig {
    /// Sets how often at most.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the first wait.
    #[must_use]
    pub const fn base(mut self, wait: Duration) -> Self {
        self.base = wait;
        self
    }

    /// Sets how much longer each wait is than the one before.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the longest wait.
    #[must_use]
    pub const fn cap(mut self, wait: Duration) -> Self {
        self.cap = wait;
        self
    }

    /// Sets how waits are spread.
    #[must_use]
    pub const fn jitter(mut self, jitter: JitterConfig) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the longest Retry-After that is waited for.
    #[must_use]
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Says what is said everywhere now, in place of what was before, where it was left out.
    pub(super) fn follow(&mut self, before: &Self, now: &Self) {
        fn follow<T: PartialEq + Copy>(own: &mut T, before: T, now: T) {
            // It may have been set since.
            if *own == before {
                *own = now;
            }
        }
        for field in &self.left_out.0 {
            match *field {
                "retries" => follow(&mut self.retries, before.retries, now.retries),
                "base" => follow(&mut self.base, before.base, now.base),
                "factor" => follow(&mut self.factor, before.factor, now.factor),
                "cap" => follow(&mut self.cap, before.cap, now.cap),
                "jitter" => follow(&mut self.jitter, before.jitter, now.jitter),
                _ => follow(&mut self.max_wait, before.max_wait, now.max_wait),
            }
        }
        // What the route says stands: what it left out makes room.
        if self.left_out.0.contains(&"cap") {
            self.cap = self.cap.max(self.base);
        } else if self.left_out.0.contains(&"base") {
            self.base = self.base.min(self.cap);
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            retries: 3,
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: MINUTE,
            jitter: JitterConfig::default(),
            max_wait: MINUTE,
            budget: None,
            left_out: LeftOut::default(),
        }
    }
}

// === impl LeftOut ===

impl LeftOut {
    /// What is left out where so much is said.
    pub(super) fn of(is_said: impl Fn(&str) -> bool) -> Self {
        let fields = ["retries", "base", "factor", "cap", "jitter", "max_wait"];
        Self(fields.into_iter().filter(|field| !is_said(field)).collect())
    }
}

/// Settings that say the same are equal, whoever says it.
impl PartialEq for LeftOut {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

// === impl RetryBudgetConfig ===

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.2, floor: 10.0, burst: 100 }
    }
}
