//! Mainstay measured beside its peers: both in one run, on the same work.
//!
//! `cargo xtask bench` runs the programs in `benches/`, and prints a table of [`ROWS`] with what they measured.
//! To add a row:
//!
//! 1. say in [`ROWS`] what is measured, beside whom, and which bar it must pass;
//! 2. measure both sides in the module of the row's program (`retry.rs`, `limiter.rs`, …), by the names that the row gives them.
//!
//! A new program is such a module, a line in `benches/allocations.rs`, and a file of one line in `benches/`.
//!
//! Each program measures the sides in turn, in several rounds, so that a machine that slows down meanwhile slows all of
//! them alike; a ratio is the median of the rounds' ratios. Allocations are counted by a program of their own: an allocator
//! that counts takes time.

mod rows;

#[cfg(feature = "programs")]
mod calls;
#[cfg(feature = "programs")]
pub mod chat;
#[cfg(feature = "programs")]
pub mod failover;
#[cfg(feature = "programs")]
pub mod fallback;
#[cfg(feature = "programs")]
mod hammer;
#[cfg(feature = "programs")]
pub mod idempotency;
#[cfg(feature = "programs")]
pub mod learned;
#[cfg(feature = "programs")]
pub mod limiter;
#[cfg(feature = "programs")]
mod measure;
#[cfg(feature = "programs")]
pub mod mock;
#[cfg(feature = "programs")]
mod once;
#[cfg(feature = "paused-clock")]
pub mod outage;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "programs")]
pub mod retry;
#[cfg(feature = "programs")]
pub mod router;
#[cfg(feature = "programs")]
pub mod stack;
#[cfg(feature = "programs")]
mod timer;

pub use rows::{
    ALLOCATIONS, APART, Bar, QUICK_ROUNDS, REDIS, ROUNDS, ROUNDS_VARIABLE, ROWS, Row, Unit, programs,
};

#[cfg(feature = "programs")]
pub use self::{
    calls::drive,
    measure::{Measure, Took, is_trial},
    timer::{Timer, time},
};
