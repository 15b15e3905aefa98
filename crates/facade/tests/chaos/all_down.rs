//! All down in different ways; duplicates with one key; the configuration read again and the stack closed in the middle.

use mainstay::Config;
use mainstay_mock_openai::{Latency, ModelPlan, Outage, RetryAfter, WholeFault};

use crate::world::{Ask, Outcome, Pace, World, assert_answered, count};

const TIERS: &str = r#"{ models = [{ on = "a" }, { on = "b" }] }, { models = [{ on = "c" }] }"#;

fn settings(pace: Pace) -> String {
    format!("attempt_timeout = {0}\nfirst_token_timeout = {0}\n[idempotency]\nttl = \"1h\"", pace.toml(5.0))
}

/// One server, down from the first second to the last, and a caller for each attempt that it could make: retries are what makes it worse.
async fn alone(pace: Pace) {
    let world = World::start(
        pace,
        [ModelPlan::new().fault(WholeFault::ServerError, 1.0)],
        60.0,
        "",
        r#"{ models = [{ on = "a" }] }"#,
    )
    .await;
    let outcomes = world.load(120.0, Ask::either).await;
    assert!(outcomes.iter().all(|outcome| outcome.fault().is_some()), "everybody is told");
    world.end(&outcomes, pace.calls).await;
}

/// Down from the first second to the last.
async fn down(pace: Pace) {
    let always = |fault| ModelPlan::new().fault(fault, 1.0);
    let plans = [
        always(WholeFault::Hang),
        always(WholeFault::ServerError),
        always(WholeFault::RateLimited(RetryAfter::raw("90"))),
    ];
    let world = World::start(pace, plans, 30.0, &settings(pace), TIERS).await;
    let config: Config = world.toml.parse().unwrap();
    let again = |n: u32| {
        if n == world.pace.calls / 2 {
            world.mainstay.reload(&config).unwrap();
        }
    };
    let outcomes =
        world.load_some(pace.calls, 120.0, |n| Ask::either(n / 3).key(format!("k{}", n / 3)), again).await;
    assert_eq!(count(&outcomes, Outcome::is_whole), 0);
    assert!(outcomes.iter().all(|outcome| outcome.fault().is_some()), "everybody is told");
    world.end(&outcomes, pace.calls).await;
}

/// Down for a while; three callers with each key; told to stop before the last ones come.
async fn back_again(pace: Pace) {
    let (from, until) = (pace.seconds(20.0), pace.seconds(40.0));
    let outage = |fault| {
        let latency = Latency::Constant(pace.seconds(0.5));
        ModelPlan::new().outage(Outage::new(from, fault).until(until)).latency(latency).first_token(latency)
    };
    let plans = [
        outage(WholeFault::Close),
        outage(WholeFault::BadGateway),
        outage(WholeFault::Overloaded(RetryAfter::default())),
    ];
    let world = World::start(pace, plans, 60.0, &settings(pace), TIERS).await;
    let config: Config = world.toml.parse().unwrap();
    let again = |n: u32| {
        if n == world.pace.calls / 4 {
            world.mainstay.reload(&config).unwrap();
        }
    };
    let outcomes =
        world.load_some(pace.calls, 120.0, |n| Ask::either(n / 3).key(format!("k{}", n / 3)), again).await;
    assert_answered(&outcomes, 0.7);
    world.mainstay.close().await;
    let stats = world.end(&outcomes, pace.calls).await;
    for key in 0..pace.calls / 3 {
        let key = format!("k{key}");
        let ran: u64 = stats.iter().filter_map(|stats| stats.executions.get(&key)).sum();
        assert!(ran <= 1, "{key} ran {ran} times");
    }
}

#[tokio::test(start_paused = true)]
async fn chaos_7_all_down_in_different_ways() {
    alone(Pace::SIMULATED).await;
    down(Pace::SIMULATED).await;
    back_again(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_7_in_brief() {
    alone(Pace::BRIEF).await;
    down(Pace::BRIEF).await;
    back_again(Pace::BRIEF).await;
}
