//! Sets that share the standing of a server.

use std::time::Duration;

use mainstay_fault::{Fault, FaultKind, HasFault};
use mainstay_router::{
    Backends, Cause, Health, Router, Standing, Ticket, hand_over,
    strategy::{LeastLoaded, RoundRobin},
};
use tokio::time::advance;

use crate::fixtures::{Answers, Knob, call, down, named};

const SECOND: Duration = Duration::from_secs(1);

/// One server, called by two sets: for whole answers, say, and for streams.
struct Both {
    whole: (Knob, Backends<Answers>),
    streams: (Knob, Backends<Answers>),
    standing: Standing,
}

async fn both(health: Health) -> Both {
    let standing = Standing::new(health);
    let set = |knob: &Knob| Backends::new([knob.backend("a").sharing(&standing)]).unwrap();
    let whole = Knob::new(0);
    let first = set(&whole);
    // Sets are of different ages, and not by whole milliseconds.
    advance(Duration::from_micros(1_234_567)).await;
    let streams = Knob::new(0);
    let second = set(&streams);
    Both { whole: (whole, first), streams: (streams, second), standing }
}

#[tokio::test(start_paused = true)]
async fn what_one_set_learns_spares_the_calls_of_the_other_just_as_long() {
    for (fault, cause, seconds) in [
        (FaultKind::QuotaExhausted.into(), Cause::QuotaExhausted, 300),
        (FaultKind::Auth.into(), Cause::Auth, 300),
        (FaultKind::ModelNotFound.into(), Cause::ModelNotFound, 300),
        (Fault::new(FaultKind::RateLimited).with_retry_after(7 * SECOND), Cause::RateLimited, 7),
    ] {
        let Both { whole, streams, standing } = both(Health::default()).await;
        whole.0.fail(fault);
        call(&mut Router::new(whole.1.clone(), RoundRobin::default()), 0).await.unwrap_err();
        let mut router = Router::new(streams.1.clone(), RoundRobin::default());
        let refused = call(&mut router, 0).await.unwrap_err().fault();
        assert_eq!((refused.kind, refused.retry_after), (cause.kind(), Some(seconds * SECOND)));
        assert_eq!((streams.0.calls(), standing.set_aside()), (0, Some(cause)));
        for set in [&whole.1, &streams.1] {
            assert_eq!(named(&set.snapshot(), "a").returns_in, Some(seconds * SECOND));
        }
        advance(Duration::from_millis(u64::from(seconds) * 1_000 - 1)).await;
        call(&mut router, 0).await.unwrap_err();
        advance(Duration::from_millis(1)).await;
        call(&mut router, 0).await.unwrap();
        assert_eq!(standing.set_aside(), None, "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_the_failures_of_all() {
    let Both { whole, streams, standing } = both(Health::default()).await;
    let routers = [&whole, &streams].map(|(knob, set)| {
        knob.fail(down());
        Router::new(set.clone(), RoundRobin::default())
    });
    for request in 0..5 {
        for router in &routers {
            assert_eq!(standing.set_aside(), None);
            call(&mut router.clone(), request).await.unwrap_err();
        }
    }
    assert_eq!(standing.set_aside(), Some(Cause::Broken), "ten calls, five of each");
}

#[tokio::test(start_paused = true)]
async fn all_of_them_have_one_probe_and_one_count_of_calls_in_flight() {
    let Both { whole, streams, standing } = both(Health::default().min_calls(1)).await;
    let other = Knob::new(0);
    let tickets = |set: &Backends<Answers>| {
        set.add(other.backend("other")).unwrap();
        Router::new(set.clone(), LeastLoaded::default().seed(3))
            .meter(hand_over(|_: u32, ticket: Ticket| ticket))
    };
    whole.0.fail(down());
    call(&mut Router::new(whole.1.clone(), RoundRobin::default()), 0).await.unwrap_err();
    whole.0.mend();
    advance(6 * SECOND).await;

    let (mut first, mut second) = (tickets(&whole.1), tickets(&streams.1));
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(call(&mut first, 0).await.unwrap());
        held.push(call(&mut second, 0).await.unwrap());
    }
    let (probes, mut others): (Vec<_>, Vec<_>) = held.into_iter().partition(|ticket| ticket.name() == "a");
    assert_eq!((probes.len(), standing.in_flight()), (1, 1), "one probe at a time, whoever sends it");
    others.clear();
    for probe in probes {
        probe.finish(None);
    }
    assert_eq!((standing.set_aside(), standing.in_flight()), (None, 0));
    let one = loop {
        let ticket = call(&mut first, 0).await.unwrap();
        if ticket.name() == "a" {
            break ticket;
        }
    };
    assert_eq!(named(&streams.1.snapshot(), "a").in_flight, 1);
    drop(one);
    assert_eq!(standing.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_missing_may_say_nothing_of_a_backend_of_any_model() {
    let knob = Knob::new(0);
    let set = Backends::with_health(Health::default().leave_missing_models());
    set.add(knob.backend("any")).unwrap();
    let mut router = Router::new(set.clone(), RoundRobin::default());
    knob.fail(FaultKind::ModelNotFound);
    call(&mut router, 0).await.unwrap_err();
    assert_eq!(named(&set.snapshot(), "any").set_aside, None);
    knob.fail(FaultKind::Auth);
    call(&mut router, 0).await.unwrap_err();
    assert_eq!(named(&set.snapshot(), "any").set_aside, Some(Cause::Auth));
}
