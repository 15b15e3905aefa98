//! What a shared limit and a shared key cost, beside the plainest scripts on the same server.
//!
//! `cargo bench -p mainstay-benches --bench redis`; it needs `redis-server` on the path, and says so where there is none.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use criterion::{BenchmarkId, Criterion};
use mainstay_bucket::{
    Patience,
    redis::{Redis, RedisLimits, SharedLimits},
};
use mainstay_idempotency::{Asked, Claimed, Fingerprint, Kept, RedisKeys, Store};
use mainstay_redis::Script;
use mainstay_testkit::redis::TestServer;
use tokio::runtime::Runtime;

/// So much that nobody is ever refused.
fn limits() -> anyhow::Result<SharedLimits> {
    Ok(SharedLimits::new("bench").requests_per_minute(1_000_000_000)?.tokens_per_minute(100_000_000_000)?)
}

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let Some(server) = runtime.block_on(TestServer::start(&[])) else { return Ok(()) };
    let redis = Redis::open(&server.url())?.timeout(Duration::from_secs(10));
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
        .configure_from_args();

    let work = "a reservation by Redis";
    let plain =
        Script::new("redis.call('PEXPIRE', KEYS[1], 60000) return redis.call('INCRBY', KEYS[1], ARGV[1])");
    time(&mut criterion, &runtime, work, "INCRBY and PEXPIRE in a script", async || {
        redis.run::<u64>(plain.key("plain").arg(100)).await.expect("the server is there");
    });
    let asks = limits()?.on(redis.clone());
    time(&mut criterion, &runtime, work, "mainstay-bucket, each asks", async || reserve(&asks).await);
    let leases = limits()?.lease(100, 10_000, Duration::from_secs(1)).on(redis.clone());
    time(&mut criterion, &runtime, work, "mainstay-bucket, a lease of 100", async || reserve(&leases).await);

    let work = "a new key by Redis, claimed and answered";
    let number = AtomicU64::new(0);
    let next = || format!("key-{}", number.fetch_add(1, Relaxed));
    let claim = Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 60000)");
    let keep = Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'XX', 'PX', 60000)");
    time(&mut criterion, &runtime, work, "SET NX PX, SET XX PX", async || {
        let key = format!("plain:{}", next());
        for script in [&claim, &keep] {
            redis.run::<String>(script.key(&key).arg("\"answer\"")).await.expect("the server is there");
        }
    });
    let keys = RedisKeys::on(redis.clone());
    time(&mut criterion, &runtime, work, "mainstay-idempotency", async || {
        let asked = Asked::new(next(), Fingerprint::new(1));
        let Ok(Claimed::Run(hold)) = keys.claim(asked).await else { unreachable!("the key is new") };
        hold.keep(&Kept::Answered("answer".to_owned())).await.expect("the server is there");
    });
    criterion.final_summary();
    Ok(())
}

async fn reserve(limits: &RedisLimits) {
    let reservation = match mainstay_bucket::Limiter::try_reserve(limits, &(), 100) {
        Some(reservation) => reservation,
        None => limits.reserve(100, Patience::new(Duration::from_secs(60))).await.expect("there is enough"),
    };
    reservation.settle(100);
}

fn time(criterion: &mut Criterion, runtime: &Runtime, work: &str, side: &str, unit: impl AsyncFn()) {
    criterion.benchmark_group(work).bench_function(BenchmarkId::from_parameter(side), |bencher| {
        bencher.iter_custom(|each| {
            runtime.block_on(async {
                let started = tokio::time::Instant::now();
                for _ in 0..each {
                    unit().await;
                }
                started.elapsed()
            })
        });
    });
}
