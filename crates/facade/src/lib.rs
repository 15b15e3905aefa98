#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "openai")]
mod among;
#[cfg(feature = "openai")]
mod asked;
#[cfg(feature = "openai")]
mod asks;
#[cfg(feature = "openai")]
mod assemble;
#[cfg(feature = "openai")]
mod attempt;
#[cfg(feature = "openai")]
mod build_error;
#[cfg(feature = "openai")]
mod builder;
#[cfg(all(feature = "openai", feature = "redis"))]
mod by_model;
#[cfg(feature = "openai")]
mod checked;
#[cfg(feature = "openai")]
mod config;
#[cfg(feature = "openai")]
mod continuation;
mod deadline;
#[cfg(feature = "openai")]
mod error;
#[cfg(feature = "openai")]
mod in_line;
#[cfg(feature = "openai")]
mod kept;
#[cfg(feature = "openai")]
mod labels;
#[cfg(feature = "openai")]
mod limited;
#[cfg(feature = "openai")]
mod limits;
#[cfg(feature = "openai")]
mod mainstay;
#[cfg(feature = "openai")]
mod named;
#[cfg(feature = "openai")]
mod once;
#[cfg(feature = "openai")]
mod one_kind;
#[cfg(feature = "openai")]
mod ongoing;
#[cfg(feature = "openai")]
mod overlay;
#[cfg(feature = "openai")]
mod parts;
#[cfg(feature = "openai")]
mod played;
#[cfg(feature = "openai")]
mod provider;
#[cfg(feature = "openai")]
mod remember;
#[cfg(feature = "openai")]
mod reply;
#[cfg(feature = "openai")]
mod report;
#[cfg(feature = "openai")]
mod reported;
#[cfg(feature = "openai")]
mod route;
#[cfg(feature = "openai")]
mod served;
mod service_builder_ext;
#[cfg(feature = "openai")]
mod shares;
#[cfg(all(feature = "openai", feature = "redis"))]
mod sharing;
#[cfg(feature = "openai")]
mod stack;
#[cfg(feature = "openai")]
mod status;
#[cfg(feature = "openai")]
mod stream;
#[cfg(feature = "openai")]
mod tier;
#[cfg(feature = "openai")]
mod usage;

#[cfg(feature = "openai")]
pub mod check;
#[cfg(all(feature = "openai", feature = "metrics"))]
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
#[cfg(feature = "openai")]
pub use mainstay_openai_client as openai;
/// Backends, their health, and strategies to choose among them: the crate `mainstay-router`.
pub use mainstay_router as router;

#[cfg(feature = "openai")]
pub use asked::Asked;
#[cfg(feature = "openai")]
pub use asks::Asks;
#[cfg(feature = "openai")]
pub use attempt::{AttemptFuture, AttemptLayer, Attempted, Billed};
#[cfg(feature = "openai")]
pub use build_error::BuildError;
#[cfg(feature = "openai")]
pub use builder::Builder;
#[cfg(feature = "openai")]
pub use checked::{AnyAnswer, Checked, CheckedFuture, Passes, SharedCheck};
#[cfg(feature = "openai")]
pub use config::{
    BackendConfig, BudgetConfig, CapabilityConfig, ComplexityConfig, Config, ConfigError, ContinuationConfig,
    CostBudgetConfig, GradeConfig, HeaderSource, IdempotencyConfig, JitterConfig, KeySource, LearnedConfig,
    Preset, PriceConfig, RetryBudgetConfig, RetryConfig, RouteConfig, ServedConfig, StrategyConfig,
    TierConfig,
};
#[cfg(feature = "openai")]
pub use continuation::{Continuation, Continue, ContinueFuture};
pub use deadline::{Deadline, DeadlineFuture, DeadlineLayer, DeadlinePassed, TimeLimit};
#[cfg(feature = "openai")]
pub use error::Error;
#[cfg(feature = "openai")]
pub use mainstay::Mainstay;
pub use mainstay_backoff::{Rejected, RetryPolicy};
pub use mainstay_fallback::Degradation;
pub use mainstay_fault::{Fault, FaultKind, HasFault};
#[cfg(feature = "openai")]
pub use mainstay_openai_client::{ChatRequest, ChatResponse, EmbeddingRequest, EmbeddingResponse};
#[cfg(feature = "openai")]
pub use named::Named;
#[cfg(feature = "openai")]
pub use once::{NewKey, Once, OnceKey, OnceStreamed};
#[cfg(feature = "openai")]
pub use one_kind::{OneKind, OneKindFuture};
#[cfg(feature = "openai")]
pub use ongoing::Ongoing;
#[cfg(feature = "openai")]
pub use played::{PlayEach, PlayEachFuture};
#[cfg(feature = "openai")]
pub use reply::{Failure, Reply};
#[cfg(feature = "openai")]
pub use report::{AttemptReport, Report};
#[cfg(feature = "openai")]
pub use reported::{ReportLayer, Reportable, Reported, ReportedFuture};
#[cfg(feature = "openai")]
pub use route::{ByRoute, RouteFuture};
#[cfg(feature = "openai")]
pub use served::{Served, ServedCodec};
pub use service_builder_ext::ServiceBuilderExt;
#[cfg(feature = "openai")]
pub use stack::{ChatFuture, ChatService, EmbedFuture, EmbedService, StreamFuture, StreamService};
#[cfg(feature = "openai")]
pub use status::{BackendStatus, BudgetStatus, LimitStatus, Status};
#[cfg(feature = "openai")]
pub use stream::ChatStream;
#[cfg(feature = "openai")]
pub use tier::Tier;
#[cfg(feature = "openai")]
pub use usage::{AskUsage, AskUsageFuture, AskUsageLayer};
