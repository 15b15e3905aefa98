//! Limits that a real server keeps.

mod away;
mod cluster;
mod lease;
mod processes;
mod server;
mod sharing;

use std::time::Duration;

use mainstay_bucket::{
    Limited, Patience, Rate, Reservation,
    redis::{RedisLimits, SharedLimits},
};

/// So slow that nothing comes back during a test.
fn daily() -> Rate {
    Rate::new(1, Duration::from_secs(86_400)).unwrap()
}

/// So much of each, for good, and a server that may take its time.
fn shared(tokens: u64, requests: u64) -> SharedLimits {
    let limits = SharedLimits::new("model").tokens(tokens, daily()).requests(requests, daily());
    limits.timeout(Duration::from_secs(10))
}

/// Reserves what is there at once: the wait would be a day.
async fn take(limits: &RedisLimits, tokens: u64) -> Result<Reservation, Limited> {
    limits.reserve(tokens, Patience::new(Duration::from_secs(60))).await
}

/// Tries until it comes true, for half a minute at most.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(outcome) = attempt().await {
            return outcome;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came true: {what}");
}
