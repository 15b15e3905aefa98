//! What the whole stack must survive: seven scenarios and a soak, each on a paused clock, where minutes and hours pass at once, and in brief
//! on a real one.
//!
//! Server and stack share one runtime of one thread: what one sends over loopback is there for the other at once, so that a paused clock
//! moves on only when all of them wait. Whatever happens, the laws of [`world`] hold.
//!
//! A longer soak in real time: `MAINSTAY_SOAK_SECONDS=300 cargo test -p mainstay --test chaos soak_in_real_time`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod all_down;
mod broken;
mod flapping;
mod money;
mod pressure;
mod silence;
mod soak;
mod storm;
mod world;
