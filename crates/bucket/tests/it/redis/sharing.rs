use std::{pin::pin, sync::Arc, time::Duration};

use mainstay_bucket::{
    Limit, Limited, Limiter, Limits, Patience, RateLimitLayer, Reason, ServerLimits, TokenBucket,
    redis::{RedisLimits, SharedLimits},
    usage,
};
use mainstay_fault::{FaultKind, HasFault};
use tokio::time::timeout;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use mainstay_testkit::redis::{TestServer, eventually};

use super::{daily, patient, shared, take};

/// Why a call is refused, and by which limit.
async fn refused(limits: &RedisLimits, tokens: u64) -> (Limit, Reason) {
    let error = take(limits, tokens).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Shed);
    (error.limit(), error.reason())
}

#[tokio::test]
async fn a_call_has_all_limits_or_none() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let [ours, theirs] = [(); 2].map(|()| shared(100, 3).on(patient(&server)));
    let _first = take(&ours, 60).await.unwrap();
    for _ in 0..5 {
        assert_eq!(refused(&theirs, 41).await, (Limit::Tokens, Reason::TooLong));
    }
    // The refusals took no request, and the request that is missing now no tokens.
    let _more = [take(&theirs, 10).await.unwrap(), take(&ours, 10).await.unwrap()];
    assert_eq!(refused(&theirs, 0).await, (Limit::Requests, Reason::TooLong));
    assert_eq!(refused(&theirs, 101).await, (Limit::Tokens, Reason::TooLarge));
    let keys: Vec<String> = server.ask(&["KEYS", "*"]).await;
    assert_eq!(keys, ["mainstay:{model}:limits"]);
    assert!(server.ask::<i64>(&["TTL", "mainstay:{model}:limits"]).await > 3 * 86_000);
}

#[tokio::test]
async fn what_was_not_used_is_given_back_and_what_was_used_beyond_is_charged() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let [ours, theirs] = [(); 2].map(|()| shared(100, 4).on(patient(&server)));
    take(&ours, 90).await.unwrap().settle(20);
    assert!(ours.flush().await);
    take(&theirs, 80).await.unwrap().cancel();
    assert!(theirs.flush().await);
    take(&ours, 80).await.unwrap().settle(130);
    assert!(ours.flush().await);
    // 50 in debt, so one is there after 51 days; and two requests are left.
    let error = take(&theirs, 1).await.unwrap_err();
    let days = error.retry_after().unwrap().as_secs_f64() / 86_400.0;
    assert!((days - 51.0).abs() < 0.01, "{days}");
    let _two = [take(&theirs, 0).await.unwrap_err(), take(&theirs, 0).await.unwrap_err()];
    let other = shared(1_000, 4).on(patient(&server));
    let _last = [take(&other, 0).await.unwrap(), take(&other, 0).await.unwrap()];
    assert_eq!(refused(&other, 0).await.0, Limit::Requests);
}

#[tokio::test]
async fn another_prefix_is_another_limit() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let ours = shared(100, 1).on(patient(&server));
    let theirs = shared(100, 1).prefix("theirs:").on(patient(&server));
    let _calls = [take(&ours, 1).await.unwrap(), take(&theirs, 1).await.unwrap()];
    let mut keys: Vec<String> = server.ask(&["KEYS", "*"]).await;
    keys.sort_unstable();
    assert_eq!(keys, ["mainstay:{model}:limits", "theirs:{model}:limits"]);
}

#[tokio::test]
async fn calls_in_flight_are_counted_until_they_end() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let settings = || shared(100, 100).in_flight(2).unwrap();
    let [ours, theirs] = [(); 2].map(|()| settings().on(patient(&server)));
    let _first = take(&ours, 1).await.unwrap();
    let second = take(&theirs, 1).await.unwrap();
    let none = Patience::new(Duration::ZERO);
    assert_eq!(theirs.reserve(1, none).await.unwrap_err().reason(), Reason::TooLong);
    let third = tokio::spawn({
        let ours = ours.clone();
        async move { take(&ours, 1).await }
    });
    drop(second);
    let _third = timeout(Duration::from_secs(30), third).await.unwrap().unwrap().unwrap();
    assert_eq!(server.ask::<u64>(&["ZCARD", "mainstay:{model}:calls"]).await, 2);
}

