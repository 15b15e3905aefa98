//! What the crate promises, on a paused clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod bucket;
mod contract;
#[cfg(feature = "governor")]
mod governor;
mod headers;
mod keyed;
mod layer;
mod limits;
mod loosened;
mod model;
#[cfg(feature = "redis")]
mod redis;
mod reference;
mod resized;
mod settings;
mod soak;
mod waiters;
