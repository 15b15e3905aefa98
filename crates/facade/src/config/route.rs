use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BudgetConfig, ContinuationConfig, RetryConfig, TierConfig};

/// A way to an answer: tiers, tried in order.
///
/// # Examples
///
/// ```
/// use mainstay::{RouteConfig, ServedConfig, StrategyConfig, TierConfig};
///
/// let both = [ServedConfig::on("openai").model("gpt-4o"), ServedConfig::on("azure").model("gpt-4o").weight(2)];
/// let route = RouteConfig::new()
///     .alias("gpt-4o")
///     .tier(TierConfig::models(both).strategy(StrategyConfig::Weighted))
///     .tier(ServedConfig::on("local").model("llama-3"))
///     .tier(TierConfig::answer("We are at it."));
/// assert_eq!(route.tiers.len(), 3);
/// ```
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
    /// How long one streamed attempt may take to its first token, where it is not as everywhere.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub first_token_timeout: Option<Duration>,
    /// How long a stream may take from one token to the next, where it is not as everywhere.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub between_tokens_timeout: Option<Duration>,
    /// How long an attempt may wait for a limit, where it is not as everywhere.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub max_wait: Option<Duration>,
    /// When a call is sent again, where it is not as everywhere: what is left out is as in `retry` of all routes (and the preset); without
    /// a `budget` of its own, the route pays from that of all. Of a policy that is set in code, only the budget counts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryConfig>,
    /// How a stream goes on that broke after its first token, where it is not as everywhere; `{ times = 0 }` ends it in an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_streams: Option<ContinuationConfig>,
    /// The US dollars that its calls may cost in each window of time, besides the budget of all routes: no limit unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetConfig>,
    /// Whether a call that the policy of one model refuses (a content filter) goes on to other models and tiers: no unless set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub around_filters: bool,
    /// The tiers, the best first.
    pub tiers: Vec<TierConfig>,
}

// === impl RouteConfig ===

impl RouteConfig {
    /// Begins a route: it needs a [`tier`](Self::tier).
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds another name of a model that leads here.
    #[must_use]
    pub fn alias(mut self, model: impl Into<String>) -> Self {
        self.aliases.push(model.into());
        self
    }

    /// Adds a tier, below those that there are.
    #[must_use]
    pub fn tier(mut self, tier: impl Into<TierConfig>) -> Self {
        self.tiers.push(tier.into());
        self
    }

    /// Sets how long a call may take in all.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Sets how long one attempt may take that is answered whole.
    #[must_use]
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = Some(limit);
        self
    }

    /// Sets how long one streamed attempt may take to its first token.
    #[must_use]
    pub fn first_token_timeout(mut self, limit: Duration) -> Self {
        self.first_token_timeout = Some(limit);
        self
    }

    /// Sets how long a stream may take from one token to the next.
    #[must_use]
    pub fn between_tokens_timeout(mut self, limit: Duration) -> Self {
        self.between_tokens_timeout = Some(limit);
        self
    }

    /// Sets how long an attempt may wait for a limit.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = Some(limit);
        self
    }

    /// Sets when a call is sent again, in all: only in a file, what is left out is as everywhere. Without a budget of its own, the route
    /// pays from that of all.
    #[must_use]
    pub fn retry(mut self, retry: RetryConfig) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets how a stream goes on that broke after its first token.
    #[must_use]
    pub fn continue_streams(mut self, continuation: ContinuationConfig) -> Self {
        self.continue_streams = Some(continuation);
        self
    }

    /// Sets what its calls may cost in each window of time.
    #[must_use]
    pub fn budget(mut self, budget: BudgetConfig) -> Self {
        self.budget = Some(budget);
        self
    }
}
