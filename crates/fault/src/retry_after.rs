//! Reads how long a server asks to be left alone.
//!
//! | header | example | read as |
//! |---|---|---|
//! | `retry-after-ms` | `1500`, `1.5` | milliseconds; taken before `retry-after`, being more exact |
//! | `retry-after` | `2`, `1.5` | seconds |
//! | `retry-after` | `Fri, 31 Dec 1999 23:59:59 GMT` | that moment, less the response's own `Date` |
//!
//! The response's `Date` is the clock of the machine that wrote the other date, so a skewed clock on either side
//! does no harm; without it the local clock must serve.
//!
//! Absurd values: negative, NaN and what is no number are ignored, as if the header were not there. `0` and a date in
//! the past are a wait of zero. More than [`LONGEST`], infinity included, is read as `LONGEST`: nobody waits so
//! long, and no clock overflows by it.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// The longest wait that is read: a year. A server that asks for more is read as asking for this.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads the wait that a response asks for, if it asks for one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, HeaderValue, header::{DATE, RETRY_AFTER}};
/// use mainstay_fault::retry_after::from_headers;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(RETRY_AFTER, HeaderValue::from_static("1.5"));
/// assert_eq!(from_headers(&headers), Some(Duration::from_millis(1500)));
///
/// headers.insert(RETRY_AFTER, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:40 GMT"));
/// headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
/// assert_eq!(from_headers(&headers), Some(Duration::from_secs(3)));
/// ```
pub fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|value| number(value, 1e-3)) {
        return Some(wait);
    }
    let value = text("retry-after")?;
    number(value, 1.0).or_else(|| {
        let until = httpdate::parse_http_date(value).ok()?;
        let from = text("date").and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(now);
        Some(until.duration_since(from).unwrap_or_default().min(LONGEST))
    })
}

/// Rounds a wait up to whole milliseconds, for people: who waits as long as they are told waits long enough.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_fault::retry_after::in_millis;
///
/// assert_eq!(in_millis(Duration::from_nanos(1_000_001)), Duration::from_millis(2));
/// assert_eq!(in_millis(Duration::MAX), Duration::MAX);
/// ```
pub fn in_millis(wait: Duration) -> Duration {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).map_or(wait, Duration::from_millis)
}

/// Reads a count of units, each so many seconds long.
fn number(value: &str, unit: f64) -> Option<Duration> {
    let seconds = value.parse::<f64>().ok()? * unit;
    if seconds.is_nan() || seconds.is_sign_negative() && seconds != 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

#[expect(clippy::disallowed_methods, reason = "an HTTP date without a `Date` beside it has no other clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
