use std::time::Duration;

use mainstay_backoff::RetryBudget;
use proptest::prelude::*;
use tokio::time::{Instant, advance};

#[tokio::test(start_paused = true)]
async fn a_new_budget_holds_its_burst() {
    let budget = RetryBudget::new(0.0, 0.0, 3).unwrap();
    assert_eq!((0..9).filter(|_| budget.withdraw()).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn each_call_pays_for_its_share_of_a_retry() {
    let budget = RetryBudget::new(0.2, 0.0, 100).unwrap();
    while budget.withdraw() {}
    for _ in 0..4 {
        budget.deposit();
        assert!(!budget.withdraw());
    }
    budget.deposit();
    assert!(budget.withdraw());
    assert!(!budget.withdraw());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_burst_is_saved() {
    let budget = RetryBudget::new(1.0, 0.0, 5).unwrap();
    for _ in 0..1_000 {
        budget.deposit();
    }
    assert_eq!((0..1_000).filter(|_| budget.withdraw()).count(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_floor_grants_when_nobody_calls() {
    let budget = RetryBudget::new(0.0, 2.0, 0).unwrap();
    assert!(budget.withdraw());
    assert!(!budget.withdraw());
    advance(Duration::from_millis(499)).await;
    assert!(!budget.withdraw());
    advance(Duration::from_millis(1)).await;
    assert!(budget.withdraw());
    advance(Duration::from_secs(100)).await;
    assert_eq!((0..9).filter(|_| budget.withdraw()).count(), 1, "time without retries is not saved up");
}

#[tokio::test(start_paused = true)]
async fn where_calls_are_frequent_the_ratio_alone_counts() {
    let budget = RetryBudget::new(0.2, 10.0, 10).unwrap();
    let mut granted = 0;
    for _ in 0..10_000 {
        budget.deposit();
        granted += usize::from(budget.withdraw());
        advance(Duration::from_millis(10)).await;
    }
    // 20 a second are paid for, so the floor of 10 a second adds no more than the burst.
    assert!((2_000..=2_021).contains(&granted), "{granted}");
}

#[test]
fn clones_share_one_balance_and_threads_take_nothing_twice() {
    let budget = RetryBudget::new(0.0, 0.0, 10_000).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let budget = budget.clone();
            std::thread::spawn(move || (0..5_000).filter(|_| budget.withdraw()).count())
        })
        .collect();
    let granted: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(granted, 10_000);
}

#[tokio::test(start_paused = true)]
async fn it_is_a_budget_of_towers_too() {
    let budget: Box<dyn tower::retry::budget::Budget> = Box::new(RetryBudget::new(1.0, 0.0, 1).unwrap());
    assert!(budget.withdraw() && !budget.withdraw());
    budget.deposit();
    assert!(budget.withdraw());
}

proptest! {
    /// The law of the docs, over every stretch of a random history.
    #[test]
    fn any_stretch_grants_no_more_than_burst_ratio_and_floor(
        ratio in 0.0..2.0, floor in 0.0..50.0, burst in 0u32..20,
        steps in prop::collection::vec((0u64..300, any::<bool>(), any::<bool>()), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let history = runtime.block_on(async {
            let budget = RetryBudget::new(ratio, floor, burst).unwrap();
            let mut history = Vec::new();
            for (millis, call, retry) in &steps {
                advance(Duration::from_millis(*millis)).await;
                if *call {
                    budget.deposit();
                }
                history.push((Instant::now(), *call, *retry && budget.withdraw()));
            }
            history
        });
        for from in 0..history.len() {
            let (mut calls, mut granted) = (0u32, 0u32);
            for (at, call, retry) in &history[from..] {
                calls += u32::from(*call);
                granted += u32::from(*retry);
                let seconds = (*at - history[from].0).as_secs_f64();
                let most = f64::from(burst.max(1)) + (ratio + 0.0005) * f64::from(calls) + floor * seconds + 1.0;
                prop_assert!(f64::from(granted) <= most + 1e-6, "{granted} > {most}");
            }
        }
    }
}
