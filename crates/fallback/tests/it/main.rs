//! Tiers, and what becomes of calls that fall through them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod boxed;
mod contract;
mod hedge;
mod law;
mod queue;
mod tiers;
