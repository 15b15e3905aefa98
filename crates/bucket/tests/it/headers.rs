use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use mainstay_bucket::{Limits, Patience, ServerLimits};
use proptest::prelude::*;

fn read(pairs: &[(&'static str, &str)]) -> ServerLimits {
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

    let none = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "8s")];
    limits.learn(&read(&none));
    let error = limits.reserve(0, Patience::new(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(8)));
}

proptest! {
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
