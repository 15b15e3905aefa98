//! What users of Mainstay do on a working day, one file each, in `examples/`.
//!
//! ```sh
//! cargo run -p mainstay-examples --example chat -- "What is a mainstay?"
//! cargo run -p mainstay-examples --example stream -- "Tell me of the sea."
//! cargo run -p mainstay-examples --example document_pipeline
//! cargo run -p mainstay-examples --example batch -- prompts.jsonl answers.jsonl
//! ```
//!
//! They talk to the server that `OPENAI_BASE_URL` and `OPENAI_API_KEY` name, with the model of `OPENAI_MODEL`; where neither
//! is set, to a mock in the same process that fails on purpose. `batch` asks the mock only where no files are named: what a mock
//! makes up has no place in a file of answers.
//!
//! Each layer alone, around a service that has never heard of models, on a clock that needs no waiting:
//!
//! ```sh
//! cargo run -p mainstay-examples --example single_layer_retry
//! cargo run -p mainstay-examples --example single_layer_limit
//! cargo run -p mainstay-examples --example single_layer_idempotency
//! cargo run -p mainstay-examples --example single_layer_fallback
//! cargo run -p mainstay-examples --example single_layer_router
//! ```
//!
//! `axum_service`, a service on axum in front of backends that fail, has outgrown one file: it is a package of its own, in `proxy/`, an
//! OpenAI-compatible proxy that serves every route of a configuration.
//!
//! ```sh
//! cargo run -p mainstay-proxy -- --mock
//! cargo run -p mainstay-proxy -- --config examples/proxy/proxy.toml --port 8080
//! ```

pub mod batch;
pub mod documents;
pub mod pipeline;
pub mod rules;

use std::env;

use mainstay::openai::ClientBuilder;
use mainstay_mock_openai::{MockOpenAi, Plan, StartError};

/// A server to talk to.
#[derive(Debug)]
pub struct Server {
    /// The model to ask for.
    pub model: String,
    mock: Option<MockOpenAi>,
}

// === impl Server ===

impl Server {
    /// The server that the environment names, or else a mock with a plan.
    ///
    /// # Errors
    ///
    /// If the mock does not start.
    pub async fn from_env_or(plan: Plan) -> Result<Self, StartError> {
        if let Some(named) = Self::from_env() {
            return Ok(named);
        }
        eprintln!("neither OPENAI_BASE_URL nor OPENAI_API_KEY is set: asking a mock that fails on purpose\n");
        Self::mock(plan).await
    }

    /// The server that the environment names, if it names one.
    pub fn from_env() -> Option<Self> {
        set("OPENAI_BASE_URL").or_else(|| set("OPENAI_API_KEY"))?;
        Some(Self { model: model(), mock: None })
    }

    /// A mock with a plan, whatever the environment names.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn mock(plan: Plan) -> Result<Self, StartError> {
        Ok(Self { model: model(), mock: Some(MockOpenAi::builder().plan(plan).start().await?) })
    }

    /// The calls that the server has seen, if it is a mock.
    pub fn calls(&self) -> Option<u64> {
        self.mock.as_ref().map(|mock| mock.stats().calls)
    }

    /// Points a client at the server.
    pub fn client(&self, builder: ClientBuilder) -> ClientBuilder {
        match &self.mock {
            Some(mock) => builder.base_url(mock.base_url()),
            None => builder.env(),
        }
    }
}

/// The model to ask for.
fn model() -> String {
    set("OPENAI_MODEL").unwrap_or_else(|| "gpt-4o-mini".to_owned())
}

/// A variable of the environment that says something.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The README's code compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
