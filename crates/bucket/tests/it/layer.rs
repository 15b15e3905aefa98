use std::{sync::Arc, time::Duration};

use mainstay_bucket::{
    Limited, Limits, RateLimitLayer, Reason, Reservation, ServerLimits, hand_over, usage, with_server_limits,
};
use mainstay_fault::{Call, Fault, FaultKind, HasCall, HasFault};
use mainstay_testkit::{Step, script};
use tokio::time::{Instant, advance};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

/// An error as an enum stack has it.
#[derive(Debug, PartialEq)]
enum Failure {
    Server(Fault),
    Limited(Limited),
}

impl From<Limited> for Failure {
    fn from(error: Limited) -> Self {
        Self::Limited(error)
    }
}

impl HasFault for Failure {
    fn fault(&self) -> Fault {
        match self {
            Self::Server(fault) => *fault,
            Self::Limited(limited) => limited.fault(),
        }
    }
}

fn limits() -> Arc<Limits> {
    let limits = Limits::default().requests_per_minute(60).unwrap().tokens_per_minute(6_000).unwrap();
    Arc::new(limits.in_flight(8).unwrap())
}

fn available(limits: &Limits) -> [i64; 3] {
    [limits.in_flight_available(), limits.tokens_available(), limits.requests_available()].map(Option::unwrap)
}

