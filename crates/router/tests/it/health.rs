use std::time::Duration;

use mainstay_fault::{Fault, FaultKind};
use mainstay_router::{
    Backend, Backends, Cause, Health, Router, Ticket, hand_over,
    strategy::{LeastLoaded, RoundRobin},
};
use tokio::time::advance;
use tower::Service;

use crate::fixtures::{Knob, backends, call, down, drive, named};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_one_call_sees_spares_the_others_until_its_end() {
    let (set, knobs) = backends(&[1, 1]);
    let mut router = Router::new(set.clone(), RoundRobin::default());
    knobs[0].fail(Fault::new(FaultKind::RateLimited).with_retry_after(7 * SECOND));
    call(&mut router, 0).await.unwrap_err();
    knobs[0].mend();
    for request in 0..20 {
        call(&mut router, request).await.unwrap();
    }
    assert_eq!((knobs[0].calls(), knobs[1].calls()), (1, 20));
    assert_eq!(named(&set.snapshot(), "a").set_aside, Some(Cause::RateLimited));
    advance(7 * SECOND).await;
    assert_eq!(named(&set.snapshot(), "a").set_aside, None);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_sets_aside_for_an_hour_at_most_and_quota_for_minutes() {
    for (fault, cause, expected) in [
        (Fault::new(FaultKind::RateLimited).with_retry_after(86_400 * SECOND), Cause::RateLimited, 3_600),
        (Fault::new(FaultKind::RateLimited), Cause::RateLimited, 1),
        (FaultKind::QuotaExhausted.into(), Cause::QuotaExhausted, 300),
        (FaultKind::Auth.into(), Cause::Auth, 300),
        (FaultKind::ModelNotFound.into(), Cause::ModelNotFound, 300),
    ] {
        let (set, knobs) = backends(&[0]);
        knobs[0].fail(fault);
        call(&mut Router::new(set.clone(), RoundRobin::default()), 0).await.unwrap_err();
        let snapshot = named(&set.snapshot(), "a");
        assert_eq!((snapshot.set_aside, snapshot.returns_in), (Some(cause), Some(expected * SECOND)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_backends_fault_sets_nothing_aside() {
    use FaultKind::{Cancelled, ContentFiltered, ContextLength, InvalidRequest, Rejected, Shed};
    for kind in [Cancelled, ContentFiltered, ContextLength, InvalidRequest, Rejected, Shed] {
        let (set, knobs) = backends(&[1]);
        knobs[0].fail(kind);
        drive(&Router::new(set.clone(), RoundRobin::default()), 100, SECOND / 10).await;
        let snapshot = named(&set.snapshot(), "a");
        assert_eq!((snapshot.set_aside, snapshot.failure_ratio), (None, 0.0), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_backend_gets_only_probes_and_one_of_them_brings_it_back() {
    let (set, knobs) = backends(&[10, 10, 10]);
    let router = Router::new(set.clone(), RoundRobin::default());
    knobs[0].fail(down());
    drive(&router, 60, SECOND / 100).await;
    assert_eq!(named(&set.snapshot(), "a").set_aside, Some(Cause::Broken));
    let before = knobs[0].calls();
    drive(&router, 1_200, SECOND / 10).await;
    let probes = knobs[0].calls() - before;
    assert!((3..=6).contains(&probes), "after 5, 10, 20, 40 and 60 s: {probes}");

    knobs[0].mend();
    let before = knobs[0].calls();
    drive(&router, 700, SECOND / 10).await;
    assert_eq!(named(&set.snapshot(), "a").set_aside, None);
    assert!(knobs[0].calls() > before + 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_dies_under_load_is_set_aside_at_once_and_one_that_stumbles_is_not() {
    let (set, knobs) = backends(&[1]);
    let router = Router::new(set.clone(), RoundRobin::default());
    drive(&router, 1_000, SECOND / 1_000).await;
    for _ in 0..3 {
        knobs[0].fail(down());
        drive(&router, 9, SECOND / 100).await;
        assert_eq!(named(&set.snapshot(), "a").set_aside, None, "nine in a row");
        knobs[0].mend();
        drive(&router, 1, SECOND / 100).await;
    }
    knobs[0].fail(down());
    drive(&router, 10, SECOND / 100).await;
    let snapshot = named(&set.snapshot(), "a");
    assert_eq!(snapshot.set_aside, Some(Cause::Broken), "though the window is full of good ones");
    assert!(snapshot.failure_ratio < 0.1, "{}", snapshot.failure_ratio);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_back_is_not_met_by_a_herd() {
    let (set, knobs) = backends(&[100, 100, 100]);
    let router = Router::new(set.clone(), LeastLoaded::default().seed(1));
    knobs[0].fail(Fault::new(FaultKind::RateLimited).with_retry_after(5 * SECOND));
    while knobs[0].calls() == 0 {
        let _ = call(&mut router.clone(), 0).await;
    }
    knobs[0].mend();
    drive(&router, 400, SECOND / 100).await;
    advance(SECOND * 2).await;
    let before = knobs[0].calls();
    drive(&router, 100, SECOND / 100).await;
    let first = knobs[0].calls() - before;
    assert!(first <= 34, "no more than its share in the first second: {first}");
    advance(10 * SECOND).await;
    let before = knobs[0].calls();
    drive(&router, 300, SECOND / 100).await;
    let later = knobs[0].calls() - before;
    assert!((60..=140).contains(&later), "its share in the end: {later}");
}

#[tokio::test(start_paused = true)]
async fn the_last_backend_left_is_still_tried() {
    let (set, knobs) = backends(&[1]);
    let mut router = Router::new(set.clone(), LeastLoaded::default());
    knobs[0].fail(down());
    for request in 0..50 {
        call(&mut router, request).await.unwrap_err();
    }
    assert_eq!(knobs[0].calls(), 50, "there is no other");
    assert_eq!(named(&set.snapshot(), "a").set_aside, Some(Cause::Broken));
    knobs[0].mend();
    call(&mut router, 0).await.unwrap();
    assert_eq!(named(&set.snapshot(), "a").set_aside, None, "one success is enough");
}

/// A router whose responses are tickets, and whose one backend is due for its probe.
async fn due_for_a_probe()
-> (impl AsyncFnMut() -> Option<Ticket>, mainstay_router::Backends<crate::fixtures::Answers>) {
    let health = Health::default().min_calls(1);
    let set = mainstay_router::Backends::with_health(health);
    let (bad, good) = (Knob::new(0), Knob::new(0));
    bad.fail(down());
    let id = set.add(bad.backend("bad")).unwrap();
    let _ = call(&mut Router::new(set.clone(), RoundRobin::default()), 0).await;
    assert_eq!(named(&set.snapshot(), "bad").set_aside, Some(Cause::Broken));
    set.add(good.backend("good")).unwrap();
    bad.mend();
    advance(6 * SECOND).await;
    let first = mainstay_router::strategy::by_fn(move |candidate: &mainstay_router::Candidate<'_>, _: &_| {
        f64::from(u8::from(candidate.id() != id))
    });
    let mut router = Router::new(set.clone(), first).meter(hand_over(|_: u32, ticket: Ticket| ticket));
    (async move || call(&mut router, 0).await.ok(), set)
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_one_call_judged_at_its_streams_end() {
    let (mut next, set) = due_for_a_probe().await;
    let mut probe = next().await.unwrap();
    assert_eq!(probe.name(), "bad");
    probe.first_token();
    for _ in 0..10 {
        assert_eq!(next().await.unwrap().name(), "good", "one probe at a time");
    }
    assert!(named(&set.snapshot(), "bad").set_aside.is_some(), "headers and tokens prove nothing yet");
    probe.finish(None);
    assert_eq!(named(&set.snapshot(), "bad").set_aside, None);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_frees_its_place_and_a_failed_one_sets_aside_for_longer() {
    let (mut next, set) = due_for_a_probe().await;
    drop(next().await.unwrap());
    let probe = next().await.unwrap();
    assert_eq!(probe.name(), "bad", "the place is free again");
    probe.fail(&FaultKind::Interrupted.into());
    let snapshot = named(&set.snapshot(), "bad");
    assert_eq!((snapshot.set_aside, snapshot.returns_in), (Some(Cause::Broken), Some(10 * SECOND)));
    assert!(!snapshot.probing && snapshot.in_flight == 0);
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_stream_nobody_read_to_its_end_shows_nothing() {
    let (mut next, set) = due_for_a_probe().await;
    next().await.unwrap().fail(&Fault::new(FaultKind::Interrupted).with_unread(true));
    assert_eq!(named(&set.snapshot(), "bad").set_aside, Some(Cause::Broken));
    assert_eq!(next().await.unwrap().name(), "bad", "the next call probes");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_flight_until_its_end_and_a_broken_one_counts() {
    let (set, _) = backends(&[5]);
    let mut router =
        Router::new(set.clone(), RoundRobin::default()).meter(hand_over(|_: u32, ticket: Ticket| ticket));
    let mut ticket = call(&mut router, 0).await.unwrap();
    assert_eq!(named(&set.snapshot(), "a").in_flight, 1);
    advance(SECOND).await;
    ticket.first_token();
    advance(SECOND).await;
    ticket.fail(&FaultKind::Interrupted.into());
    let snapshot = named(&set.snapshot(), "a");
    assert_eq!((snapshot.in_flight, snapshot.failure_ratio), (0, 1.0));
    let first = snapshot.first_token.unwrap();
    assert!(first > SECOND && first < SECOND * 11 / 10, "{first:?}");
}

/// How late the caller polls is not the backend's doing.
#[tokio::test(start_paused = true)]
async fn an_answer_at_the_first_poll_took_no_time() {
    let at_once = tower::service_fn(|request: u32| std::future::ready(Ok::<_, Fault>(request)));
    let backends = Backends::new([Backend::new("a", at_once)]).unwrap();
    let answer = Router::new(backends.clone(), RoundRobin::default()).call(1);
    advance(Duration::from_secs(5)).await;
    answer.await.unwrap();
    let [snapshot] = &*backends.snapshot() else { panic!("there is one backend") };
    assert!(snapshot.first_token.unwrap() < Duration::from_millis(1), "{snapshot:?}");
    assert!(snapshot.to_the_end.unwrap() < Duration::from_millis(1), "{snapshot:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_waited_for_took_its_time() {
    let (backends, _) = backends(&[700]);
    let mut router = Router::new(backends.clone(), RoundRobin::default());
    call(&mut router, 1).await.unwrap();
    let [snapshot] = &*backends.snapshot() else { panic!("there is one backend") };
    let millis = (snapshot.to_the_end.unwrap().as_micros() + 500) / 1_000;
    assert_eq!(millis, 700);
}
