use std::time::{Duration, SystemTime};

use http::HeaderMap;
use mainstay_fault::retry_after::{LONGEST, from_headers};
use proptest::prelude::*;

fn read(pairs: &[(&'static str, &str)]) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, value.parse().unwrap());
    }
    from_headers(&headers)
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what the headers say, if they say anything")]
fn millis(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn seconds_fractions_and_milliseconds() {
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[("retry-after", "2")]), millis(2_000));
    assert_eq!(read(&[("retry-after", " 1.5 ")]), millis(1_500));
    assert_eq!(read(&[("retry-after-ms", "250")]), millis(250));
    assert_eq!(read(&[("retry-after-ms", "0.5")]), Some(Duration::from_micros(500)));
}

#[test]
fn milliseconds_are_more_exact_and_come_first() {
    assert_eq!(read(&[("retry-after", "2"), ("retry-after-ms", "1300")]), millis(1_300));
    assert_eq!(read(&[("retry-after", "2"), ("retry-after-ms", "soon")]), millis(2_000));
}

#[test]
fn a_date_is_read_against_the_responses_own_clock() {
    let at = |date: &str| read(&[("retry-after", date), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
    assert_eq!(at("Sun, 06 Nov 1994 08:49:40 GMT"), millis(3_000));
    assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), millis(0));
    assert_eq!(at("Sun, 06 Nov 1994 08:00:00 GMT"), millis(0), "a date in the past is no wait");
    assert_eq!(at("Sunday, 06-Nov-94 08:49:40 GMT"), millis(3_000), "the obsolete RFC 850 form");
    assert_eq!(at("Fri, 06 Nov 2015 08:49:37 GMT"), Some(LONGEST), "twenty years");
}

#[test]
fn without_a_date_header_the_local_clock_serves() {
    assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")]), millis(0));
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(200 * 365 * 24 * 60 * 60);
    assert_eq!(read(&[("retry-after", &httpdate::fmt_http_date(far))]), Some(LONGEST));
}

#[test]
fn absurd_values_are_ignored_or_bounded() {
    for value in ["-1", "-0.5", "NaN", "-inf", "abc", "", "1,5", "0x10", "2 s", "Sun, 99 Nov 1994"] {
        assert_eq!(read(&[("retry-after", value)]), None, "{value:?}");
        assert_eq!(read(&[("retry-after-ms", value)]), None, "{value:?} ms");
    }
    assert_eq!(read(&[("retry-after", "0")]), millis(0));
    assert_eq!(read(&[("retry-after", "-0")]), millis(0));
    for value in ["315360000", "1e300", "inf", "99999999999999999999999999"] {
        assert_eq!(read(&[("retry-after", value)]), Some(LONGEST), "{value:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_within_bounds(value in "[ -~]{0,40}") {
        if let Some(wait) = read(&[("retry-after", &value)]) {
            prop_assert!(wait <= LONGEST);
        }
    }

    #[test]
    fn a_number_of_seconds_is_read_as_such(seconds in 0u64..31_536_000) {
        prop_assert_eq!(read(&[("retry-after", &seconds.to_string())]), Some(Duration::from_secs(seconds)));
    }
}
