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
//! is set, to a mock in the same process that fails on purpose.
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
//! A package of its own, `proxy/`, is an OpenAI-compatible proxy in front of backends that fail.

pub mod batch;
pub mod documents;
pub mod pipeline;
pub mod rules;

use std::env;

use mainstay::openai::ClientBuilder;
use mainstay_mock_openai::{MockOpenAi, Plan};

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
    pub async fn from_env_or(plan: Plan) -> Result<Self, mainstay_mock_openai::StartError> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let model = set("OPENAI_MODEL").unwrap_or_else(|| "gpt-4o-mini".to_owned());
        if set("OPENAI_BASE_URL").or_else(|| set("OPENAI_API_KEY")).is_some() {
            return Ok(Self { model, mock: None });
        }
        let mock = MockOpenAi::builder().plan(plan).start().await?;
        eprintln!("neither OPENAI_BASE_URL nor OPENAI_API_KEY is set: asking a mock that fails on purpose\n");
        Ok(Self { model, mock: Some(mock) })
    }

    /// Points a client at the server.
    pub fn client(&self, builder: ClientBuilder) -> ClientBuilder {
        match &self.mock {
            Some(mock) => builder.base_url(mock.base_url()),
            None => builder.env(),
        }
    }
}

/// The README's code compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
