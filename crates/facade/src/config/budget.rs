use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Dollars to spend in each window of time. Each call reserves what it may cost, and settles on what it did cost; a call that the budget
/// has no room for is refused here (`shed`), or served by a tier below that costs nothing.
///
/// What is reserved is the prompt, and of each answer the request's `max_completion_tokens` or `max_tokens`; if it has neither, the
/// model's `max_output_tokens`: no answer overspends the budget then. Where that is not set either, 500 tokens are reserved, which is an
/// estimate: what answers have beyond it is charged too, and may be more than was left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// How many US dollars.
    pub dollars: f64,
    /// In what time: windows follow one another from the start on. `"1d"` unless set.
    #[serde(default = "day", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub window: Duration,
    /// Whether each user has such a budget, by the field `user` (or `safety_identifier`) of the request; otherwise all calls share one.
    #[serde(default)]
    pub per_user: bool,
}

const fn day() -> Duration {
    Duration::from_secs(86_400)
}

// === impl BudgetConfig ===

impl BudgetConfig {
    /// Creates a budget that all calls share.
    pub const fn new(dollars: f64, window: Duration) -> Self {
        Self { dollars, window, per_user: false }
    }

    /// Gives each user such a budget.
    #[must_use]
    pub const fn per_user(mut self) -> Self {
        self.per_user = true;
        self
    }
}
