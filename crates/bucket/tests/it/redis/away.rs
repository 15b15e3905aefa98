use std::{sync::Arc, time::Duration};

use mainstay_bucket::{
    Limit, Limits, Rate, Reason,
    redis::{Redis, RedisLimits, SharedLimits, WhenAway},
};
use mainstay_fault::{FaultKind, HasFault};
use tokio::time::timeout;

use mainstay_testkit::redis::{Partition, TestServer, eventually};

use super::{patient, shared, take};

/// A server that is asked again soon.
pub(super) fn quick(url: &str) -> Redis {
    let redis = Redis::open(url).unwrap();
    redis.timeout(Duration::from_millis(200)).retry_every(Duration::from_millis(20))
}

/// Whether the next call is served; it answers in any case.
async fn served(limits: &RedisLimits) -> bool {
    let outcome = timeout(Duration::from_secs(30), take(limits, 1)).await.expect("a call hangs");
    match outcome {
        Ok(reservation) => {
            reservation.cancel();
            true
        }
        Err(error) => {
            assert_eq!((error.reason(), error.fault().kind), (Reason::Away, FaultKind::Shed));
            assert_eq!(error.to_string(), "the limit on requests cannot be asked for: its server is away");
            false
        }
    }
}

async fn recovers(limits: &RedisLimits) {
    eventually("calls are served again", async || served(limits).await.then_some(())).await;
}

#[tokio::test]
async fn a_server_that_is_killed_fails_calls_until_it_is_back() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 100).on(quick(&server.url()));
    recovers(&limits).await;
    server.kill();
    for _ in 0..10 {
        assert!(!served(&limits).await);
    }
    server.restart().await;
    recovers(&limits).await;
}

#[tokio::test]
async fn a_server_that_stands_still_hangs_nobody() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 100).on(quick(&server.url()));
    recovers(&limits).await;
    server.signal("-STOP");
    let calls: Vec<_> = (0..50)
        .map(|_| {
            tokio::spawn({
                let limits = limits.clone();
                async move { served(&limits).await }
            })
        })
        .collect();
    for call in calls {
        assert!(!call.await.unwrap());
    }
    server.signal("-CONT");
    recovers(&limits).await;
}

#[tokio::test]
async fn while_the_circuit_is_open_nobody_asks() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 100).on(quick(&server.url()).retry_every(Duration::from_secs(3_600)));
    recovers(&limits).await;
    assert!(limits.flush().await);
    server.kill();
    assert!(!served(&limits).await);
    server.restart().await;
    for _ in 0..10 {
        assert!(!served(&limits).await);
    }
    let stats: String = server.ask(&["INFO", "commandstats"]).await;
    assert!(!stats.contains("cmdstat_evalsha"), "{stats}");
}

#[tokio::test]
async fn a_server_that_need_not_be_there_at_first_is_found_later() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    server.kill();
    let limits = shared(100, 100).on(quick(&server.url()));
    assert!(!served(&limits).await);
    server.restart().await;
    recovers(&limits).await;
}

#[tokio::test]
async fn a_key_of_the_wrong_type_is_an_error_and_no_hang() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let _: String = server.ask(&["SET", "mainstay:{model}:limits", "nonsense"]).await;
    let limits = shared(100, 100).on(quick(&server.url()));
    assert!(!served(&limits).await);
    let _: u64 = server.ask(&["DEL", "mainstay:{model}:limits"]).await;
    recovers(&limits).await;
}

#[tokio::test]
async fn a_local_share_serves_its_part_less_what_the_process_had_used() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let rate = Rate::new(4, Duration::from_secs(86_400)).unwrap();
    let settings = SharedLimits::new("model").tokens(100, rate).requests(100, rate);
    let limits = settings.when_away(WhenAway::LocalShare(0.25)).unwrap().on(quick(&server.url()));
    recovers(&limits).await;
    for _ in 0..9 {
        drop(take(&limits, 1).await.unwrap());
    }
    server.kill();
    let mut granted = 0;
    while let Ok(reservation) = take(&limits, 1).await {
        drop(reservation);
        granted += 1;
    }
    assert_eq!(granted, 16);
}

#[tokio::test(start_paused = true)]
async fn what_was_used_of_the_processs_own_limits_is_gone_of_its_share() {
    let redis = quick("redis://127.0.0.1:1/").retry_every(Duration::from_secs(3_600));
    assert!(!served(&shared(100, 100).on(redis.clone())).await);
    for (calls, left) in [(0, 25), (20, 5), (40, 0)] {
        let own = Arc::new(Limits::default().requests_per_minute(100).unwrap());
        let _calls: Vec<_> = (0..calls).map(|_| own.try_reserve(0).unwrap()).collect();
        let share = SharedLimits::like("model", &own).within(own).when_away(WhenAway::LocalShare(0.25));
        assert_eq!(share.unwrap().on(redis.clone()).requests_available(), Some(left));
    }
}

/// Shares of a tenth.
fn tenth(redis: Redis) -> RedisLimits {
    let rate = Rate::new(10, Duration::from_secs(86_400)).unwrap();
    let settings = SharedLimits::new("model").tokens(1_000, rate).requests(1_000, rate);
    settings.when_away(WhenAway::LocalShare(0.1)).unwrap().on(redis)
}

