//! The whole stack against a real server that fails on purpose.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod config;
mod continuation;
#[cfg(feature = "metrics")]
mod counted;
mod deadline;
mod embed;
mod limits;
mod observed;
mod once;
mod report;
mod routes;
#[cfg(feature = "redis")]
mod shared;
mod storm;
mod strategies;
mod streams;
mod surface;
mod tiers;
