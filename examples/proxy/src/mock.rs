use anyhow::Result;
use mainstay::Config;
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan};
use std::time::Duration;

/// Two backends in this process: one that fails in every way, and one that is only slow.
pub(crate) struct Mock {
    flaky: MockOpenAi,
    steady: MockOpenAi,
}

// === impl Mock ===

impl Mock {
    pub(crate) async fn start() -> Result<Self> {
        let millis = Duration::from_millis;
        let slow = ModelPlan::new()
            .latency(Latency::Constant(millis(120)))
            .first_token(Latency::Constant(millis(80)))
            .per_token(Latency::Constant(millis(10)));
        Ok(Self {
            flaky: MockOpenAi::builder()
                .plan(Plan::from_toml(include_str!("../mock/flaky.toml"))?)
                .start()
                .await?,
            steady: MockOpenAi::builder().plan(Plan::new().default_model(slow)).start().await?,
        })
    }

    /// The configuration that leads to them.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut config = Config::from_toml(include_str!("../mock/proxy.toml"))?;
        for (name, mock) in [("flaky", &self.flaky), ("steady", &self.steady)] {
            if let Some(backend) = config.backends.get_mut(name) {
                backend.base_url = mock.base_url();
            }
        }
        Ok(config)
    }

    /// Stops them, and tells what they have seen.
    pub(crate) async fn tell(self) {
        for (name, mock) in [("flaky", self.flaky), ("steady", self.steady)] {
            tracing::info!(name, outcomes = ?mock.stop().await.by_outcome, "the mock has seen");
        }
    }
}
