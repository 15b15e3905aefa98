use std::{sync::Arc, time::Duration};

use mainstay_redis::{Redis, RedisResult};

use super::{RedisLimits, share::Quota};
use crate::{InvalidLimit, Limits, Rate, TokenBucket};

/// The limits that all who use the same name share; connected, they are [`RedisLimits`].
///
/// | setting | default |
/// |---|---|
/// | [`requests_per_minute`](Self::requests_per_minute), [`tokens_per_minute`](Self::tokens_per_minute), [`in_flight`](Self::in_flight) | no limit |
/// | [`prefix`](Self::prefix) | `mainstay:` |
/// | [`longest_call`](Self::longest_call) | 10 min |
/// | [`lease`](Self::lease) | none: each call asks the server |
/// | [`when_away`](Self::when_away) | [`WhenAway::Fail`] |
/// | [`within`](Self::within) | no others |
///
/// All who use a name must give it the same limits: each call is judged by the limits of its own process.
///
/// # Examples
///
/// ```no_run
/// use mainstay_bucket::{RateLimitLayer, redis::{SharedLimits, WhenAway}};
///
/// let limits = SharedLimits::new("gpt-4o")
///     .requests_per_minute(600)?
///     .tokens_per_minute(90_000)?
///     .in_flight(32)?
///     .when_away(WhenAway::LocalShare(0.25))?
///     .connect("redis://127.0.0.1/")?;
/// let layer = RateLimitLayer::with_limiter(limits);
/// # let _ = layer;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it limits nothing until it is connected"]
pub struct SharedLimits {
    pub(super) prefix: String,
    pub(super) name: String,
    pub(super) tokens: Option<Quota>,
    pub(super) requests: Option<Quota>,
    pub(super) in_flight: u32,
    pub(super) longest_call: Duration,
    pub(super) lease: Option<Lease>,
    pub(super) when_away: WhenAway,
    pub(super) own: Option<Arc<Limits>>,
}

/// What becomes of calls while the server cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum WhenAway {
    /// They are refused at once: [`Limited`](crate::Limited) with [`Reason::Away`](crate::Reason::Away), a shed fault.
    #[default]
    Fail,
    /// They are served from limits of this process alone, of such a part of the shared ones (more than 0, at most 1):
    /// one over the number of processes. A call that needs more than the part ever holds is refused with
    /// [`Reason::Away`](crate::Reason::Away), until the server can be asked.
    ///
    /// What the process has used while the server was there counts, up to its part: who has used more than that begins with none, and
    /// not in debt. So if the parts add up to one, all processes together
    /// exceed the bound only by what some of them had used beyond their parts: at most by the capacity, once.
    LocalShare(f64),
}

/// What is taken in advance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) calls: u64,
    pub(super) tokens: u64,
    pub(super) time: Duration,
}

// === impl SharedLimits ===

