mod taking;

use std::{sync::Arc, time::Duration};

use crate::{
    InvalidLimit, Patience, Rate, Reservation, Reserve, ServerLimits, TokenBucket, in_flight::InFlight,
    owner::Owner, queue::Queue,
};

/// Several limits on the same calls, taken all or none.
///
/// None by default. A call takes its limits in a fixed order, so that calls cannot block each other: first a place among
/// the calls in flight (nobody knows how long that takes), then its tokens, then its request; so what refills with time
/// is taken right before the call is made. Each is first come, first served. When a later one refuses, what was taken is
/// given back.
///
/// The limits a minute are buckets that hold what a minute brings: all of it may be used at once. Where a provider
/// counts by the second, give [`requests`](Self::requests) or [`tokens`](Self::tokens) a smaller bucket.
///
/// # Examples
///
/// ```
/// use std::{fmt, sync::Arc, time::Duration};
/// use mainstay_bucket::{Limits, Patience};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let limits = Limits::default().requests_per_minute(600)?.tokens_per_minute(90_000)?.in_flight(32)?;
/// let limits = Arc::new(limits);
///
/// let reservation = limits.reserve(2_000, Patience::new(Duration::from_secs(60))).await?;
/// // … the call is made, and needs fewer than expected.
/// reservation.settle(1_500);
/// assert_eq!(limits.tokens_available(), Some(88_500));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Limits {
    in_flight: Option<Arc<InFlight>>,
    tokens: Option<TokenBucket>,
    requests: Option<TokenBucket>,
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

// === impl Limits ===

impl Limits {
    /// Sets the requests a minute; as many may be made at once.
    ///
    /// # Errors
    ///
    /// When the number is zero, or more than 1e10 a second.
    pub fn requests_per_minute(self, requests: u64) -> Result<Self, InvalidLimit> {
        Ok(self.requests(TokenBucket::new(requests, Rate::of_minute("requests_per_minute", requests)?)?))
    }

    /// Sets the tokens a minute; as many may be used at once.
    ///
    /// # Errors
    ///
    /// When the number is zero, or more than 1e10 a second.
    pub fn tokens_per_minute(self, tokens: u64) -> Result<Self, InvalidLimit> {
        Ok(self.tokens(TokenBucket::new(tokens, Rate::of_minute("tokens_per_minute", tokens)?)?))
    }

    /// Sets how many calls may be under way at the same time.
    ///
    /// # Errors
    ///
    /// When the number is zero.
    pub fn in_flight(mut self, calls: u32) -> Result<Self, InvalidLimit> {
        if calls == 0 {
            return Err(InvalidLimit::new("in_flight", "at least one call", calls));
        }
        self.in_flight = Some(Arc::new(InFlight::new(calls)));
        Ok(self)
    }

    /// Takes requests from a bucket, which may be shared with others.
    #[must_use]
    pub fn requests(mut self, bucket: TokenBucket) -> Self {
        self.requests = Some(bucket);
        self
    }

    /// Takes tokens from a bucket, which may be shared with others.
    #[must_use]
    pub fn tokens(mut self, bucket: TokenBucket) -> Self {
        self.tokens = Some(bucket);
        self
    }

