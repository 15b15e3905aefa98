//! The server as its peers see it: real sockets, raw bytes.

mod answers;
mod bodies;
mod connections;
mod extraction;
mod keys;
mod lifecycle;
mod limits;
mod mix;
mod plans;
mod program;
mod refusals;
mod requests;
mod schedule;
mod stats;
mod streams;
mod support;
