//! Rule 8: a storm is one event, not thousands.

use futures_util::future::join_all;
use mainstay::{FaultKind, HasFault};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, WholeFault};
use tokio::time::Instant;

use crate::{ALONE, BOTH, QUICK, always, ask, limited, stack};

fn seen(mocks: &[MockOpenAi]) -> Vec<u64> {
    mocks.iter().map(|mock| mock.stats().calls).collect()
}

#[tokio::test]
async fn rule_08_a_storm_is_one_event() {
    let (mocks, mainstay) = stack([always(limited("80")), always(limited("70"))], QUICK, BOTH).await;
    mainstay.chat(ask()).await.unwrap_err();
    let after = join_all((0..50).map(|_| mainstay.chat(ask()))).await;
    for failure in after.into_iter().map(Result::unwrap_err) {
        let wait = failure.fault().retry_after.unwrap().as_secs();
        assert!((55..=80).contains(&wait), "a truthful Retry-After: {failure}");
    }
    assert_eq!(
        mocks.iter().map(|mock| mock.stats().calls).sum::<u64>(),
        2,
        "it fails fast and never hammers"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_08_a_rate_limit_seen_by_one_call_spares_the_others() {
    let (mocks, mainstay) = stack([always(limited("50")), ModelPlan::new()], QUICK, BOTH).await;
    mainstay.chat(ask()).await.unwrap();
    for reply in join_all((0..50).map(|_| mainstay.chat(ask()))).await {
        let report = reply.unwrap().report;
        assert_eq!((report.served_by(), report.attempts.len()), (Some("b/m"), 1), "{report}");
    }
    assert_eq!(seen(&mocks), [1, 51]);
}

#[tokio::test(start_paused = true)]
async fn rule_08_a_call_waits_for_the_earliest_of_all_that_are_set_aside() {
    let once = |word| ModelPlan::new().sequence([limited(word)]);
    let (mocks, mainstay) = stack([once("30"), once("10")], QUICK, BOTH).await;
    let began = Instant::now();
    let report = mainstay.chat(ask()).await.unwrap().report;
    let took = began.elapsed().as_secs_f64();
    assert_eq!(report.served_by(), Some("b/m"), "{report}");
    assert!((10.0..15.0).contains(&took), "{took} s");
    assert_eq!(seen(&mocks), [1, 2], "and hammers neither");
}

#[tokio::test]
async fn rule_08_the_last_backend_left_is_still_tried() {
    let down = || always(WholeFault::ServerError);
    for (plans, tiers) in [(vec![down()], ALONE), (vec![down(), down()], BOTH)] {
        let settings = format!("{QUICK}\nretries = 0");
        let (mocks, mainstay) = stack(plans, &settings, tiers).await;
        for _ in 0..40 {
            let failure = mainstay.chat(ask()).await.unwrap_err();
            assert_eq!(failure.fault().kind, FaultKind::Unavailable, "the server's own word: {failure}");
            assert!(!failure.report().attempts.is_empty(), "it was asked: {failure}");
        }
        assert!(mainstay.status().backends.iter().any(|it| !it.is_up()), "{}", mainstay.status());
        assert!(seen(&mocks).iter().sum::<u64>() >= 40);
    }
}

#[tokio::test]
async fn rule_08_retries_stay_within_their_budget() {
    let settings = format!("{QUICK}\nbudget = {{ ratio = 0.2, floor = 0, burst = 10 }}");
    let (mocks, mainstay) = stack([always(WholeFault::ServerError)], &settings, ALONE).await;
    let ended = join_all((0..200).map(|_| mainstay.chat(ask()))).await;
    assert!(ended.iter().all(Result::is_err));
    let calls = mocks[0].stats().calls;
    assert!((201..=200 + 40 + 10).contains(&calls), "{calls} calls");
}
