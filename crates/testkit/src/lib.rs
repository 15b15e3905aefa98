//! The contract that every layer's tests run.
//!
//! [`script()`] makes the innermost service of a test: it answers as told, panics when it is called unready, and a
//! [`Record`] tells what it saw. [`check_contract`] and [`check_cancel`] drive a layer over it and panic where the layer
//! breaks tower's contract of readiness, or leaks what a dropped call held.
//!
//! ```
//! use mainstay_testkit::{check_cancel, check_contract};
//! use tower::limit::ConcurrencyLimitLayer;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! check_contract(&ConcurrencyLimitLayer::new(2)).await;
//! check_cancel(&ConcurrencyLimitLayer::new(2)).await;
//! # });
//! ```

mod check;
mod left_out;
mod record;
mod script;

#[cfg(feature = "redis")]
pub mod redis;

pub use check::{check_cancel, check_contract};
pub use left_out::left_out;
pub use record::{Record, Seen};
pub use script::{Running, Script, Step, script};
