//! What the crate promises, on a paused clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod accounting;
mod boxed;
mod budget;
mod changes;
mod contract;
mod fixtures;
mod health;
#[cfg(feature = "learned")]
mod learned;
mod none_eligible;
mod prices;
mod retry;
mod sharing;
mod simulation;
mod strategies;
mod threads;
