//! Flapping: a minute down, a minute up; slow above a share of the load; callers who retry twice themselves.

use mainstay_mock_openai::{Latency, ModelPlan, Outage, WholeFault};

use crate::world::{Ask, Outcome, Pace, World, assert_answered};

async fn flapping(pace: Pace) {
    let minute = pace.seconds(60.0);
    let latency = Latency::LogNormal { median: pace.seconds(0.8), sigma: 0.4 };
    let flaps = ModelPlan::new()
        .latency(latency)
        .outage(Outage::new(minute, WholeFault::ServerError).until(2 * minute).every(2 * minute));
    // Slow enough to have several calls at once, whichever way they are sent.
    let longer = Latency::LogNormal { median: pace.seconds(1.2), sigma: 0.4 };
    let narrow = ModelPlan::new().latency(longer).first_token(longer).slow_above(2, pace.seconds(4.0));
    let tiers = r#"{ models = [{ on = "a" }, { on = "b" }] }"#;
    let world = World::start(pace, [flaps, narrow], 60.0, "", tiers).await;
    let (mut outcomes, mut calls) = (Vec::<Outcome>::new(), 0);
    // Whoever failed comes back, twice.
    let mut asking: Vec<u32> = (0..pace.calls).collect();
    for over in [600.0, 60.0, 60.0] {
        let how_many = u32::try_from(asking.len()).unwrap();
        let ended = world.load_some(how_many, over, |n| Ask::either(asking[n as usize]), |_| {}).await;
        calls += how_many;
        let failed = |(n, outcome): (&u32, &Outcome)| (!outcome.is_whole()).then_some(*n);
        asking = asking.iter().zip(&ended).filter_map(failed).collect();
        outcomes.extend(ended);
    }
    assert_answered(&outcomes, 0.99);
    let stats = world.end(&outcomes, calls).await;
    if pace.is_simulated {
        // In brief the calls are few and far apart, and where they go depends on when they come.
        assert!(stats[1].peak_in_flight > 2, "it had more than it can do: {}", stats[1].peak_in_flight);
        let flapped = stats[0].outcome("server_error") > 0 && stats[0].ok() > 0;
        assert!(flapped, "{:?}", stats[0].by_outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn chaos_5_flapping() {
    flapping(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_5_in_brief() {
    flapping(Pace::BRIEF).await;
}
