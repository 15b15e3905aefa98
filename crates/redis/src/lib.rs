#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod away;
mod circuit;
mod link;
mod server;
mod tls;

pub use away::Away;
pub use redis::{RedisError, RedisResult, Script, ScriptInvocation, ToRedisArgs};
pub use server::Redis;
