//! What the crate promises, through its public API.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod call;
mod chain;
mod dialects;
mod retry_after;
mod table;
