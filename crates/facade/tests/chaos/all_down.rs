//! All down in different ways; duplicates with one key; the configuration read again, and the stack told to stop, in the middle.

use mainstay_mock_openai::{Latency, ModelPlan, Outage, RetryAfter, WholeFault};

use crate::world::{Ask, Outcome, Pace, World, assert_answered, count};

const TIERS: &str = r#"{ models = [{ on = "a" }, { on = "b" }] }, { models = [{ on = "c" }] }"#;

fn settings(pace: Pace) -> String {
    format!("attempt_timeout = {0}\nfirst_token_timeout = {0}\n[idempotency]\nttl = \"1h\"", pace.limit(5.0))
}

/// Three callers with each key.
fn thrice(n: u32) -> Ask {
    Ask::either(n / 3).key(format!("k{}", n / 3))
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
    let again = |n: u32| {
        if n == pace.calls / 2 {
            world.reload();
        }
    };
    let outcomes = world.load_some(pace.calls, 120.0, thrice, again).await;
    assert_eq!(count(&outcomes, Outcome::is_whole), 0);
    assert!(outcomes.iter().all(|outcome| outcome.fault().is_some()), "everybody is told");
    world.end(&outcomes, pace.calls).await;
}

/// Down for twenty seconds, each in its own way.
fn down_for_a_while(pace: Pace) -> [ModelPlan; 3] {
    let (from, until) = (pace.seconds(20.0), pace.seconds(40.0));
    [WholeFault::Close, WholeFault::BadGateway, WholeFault::Overloaded(RetryAfter::default())].map(|fault| {
        let latency = Latency::Constant(pace.seconds(0.5));
        ModelPlan::new().outage(Outage::new(from, fault).until(until)).latency(latency).first_token(latency)
    })
}

/// Down for a while; three callers with each key.
async fn back_again(pace: Pace) {
    let world = World::start(pace, down_for_a_while(pace), 60.0, &settings(pace), TIERS).await;
    let again = |n: u32| {
        if n == pace.calls / 4 {
            world.reload();
        }
    };
    let outcomes = world.load_some(pace.calls, 120.0, thrice, again).await;
    // On a real clock, a machine that stands still during the outage has more calls fall into it.
    assert_answered(&outcomes, if pace.is_simulated { 0.7 } else { 0.2 });
    world.assert_ran_once(&outcomes);
    world.end(&outcomes, pace.calls).await;
}

/// Read again and told to stop while calls are under way, and started anew on the same file: what was answered is known, what was
/// cut off is not run again.
#[cfg(feature = "redb")]
async fn told_to_stop(pace: Pace) {
    use mainstay::FaultKind;

    let folder = tempfile::tempdir().unwrap();
    let settings =
        format!("{}\npath = {:?}", settings(pace), folder.path().join("keys.redb").to_str().unwrap());
    let latency = Latency::Constant(pace.seconds(3.0));
    let slow = || ModelPlan::new().latency(latency).first_token(latency);
    let world = World::start(pace, [slow(), slow(), slow()], 60.0, &settings, TIERS).await;
    let (tell, mut closing) = (pace.calls / 2, tokio::task::JoinSet::new());
    let told = |n: u32| {
        if n == pace.calls / 4 {
            world.reload();
        }
        if n == tell {
            let mainstay = world.mainstay();
            closing.spawn(async move { mainstay.close().await });
        }
    };
    let mut outcomes =
        world.load_some(pace.calls, 60.0, |n| Ask::whole(n / 3).key(format!("k{}", n / 3)), told).await;
    closing.join_all().await;
    let (before, after) = outcomes.split_at(tell as usize);
    assert_answered(before, 0.8);
    // Those with a key that is known are answered; the others are refused, not run without a claim.
    let ran = |world: &World| world.mocks.iter().map(|mock| mock.stats().ok()).sum::<u64>();
    assert!(ran(&world) <= u64::from(tell).div_ceil(3), "{} ran", ran(&world));
    assert!(count(after, Outcome::is_whole) <= 3, "all are refused but who shares an answer under way");

    let known = ran(&world);
    world.restart();
    let again = world.load_some(tell, 30.0, |n| Ask::whole(n / 3).key(format!("k{}", n / 3)), |_| {}).await;
    let unknown = count(&again, |outcome| outcome.fault() == Some(FaultKind::Interrupted));
    assert_eq!(count(&again, Outcome::is_whole) + unknown, again.len(), "answered, or of unknown outcome");
    assert_eq!(ran(&world), known, "none runs a second time");
    outcomes.extend(again);
    world.assert_ran_once(&outcomes);
    world.mainstay().close().await;
    world.end(&outcomes, pace.calls + tell).await;
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

#[cfg(feature = "redb")]
#[tokio::test(start_paused = true)]
async fn chaos_7_told_to_stop() {
    told_to_stop(Pace::SIMULATED).await;
}

#[cfg(feature = "redb")]
#[tokio::test]
async fn chaos_7_told_to_stop_in_brief() {
    told_to_stop(Pace::BRIEF).await;
}
