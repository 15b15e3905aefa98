//! What a shared limit and a shared key cost, beside the plainest scripts on the same server. It needs `redis-server` on the path, and says
//! so where there is none.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use anyhow::Result;
use mainstay_bucket::{
    Limiter, Patience,
    redis::{Redis, RedisLimits, SharedLimits},
};
use mainstay_idempotency::{Asked, Claimed, Fingerprint, Kept, RedisKeys, Store};
use mainstay_redis::Script;
use mainstay_testkit::redis::TestServer;
use tokio::{runtime::Builder, time::Instant};

use crate::{
    Measure, Took,
    rows::{BUCKET, BUCKET_LEASE, CLAIM, IDEMPOTENCY, PLAIN_COUNT, PLAIN_SET, RESERVE},
};

/// Measures the work of this program.
///
/// # Errors
///
/// The server cannot be started.
///
/// # Panics
///
/// The server goes away.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    if !TestServer::is_installed() {
        eprintln!("redis: not measured, since there is no redis-server on this machine");
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let Some(server) = runtime.block_on(TestServer::start(&[])) else { return Ok(()) };
    reserve(measure, &server)?;
    claim(measure, &server)
}

/// A connection of its own for each side: it ends with the side's runtime.
fn open(server: &TestServer) -> Result<Redis> {
    Ok(Redis::open(&server.url())?.timeout(Duration::from_secs(10)))
}

async fn timed(work: impl Future<Output = ()>) -> Took {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

fn reserve(measure: &mut impl Measure, server: &TestServer) -> Result<()> {
    // So much that nobody is ever refused.
    let settings =
        SharedLimits::new("bench").requests_per_minute(1_000_000_000)?.tokens_per_minute(100_000_000_000)?;
    let asks = settings.clone().on(open(server)?);
    measure.between(RESERVE, BUCKET, || timed(take(&asks)));
    let leases = settings.lease(100, 10_000, Duration::from_secs(1)).on(open(server)?);
    measure.between(RESERVE, BUCKET_LEASE, || timed(take(&leases)));
    let redis = open(server)?;
    let count =
        Script::new("redis.call('PEXPIRE', KEYS[1], 60000) return redis.call('INCRBY', KEYS[1], ARGV[1])");
    measure.between(RESERVE, PLAIN_COUNT, || {
        timed(async {
            redis.run::<u64>(count.key("plain").arg(100)).await.expect("the server is there");
        })
    });
    Ok(())
}

async fn take(limits: &RedisLimits) {
    let reservation = match limits.try_reserve(&(), 100) {
        Some(reservation) => reservation,
        None => limits.reserve(100, Patience::new(Duration::from_secs(60))).await.expect("there is enough"),
    };
    reservation.settle(100);
}

fn claim(measure: &mut impl Measure, server: &TestServer) -> Result<()> {
    let number = AtomicU64::new(0);
    let next = || format!("key-{}", number.fetch_add(1, Relaxed));
    let keys = RedisKeys::on(open(server)?);
    measure.between(CLAIM, IDEMPOTENCY, || {
        timed(async {
            let claimed = keys.claim(Asked::new(next(), Fingerprint::new(1))).await;
            let Ok(Claimed::Run(hold)) = claimed else { unreachable!("the key is new") };
            hold.keep(&Kept::Answered("answer".to_owned())).await.expect("the server is there");
        })
    });
    let redis = open(server)?;
    let claim = Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 60000)");
    let keep = Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'XX', 'PX', 60000)");
    measure.between(CLAIM, PLAIN_SET, || {
        timed(async {
            let key = format!("plain:{}", next());
            for script in [&claim, &keep] {
                redis.run::<String>(script.key(&key).arg("\"answer\"")).await.expect("the server is there");
            }
        })
    });
    Ok(())
}
