//! Token pressure and liars: callers all at once, 10 to 100 thousand tokens each; usage missing, tenfold or zero; callers who go away;
//! the configuration read again in the middle.

use std::collections::BTreeMap;

use mainstay::{ChatRequest, Config};
use mainstay_mock_openai::{Latency, ModelPlan, WholeFault};

use crate::world::{Ask, End, Pace, World, count};

/// An answer that lies about its usage, or says nothing of it.
fn lie(usage: &str) -> WholeFault {
    let body = format!(
        r#"{{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"So it is."}},"finish_reason":"stop"}}]{usage}}}"#
    );
    WholeFault::Status { status: 200, headers: BTreeMap::new(), body: Some(body) }
}

fn ask(pace: Pace, n: u32) -> Ask {
    let tokens = 10_000 + 90_000 * (n * 7 % 10) / 10;
    let request = ChatRequest::new("m").user(format!("What is number {n}?")).max_tokens(tokens);
    let leaves_after = n.is_multiple_of(10).then(|| pace.seconds(3.0));
    Ask { streams: n.is_multiple_of(2), leaves_after, ..Ask::anything(request) }
}

async fn pressure(pace: Pace) {
    // The bucket of the server and ours fill alike: what is taken here fits there.
    let minute = 60.0 / pace.second.as_secs_f64();
    let (tokens, requests) = (100_000.0 * minute / 60.0 * 60.0, 40.0 * minute);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "round numbers")]
    let (tokens, requests) = (tokens as u64, requests as u64);
    let latency = Latency::Constant(pace.seconds(1.0));
    let plan = ModelPlan::new()
        .fault(lie(""), 0.05)
        .fault(lie(r#","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#), 0.05)
        .fault(
            lie(r#","usage":{"prompt_tokens":100,"completion_tokens":200000,"total_tokens":200100}"#),
            0.05,
        )
        .latency(latency)
        .first_token(latency)
        .max_concurrent(64);
    let tiers = format!(
        r#"{{ models = [{{ on = "a", tokens_per_minute = {tokens}, requests_per_minute = {requests}, in_flight = 64 }}] }}"#
    );
    let world = World::start(pace, [plan], 120.0, "", &tiers).await;
    let half = pace.calls / 2;
    let config: Config = world.toml.parse().unwrap();
    let again = |n| {
        if n == half {
            world.mainstay.reload(&config).unwrap();
        }
    };
    let outcomes = world.load_some(pace.calls, 1.0, |n| ask(pace, n), again).await;
    let left = count(&outcomes, |outcome| matches!(outcome.end, End::Left));
    assert!(left <= pace.calls as usize / 10, "only those leave who mean to: {left}");
    let limits = world.mainstay.status().limits;
    assert_eq!(limits[0].in_flight, Some(64), "all places are given back");
    let stats = world.end(&outcomes, pace.calls).await;
    assert_eq!(stats[0].outcome("overloaded"), 0, "never more at once than may be");
    assert!(stats[0].peak_in_flight <= 64);
}

#[tokio::test(start_paused = true)]
async fn chaos_6_token_pressure_and_liars() {
    pressure(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_6_in_brief() {
    pressure(Pace::BRIEF).await;
}
