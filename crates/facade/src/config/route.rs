use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BudgetConfig, ServedConfig, StrategyConfig, strategy::Written};

/// A way to an answer: tiers, tried in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RouteConfig {
    /// Other names of models that lead here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How long a call may take in all, where it is not as everywhere.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub deadline: Option<Duration>,
    /// How long one attempt may take, where it is not as everywhere.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub attempt_timeout: Option<Duration>,
    /// When a call is sent again, where it is not as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryConfig>,
    /// The US dollars that its calls may cost in each window of time, besides the budget of all routes: no limit unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetConfig>,
    /// Whether a call that the policy of one model refuses (a content filter) goes on to other models and tiers: no unless set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub around_filters: bool,
    /// The tiers, the best first.
    pub tiers: Vec<TierConfig>,
}

/// One tier: models among which a strategy chooses, or an answer that is set, or a queue for people. Exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TierConfig {
    /// Models on backends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ServedConfig>,
    /// How to choose among the models: `"least_loaded"` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Written>")]
    pub strategy: Option<StrategyConfig>,
    /// An answer that is always the same, and better than none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// A file of calls that people will see to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<PathBuf>,
}

/// When a call is sent again, and after what wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// How often at most, besides the first move to each other backend of a tier: 3 unless set.
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
}

/// How many retries calls earn. Moves to another backend spend it too, unless the one that they leave is set aside.
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

/// One key, one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IdempotencyConfig {
    /// How long an answer is kept: `"1h"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub ttl: Duration,
    /// The most answers that are kept: 100,000 unless set.
    pub capacity: usize,
    /// The file that keeps whole answers, so that they survive the process, and none runs twice unasked after a crash: none unless
    /// set. Needs the feature `redb`. One process at a time can use it. Streams are kept in memory only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

// === impl RetryConfig ===

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
        }
    }
}

// === impl RetryBudgetConfig ===

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.2, floor: 10.0, burst: 100 }
    }
}

// === impl IdempotencyConfig ===

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(3_600), capacity: 100_000, path: None }
    }
}
