//! Limits a minute, as OpenAI enforces and reports them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::{plan::ModelPlan, wire::go_duration};

/// The limits of one model: requests and tokens a minute, taken together or not at all.
#[derive(Debug)]
pub(crate) struct Limits {
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

/// A bucket of a minute's worth, refilled continuously.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: u64,
    level: f64,
    filled: Instant,
}

/// Why a request must wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Denial {
    /// What is short: "requests" or "tokens".
    pub(crate) kind: &'static str,
    pub(crate) limit: u64,
    pub(crate) used: u64,
    pub(crate) asked: u64,
    /// `None` where no wait is long enough.
    pub(crate) wait: Option<Duration>,
}

// === impl Limits ===

impl Limits {
    pub(crate) fn new(plan: &ModelPlan, now: Instant) -> Self {
        let bucket =
            |limit: Option<u64>| limit.map(|limit| Bucket { limit, level: limit as f64, filled: now });
        let buckets =
            Buckets { requests: bucket(plan.requests_per_minute), tokens: bucket(plan.tokens_per_minute) };
        Self { buckets: Mutex::new(buckets) }
    }

    /// Takes one request and its tokens, both or neither. Where both are short, says which takes longer.
    pub(crate) fn take(&self, tokens: u64, now: Instant) -> Result<(), Denial> {
        self.with(now, |buckets| {
            let wanted = [(&mut buckets.requests, "requests", 1), (&mut buckets.tokens, "tokens", tokens)];
            let denials =
                wanted.iter().filter_map(|(bucket, kind, asked)| bucket.as_ref()?.check(kind, *asked));
            if let Some(longest) = denials.reduce(Denial::longer) {
                return Err(longest);
            }
            for (bucket, _, asked) in wanted {
                if let Some(bucket) = bucket {
                    bucket.level -= asked as f64;
                }
            }
            Ok(())
        })
    }

    /// Gives back what was taken beyond what was used, or takes what was used beyond it.
    pub(crate) fn settle(&self, taken: u64, used: u64, now: Instant) {
        self.with(now, |buckets| {
            if let Some(bucket) = &mut buckets.tokens {
                bucket.level = (bucket.level + taken as f64 - used as f64).min(bucket.limit as f64);
            }
        });
    }

    /// `x-ratelimit-*`, for the limits that there are.
    pub(crate) fn headers(&self, now: Instant) -> Vec<(HeaderName, HeaderValue)> {
        let buckets = self.with(now, |buckets| [buckets.requests, buckets.tokens]);
        let mut headers = Vec::new();
        for (bucket, names) in buckets.into_iter().zip([REQUEST_HEADERS, TOKEN_HEADERS]) {
            let Some(bucket) = bucket else { continue };
            let [limit, remaining, reset] = names.map(HeaderName::from_static);
            headers.push((limit, bucket.limit.into()));
            headers.push((remaining, bucket.remaining().into()));
            headers
                .extend(HeaderValue::from_str(&go_duration(bucket.until_full())).map(|value| (reset, value)));
        }
        headers
    }

    fn with<T>(&self, now: Instant, work: impl FnOnce(&mut Buckets) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Buckets { requests, tokens } = &mut *buckets;
        requests.iter_mut().chain(tokens).for_each(|bucket| bucket.refill(now));
        work(&mut buckets)
    }
}

const REQUEST_HEADERS: [&str; 3] =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const TOKEN_HEADERS: [&str; 3] =
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];

// === impl Denial ===

impl Denial {
    /// Whichever of the two has the longer wait; one that is never over has the longest.
    fn longer(self, other: Self) -> Self {
        let wait = |denial: &Self| denial.wait.unwrap_or(Duration::MAX);
        if wait(&other) > wait(&self) { other } else { self }
    }
}

// === impl Bucket ===

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.level = (self.level + elapsed * self.per_second()).min(self.limit as f64);
        self.filled = self.filled.max(now);
    }

    fn check(&self, kind: &'static str, asked: u64) -> Option<Denial> {
        let short = asked as f64 - self.level;
        if short <= 0.0 {
            return None;
        }
        let wait = (asked <= self.limit).then(|| seconds(short / self.per_second()));
        let used = self.limit.saturating_sub(self.remaining());
        Some(Denial { kind, limit: self.limit, used, asked, wait })
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and a debt leaves nothing"
    )]
    fn remaining(&self) -> u64 {
        self.level as u64
    }

    fn until_full(&self) -> Duration {
        seconds((self.limit as f64 - self.level) / self.per_second())
    }

    fn per_second(&self) -> f64 {
        self.limit as f64 / 60.0
    }
}

/// At least this long, in whole milliseconds.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64((seconds.max(0.0) * 1000.0).ceil() / 1000.0).unwrap_or(Duration::MAX)
}
