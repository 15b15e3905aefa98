//! On real threads: what is counted without a lock must still add up.

use std::{
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use mainstay_fault::Fault;
use mainstay_router::{
    Backend, Backends, Budget, Price, Profile, Router, Ticket, Usage, hand_over,
    strategy::{CostBudget, Weighted},
};
use tower::{Service, service_fn};

const THREADS: u32 = 4;
const CALLS: u32 = 2_000;

fn succeed(request: u32) -> Ready<Result<u32, Fault>> {
    ready(Ok(request))
}

/// Calls from all threads: what each call gave.
fn calls<S>(service: &S) -> Vec<Option<S::Response>>
where
    S: Service<u32> + Clone + Send + Sync,
    S::Response: Send,
{
    let work = |mut service: S| {
        let call = move |request| {
            let polled = pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop()));
            match polled {
                Poll::Ready(outcome) => outcome.ok(),
                Poll::Pending => panic!("the backends answer at once"),
            }
        };
        (0..CALLS).map(call).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| work(service.clone()))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn weights_hold_across_threads() {
    let set = [("a", 3.0), ("b", 1.0)]
        .map(|(name, weight)| Backend::new(name, service_fn(succeed)).weight(weight).unwrap());
    let set = Backends::new(set).unwrap();
    let named = hand_over(|_: u32, ticket: Ticket| ticket.name().to_owned());
    let chosen = calls(&Router::new(set.clone(), Weighted).meter(named));
    let a = chosen.iter().flatten().filter(|name| *name == "a").count();
    assert!(a.abs_diff(6_000) <= 300, "{a} of 8,000");
    assert!(set.snapshot().iter().all(|backend| backend.in_flight == 0));
}

#[test]
fn threads_together_never_overspend() {
    let budget = Budget::new(0.001, Duration::from_secs(86_400)).unwrap();
    let priced = Backend::new("one", service_fn(succeed)).price(Price::per_million(1.0, 1.0).unwrap());
    let strategy = CostBudget::per_call(1.0).unwrap().within(budget.clone());
    let watched = budget.clone();
    let router = Router::new(Backends::new([priced]).unwrap(), strategy)
        .describe(|_: &u32| Profile { input_tokens: 2, output_tokens: 2, ..Profile::default() })
        .meter(hand_over(move |_: u32, ticket: Ticket| {
            assert!(watched.spent("") <= 0.001 + 1e-12);
            ticket.finish(Some(Usage::new(1, 0)));
        }));
    let good = calls(&router).into_iter().flatten().count();
    assert!((900..=1_000).contains(&good), "each costs a millionth: {good}");
    assert!((budget.spent("") - good as f64 * 1e-6).abs() < 1e-12);
}
