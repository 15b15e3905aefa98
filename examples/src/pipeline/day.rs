use std::time::Duration;

use mainstay_mock_openai::{Latency, ModelPlan, Plan, RetryAfter, WholeFault};

use super::{LARGE, SMALL};
use crate::Server;

/// A day like most.
pub(super) const COMMON: &str = "94 % succeed";
/// A day on which no model answers.
pub(super) const OUTAGE: &str = "both models down";

/// A day in the life of a provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Day {
    /// What it is called.
    pub name: &'static str,
    /// How the provider behaves; none if it is a real one.
    pub plan: Option<Plan>,
    /// The model that is asked first, and the one below it.
    pub models: [String; 2],
    /// How long one attempt may take.
    pub attempt: Duration,
    /// How long a document may take in all.
    pub deadline: Duration,
    /// How long it may wait for the provider's limits.
    pub max_wait: Duration,
}

// === impl Day ===

impl Day {
    /// A day on which 94 % of calls succeed, and four worse ones.
    pub fn all(seed: u64) -> Vec<Self> {
        let down = || ModelPlan::new().fault(WholeFault::ServerError, 1.0);
        let day = |name, large: ModelPlan, small: ModelPlan| Self {
            name,
            plan: Some(Plan::new().seed(seed).model(LARGE, large).model(SMALL, small)),
            models: [LARGE, SMALL].map(str::to_owned),
            attempt: Duration::from_millis(600),
            deadline: Duration::from_secs(20),
            max_wait: Duration::from_secs(2),
        };
        vec![
            day(COMMON, common(), well(10)),
            day("large model down", down(), well(10)),
            day(OUTAGE, down(), down()),
            day("rate limits", well(25).requests_per_minute(100), well(10)),
            day("slow", slow(), well(10)),
        ]
    }

    /// Today, at the server that the environment names, if it names one: with the model of `OPENAI_MODEL`, and below it the one of
    /// `OPENAI_SMALL_MODEL`, `gpt-4o-mini` unless set.
    pub fn today() -> Option<Self> {
        let Server { model, .. } = Server::from_env()?;
        let small = crate::set("OPENAI_SMALL_MODEL").unwrap_or_else(|| SMALL.to_owned());
        Some(Self {
            name: "today",
            plan: None,
            models: [model, small],
            attempt: Duration::from_secs(60),
            deadline: Duration::from_secs(300),
            max_wait: Duration::from_secs(120),
        })
    }

    /// Its provider, who has seen nothing yet if it is a mock.
    pub(super) async fn provider(&self) -> anyhow::Result<Server> {
        match &self.plan {
            Some(plan) => Ok(Server::mock(plan.clone()).await?),
            None => Server::from_env().ok_or_else(|| anyhow::anyhow!("the environment names no server")),
        }
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
