use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use mainstay_bucket::{Limits, Patience, Reason, ServerLimits};
use proptest::prelude::*;
use tokio::time::Instant;

pub(crate) fn read(pairs: &[(&'static str, &str)]) -> ServerLimits {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    ServerLimits::from_headers(&headers)
}

#[test]
fn every_dialect_of_a_reset_is_read() {
    for (text, millis) in [
        ("1s", 1_000),
        ("6m0s", 360_000),
        ("120ms", 120),
        ("1h2m3.5s", 3_723_500),
        ("1d", 86_400_000),
        ("7.66s", 7_660),
        ("12", 12_000),
        ("0.25", 250),
        ("0s", 0),
        ("2026-11-24T03:15:10Z", 10_000),
        ("2026-11-24T03:15:00.250Z", 250),
        ("2026-11-24T04:15:10+01:00", 10_000),
        ("2026-11-23T22:45:10-04:30", 10_000),
        ("2026-11-24T03:14:00Z", 0),
        ("2026-12-01T03:15:00Z", 604_800_000),
    ] {
        let server = read(&[("x-ratelimit-reset-tokens", text), ("date", "Tue, 24 Nov 2026 03:15:00 GMT")]);
        let read = server.tokens.reset.unwrap_or_else(|| panic!("{text} is not read"));
        assert!(read.abs_diff(Duration::from_millis(millis)) < Duration::from_micros(1), "{text}: {read:?}");
    }
    for text in
        ["", "s", "1x", "-1s", "-5", "NaN", "inf", "1.2.3s", "soon", "2026-13-01T00:00:00Z", "2026-11-24"]
    {
        assert_eq!(read(&[("x-ratelimit-reset-tokens", text)]).tokens.reset, None, "{text}");
    }
}

#[test]
fn both_families_of_names_are_read() {
    let server = read(&[
        ("x-ratelimit-limit-requests", "600"),
        ("x-ratelimit-remaining-requests", "599"),
        ("anthropic-ratelimit-tokens-remaining", "8000"),
    ]);
    assert_eq!((server.requests.limit, server.requests.remaining), (Some(600), Some(599)));
    assert_eq!((server.tokens.limit, server.tokens.remaining), (None, Some(8_000)));
}

#[tokio::test(start_paused = true)]
async fn the_server_may_narrow_a_limit_and_never_widen_it() {
    let limits =
        Arc::new(Limits::default().requests_per_minute(600).unwrap().tokens_per_minute(60_000).unwrap());
    let rich = [("x-ratelimit-limit-requests", "9000"), ("x-ratelimit-remaining-requests", "8000")];
    limits.learn(&read(&rich));
    assert_eq!(limits.requests_available(), Some(600));

    let poor = [("x-ratelimit-limit-tokens", "30000"), ("x-ratelimit-remaining-tokens", "500")];
    limits.learn(&read(&poor));
    assert_eq!(limits.tokens_available(), Some(500));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(limits.tokens_available(), Some(1_000), "30,000 a minute");

    // When all is there again says nothing of when something is.
    for (reset, wait) in [
        ("30s", Duration::from_millis(100)),
        ("8m", Duration::from_secs(480)),
        ("8h", Duration::from_secs(3_600)),
    ] {
        limits
            .learn(&read(&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", reset)]));
        let error = limits.reserve(0, Patience::new(Duration::ZERO)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(wait));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_refills_continuously_is_not_waited_for_until_it_is_full() {
    let limits = Arc::new(Limits::default().requests_per_minute(600).unwrap());
    limits.learn(&read(&[
        ("x-ratelimit-limit-requests", "600"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "59.9s"),
    ]));
    let error = limits.reserve(0, Patience::new(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_millis(100)), "ten a second");
}

/// Limits as of a model for which nobody has set any.
pub(crate) fn wide() -> Arc<Limits> {
    let limits = Limits::default().requests_per_minute(10_000_000).unwrap();
    Arc::new(limits.tokens_per_minute(10_000_000_000).unwrap())
}

fn available(limits: &Limits) -> [i64; 2] {
    [limits.requests_available(), limits.tokens_available()].map(Option::unwrap)
}

#[tokio::test(start_paused = true)]
async fn a_small_limit_is_learned_whole() {
    let limits = wide();
    limits.learn(&read(&[
        ("x-ratelimit-limit-requests", "10"),
        ("x-ratelimit-remaining-requests", "9"),
        ("x-ratelimit-limit-tokens", "5000"),
        ("x-ratelimit-remaining-tokens", "1000"),
    ]));
    assert_eq!(available(&limits), [9, 1_000]);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(available(&limits), [10, 1_500]);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(available(&limits), [10, 5_000], "an idle hour saves up for no more than the server allows");
    limits.learn(&read(&[("x-ratelimit-limit-requests", "10"), ("x-ratelimit-limit-tokens", "5000")]));
    let error = limits.reserve(5_001, Patience::new(Duration::from_secs(600))).await.unwrap_err();
    assert_eq!((error.reason(), error.retry_after()), (Reason::TooLarge, None));

    let burst = (0..100).map_while(|_| limits.try_reserve(100)).map(|reserved| reserved.settle(100)).count();
    assert_eq!((burst, available(&limits)), (10, [0, 4_000]));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(available(&limits), [1, 4_500]);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_limit_leaves_what_is_there_and_what_is_owed() {
    for (used, left) in [(0, 1_000), (59_500, 500), (60_200, -200), (63_000, -3_000)] {
        let limits = Arc::new(Limits::default().tokens_per_minute(60_000).unwrap());
        limits.try_reserve(60_000).unwrap().settle(used);
        limits.learn(&read(&[("x-ratelimit-limit-tokens", "1000")]));
        assert_eq!(limits.tokens_available(), Some(left), "{used} used");
        // Said again, or wider, it changes nothing of that; nor does nonsense.
        for limit in ["1000", "60000", "0"] {
            limits.learn(&read(&[("x-ratelimit-limit-tokens", limit)]));
            assert_eq!(limits.tokens_available(), Some(left), "{used} used");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_more_than_the_smaller_limit_is_served_late_and_once() {
    let limits = Arc::new(Limits::default().tokens_per_minute(60_000).unwrap());
    limits.try_reserve(60_000).unwrap().settle(60_000);
    let (other, start) = (Arc::clone(&limits), Instant::now());
    let waiter = tokio::spawn(async move {
        other.reserve(3_000, Patience::new(Duration::from_secs(300))).await.unwrap().settle(3_000);
        start.elapsed().as_secs()
    });
    tokio::task::yield_now().await;
    limits.learn(&read(&[("x-ratelimit-limit-tokens", "1000")]));
    assert_eq!(waiter.await.unwrap(), 180, "when three thousand have come");
    assert_eq!(limits.tokens_available(), Some(-2_000));
}

proptest! {
    /// A thread that took before the limit was known has its tokens; from then on, the server's limit is the bound.
    #[test]
    fn no_burst_exceeds_a_limit_that_was_learned(
        limit in 1..100_000u64,
        before in prop::collection::vec(0..200_000u64, 0..4),
        steps in prop::collection::vec((0..200_000u64, 0..100_000u64), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = wide();
            for tokens in before {
                limits.try_reserve(tokens).unwrap().settle(tokens);
            }
            let said = read(&[("x-ratelimit-limit-tokens", &limit.to_string())]);
            limits.learn(&said);
            let (start, mut taken) = (Instant::now(), 0);
            for (millis, tokens) in steps {
                tokio::time::advance(Duration::from_millis(millis)).await;
                limits.learn(&said);
                taken += limits.try_reserve(tokens).map_or(0, |reserved| { reserved.settle(tokens); tokens });
                let bound = limit as f64 * (1.0 + start.elapsed().as_secs_f64() / 60.0);
                assert!(taken as f64 <= bound, "{taken} taken, {bound} allowed");
            }
        });
    }

    #[test]
    fn nothing_that_a_server_writes_does_harm(text in "[0-9a-zA-Z:.+ -]{0,30}", number in "[0-9]{0,25}") {
        let headers = [("x-ratelimit-reset-tokens", &*text), ("x-ratelimit-limit-tokens", &*number), ("x-ratelimit-remaining-tokens", &*number)];
        let server = read(&headers);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = Limits::default().tokens_per_minute(1_000).unwrap();
            limits.learn(&server);
            assert!(limits.tokens_available() <= Some(1_000));
        });
    }
}
