use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, header::DATE};

use crate::{TokenBucket, headers::reset, settle::LONGEST_PAUSE};

/// What a server says of its limits, in the headers of any answer.
///
/// Read from `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` and Anthropic's
/// `anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`. A reset is a time from now (`1s`, `6m0s`, `120ms`, plain
/// seconds) or an RFC 3339 date, which is read against the answer's own `Date`, so that skewed clocks do no harm. What
/// cannot be read is as if it were not there.
///
/// # What comes of it
///
/// [`Limits::learn`](crate::Limits::learn) takes the server at its word, but never for more than was configured:
///
/// * `remaining` below what the bucket holds lowers it; above, it changes nothing: answers to older calls come late.
/// * `limit` below the bucket's capacity lowers its capacity to that, so that no idling saves up for a greater burst; below what the
///   bucket refills in a minute, it lowers its rate to that much a minute, also where the capacity is smaller anyway. A call that
///   needs more than the capacity is refused from then on, as the server would refuse it. A limit of zero changes nothing.
/// * A later `limit` that is greater raises both again, up to what was configured. One that is not said again holds for ten minutes:
///   then the first answer without it, or the first call that it alone would refuse, has what was configured count again, so that a
///   proxy that wrote nonsense once does no harm for long. An hour without any calls forgets nothing by itself.
/// * nothing `remaining` and a `reset` later than the bucket's own rate would fill it: the server counts by the day, say, and
///   the bucket is paused until then, at most for an hour. An earlier reset changes nothing: servers that refill steadily
///   mean by it when *all* is there again.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, HeaderValue};
/// use mainstay_bucket::ServerLimits;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-ratelimit-limit-tokens", HeaderValue::from_static("90000"));
/// headers.insert("x-ratelimit-remaining-tokens", HeaderValue::from_static("84000"));
/// headers.insert("x-ratelimit-reset-tokens", HeaderValue::from_static("4s"));
///
/// let server = ServerLimits::from_headers(&headers);
/// assert_eq!(server.tokens.remaining, Some(84_000));
/// assert_eq!(server.tokens.reset, Some(Duration::from_secs(4)));
/// assert_eq!(server.requests.limit, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// The limit on requests.
    pub requests: ServerLimit,
    /// The limit on tokens.
    pub tokens: ServerLimit,
}

/// What a server says of one of its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimit {
    /// What it allows in a minute.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// How long until all of it is there again.
    pub reset: Option<Duration>,
}

/// The names of the headers that state one limit: OpenAI's, and Anthropic's.
struct Names {
    limit: [&'static str; 2],
    remaining: [&'static str; 2],
    reset: [&'static str; 2],
}

const PREFIXES: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];

const REQUESTS: Names = Names {
    limit: ["x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit"],
    remaining: ["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"],
    reset: ["x-ratelimit-reset-requests", "anthropic-ratelimit-requests-reset"],
};

const TOKENS: Names = Names {
    limit: ["x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit"],
    remaining: ["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"],
    reset: ["x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-reset"],
};

// === impl ServerLimits ===

impl ServerLimits {
    /// Reads the headers of an answer.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        // Most servers say nothing, and a look at the names costs less than to look each up.
        let states_limits = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if !headers.keys().any(|name| states_limits(name.as_str())) {
            return Self::default();
        }
        Self { requests: ServerLimit::read(headers, &REQUESTS), tokens: ServerLimit::read(headers, &TOKENS) }
    }
}

// === impl ServerLimit ===

impl ServerLimit {
    fn read(headers: &HeaderMap, names: &Names) -> Self {
        let text = |names: [&'static str; 2]| {
            let value = names.into_iter().find_map(|name| headers.get(name))?;
            value.to_str().ok().map(str::trim)
        };
        let number = |names| text(names)?.parse().ok();
        let reset = text(names.reset).and_then(|value| reset(value, || now(headers)));
        Self { limit: number(names.limit), remaining: number(names.remaining), reset }
    }

    /// Tells a bucket what the server says: never more than was set.
    pub(crate) fn tell(&self, bucket: Option<&TokenBucket>) {
        let Some(bucket) = bucket else { return };
        match self.limit {
            Some(limit @ 1..) => bucket.hear(limit),
            _ => _ = bucket.core().widen_if_stale(),
        }
        if let Some(remaining) = self.remaining {
            let remaining = i64::try_from(remaining).unwrap_or(i64::MAX);
            let excess = bucket.available().saturating_sub(remaining);
            bucket.charge(u64::try_from(excess).unwrap_or(0));
        }
        let fills_in = || bucket.capacity() as f64 / bucket.rate().tokens_per_second();
        if let (Some(0), Some(reset)) = (self.remaining, self.reset)
            && reset.as_secs_f64() > fills_in() + 1.0
        {
            bucket.pause(reset.min(LONGEST_PAUSE));
        }
    }
}

/// The server's own clock if it says, in seconds since 1970.
fn now(headers: &HeaderMap) -> Option<f64> {
    let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let since = date.unwrap_or_else(clock).duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs_f64())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a date in a header without a `Date` beside it has no other clock"
)]
fn clock() -> SystemTime {
    SystemTime::now()
}