#[tokio::test]
async fn who_used_far_more_than_his_share_has_it_again_after_the_time_that_fills_it() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let limits = tenth(patient(&server));
    for _ in 0..10 {
        take(&limits, 100).await.unwrap().settle(100);
    }
    assert!(limits.flush().await);
    server.kill();
    assert!(take(&limits, 1).await.is_err(), "the share is used up");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(100 * 86_400)).await;
    let all = take(&limits, 100).await.unwrap();
    assert!(take(&limits, 1).await.is_err());
    all.cancel();
}

#[tokio::test]
async fn a_share_counts_what_was_used_and_not_what_was_expected() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let limits = tenth(patient(&server));
    for _ in 0..10 {
        take(&limits, 100).await.unwrap().settle(5);
        take(&limits, 500).await.unwrap().cancel();
        assert!(limits.flush().await);
    }
    take(&limits, 10).await.unwrap().settle(30);
    assert!(limits.flush().await);
    server.kill();
    let error = take(&limits, 21).await.unwrap_err();
    assert_eq!(error.retry_after().unwrap().as_secs() / 86_400, 0, "{error}");
    take(&limits, 20).await.unwrap().settle(20);
    take(&limits, 1).await.unwrap_err();
}

#[tokio::test]
async fn a_call_that_the_share_is_too_small_for_is_told_when_the_server_is_asked_again() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let rate = Rate::new(4, Duration::from_secs(86_400)).unwrap();
    let settings =
        SharedLimits::new("model").tokens(100, rate).when_away(WhenAway::LocalShare(0.25)).unwrap();
    let limits = settings.on(patient(&server).retry_every(Duration::from_secs(3_600)));
    take(&limits, 1).await.unwrap().cancel();
    server.kill();
    take(&limits, 1).await.unwrap().cancel();
    let error = take(&limits, 30).await.unwrap_err();
    assert_eq!((error.limit(), error.reason()), (Limit::Tokens, Reason::Away));
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(3_000)), "{error:?}");
    let waits = [1, 30, 101].map(|tokens| limits.wait_for(tokens));
    assert_eq!(waits, [Some(Duration::ZERO), Some(Duration::from_secs(3_600)), None]);
    let never = take(&limits, 101).await.unwrap_err();
    assert_eq!((never.reason(), never.retry_after()), (Reason::TooLarge, None));
}

#[tokio::test]
async fn a_network_that_drops_all_hangs_nobody() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let network = Partition::before(&server).await;
    let fails = shared(100, 100).on(quick(&network.url()));
    recovers(&fails).await;
    let own = SharedLimits::new("other").requests(100, Rate::new(4, Duration::from_secs(86_400)).unwrap());
    let own = own.when_away(WhenAway::LocalShare(0.25)).unwrap().on(quick(&network.url()));
    recovers(&own).await;
    network.drop_all(true);
    for _ in 0..10 {
        assert!(!served(&fails).await);
    }
    let mut granted = 0;
    while let Ok(reservation) = timeout(Duration::from_secs(30), take(&own, 1)).await.expect("a call hangs") {
        drop(reservation);
        granted += 1;
    }
    assert_eq!(granted, 25);
    network.carry_new();
    recovers(&fails).await;
    eventually("the shared limit counts again", async || take(&own, 1).await.ok()).await.cancel();
}

#[tokio::test]
async fn one_limit_of_the_wrong_type_is_an_error_of_its_own() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let redis = patient(&server).retry_every(Duration::from_secs(3_600));
    let _: String = server.ask(&["SET", "mainstay:{broken}:limits", "nonsense"]).await;
    let broken = SharedLimits::new("broken").requests(1, super::daily()).on(redis.clone());
    for _ in 0..3 {
        assert_eq!(take(&broken, 0).await.unwrap_err().reason(), Reason::Away);
        take(&shared(100, 100).on(redis.clone()), 0).await.unwrap().cancel();
    }
}

#[tokio::test]
async fn what_was_settled_while_the_server_was_away_is_handed_in_later() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 100).on(quick(&server.url()));
    let held = take(&limits, 100).await.unwrap();
    server.signal("-STOP");
    held.settle(40);
    assert!(!limits.flush().await);
    server.signal("-CONT");
    let other = shared(100, 100).on(patient(&server));
    drop(eventually("the rest is given back", async || take(&other, 60).await.ok()).await);
    take(&other, 1).await.unwrap_err();
}

#[test]
fn nonsense_is_refused() {
    for part in [0.0, -1.0, 1.5, f64::NAN] {
        let error = SharedLimits::new("model").when_away(WhenAway::LocalShare(part)).unwrap_err();
        assert_eq!(error.field(), "local share");
    }
    // A quarter of one a day: none would be no limit.
    shared(100, 100).when_away(WhenAway::LocalShare(0.25)).unwrap_err();
    SharedLimits::new("model").in_flight(0).unwrap_err();
    SharedLimits::new("model").requests_per_minute(0).unwrap_err();
    SharedLimits::new("model").connect("nonsense").unwrap_err();
}
