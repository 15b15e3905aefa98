//! Limits that a real server keeps.

mod away;
mod cluster;
mod ends;
mod known;
mod lease;
mod processes;
mod scripts;
mod sharing;

use std::time::Duration;

use mainstay_bucket::{
    Limited, Patience, Rate, Reservation,
    redis::{Redis, RedisLimits, SharedLimits},
};
use mainstay_testkit::redis::TestServer;

/// So slow that nothing comes back during a test.
fn daily() -> Rate {
    Rate::new(1, Duration::from_secs(86_400)).unwrap()
}

/// So much of each, for good.
fn shared(tokens: u64, requests: u64) -> SharedLimits {
    SharedLimits::new("model").tokens(tokens, daily()).requests(requests, daily())
}

/// A server that may take its time.
fn patient(server: &TestServer) -> Redis {
    Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(10))
}

/// Reserves what is there at once: the wait would be a day.
async fn take(limits: &RedisLimits, tokens: u64) -> Result<Reservation, Limited> {
    limits.reserve(tokens, Patience::new(Duration::from_secs(60))).await
}
