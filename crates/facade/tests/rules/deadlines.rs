//! Rule 6: one deadline, and timeouts that cover bodies.

use std::time::Duration;

use futures_util::{StreamExt, future::join};
use mainstay::{FaultKind, HasFault};
use mainstay_mock_openai::{Latency, ModelPlan, StreamFault, Turn, WholeFault};
use tokio::time::Instant;

use crate::{ALONE, BOTH, always, ask, stack};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How long ago that was, in whole seconds.
fn since(began: Instant) -> u64 {
    began.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn rule_06_what_says_nothing_ends_at_the_deadline() {
    // Without an end of its own, a call to a server that says nothing would never end.
    let settings = "deadline = \"1s\"\nattempt_timeout = \"1s\"\n[retry]\nbase = \"1ms\"";
    let tiers = r#"{ models = [{ on = "a" }] }, { models = [{ on = "b" }] }"#;
    for hangs in [WholeFault::Hang, WholeFault::HangAfterHeaders] {
        let plans = [always(hangs.clone()), always(hangs)];
        let (_mocks, mainstay) = stack(plans, settings, tiers).await;
        let failure = mainstay.chat(ask()).await.unwrap_err();
        assert_eq!(failure.fault().kind, FaultKind::Timeout, "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_06_one_deadline_covers_all() {
    let settings =
        "deadline = \"30s\"\nmax_wait = \"20s\"\n[retry]\nretries = 1\nbase = \"5s\"\njitter = \"none\"";
    let tiers = r#"{ models = [{ on = "a", in_flight = 1 }] }, { models = [{ on = "b" }] }"#;
    let first = ModelPlan::new().latency(Latency::Constant(seconds(10))).sequence([
        Turn::Ok,
        WholeFault::ServerError.into(),
        WholeFault::ServerError.into(),
    ]);
    let (_mocks, mainstay) = stack([first, always(WholeFault::Hang)], settings, tiers).await;
    let began = Instant::now();
    // One takes the only place for 10 s; the other waits for it, fails, sleeps for 5 s, fails, and hangs below.
    let (holder, failed) = join(mainstay.chat(ask()), mainstay.chat(ask())).await;
    assert!(holder.is_ok());
    let failure = failed.unwrap_err();
    assert_eq!(since(began), 30, "{failure}");
    let attempts = failure.report().attempts.iter();
    let tried: Vec<_> = attempts
        .map(|it| (&*it.backend, it.waited.as_secs(), it.took.as_secs(), it.fault.unwrap().kind))
        .collect();
    let (down, silent) = (FaultKind::Unavailable, FaultKind::Timeout);
    assert_eq!(tried, [("a/m", 10, 0, down), ("a/m", 5, 0, down), ("b/m", 0, 15, silent)], "{failure}");
}

#[tokio::test(start_paused = true)]
async fn rule_06_timeouts_cover_bodies() {
    let drips = || always(WholeFault::SlowDrip { interval: seconds(1) });
    for (limit, took) in [("attempt_timeout = \"10s\"", 10), ("deadline = \"7s\"", 7)] {
        let settings = format!("{limit}\n[retry]\nretries = 0");
        let (_mocks, mainstay) = stack([drips()], &settings, ALONE).await;
        let began = Instant::now();
        let failure = mainstay.chat(ask()).await.unwrap_err();
        assert_eq!((failure.fault().kind, since(began)), (FaultKind::Timeout, took), "{failure}");
    }
    // From one token to the next.
    let stalls = ModelPlan::new().fault(StreamFault::Stall { after: 2 }, 1.0);
    let (_mocks, mainstay) = stack([stalls], "between_tokens_timeout = \"3s\"", ALONE).await;
    let began = Instant::now();
    let last = mainstay.chat_stream(ask()).await.unwrap().collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!((last.unwrap_err().fault().kind, since(began)), (FaultKind::Interrupted, 3));
}

#[tokio::test(start_paused = true)]
async fn rule_06_the_first_token_limit_moves_a_call_and_fails_none() {
    let slow = || ModelPlan::new().first_token(Latency::Constant(seconds(20)));
    let settings = "first_token_timeout = \"5s\"\n[retry]\nretries = 0";
    // What is no token does not count as one.
    for fault in [StreamFault::RoleOnly, StreamFault::CommentsOnly { interval: seconds(1) }] {
        let (_mocks, mainstay) =
            stack([ModelPlan::new().fault(fault.clone(), 1.0), ModelPlan::new()], settings, BOTH).await;
        let began = Instant::now();
        let stream = mainstay.chat_stream(ask()).await.unwrap();
        assert_eq!((stream.report().served_by(), since(began)), (Some("b/m"), 5), "{fault:?}");
    }
    // There is nowhere else to go, or not any more.
    let below = r#"{ models = [{ on = "a" }] }, { models = [{ on = "b" }] }"#;
    for (tiers, by, took) in [(ALONE, "a/m", 20), (BOTH, "b/m", 25), (below, "b/m", 25)] {
        let (_mocks, mainstay) = stack([slow(), slow()], settings, tiers).await;
        let began = Instant::now();
        let stream = mainstay.chat_stream(ask()).await.unwrap();
        assert_eq!((stream.report().served_by(), since(began)), (Some(by), took), "{tiers}");
        assert!(!stream.into_response().await.unwrap().text().is_empty());
    }
}
