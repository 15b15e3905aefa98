#![doc = include_str!("../README.md")]

mod answer;
mod away;
mod circuit;
mod link;
mod server;
mod tls;

pub use away::Away;
pub use redis::{RedisError, RedisResult, Script, ScriptInvocation, ToRedisArgs};
pub use server::Redis;