/// What is left after a call that weighs 1,000, was answered thus, and reports its answer as its usage.
async fn after(outcome: Result<u64, Fault>) -> [i64; 3] {
    let limits = limits();
    let (inner, _) = script(move |_, _: &u64| Step::Now(outcome.map_err(Failure::Server)));
    let layer = RateLimitLayer::new(Arc::clone(&limits)).weigh(|tokens: &u64| *tokens);
    let mut service = layer.meter(usage(|used: &u64| Some(*used))).layer(inner);
    let answer = service.ready().await.unwrap().call(1_000).await;
    assert_eq!(answer, outcome.map_err(Failure::Server));
    available(&limits)
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_settled_against_the_usage() {
    assert_eq!(after(Ok(300)).await, [8, 5_700, 59]);
    assert_eq!(after(Ok(7_000)).await, [8, -1_000, 59]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_server_refunds_the_tokens_and_keeps_the_request_counted() {
    for kind in FaultKind::ALL {
        use FaultKind::{Cancelled, ContentFiltered, Interrupted, Malformed, Rejected, Shed, Timeout};
        let expected = match kind {
            Shed => [8, 6_000, 60],
            Timeout | Malformed | Rejected | Interrupted | ContentFiltered | Cancelled => [8, 5_000, 59],
            _ => [8, 6_000, 59],
        };
        assert_eq!(after(Err(kind.into())).await, expected, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_one_call_sees_spares_the_others() {
    let limited = Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(7));
    let (inner, record) =
        script(move |n, _: &u64| Step::Now(if n == 0 { Err(Failure::Server(limited)) } else { Ok(n) }));
    let mut service = RateLimitLayer::new(limits()).layer(inner);
    service.ready().await.unwrap().call(0).await.unwrap_err();
    let calls = [service.ready().await.unwrap().call(0), service.ready().await.unwrap().call(0)];
    for call in calls {
        call.await.unwrap();
    }
    let times = record.times();
    assert_eq!([times[1] - times[0], times[2] - times[0]].map(|wait| wait.as_secs()), [7, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_after_it_was_sent_may_be_billed_and_one_dropped_before_not() {
    let limits = limits();
    let (inner, record) = script(|_, _: &u64| Step::<u64, Failure>::Hang);
    let mut service = RateLimitLayer::new(Arc::clone(&limits)).weigh(|tokens: &u64| *tokens).layer(inner);
    let sent = service.ready().await.unwrap().call(6_000);
    let waiting = tokio::time::timeout(Duration::from_millis(100), service.ready().await.unwrap().call(20));
    waiting.await.unwrap_err();
    assert_eq!((record.calls(), available(&limits)), (1, [7, 10, 59]));
    drop(sent);
    assert_eq!(available(&limits), [8, 10, 59]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_settles_at_its_end() {
    struct Stream(Reservation);
    let limits = limits();
    let (inner, _) = script(|_, tokens: &u64| Step::<u64, Failure>::Now(Ok(*tokens)));
    let layer = RateLimitLayer::new(Arc::clone(&limits)).weigh(|tokens: &u64| *tokens);
    let layer = layer.meter(hand_over(|_: u64, reservation| Stream(reservation)));
    let mut service = layer.layer(inner);
    let Stream(mut reservation) = service.ready().await.unwrap().call(1_000).await.unwrap();
    assert_eq!(available(&limits), [7, 5_000, 59]);
    reservation.count(5);
    reservation.count(6);
    drop(reservation);
    assert_eq!(available(&limits), [8, 5_989, 59]);

    let Stream(mut reservation) = service.ready().await.unwrap().call(1_000).await.unwrap();
    reservation.count(5);
    reservation.used(39);
    drop(reservation);
    assert_eq!(available(&limits), [8, 5_950, 58], "the server's own figure counts");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_its_deadline_and_says_so_at_once() {
    struct Question(Call);
    impl HasCall for Question {
        fn call(&self) -> Option<&Call> {
            Some(&self.0)
        }
    }
    let start = Instant::now();
    let limits = Limits::default().requests_per_minute(1).unwrap();
    let layer = RateLimitLayer::new(limits).max_wait(Duration::from_secs(90)).tracked();
    let mut service = layer.layer(service_fn(|_: Question| async { Ok::<_, Failure>(()) }));
    let within = |seconds| Question(Call::default().with_deadline(start + Duration::from_secs(seconds)));
    service.ready().await.unwrap().call(within(1)).await.unwrap();
    let Err(Failure::Limited(error)) = service.ready().await.unwrap().call(within(59)).await else {
        panic!()
    };
    assert_eq!((error.retry_after(), start.elapsed()), (Some(Duration::from_secs(60)), Duration::ZERO));
    service.ready().await.unwrap().call(within(61)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_wait_than_may() {
    let limits = Limits::default().requests_per_minute(1).unwrap();
    let layer = RateLimitLayer::new(limits).max_wait(Duration::from_secs(600)).max_queue(2);
    let mut service = layer.layer(service_fn(|(): ()| async { Ok::<_, Failure>(()) }));
    service.ready().await.unwrap().call(()).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push(tokio::spawn(service.ready().await.unwrap().call(())));
    }
    tokio::task::yield_now().await;
    let Err(Failure::Limited(error)) = service.ready().await.unwrap().call(()).await else { panic!() };
    assert_eq!(error.reason(), Reason::LineFull);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(180)), "it would be the third");
    for call in waiting {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_known_in_a_boxed_stack_too() {
    let layer =
        RateLimitLayer::new(Limits::default().requests_per_minute(1).unwrap()).max_wait(Duration::ZERO);
    let mut service = layer.layer(service_fn(|(): ()| async { Ok::<_, BoxError>(()) }));
    service.ready().await.unwrap().call(()).await.unwrap();
    let error = service.ready().await.unwrap().call(()).await.unwrap_err();
    let fault = Fault::new(FaultKind::Shed).with_retry_after(Duration::from_secs(60));
    assert_eq!(error.fault(), fault);
    let wrapped: BoxError = std::io::Error::other(error).into();
    assert_eq!(wrapped.fault(), fault);
}

#[tokio::test(start_paused = true)]
async fn the_server_is_taken_at_its_word_after_the_call_is_settled() {
    let limits = limits();
    let says = |remaining: &'static str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-ratelimit-remaining-tokens", http::HeaderValue::from_static(remaining));
        ServerLimits::from_headers(&headers)
    };
    let (inner, _) = script(|n, _: &u64| Step::<usize, Failure>::Now(Ok(n)));
    let meter = with_server_limits(usage(|_: &usize| Some(100)), move |n: &usize| {
        Some(says(if *n == 0 { "4000" } else { "5999" }))
    });
    let layer = RateLimitLayer::new(Arc::clone(&limits)).weigh(|tokens: &u64| *tokens).meter(meter);
    let mut service = layer.layer(inner);
    service.ready().await.unwrap().call(1_000).await.unwrap();
    assert_eq!(limits.tokens_available(), Some(4_000), "others use the same key");
    service.ready().await.unwrap().call(1_000).await.unwrap();
    assert_eq!(limits.tokens_available(), Some(3_900), "never more than was configured");
    advance(Duration::from_secs(1)).await;
    assert_eq!(limits.tokens_available(), Some(4_000));
}
