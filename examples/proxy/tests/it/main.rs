//! The proxy as its callers see it: the program itself, over real HTTP, in front of a server that fails on purpose.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod proxy;

mod chat;
mod clients;
mod doors;
mod errors;
mod gone;
mod metrics;
mod signals;
mod streams;
