#![doc = include_str!("../README.md")]

mod answer;
mod chance;
mod clock;
mod fault;
mod intake;
mod judge;
mod latency;
mod ledger;
mod limits;
mod line;
mod model;
mod plan;
mod play;
mod refusal;
mod reply;
mod request;
mod route;
mod script;
mod server;
mod service;
mod state;
mod stats;
mod tokens;
mod wire;

pub use self::{
    fault::{Dialect, FaultSpec, RetryAfter, StreamFault, UnknownFault, WholeFault},
    latency::Latency,
    plan::{ModelPlan, Outage, Plan, PlanError, Turn, UnknownModels},
    server::{Builder, MockOpenAi, StartError},
    stats::Stats,
};
