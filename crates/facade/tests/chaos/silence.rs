//! Silent and slow: accepts and says nothing; headers, then nothing; comments or role chunks only; a first token after 20 s; slow drips.

use mainstay_mock_openai::{Latency, ModelPlan, StreamFault, WholeFault};

use crate::world::{Ask, Pace, World, assert_answered};

async fn silence(pace: Pace) {
    let silent = ModelPlan::new()
        .fault(WholeFault::Hang, 0.03)
        .fault(WholeFault::HangAfterHeaders, 0.03)
        .fault(WholeFault::SlowDrip { interval: pace.outlasting(1.0) }, 0.03)
        .fault(StreamFault::RoleOnly, 0.03)
        .fault(StreamFault::CommentsOnly { interval: pace.seconds(0.5) }, 0.03)
        .latency(Latency::LogNormal { median: pace.seconds(1.0), sigma: 0.5 })
        .first_token(Latency::LogNormal { median: pace.seconds(0.5), sigma: 0.5 })
        .per_token(Latency::Constant(pace.seconds(0.02)));
    let slow = ModelPlan::new().first_token(Latency::Constant(pace.outlasting(20.0)));
    let settings = format!(
        "attempt_timeout = {}\nfirst_token_timeout = {}\nbetween_tokens_timeout = {}",
        pace.limit(10.0),
        pace.limit(5.0),
        pace.limit(5.0)
    );
    let tiers = r#"{ models = [{ on = "a" }, { on = "b" }] }, { models = [{ on = "c" }] }"#;
    let world = World::start(pace, [silent, slow, ModelPlan::new()], 60.0, &settings, tiers).await;
    let outcomes = world.load(300.0, Ask::either).await;
    assert_answered(&outcomes, 0.99);
    let stats = world.end(&outcomes, pace.calls).await;
    for fault in ["hang", "hang_after_headers", "slow_drip", "role_only", "comments_only"] {
        // A few calls are too few for all of them.
        assert!(!pace.is_simulated || stats[0].outcome(fault) > 0, "{fault}: {:?}", stats[0].by_outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn chaos_3_silent_and_slow() {
    silence(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_3_in_brief() {
    silence(Pace::BRIEF).await;
}
