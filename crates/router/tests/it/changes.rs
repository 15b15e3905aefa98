use std::{
    future::{Ready, ready},
    task::{Context, Poll, Waker},
    time::Duration,
};

use mainstay_fault::{BackendId, Fault, FaultKind, HasFault};
use mainstay_router::{
    Backend, Backends, Budget, Price, Profile, Router, Ticket, hand_over,
    strategy::{Complexity, CostBudget, LeastLoaded, RoundRobin, Strategy, Weighted},
};
use tower::{Service, service_fn};

use crate::fixtures::{Knob, backends, call, down, named};

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_removed_finishes_the_calls_that_it_has() {
    let (set, knobs) = backends(&[50, 50]);
    let mut router = Router::new(set.clone(), RoundRobin::default());
    let under_way = router.call(7);
    let gone = set.snapshot()[0].id;
    assert!(set.remove(gone) && !set.remove(gone));
    assert_eq!(under_way.await.unwrap(), 7);
    for request in 0..4 {
        call(&mut router, request).await.unwrap();
    }
    assert_eq!((knobs[0].calls(), knobs[1].calls()), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn all_routers_of_a_set_follow_its_changes() {
    let (set, knobs) = backends(&[1, 1]);
    let routers =
        [Router::new(set.clone(), RoundRobin::default()), Router::new(set.clone(), RoundRobin::default())];
    assert!(set.remove(BackendId(0)));
    // Whoever holds a set's last handle cannot change it any more.
    let routers = routers.into_iter().chain([Router::new(set, RoundRobin::default())]);
    for (mut router, before) in routers.zip(0..) {
        assert_eq!(router.snapshot().len(), 1);
        call(&mut router, 0).await.unwrap();
        call(&mut router, 0).await.unwrap();
        assert_eq!((knobs[0].calls(), knobs[1].calls()), (0, 2 * (before + 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_stay_with_their_backends() {
    let (set, _) = backends(&[1, 1, 1]);
    set.remove(BackendId(1));
    let id = set.add(Knob::new(1).backend("new")).unwrap();
    assert_eq!(id, BackendId(3), "a number is not used again soon");
    assert_eq!(named(&set.snapshot(), "c").id, BackendId(2));
}

#[tokio::test(start_paused = true)]
async fn an_untracked_call_moves_on_only_where_it_cannot_come_back() {
    let (set, knobs) = backends(&[0, 0]);
    let mut router = Router::new(set, RoundRobin::default());
    knobs[0].fail(down());
    let fault = call(&mut router, 0).await.unwrap_err().fault();
    assert!(!fault.elsewhere, "it might be sent to the same one again");
    call(&mut router, 0).await.unwrap();
    knobs[0].fail(FaultKind::RateLimited);
    let fault = call(&mut router, 0).await.unwrap_err().fault();
    assert!(fault.elsewhere, "this one is set aside now");
}

#[tokio::test(start_paused = true)]
async fn requests_are_made_fit_for_their_backends() {
    let echo = || service_fn(|model: String| ready(Ok::<_, Fault>(model)));
    let set =
        Backends::new([Backend::new("one", echo()).model("m-1"), Backend::new("two", echo()).model("m-2")]);
    let mut router = Router::new(set.unwrap(), RoundRobin::default())
        .map_request(|_: String, backend| backend.model().to_owned());
    assert_eq!(call(&mut router, String::new()).await.unwrap(), "m-1");
    assert_eq!(call(&mut router, String::new()).await.unwrap(), "m-2");
}

#[tokio::test(start_paused = true)]
async fn a_stream_given_up_midway_is_charged_for_what_was_counted() {
    let budget = Budget::new(1.0, Duration::from_secs(60)).unwrap();
    let priced = Knob::new(0).backend("one").price(Price::per_million(0.0, 10.0).unwrap());
    let strategy = CostBudget::per_call(1.0).unwrap().within(budget.clone());
    let mut router = Router::new(Backends::new([priced]).unwrap(), strategy)
        .describe(|_: &u32| Profile { output_tokens: 10_000, ..Profile::default() })
        .meter(hand_over(|_: u32, ticket: Ticket| ticket));
    let mut ticket = call(&mut router, 0).await.unwrap();
    assert!((budget.spent("") - 0.1).abs() < 1e-9, "the worst case");
    ticket.count(1_000);
    drop(ticket);
    assert!((budget.spent("") - 0.01).abs() < 1e-9);
    drop(router.call(0));
    assert!((budget.spent("") - 0.01).abs() < 1e-9, "nothing was sent");
}

fn allocations(strategy: impl Strategy + 'static) -> u64 {
    fn succeed(request: u32) -> Ready<Result<u32, Fault>> {
        ready(Ok(request))
    }
    let set = (0..100).map(|index: u32| Backend::new(index.to_string(), service_fn(succeed)));
    let mut router = Router::new(Backends::new(set).unwrap(), strategy);
    let mut once = || {
        let mut call = std::pin::pin!(router.call(1));
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(1))));
    };
    once();
    allocation_counter::measure(once).count_total
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_well_allocates_nothing() {
    assert_eq!(allocations(LeastLoaded::default()), 0);
    assert_eq!(allocations(RoundRobin::default()), 0);
    assert_eq!(allocations(Weighted), 0);
    assert_eq!(allocations(Complexity::default()), 0);
    assert_eq!(allocations(CostBudget::per_call(1.0).unwrap()), 0);
}
