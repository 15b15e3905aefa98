//! What a process knows of shared limits without asking.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use mainstay_bucket::{Patience, Reason, ServerLimits};
use mainstay_testkit::redis::{TestServer, eventually};

use super::{patient, shared, take};

const DAY: Duration = Duration::from_secs(86_400);

/// Whether it is so many days, but for what has passed meanwhile.
fn is_days(wait: Option<Duration>, days: u32) -> bool {
    wait.is_some_and(|wait| wait <= DAY * days && wait + Duration::from_secs(600) > DAY * days)
}

async fn poll<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[tokio::test]
async fn a_refusal_tells_how_long_calls_would_wait() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let [ours, theirs] = [(); 2].map(|()| shared(100, 3).on(patient(&server)));
    assert_eq!((ours.tokens_available(), ours.requests_available()), (Some(100), Some(3)));
    assert_eq!((ours.wait_for(100), ours.wait_for(101)), (Some(Duration::ZERO), None));
    let held = take(&theirs, 90).await.unwrap();
    take(&ours, 20).await.unwrap_err();
    assert_eq!((ours.tokens_available(), ours.requests_available(), ours.waiting()), (Some(10), Some(2), 0));
    assert!(is_days(ours.wait_for(20), 10) && ours.wait_for(10) == Some(Duration::ZERO));
    // Whatever the server says next counts.
    held.settle(0);
    assert!(theirs.flush().await);
    take(&ours, 20).await.unwrap().settle(30);
    assert_eq!(ours.tokens_available(), Some(80));
    assert!(ours.flush().await);
    assert_eq!((ours.tokens_available(), ours.requests_available()), (Some(70), Some(1)));
    let mut word = ServerLimits::default();
    word.tokens.remaining = Some(0);
    let last = take(&ours, 1).await.unwrap();
    last.learn(&word);
    last.pause(2 * DAY);
    last.settle(1);
    assert!(ours.flush().await);
    assert_eq!(ours.tokens_available(), Some(0));
    take(&theirs, 0).await.unwrap_err();
    assert!(theirs.wait_for(0).is_some_and(|wait| wait > Duration::from_secs(3_000)), "a pause of all");
}

#[tokio::test]
async fn calls_in_flight_are_known_until_one_may_have_ended() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let [ours, theirs] = [(); 2].map(|()| shared(100, 100).in_flight(1).unwrap().on(patient(&server)));
    let call = take(&theirs, 1).await.unwrap();
    eventually("a refusal is fresh", async || {
        ours.reserve(1, Patience::new(Duration::ZERO)).await.unwrap_err();
        ((ours.in_flight_available(), ours.wait_for(1)) == (Some(0), None)).then_some(())
    })
    .await;
    drop(call);
    assert!(theirs.flush().await);
    assert_eq!((theirs.in_flight_available(), theirs.wait_for(1)), (Some(1), Some(Duration::ZERO)));
}

#[tokio::test]
async fn who_would_come_too_late_does_not_stand_in_line() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(10, 10).on(patient(&server));
    let _held = take(&limits, 10).await.unwrap();
    let mut first = pin!(limits.reserve(5, Patience::new(30 * DAY)));
    eventually("it waits for tokens", async || {
        assert!(poll(first.as_mut()).await.is_pending());
        (limits.tokens_available() == Some(0)).then_some(())
    })
    .await;
    assert!(is_days(limits.wait_for(5), 10));
    let mut hasty = pin!(limits.reserve(5, Patience::new(9 * DAY)));
    let Poll::Ready(Err(error)) = poll(hasty.as_mut()).await else { panic!("it stands in line") };
    assert_eq!(error.reason(), Reason::TooLong);
    assert!(is_days(error.retry_after(), 10), "{error}");
    assert_eq!(limits.waiting(), 1);
}

#[tokio::test]
async fn while_the_server_is_away_its_return_is_awaited() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let limits = shared(10, 10).on(patient(&server).retry_every(DAY));
    take(&limits, 1).await.unwrap().settle(1);
    server.kill();
    take(&limits, 1).await.unwrap_err();
    assert_eq!(limits.wait_for(1), Some(DAY));
}