impl SharedLimits {
    /// Begins with no limits, under a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            prefix: "mainstay:".to_owned(),
            name: name.into(),
            tokens: None,
            requests: None,
            in_flight: 0,
            longest_call: Duration::from_secs(600),
            lease: None,
            when_away: WhenAway::Fail,
            own: None,
        }
    }

    /// The same limits as those of one process, under a name.
    pub fn like(name: impl Into<String>, limits: &Limits) -> Self {
        let quota = |bucket: &TokenBucket| Quota::new(bucket.capacity(), bucket.rate());
        let (in_flight, tokens, requests) = limits.parts();
        let in_flight = u32::try_from(in_flight.unwrap_or(0)).unwrap_or(u32::MAX);
        Self { tokens: tokens.map(quota), requests: requests.map(quota), in_flight, ..Self::new(name) }
    }

    /// Sets what stands before each key on the server: `mainstay:`, unless set. Who uses another prefix shares nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the requests a minute; as many may be made at once.
    ///
    /// # Errors
    ///
    /// When the number is zero, or more than 1e10 a second.
    pub fn requests_per_minute(self, requests: u64) -> Result<Self, InvalidLimit> {
        Ok(self.requests(requests, Rate::of_minute("requests_per_minute", requests)?))
    }

    /// Sets the tokens a minute; as many may be used at once.
    ///
    /// # Errors
    ///
    /// When the number is zero, or more than 1e10 a second.
    pub fn tokens_per_minute(self, tokens: u64) -> Result<Self, InvalidLimit> {
        Ok(self.tokens(tokens, Rate::of_minute("tokens_per_minute", tokens)?))
    }

    /// Sets how many requests may be made at once, and the rate at which they come back.
    pub fn requests(mut self, capacity: u64, rate: Rate) -> Self {
        self.requests = Some(Quota::new(capacity, rate));
        self
    }

    /// Sets how many tokens may be used at once, and the rate at which they come back.
    pub fn tokens(mut self, capacity: u64, rate: Rate) -> Self {
        self.tokens = Some(Quota::new(capacity, rate));
        self
    }

    /// Sets how many calls may be under way at the same time, in all processes. A call that waits for another process's
    /// call to end asks every 25 ms.
    ///
    /// # Errors
    ///
    /// When the number is zero.
    pub fn in_flight(mut self, calls: u32) -> Result<Self, InvalidLimit> {
        if calls == 0 {
            return Err(InvalidLimit::new("in_flight", "at least one call", calls));
        }
        self.in_flight = calls;
        Ok(self)
    }

    /// Sets for how long a call counts as under way when its process says nothing of its end: it may have died.
    pub const fn longest_call(mut self, time: Duration) -> Self {
        self.longest_call = time;
        self
    }

    /// Takes what so many further calls need in advance, of so many tokens together, and spends it without asking the
    /// server. What is not spent within `time` is given back.
    ///
    /// What was taken in advance may be spent later than it was taken, so that over a window the bound is exceeded by what
    /// lay in the leases when it began: at most a lease for each process. Where calls in flight are limited, each
    /// call asks anyway, and nothing is taken in advance.
    pub const fn lease(mut self, calls: u64, tokens: u64, time: Duration) -> Self {
        self.lease = Some(Lease { calls, tokens, time });
        self
    }

    /// Sets what becomes of calls while the server cannot be asked.
    ///
    /// # Errors
    ///
    /// When a local share is not more than 0 and at most 1, or so small a part of a limit that it brings less than one a day.
    /// Set it after the limits.
    pub fn when_away(mut self, policy: WhenAway) -> Result<Self, InvalidLimit> {
        if let WhenAway::LocalShare(part) = policy
            && !(part > 0.0 && part <= 1.0)
        {
            return Err(InvalidLimit::new("local share", "more than 0 and at most 1", part));
        }
        self.when_away = policy;
        self.local_share()?;
        Ok(self)
    }

    /// Keeps calls within limits of this process, too. A call takes those first, and gives them back where the shared ones refuse.
    ///
    /// They learn what a model's server says of its limits, all of it: of that, the shared ones take over how much is left at
    /// most. A Retry-After pauses both. Who pauses these alone holds back the calls of this process. What is gone of them already is gone
    /// of the [local share](WhenAway::LocalShare), too, as far as that reaches.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use mainstay_bucket::{Limits, redis::SharedLimits};
    ///
    /// let own = Arc::new(Limits::default().requests_per_minute(600)?);
    /// let limits = SharedLimits::like("gpt-4o", &own).within(Arc::clone(&own)).connect("redis://127.0.0.1/")?;
    /// own.pause(Duration::from_secs(60));
    /// assert!(limits.wait_for(1_000) > Some(Duration::from_secs(59)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(mut self, own: Arc<Limits>) -> Self {
        self.own = Some(own);
        self
    }

    /// Uses one server. It is connected when it is first needed, and need not be there yet.
    ///
    /// # Errors
    ///
    /// The address is none.
    pub fn connect(self, url: &str) -> RedisResult<RedisLimits> {
        Redis::open(url).map(|redis| self.on(redis))
    }

    /// Uses a server or a cluster that others may use too.
    pub fn on(self, redis: Redis) -> RedisLimits {
        RedisLimits::new(self, redis)
    }

    /// The limits of this process alone for when the server is away.
    pub(super) fn local_share(&self) -> Result<Option<Limits>, InvalidLimit> {
        let WhenAway::LocalShare(part) = self.when_away else { return Ok(None) };
        let mut limits = Limits::default();
        if let Some(quota) = self.tokens {
            limits = limits.tokens(quota.part(part)?);
        }
        if let Some(quota) = self.requests {
            limits = limits.requests(quota.part(part)?);
        }
        if self.in_flight > 0 {
            let calls = share_of(self.in_flight.into(), part);
            limits = limits.in_flight(u32::try_from(calls).unwrap_or(u32::MAX))?;
        }
        Ok(Some(limits))
    }
}

/// A part of a number, at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a whole that is one")]
pub(super) fn share_of(whole: u64, part: f64) -> u64 {
    ((whole as f64 * part) as u64).max(1)
}
