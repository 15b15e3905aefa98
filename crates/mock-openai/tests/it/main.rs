//! The server as its peers see it: real sockets, raw bytes.

#![cfg(test)]

mod answers;
mod bodies;
mod connections;
mod extraction;
mod keys;
mod lifecycle;
mod limits;
mod mix;
mod plans;
#[cfg(feature = "cli")]
mod program;
mod refusals;
mod requests;
mod schedule;
mod stats;
mod streams;
mod support;
