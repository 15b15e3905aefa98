//! A 429 storm with every shape of Retry-After, the second backend with half the capacity.

use std::time::Duration;

use mainstay::FaultKind;
use mainstay_mock_openai::{ModelPlan, RetryAfter, WholeFault};

use crate::world::{Ask, End, Pace, World, assert_answered};

const BOTH: &str = r#"{ models = [{ on = "a" }, { on = "b" }] }"#;

fn shapes() -> Vec<RetryAfter> {
    let date = RetryAfter::date(Duration::from_secs(3));
    let raw = ["2", "1.5", "0", "-1", "abc"].map(RetryAfter::raw);
    let mut shapes = vec![RetryAfter::millis("700"), date.clone().clock_skew(600), date.clock_skew(-600)];
    shapes.extend(raw);
    shapes.push(RetryAfter::default());
    shapes
}

fn stormy(share: f64, shapes: &[RetryAfter]) -> ModelPlan {
    let each = share / shapes.len() as f64;
    shapes
        .iter()
        .fold(ModelPlan::new(), |plan, shape| plan.fault(WholeFault::RateLimited(shape.clone()), each))
}

async fn storm(pace: Pace) {
    let plans =
        [stormy(0.15, &shapes()).requests_per_minute(240), stormy(0.15, &shapes()).requests_per_minute(120)];
    let world = World::start(pace, plans, 60.0, "", BOTH).await;
    let outcomes = world.load(300.0, Ask::either).await;
    assert_answered(&outcomes, 0.95);
    let stats = world.end(&outcomes, pace.calls).await;
    let told: u64 = stats.iter().map(|stats| stats.outcome("rate_limited")).sum();
    assert!(told > 0, "there was a storm: {:?}", stats[0].by_outcome);
}

/// `90` is more than anybody waits, `86400` is a day: nobody sleeps for them, and nobody hammers.
async fn long_words(pace: Pace) {
    let never = |text: &str| stormy(1.0, &[RetryAfter::raw(text)]);
    let world = World::start(pace, [never("90"), never("86400")], 60.0, "", BOTH).await;
    let seen = |world: &World| world.mocks.iter().map(|mock| mock.stats().calls).sum::<u64>();
    let mut outcomes = world.load(60.0, Ask::either).await;
    let before = seen(&world);
    outcomes.extend(world.load_some(20, 1.0, Ask::either, |_| {}).await);
    assert_eq!(seen(&world), before, "a word is kept for all calls");
    // Those that come before the first answer have been sent; on a real clock these may be many.
    assert!(!pace.is_simulated || before <= 6, "{before}");
    for outcome in &outcomes {
        let End::Failed(fault) = &outcome.end else { panic!("{outcome:?}") };
        // The server's own word, or ours that it would be asked in vain.
        assert!(matches!(fault.kind, FaultKind::RateLimited | FaultKind::Shed), "{outcome:?}");
        assert!(fault.retry_after.is_some(), "{outcome:?}");
    }
    world.end(&outcomes, pace.calls + 20).await;
}

#[tokio::test(start_paused = true)]
async fn chaos_1_a_429_storm() {
    storm(Pace::SIMULATED).await;
    long_words(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_1_in_brief() {
    storm(Pace::BRIEF).await;
    long_words(Pace::BRIEF).await;
}
