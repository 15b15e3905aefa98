//! What the crate promises, on a paused clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod answers;
mod bounds;
mod budget;
mod contract;
mod drive;
mod foresight;
mod hooks;
mod outage;
mod requests;
mod scratch;
mod settings;
mod waits;
mod wire;
