use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use mainstay_fallback::{Fallback, Hedge, Tier};
use mainstay_fault::{Fault, FaultKind, HasFault};
use mainstay_testkit::{Record, Script, Step, script};
use tokio::time::Instant;
use tower::ServiceExt;

type Slow = Script<Box<dyn Fn(usize, &u32) -> Step<&'static str, Fault> + Send + Sync>, u32>;

const SECOND: Duration = Duration::from_secs(1);

fn after(delay: Duration, outcome: Result<&'static str, FaultKind>) -> (Slow, Record<u32>) {
    script(Box::new(move |_, _: &u32| Step::After(delay, outcome.map_err(Fault::from))))
}

async fn race(
    first: (Duration, Result<&'static str, FaultKind>),
    second: (Duration, Result<&'static str, FaultKind>),
    hedge: Hedge,
) -> (Result<&'static str, FaultKind>, Duration, usize) {
    let ((one, _), (two, record)) = (after(first.0, first.1), after(second.0, second.1));
    let began = Instant::now();
    let tiers = Fallback::first("one", one).hedged(Tier::new("two", two), hedge);
    let outcome = tiers.oneshot(1).await;
    let outcome = outcome.map(|answer| *answer).map_err(|error| error.fault().kind);
    (outcome, began.elapsed(), record.calls())
}

#[tokio::test(start_paused = true)]
async fn a_fast_first_tier_is_not_hedged() {
    let raced = race((SECOND, Ok("one")), (SECOND, Ok("two")), Hedge::after(2 * SECOND)).await;
    assert_eq!(raced, (Ok("one"), SECOND, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_good_answer_wins() {
    let raced = race((9 * SECOND, Ok("one")), (SECOND, Ok("two")), Hedge::after(2 * SECOND)).await;
    assert_eq!(raced, (Ok("two"), 3 * SECOND, 1));
    let raced = race((4 * SECOND, Ok("one")), (9 * SECOND, Ok("two")), Hedge::after(2 * SECOND)).await;
    assert_eq!(raced, (Ok("one"), 4 * SECOND, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_fails_leaves_the_call_to_the_first_tier() {
    let raced =
        race((9 * SECOND, Ok("one")), (SECOND, Err(FaultKind::Overloaded)), Hedge::after(2 * SECOND)).await;
    assert_eq!(raced, (Ok("one"), 9 * SECOND, 1));
}

#[tokio::test(start_paused = true)]
async fn a_first_tier_that_fails_is_followed_at_once() {
    let raced = race((SECOND, Err(FaultKind::Connect)), (SECOND, Ok("two")), Hedge::after(9 * SECOND)).await;
    assert_eq!(raced, (Ok("two"), 2 * SECOND, 1));
}

#[tokio::test(start_paused = true)]
async fn the_callers_mistake_ends_the_call_and_the_hedge() {
    let first = (3 * SECOND, Err(FaultKind::InvalidRequest));
    let raced = race(first, (9 * SECOND, Ok("two")), Hedge::after(2 * SECOND)).await;
    assert_eq!(raced, (Err(FaultKind::InvalidRequest), 3 * SECOND, 1));
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_both_are_told_of() {
    let ((one, _), (two, _)) =
        (after(3 * SECOND, Err(FaultKind::Connect)), after(SECOND / 2, Err(FaultKind::Auth)));
    let tiers = Fallback::first("one", one).hedged(Tier::new("two", two), Hedge::after(SECOND));
    let error = tiers.oneshot(1).await.unwrap_err();
    assert_eq!(error.to_string(), "no tier answered: one: connection failed; two: not authorised");
}

#[tokio::test(start_paused = true)]
async fn a_budget_may_refuse_the_hedge() {
    let may = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&may);
    let hedge = Hedge::after(SECOND).when(move || asks.load(Relaxed));
    let slow = (9 * SECOND, Ok("one"));
    assert_eq!(race(slow, (SECOND, Ok("two")), hedge.clone()).await, (Ok("one"), 9 * SECOND, 0));
    may.store(true, Relaxed);
    assert_eq!(race(slow, (SECOND, Ok("two")), hedge).await, (Ok("two"), 2 * SECOND, 1));
}

#[tokio::test(start_paused = true)]
async fn the_delay_follows_the_quantile() {
    let rng = std::sync::Mutex::new(fastrand::Rng::with_seed(7));
    let (one, _) = script(move |_, _: &u32| {
        let millis = rng.lock().unwrap().u64(..1_000);
        Step::After(Duration::from_millis(millis), Ok::<_, Fault>("one"))
    });
    let (two, record) = script(|_, _: &u32| Step::<&str, Fault>::Hang);
    let hedge = Hedge::starting_at(30 * SECOND).quantile(0.9);
    let mut tiers = Fallback::first("one", one).hedged(Tier::new("two", two), hedge.clone());
    for _ in 0..3_000 {
        (&mut tiers).oneshot(1).await.unwrap();
    }
    let before = record.calls();
    for _ in 0..1_000 {
        (&mut tiers).oneshot(1).await.unwrap();
    }
    let hedged = record.calls() - before;
    assert!((60..=140).contains(&hedged), "{hedged} of 1,000 hedged, at {:?}", hedge.delay());
}
