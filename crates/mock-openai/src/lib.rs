#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

// How to behave.
mod chance;
mod clock;
mod fault;
mod latency;
mod plan;

// The server, its connections, and what they share.
mod ledger;
mod limits;
mod line;
mod model;
mod server;
mod state;
mod stats;

// One call: from its request, by a verdict, to the steps of its answer.
mod answer;
mod intake;
mod judge;
mod play;
mod refusal;
mod reply;
mod request;
mod route;
mod script;
mod service;
mod tokens;
mod wire;

pub use self::{
    fault::{Dialect, FaultSpec, RetryAfter, StreamFault, UnknownFault, WholeFault},
    latency::Latency,
    plan::{ModelPlan, Outage, Plan, PlanError, Turn, UnknownModels},
    server::{Builder, MockOpenAi, StartError},
    stats::Stats,
};
