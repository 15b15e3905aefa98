//! Token pressure and liars: callers all at once, 10 to 100 thousand tokens each; usage missing, tenfold or zero; callers who go away;
//! the configuration read again in the middle, and a restart.

use std::collections::BTreeMap;

use mainstay::{ChatRequest, FaultKind};
use mainstay_mock_openai::{Latency, ModelPlan, WholeFault};

use crate::world::{Ask, End, Outcome, Pace, World, assert_answered, count};

/// An answer that lies about its usage, or says nothing of it.
fn lie(usage: &str) -> WholeFault {
    let body = format!(
        r#"{{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"So it is."}},"finish_reason":"stop"}}]{usage}}}"#
    );
    WholeFault::Status { status: 200, headers: BTreeMap::new(), body: Some(body) }
}

/// One in ten goes away, half of them with an answer under way.
fn ask(pace: Pace, n: u32) -> Ask {
    let tokens = 10_000 + 90_000 * (n * 7 % 10) / 10;
    let request = ChatRequest::new("m").user(format!("What is number {n}?")).max_tokens(tokens);
    let leaves_after = leaves(n).then(|| pace.seconds(if n.is_multiple_of(20) { 0.5 } else { 3.0 }));
    Ask { streams: n.is_multiple_of(2), leaves_after, ..Ask::anything(request) }
}

const fn leaves(n: u32) -> bool {
    n.is_multiple_of(10)
}

/// A server that allows so much a minute, and lies.
fn liar(pace: Pace, tokens: u64, requests: u64) -> ModelPlan {
    let calls = pace.calls;
    let latency = Latency::Constant(pace.seconds(1.0));
    ModelPlan::new()
        .fault(lie(""), 0.05)
        .fault(lie(r#","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#), 0.05)
        .fault(lie(&format!(r#","usage":{{"prompt_tokens":10,"completion_tokens":{}}}"#, calls * 300)), 0.05)
        .latency(latency)
        .first_token(latency)
        .tokens_per_minute(tokens)
        .requests_per_minute(requests)
}

/// The tokens and the requests that are allowed here a minute: less than all callers ask for together.
fn allowed(pace: Pace) -> (u64, u64) {
    (u64::from(pace.calls) * 45_000, u64::from(pace.calls) * 9 / 10)
}

/// The stack under pressure, and in the middle something happens to it; the server's limits are a tenth wider than those that are set.
async fn pressed(pace: Pace, at_once: u64, in_the_middle: impl Fn(&World)) -> (World, Vec<Outcome>) {
    let (tokens, requests) = allowed(pace);
    let tiers = format!(
        r#"{{ models = [{{ on = "a", tokens_per_minute = {tokens}, requests_per_minute = {requests}, in_flight = 64 }}] }}"#
    );
    let plan = liar(pace, tokens * 11 / 10, requests * 11 / 10).max_concurrent(at_once);
    let world = World::start(pace, [plan], 120.0, "", &tiers).await;
    let half = pace.calls / 2;
    let happens = |n| {
        if n == half {
            in_the_middle(&world);
        }
    };
    let outcomes = world.load_some(pace.calls, 1.0, |n| ask(pace, n), happens).await;
    (world, outcomes)
}

/// Who stays is answered, or is told when to come again. A lie that comes where a stream was asked for is none, but malformed: it is
/// sent again as long as the limits have room for it.
fn assert_served(outcomes: &[Outcome], share: f64) {
    let left = count(outcomes, |outcome| matches!(outcome.end, End::Left));
    assert!(left <= outcomes.len() / 10, "only those leave who mean to: {left}");
    let mut served = 0;
    for outcome in outcomes {
        match &outcome.end {
            End::Whole(_) => served += 1,
            End::Left => {}
            End::Failed(fault) if fault.kind == FaultKind::Malformed => {}
            End::Failed(fault) => {
                assert!(fault.kind == FaultKind::Shed && fault.retry_after.is_some(), "{outcome:?}");
            }
            End::Broke(_) => panic!("{outcome:?}"),
        }
    }
    let stay = (outcomes.len() - left) as f64;
    assert!(f64::from(served) >= share * stay, "{served} of {stay} served");
}

async fn pressure(pace: Pace) {
    let (world, outcomes) = pressed(pace, 64, World::reload).await;
    assert_served(&outcomes, 0.85);
    let limits = world.mainstay().status().limits;
    assert_eq!(limits[0].in_flight, Some(64), "all places are given back");
    let stats = world.end(&outcomes, pace.calls).await;
    assert_eq!(stats[0].limited, 0, "the server's limits of tokens and requests were never met");
    assert_eq!(stats[0].outcome("overloaded"), 0, "never more at once than may be");
    assert!(stats[0].peak_in_flight <= 64);
}

/// A new process knows nothing of what the old one has sent; it learns it from the server.
async fn restarted(pace: Pace) {
    let (world, outcomes) = pressed(pace, 2 * 64, World::restart).await;
    assert_answered(&outcomes, 0.5);
    world.end(&outcomes, pace.calls).await;
}

#[tokio::test(start_paused = true)]
async fn chaos_6_token_pressure_and_liars() {
    pressure(Pace::SIMULATED).await;
    restarted(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_6_in_brief() {
    pressure(Pace::BRIEF).await;
    restarted(Pace::BRIEF).await;
}
