use std::time::Duration;

use mainstay_mock_openai::{Latency, ModelPlan, Plan, RetryAfter, WholeFault};

use super::{LARGE, SMALL};

/// A day like most.
pub(super) const COMMON: &str = "94 % succeed";
/// A day on which no model answers.
pub(super) const OUTAGE: &str = "both models down";

/// A day in the life of a provider.
#[derive(Clone, Debug)]
pub struct Day {
    /// What it is called.
    pub name: &'static str,
    /// How the provider behaves.
    pub plan: Plan,
}

// === impl Day ===

impl Day {
    /// A day on which 94 % of calls succeed, and four worse ones.
    pub fn all(seed: u64) -> Vec<Self> {
        let down = || ModelPlan::new().fault(WholeFault::ServerError, 1.0);
        let day = |name, large: ModelPlan, small: ModelPlan| Self {
            name,
            plan: Plan::new().seed(seed).model(LARGE, large).model(SMALL, small),
        };
        vec![
            day(COMMON, common(), well(10)),
            day("large model down", down(), well(10)),
            day(OUTAGE, down(), down()),
            day("rate limits", well(25).requests_per_minute(100), well(10)),
            day("slow", slow(), well(10)),
        ]
    }
}

/// Answers take about so many milliseconds.
fn well(millis: u64) -> ModelPlan {
    ModelPlan::new().latency(Latency::LogNormal { median: Duration::from_millis(millis), sigma: 0.5 })
}

/// Six calls of a hundred fail, in the ways in which calls mostly do.
fn common() -> ModelPlan {
    well(25)
        .fault(WholeFault::RateLimited(RetryAfter::millis("200")), 0.015)
        .fault(WholeFault::Overloaded(RetryAfter::default()), 0.01)
        .fault(WholeFault::ServerError, 0.01)
        .fault(WholeFault::Reset, 0.01)
        .fault(WholeFault::Hang, 0.005)
        .fault(WholeFault::NotJson, 0.01)
}

/// Half of the answers take longer than anybody waits.
fn slow() -> ModelPlan {
    ModelPlan::new().latency(Latency::LogNormal { median: Duration::from_millis(600), sigma: 0.8 })
}
