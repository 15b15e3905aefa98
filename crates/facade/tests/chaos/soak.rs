//! Every fault at once, for an hour.

use std::{env, time::Duration};

use mainstay_mock_openai::{Latency, ModelPlan, Outage, RetryAfter, StreamFault, WholeFault};

use crate::world::{Ask, End, Outcome, Pace, World, count};

/// A twelfth of the attempts fails, in all ways that there are; now and then all of them do for a minute.
fn faulty(pace: Pace, minute: f64) -> ModelPlan {
    let mut plan = ModelPlan::new();
    for fault in [
        WholeFault::RateLimited(RetryAfter::millis("300")),
        WholeFault::Overloaded(RetryAfter::default()),
        WholeFault::Overloaded529(RetryAfter::default()),
        WholeFault::RequestTimeout,
        WholeFault::ServerError,
        WholeFault::BadGateway,
        WholeFault::GatewayTimeout,
        WholeFault::Reset,
        WholeFault::ResetMidBody,
        WholeFault::Close,
        WholeFault::Hang,
        WholeFault::HangAfterHeaders,
        WholeFault::Html200,
        WholeFault::Empty200,
        WholeFault::TruncatedJson,
        WholeFault::ErrorIn200,
    ] {
        plan = plan.fault(fault, 0.004);
    }
    for fault in
        [StreamFault::CutAnywhere, StreamFault::Stall { after: 2 }, StreamFault::ErrorEvent { after: 1 }]
    {
        plan = plan.fault(fault, 0.004);
    }
    let down = Outage::new(pace.seconds(60.0 * minute), WholeFault::ServerError);
    plan.latency(Latency::LogNormal { median: pace.seconds(0.5), sigma: 0.5 })
        .first_token(Latency::LogNormal { median: pace.seconds(0.2), sigma: 0.5 })
        .per_token(Latency::Constant(pace.seconds(0.01)))
        .outage(down.until(pace.seconds(60.0 * (minute + 1.0))).every(pace.seconds(900.0)))
}

/// Each tenth caller asks what another asks at the same time; each fiftieth goes away.
fn ask(pace: Pace, n: u32) -> Ask {
    let twin = if n % 10 == 9 { n - 1 } else { n };
    let leaves_after = (n % 50 == 17).then(|| pace.seconds(0.3));
    Ask { leaves_after, ..Ask::either(twin).key(format!("k{twin}")) }
}

async fn soak(pace: Pace, seconds: f64) {
    let plans = [faulty(pace, 2.0), faulty(pace, 6.0), faulty(pace, 10.0)];
    let settings = format!(
        "attempt_timeout = {0}\nfirst_token_timeout = {0}\nbetween_tokens_timeout = {0}\n[idempotency]\nttl = \"2h\"",
        pace.limit(5.0)
    );
    let tiers = r#"{ models = [{ on = "a", in_flight = 50 }, { on = "b", in_flight = 50 }] }, { models = [{ on = "c", in_flight = 50 }] }"#;
    let world = World::start(pace, plans, 60.0, &settings, tiers).await;
    let again = |n: u32| {
        if n % 1_000 == 999 {
            world.reload();
        }
    };
    let outcomes = world.load_some(pace.calls, seconds, |n| ask(pace, n), again).await;

    // A stream that breaks after its first token has been answered as far as it can be, and says so.
    let failed: Vec<_> = outcomes.iter().filter_map(Outcome::fault).collect();
    let broke = count(&outcomes, |outcome| matches!(outcome.end, End::Broke(_)));
    assert!(failed.len() as f64 <= 0.001 * f64::from(pace.calls), "{} failed: {failed:?}", failed.len());
    assert!(broke as f64 <= 0.02 * f64::from(pace.calls), "{broke} broke");
    let limits = world.mainstay().status().limits;
    assert!(limits.iter().all(|limit| limit.in_flight == Some(50)), "{limits:?}");
    world.assert_ran_once(&outcomes);
    let stats = world.end(&outcomes, pace.calls).await;
    assert!(stats.iter().all(|stats| stats.peak_in_flight <= 50), "the limits are never exceeded");
}

#[tokio::test(start_paused = true)]
async fn soak_of_an_hour() {
    soak(Pace { calls: 10_000, ..Pace::SIMULATED }, 3_600.0).await;
}

/// Five seconds, unless `MAINSTAY_SOAK_SECONDS` says how many.
#[tokio::test]
async fn soak_in_real_time() {
    let seconds: u32 = env::var("MAINSTAY_SOAK_SECONDS").map_or(5, |text| text.parse().unwrap());
    let pace = Pace { second: Duration::from_millis(100), calls: 100 * seconds, ..Pace::BRIEF };
    soak(pace, 10.0 * f64::from(seconds)).await;
}
