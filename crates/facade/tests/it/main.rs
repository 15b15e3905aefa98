//! The whole stack against a real server that fails on purpose.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod budgets;
mod builder;
mod config;
mod continuation;
#[cfg(feature = "metrics")]
mod counted;
mod deadline;
mod embed;
#[cfg(feature = "redis-tls")]
mod encrypted;
mod first_token;
mod health;
mod limits;
mod once;
mod reload;
mod report;
mod round_trip;
mod route_settings;
mod routes;
mod settled;
#[cfg(feature = "redis")]
mod shared;
mod storm;
mod strategies;
mod streams;
mod surface;
mod tiers;
mod windows;
