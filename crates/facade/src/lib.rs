#![doc = include_str!("../README.md")]

mod among;
mod asks;
mod assemble;
mod attempt;
mod build_error;
mod builder;
#[cfg(feature = "redis")]
mod by_model;
mod config;
mod deadline;
mod error;
mod kept;
mod limits;
mod mainstay;
mod named;
mod once;
mod ongoing;
mod remember;
mod reply;
mod report;
mod reported;
mod route;
mod served;
#[cfg(feature = "redis")]
mod sharing;
mod stack;
mod status;
mod stream;
mod tier;
mod usage;

pub mod check;
#[cfg(feature = "metrics")]
pub mod metrics;

/// Delays, jitter, budgets, the retry policy and layer: the crate `mainstay-backoff`.
pub use mainstay_backoff as backoff;
/// Token buckets, limits and the rate-limit layer: the crate `mainstay-bucket`.
pub use mainstay_bucket as bucket;
/// Tiers: another model, another method, a set answer, a queue for people: the crate `mainstay-fallback`.
pub use mainstay_fallback as fallback;
/// What went wrong, and what may be done about it: the crate `mainstay-fault`.
pub use mainstay_fault as fault;
/// One key, one effect: the crate `mainstay-idempotency`.
pub use mainstay_idempotency as idempotency;
/// The client of OpenAI-compatible APIs: the crate `mainstay-openai-client`.
pub use mainstay_openai_client as openai;
/// Backends, their health, and strategies to choose among them: the crate `mainstay-router`.
pub use mainstay_router as router;

pub use asks::Asks;
pub use attempt::{AttemptFuture, AttemptLayer, Attempted, Billed};
pub use build_error::BuildError;
pub use builder::Builder;
pub use config::{
    BackendConfig, BudgetConfig, CapabilityConfig, ComplexityConfig, Config, ConfigError, CostBudgetConfig,
    GradeConfig, IdempotencyConfig, JitterConfig, KeySource, LearnedConfig, Preset, PriceConfig,
    RetryBudgetConfig, RetryConfig, RouteConfig, ServedConfig, StrategyConfig, TierConfig,
};
pub use deadline::{Deadline, DeadlineLayer};
pub use error::Error;
pub use mainstay::Mainstay;
pub use mainstay_backoff::{Rejected, RetryPolicy};
pub use mainstay_fallback::Degradation;
pub use mainstay_fault::{Fault, FaultKind, HasFault};
pub use mainstay_openai_client::{ChatRequest, ChatResponse, EmbeddingRequest, EmbeddingResponse};
pub use named::Named;
pub use once::{NewKey, Once, OnceKey, OnceStreamed};
pub use ongoing::Ongoing;
pub use reply::{Failure, Reply};
pub use report::{AttemptReport, Report};
pub use reported::{ReportLayer, Reportable, Reported, ReportedFuture};
pub use route::{ByRoute, RouteFuture};
pub use served::{Served, ServedCodec};
pub use stack::{ChatFuture, ChatService, EmbedFuture, EmbedService, StreamFuture, StreamService};
pub use status::{BackendStatus, BudgetStatus, LimitStatus, Status};
pub use stream::ChatStream;
pub use tier::{Asked, Tier};
pub use usage::{AskUsage, AskUsageFuture, AskUsageLayer};