#[tokio::test]
async fn a_call_that_never_ends_counts_no_longer_than_the_longest_call() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let settings = || shared(100, 100).in_flight(1).unwrap().longest_call(Duration::from_millis(1));
    let dead = settings().on(patient(&server));
    std::mem::forget(take(&dead, 1).await.unwrap());
    let alive = settings().on(patient(&server));
    take(&alive, 1).await.unwrap().cancel();
}

#[tokio::test]
async fn a_pause_and_the_servers_word_hold_for_all() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let [ours, theirs] = [(); 2].map(|()| shared(100, 10).on(patient(&server)));
    let mut word = ServerLimits::default();
    word.tokens.remaining = Some(30);
    take(&ours, 1).await.unwrap().learn(&word);
    assert!(ours.flush().await);
    assert_eq!(refused(&theirs, 31).await, (Limit::Tokens, Reason::TooLong));
    take(&theirs, 30).await.unwrap().cancel();
    assert!(theirs.flush().await);

    take(&ours, 1).await.unwrap().pause(Duration::from_secs(600));
    assert!(ours.flush().await);
    let error = take(&theirs, 0).await.unwrap_err();
    assert!((500..=600).contains(&error.retry_after().unwrap().as_secs()), "{error}");
    assert_eq!((error.limit(), error.reason()), (Limit::Requests, Reason::Paused));
}

#[tokio::test]
async fn small_calls_do_not_pass_a_large_one_that_waits() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(10, 10).on(patient(&server));
    let held = [take(&limits, 5).await.unwrap(), take(&limits, 5).await.unwrap()];
    let patience = Patience::new(Duration::from_secs(86_400 * 30));
    let mut large = pin!(limits.reserve(8, patience));
    let mut small = pin!(limits.reserve(1, patience));
    let brief = Duration::from_millis(50);
    assert!(timeout(brief, large.as_mut()).await.is_err());
    let [first, second] = held;
    first.settle(0);
    assert!(limits.flush().await);
    assert!(timeout(brief, small.as_mut()).await.is_err(), "passed the large one");
    second.settle(0);
    assert!(limits.flush().await);
    let large = timeout(Duration::from_secs(30), large).await.unwrap().unwrap();
    let small = timeout(Duration::from_secs(30), small).await.unwrap().unwrap();
    assert_eq!((large.reserved(), small.reserved()), (8, 1));
}

#[tokio::test]
async fn it_stands_in_the_layer() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 10).on(patient(&server));
    let layer = RateLimitLayer::with_limiter(limits.clone()).weigh(|tokens: &u64| *tokens);
    let model = service_fn(|tokens: u64| async move { Ok::<_, BoxError>(tokens / 2) });
    let mut service = layer.meter(usage(|used: &u64| Some(*used))).layer(model);
    assert_eq!(service.ready().await.unwrap().call(100).await.unwrap(), 50);
    eventually("half of it is given back", async || {
        service.ready().await.unwrap().call(50).await.ok().filter(|used| *used == 25)
    })
    .await;
    let error = service.ready().await.unwrap().call(99).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Limited>().unwrap().limit(), Limit::Tokens);
}

#[tokio::test]
async fn an_absurd_usage_locks_nobody_out_for_more_than_an_hour() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let redis = patient(&server);
    let limits = SharedLimits::new("fast").tokens_per_minute(90_000).unwrap().on(redis.clone());
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(take(&limits, 1_000).await.unwrap());
    }
    for call in calls {
        call.settle(u64::MAX);
        assert!(limits.flush().await);
        let wait = limits.wait_for(1).unwrap();
        assert!(wait <= Duration::from_secs(3_600) && wait > Duration::from_secs(3_000), "{wait:?}");
    }
    let error = take(&limits, 1).await.unwrap_err();
    assert_eq!(error.reason(), Reason::TooLong);
    // One that takes longer than that to fill may owe as much as it holds.
    let limits = shared(100, 100).on(redis);
    take(&limits, 10).await.unwrap().settle(150);
    assert!(limits.flush().await);
    assert_eq!(limits.tokens_available(), Some(-50));
}

/// Limits of this process, and shared ones of the same size within which calls are kept, too.
fn both(server: &TestServer, lease: bool) -> (Arc<Limits>, RedisLimits) {
    let bucket = || TokenBucket::new(100, daily()).unwrap();
    let own = Arc::new(Limits::default().tokens(bucket()).requests(bucket()).in_flight(5).unwrap());
    let mut settings = shared(100, 100);
    if lease {
        settings = settings.lease(10, 100, Duration::from_secs(3_600));
    }
    (Arc::clone(&own), settings.within(own).on(patient(server)))
}