    /// Returns these limits, and of others those that are not set here. They are shared: what is taken of the limits returned is
    /// taken of those from which they come.
    ///
    /// Wide limits put in so make room for what a server says of a limit that nobody has set: [`learn`](Self::learn) and
    /// [`pause`](Self::pause) act on limits that there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use mainstay_bucket::Limits;
    ///
    /// let own = Limits::default().in_flight(8)?;
    /// let wide = Limits::default().in_flight(1_000)?.tokens_per_minute(10_000)?;
    ///
    /// let both = Arc::new(own.or(&wide));
    /// let call = both.try_reserve(10_000).expect("there are as many");
    /// assert_eq!((own.in_flight_available(), wide.in_flight_available()), (Some(7), Some(1_000)));
    /// assert!(both.try_reserve(10_000).is_none());
    /// # drop(call);
    /// # Ok::<_, mainstay_bucket::InvalidLimit>(())
    /// ```
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        Self {
            in_flight: self.in_flight.as_ref().or(others.in_flight.as_ref()).cloned(),
            tokens: self.tokens.as_ref().or(others.tokens.as_ref()).cloned(),
            requests: self.requests.as_ref().or(others.requests.as_ref()).cloned(),
        }
    }

    /// Changes these limits to the numbers of others, while calls are under way and wait, as a plan changes. A limit that either lacks is
    /// left as it is: [`or`](Self::or) puts those in that these lack.
    ///
    /// What is gone stays gone: of a limit of 600 a minute of which 100 were used, 500 are left, and when it becomes one of 200, 100 are;
    /// where more were used than there are now, none is left, and what is owed stays owed. So do calls under way, pauses, and what the
    /// server said, as long as that holds. The line stays, and moves on at the new rate; who waits for more than there ever is now is
    /// served when as much would have come.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use mainstay_bucket::Limits;
    ///
    /// let limits = Arc::new(Limits::default().requests_per_minute(600)?.in_flight(2)?);
    /// let calls = [limits.try_reserve(0), limits.try_reserve(0)];
    ///
    /// limits.resize(&Limits::default().requests_per_minute(60)?.in_flight(1)?);
    /// assert_eq!(limits.requests_available(), Some(58));
    /// assert_eq!(limits.in_flight_available(), Some(-1), "one more than may be");
    /// drop(calls);
    /// assert_eq!(limits.in_flight_available(), Some(1));
    /// # Ok::<_, mainstay_bucket::InvalidLimit>(())
    /// ```
    pub fn resize(&self, to: &Self) {
        if let (Some(in_flight), Some(to)) = (&self.in_flight, &to.in_flight) {
            in_flight.core().set_permits(to.core().capacity());
        }
        for (bucket, to) in [(&self.tokens, &to.tokens), (&self.requests, &to.requests)] {
            if let (Some(bucket), Some(to)) = (bucket, to) {
                bucket.replan(to);
            }
        }
    }

    /// Takes one request, `tokens` tokens and a place in flight, if all are there and nobody waits for any.
    #[inline]
    pub fn try_reserve(self: &Arc<Self>, tokens: u64) -> Option<Reservation> {
        self.take_all(tokens).then(|| Reservation::complete(Owner::Shared(Arc::clone(self)), tokens))
    }

    /// The same, for who need not keep the limits.
    pub(crate) fn try_into_reservation(self: Arc<Self>, tokens: u64) -> Option<Reservation> {
        self.take_all(tokens).then(|| Reservation::complete(Owner::Shared(self), tokens))
    }

    /// Takes one request, `tokens` tokens and a place in flight, after waiting for them where necessary.
    ///
    /// # Errors
    ///
    /// [`Limited`](crate::Limited): at once, where the wait would be too long as far as can be told; after the longest
    /// wait, where it could not be told, or where a pause or a charge has made it longer.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what was taken, and its place in the line.
    pub fn reserve(self: &Arc<Self>, tokens: u64, patience: Patience) -> Reserve {
        Reserve::new(Reservation::begin(Owner::Shared(Arc::clone(self)), tokens), patience)
    }

    /// Takes the server at its word: no more is left than it says. See [`ServerLimits`].
    pub fn learn(&self, server: &ServerLimits) {
        server.requests.tell(self.requests.as_ref());
        server.tokens.tell(self.tokens.as_ref());
    }

    /// Makes no call for a while: as a server asks with Retry-After.
    pub fn pause(&self, time: Duration) {
        for bucket in [&self.tokens, &self.requests].into_iter().flatten() {
            bucket.pause(time);
        }
    }

    /// How long a call that needs so many tokens would wait now; `None` where that cannot be told: all that may be under way are, or the
    /// call needs more than there ever is.
    ///
    /// A look from outside: others may come in between.
    pub fn wait_for(&self, tokens: u64) -> Option<Duration> {
        if self.in_flight_available().is_some_and(|places| places < 1) {
            return None;
        }
        let mut longest = Duration::ZERO;
        for (bucket, amount) in [(&self.tokens, tokens), (&self.requests, 1)] {
            let Some(queue) = bucket.as_ref().map(TokenBucket::core) else { continue };
            if !queue.fits(amount) {
                return None;
            }
            longest = longest.max(Queue::wait_for(queue, amount)?);
        }
        Some(longest)
    }

    /// Returns the tokens that are there, if they are limited; what is owed is negative.
    pub fn tokens_available(&self) -> Option<i64> {
        self.tokens.as_ref().map(TokenBucket::available)
    }

    /// Returns the requests that are there, if they are limited; what is owed is negative.
    pub fn requests_available(&self) -> Option<i64> {
        self.requests.as_ref().map(TokenBucket::available)
    }

    /// Returns the calls that may be begun now, if they are limited.
    pub fn in_flight_available(&self) -> Option<i64> {
        self.in_flight.as_ref().map(|in_flight| in_flight.core().available())
    }

    /// Returns how many calls wait for one of them.
    pub fn waiting(&self) -> usize {
        let buckets = [&self.tokens, &self.requests].into_iter().flatten().map(TokenBucket::waiting);
        buckets.sum::<usize>() + self.in_flight.as_ref().map_or(0, |in_flight| in_flight.core().waiting())
    }

    /// How long nothing has been missing of any of them; `None` while something is.
    pub(crate) fn full_for(&self) -> Option<Duration> {
        let mut least =
            self.in_flight.as_ref().map_or(Some(Duration::MAX), |in_flight| in_flight.core().full_for())?;
        for bucket in [&self.tokens, &self.requests].into_iter().flatten() {
            least = least.min(bucket.core().full_for()?);
        }
        Some(least)
    }

    /// As [`try_reserve`](Self::try_reserve), of limits that are never dropped.
    #[inline]
    pub(crate) fn try_reserve_static(&'static self, tokens: u64) -> Option<Reservation> {
        self.take_all(tokens).then(|| Reservation::complete(Owner::Static(self), tokens))
    }

    /// As [`reserve`](Self::reserve), of limits that are never dropped.
    pub(crate) fn reserve_static(&'static self, tokens: u64, patience: Patience) -> Reserve {
        Reserve::new(Reservation::begin(Owner::Static(self), tokens), patience)
    }
}
