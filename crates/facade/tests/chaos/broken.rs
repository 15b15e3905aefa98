//! Broken streams, before and after the first token, at random bytes.

use mainstay_mock_openai::{FaultSpec, Latency, ModelPlan, StreamFault, WholeFault};

use crate::world::{Ask, End, Pace, World, assert_answered, count};

/// Of an event that is taken, as it is within the size of a whole answer.
const HUGE: usize = 1 << 20;

const FAULTS: &[StreamFault] = &[
    StreamFault::CutAnywhere,
    StreamFault::Cut { after: 0 },
    StreamFault::Cut { after: 3 },
    StreamFault::EndEarly { after: 0 },
    StreamFault::EndEarly { after: 2 },
    StreamFault::NoDone,
    StreamFault::Stall { after: 2 },
    StreamFault::ErrorEvent { after: 0 },
    StreamFault::ErrorEvent { after: 2 },
    StreamFault::MalformedEvent { after: 2 },
    StreamFault::DoubleDone,
    StreamFault::ErrorFirst,
    StreamFault::EmptyStream,
    StreamFault::OnlyDone,
    StreamFault::SplitBytes,
    StreamFault::HugeEvent { size: HUGE },
];

fn breaking() -> ModelPlan {
    let plan = FAULTS.iter().fold(ModelPlan::new(), |plan, fault| plan.fault(fault.clone(), 0.02));
    plan.fault(WholeFault::Html200, 0.02)
}

async fn broken(pace: Pace) {
    let per_token = Latency::Constant(pace.seconds(0.05));
    let settings = format!("first_token_timeout = {0}\nbetween_tokens_timeout = {0}", pace.limit(5.0));
    let tiers = r#"{ models = [{ on = "a" }, { on = "b" }] }"#;
    let plans = [breaking().per_token(per_token), breaking().per_token(per_token)];
    let world = World::start(pace, plans, 60.0, &settings, tiers).await;
    let outcomes = world.load(300.0, Ask::stream).await;
    let broke = count(&outcomes, |outcome| matches!(outcome.end, End::Broke(_)));
    assert!(broke > 0, "some break after their first token");
    // What breaks before the first token is repaired; what breaks after it cannot be.
    assert_answered(&outcomes, if pace.is_simulated { 0.85 } else { 0.6 });
    let stats = world.end(&outcomes, pace.calls).await;
    for fault in FAULTS {
        let befell: u64 =
            stats.iter().map(|stats| stats.outcome(FaultSpec::from(fault.clone()).name())).sum();
        // A few calls are too few for all of them.
        assert!(!pace.is_simulated || befell > 0, "{fault:?}: {:?}", stats[0].by_outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn chaos_4_broken_streams() {
    broken(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_4_in_brief() {
    broken(Pace::BRIEF).await;
}