#[tokio::test]
async fn a_call_is_kept_within_its_own_processs_limits_and_the_shared_ones() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let (own, limits) = both(&server, false);
    let theirs = shared(100, 100).on(patient(&server));
    // What the shared ones refuse is given back to its own.
    let held = take(&theirs, 60).await.unwrap();
    assert_eq!(refused(&limits, 50).await, (Limit::Tokens, Reason::TooLong));
    assert_eq!((own.tokens_available(), own.in_flight_available()), (Some(100), Some(5)));
    // So is what a call has that goes away while it waits for the shared ones.
    let mut waits = pin!(limits.reserve(50, Patience::new(Duration::from_secs(100 * 86_400))));
    assert!(timeout(Duration::from_millis(50), waits.as_mut()).await.is_err());
    assert_eq!((own.tokens_available(), own.in_flight_available()), (Some(50), Some(4)));
    waits.set(limits.reserve(101, Patience::new(Duration::ZERO)));
    assert_eq!((own.tokens_available(), own.in_flight_available()), (Some(100), Some(5)));
    held.cancel();
    assert!(theirs.flush().await);
    // Both settle.
    take(&limits, 50).await.unwrap().settle(30);
    take(&limits, 10).await.unwrap().cancel();
    assert!(limits.flush().await);
    assert_eq!((own.tokens_available(), own.requests_available()), (Some(70), Some(99)));
    assert_eq!((limits.tokens_available(), limits.in_flight_available()), (Some(70), Some(5)));
    take(&theirs, 70).await.unwrap().cancel();
}

#[tokio::test]
async fn nobody_waits_for_his_own_processs_limits_to_hear_that_the_server_is_away() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let own = Arc::new(Limits::default().tokens(TokenBucket::new(100, daily()).unwrap()));
    let redis = patient(&server).retry_every(Duration::from_secs(3_600));
    let limits = shared(100, 100).within(Arc::clone(&own)).on(redis);
    take(&limits, 1).await.unwrap().cancel();
    server.kill();
    assert_eq!(take(&limits, 1).await.unwrap_err().reason(), Reason::Away);
    own.try_reserve(1).unwrap().pause(Duration::from_secs(50));
    let refused = timeout(Duration::from_secs(20), take(&limits, 1)).await.expect("it is known already");
    assert_eq!(refused.unwrap_err().reason(), Reason::Away);
}

#[tokio::test]
async fn a_processs_own_limits_learn_and_pause_beside_the_shared_ones() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    for lease in [false, true] {
        let (own, limits) = both(&server, lease);
        let mut word = ServerLimits::default();
        word.tokens.limit = Some(40);
        let call = take(&limits, 10).await.unwrap();
        call.learn(&word);
        call.settle(10);
        assert_eq!(refused(&limits, 41).await, (Limit::Tokens, Reason::TooLarge));
        assert_eq!((own.tokens_available(), limits.wait_for(41)), (Some(40), None));
        // Of a lease, without asking.
        let at_once = limits.try_reserve(&(), 10);
        assert_eq!((at_once.is_some(), own.tokens_available()), (lease, Some(if lease { 30 } else { 40 })));
        let call = take(&limits, 10).await.unwrap();
        call.pause(Duration::from_secs(3_600));
        drop(call);
        assert!(own.try_reserve(1).is_none());
        assert!(limits.try_reserve(&(), 1).is_none());
        assert!(own.wait_for(1) > Some(Duration::from_secs(3_500)));
        assert!(limits.wait_for(1) > Some(Duration::from_secs(3_500)));
        assert!(limits.flush().await);
        server.kill();
        server.restart().await;
    }
}

#[tokio::test]
async fn what_was_taken_comes_back_at_the_rate() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let fast = mainstay_bucket::Rate::per_second(1_000.0).unwrap();
    let limits = shared(1, 1).tokens(100, fast).requests(100, daily()).on(patient(&server));
    let _all = take(&limits, 100).await.unwrap();
    let error = limits.reserve(100, Patience::new(Duration::ZERO)).await.unwrap_err();
    assert!(error.retry_after().unwrap() <= Duration::from_millis(100));
    timeout(Duration::from_secs(30), take(&limits, 100)).await.unwrap().unwrap().cancel();
}
