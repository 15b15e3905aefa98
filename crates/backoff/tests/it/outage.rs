//! What an outage costs the upstream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use mainstay_backoff::{RetryBudget, RetryLayer, RetryPolicy};
use mainstay_fault::{Fault, FaultKind};
use tokio::{task::JoinSet, time::sleep};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// Makes 10,000 calls, 100 a second, to an upstream that is down; returns how many it sees.
async fn calls_seen(policy: RetryPolicy) -> usize {
    let seen = Arc::new(AtomicUsize::new(0));
    let upstream = {
        let seen = Arc::clone(&seen);
        service_fn(move |(): ()| {
            seen.fetch_add(1, Relaxed);
            async { Err::<(), _>(Fault::new(FaultKind::Unavailable)) }
        })
    };
    let service = ServiceBuilder::new().layer(RetryLayer::new(policy)).service(upstream);
    let mut calls = JoinSet::new();
    for _ in 0..10_000 {
        let mut service = service.clone();
        calls.spawn(async move { service.ready().await.unwrap().call(()).await.unwrap_err() });
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(calls.join_all().await.len(), 10_000, "every call ends");
    seen.load(Relaxed)
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_a_fifth_more_calls_and_no_more() {
    let seen = calls_seen(RetryPolicy::default().seed(1)).await;
    // The ratio grants 2,000; the burst 100 once, and the floor as much again while the balance goes below zero.
    assert!((12_000..=12_200).contains(&seen), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_ones_own_is_kept_to() {
    let budget = RetryBudget::new(0.05, 0.0, 0).unwrap();
    let seen = calls_seen(RetryPolicy::default().budget(budget).seed(1)).await;
    assert!((10_400..=10_500).contains(&seen), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_it_costs_four_times_the_calls() {
    assert_eq!(calls_seen(RetryPolicy::default().without_budget().seed(1)).await, 40_000);
}
