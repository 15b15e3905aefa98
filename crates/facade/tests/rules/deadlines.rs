//! Rule 6: one deadline, and timeouts that cover bodies.

use std::time::Duration;

use futures_util::{StreamExt, future::join};
use mainstay::{FaultKind, HasFault, fault::fault_in};
use mainstay_mock_openai::{Latency, ModelPlan, StreamFault, Turn, WholeFault};
use tokio::time::Instant;

use crate::{ALONE, BOTH, always, ask, limited, stack};

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
    for hangs in [WholeFault::Hang, WholeFault::HangAfterHeaders] {
        let plans = [always(hangs.clone()), always(hangs)];
        let (_mocks, mainstay) = stack(plans, settings, BELOW).await;
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

const BELOW: &str = r#"{ models = [{ on = "a" }] }, { models = [{ on = "b" }] }"#;

#[tokio::test(start_paused = true)]
async fn rule_06_a_call_that_its_deadline_ends_says_so_and_what_failed_before() {
    let settings = "deadline = \"10s\"\n[retry]\nretries = 0\nmax_wait = \"5s\"";
    for (first, kind, after) in [
        (WholeFault::ServerError, FaultKind::Unavailable, None),
        (limited("90"), FaultKind::RateLimited, Some(90)),
        (WholeFault::InsufficientQuota, FaultKind::QuotaExhausted, None),
    ] {
        let (_mocks, mainstay) = stack([always(first), always(WholeFault::Hang)], settings, BELOW).await;
        let began = Instant::now();
        let failures =
            [mainstay.chat(ask()).await.unwrap_err(), mainstay.chat_stream(ask()).await.unwrap_err()];
        assert_eq!(since(began), 20);
        let [failure, stream] = failures;
        assert_eq!((failure.fault().kind, stream.fault().kind), (FaultKind::Timeout, FaultKind::Timeout));
        assert_eq!(fault_in(&failure).map(|fault| fault.kind), Some(FaultKind::Timeout), "as the chain says");
        assert_eq!(failure.fault().retry_after.map(|after| after.as_secs()), after, "{failure}");
        let attempts = failure.report().attempts.iter();
        let tried: Vec<_> = attempts.map(|it| (&*it.backend, it.fault.unwrap().kind)).collect();
        assert_eq!(tried, [("a/m", kind), ("b/m", FaultKind::Timeout)], "{failure}");
        let story = failure.to_string();
        assert!(story.contains("timed out at the call's deadline"), "{story}");
        let mut faults = failure.report().attempts.iter().map(|it| it.fault.unwrap().to_string());
        assert!(faults.all(|fault| story.contains(&fault)), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_06_who_is_not_asked_before_the_deadline_is_not_judged_and_who_needs_no_time_answers() {
    let settings = "deadline = \"1s\"\n[retry]\nretries = 0";
    let limits = r#"{ models = [{ on = "a" }] }, { models = [{ on = "b", requests_per_minute = 100 }] }"#;
    let (mocks, mainstay) = stack([always(WholeFault::Hang), ModelPlan::new()], settings, limits).await;
    for _ in 0..5 {
        let failure = mainstay.chat(ask()).await.unwrap_err();
        assert_eq!(failure.fault().kind, FaultKind::Timeout, "{failure}");
    }
    let status = mainstay.status();
    assert_eq!((mocks[0].stats().calls, mocks[1].stats().calls), (5, 0));
    let below = status.backends.iter().find(|it| it.backend == "b/m").unwrap();
    assert!(below.is_up() && below.failure_ratio < f64::EPSILON, "{status}");
    assert_eq!(
        status.limits.iter().filter_map(|it| it.requests).min(),
        Some(100),
        "nothing was sent: {status}"
    );
    let (_mocks, mainstay) = stack(
        [always(WholeFault::Hang)],
        settings,
        r#"{ models = [{ on = "a" }] }, { answer = "Tomorrow." }"#,
    )
    .await;
    assert_eq!(mainstay.chat(ask()).await.unwrap().text(), "Tomorrow.");
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
    for (tiers, by, took) in [(ALONE, "a/m", 20), (BOTH, "b/m", 25), (BELOW, "b/m", 25)] {
        let (_mocks, mainstay) = stack([slow(), slow()], settings, tiers).await;
        let began = Instant::now();
        let stream = mainstay.chat_stream(ask()).await.unwrap();
        assert_eq!((stream.report().served_by(), since(began)), (Some(by), took), "{tiers}");
        assert!(!stream.into_response().await.unwrap().text().is_empty());
    }
}
