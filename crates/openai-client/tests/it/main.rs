//! What the client promises, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod azure;
mod builder;
mod bytes;
mod chunks;
mod dialects;
mod errors;
mod json;
mod recordings;
mod schema;
mod server;
mod streams;
mod text;
mod timeouts;
mod tokens;
