//! One key, one effect: whatever callers do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod contract;
mod detached;
#[cfg(feature = "redb")]
mod durable;
mod flight;
mod law;
mod room;
#[cfg(feature = "redis")]
mod shared;
mod store;
mod streamed;
mod support;
