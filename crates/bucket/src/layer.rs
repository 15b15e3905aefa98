use std::{fmt, sync::Arc, time::Duration};

use tower_layer::Layer;

use crate::{Limits, Patience, RateLimit, Tracked, Unmetered, Untracked, Weightless, settings::Settings};

/// Makes no more calls than the limits allow: calls wait for their turn, first come, first served.
///
/// | setting | default |
/// |---|---|
/// | [`weigh`](Self::weigh) | nothing: only requests and calls in flight are counted |
/// | [`meter`](Self::meter) | the estimate stands, and a call ends with its response |
/// | [`max_wait`](Self::max_wait) | 60 s: what would wait longer is refused at once |
/// | [`max_queue`](Self::max_queue) | 1,024 calls waiting for any one limit |
/// | [`tracked`](Self::tracked) | off: requests may be of any type |
///
/// A call reserves the tokens that it is expected to need before it is made, and settles afterwards, exactly once,
/// whatever happens to it:
///
/// | the call | tokens | request |
/// |---|---|---|
/// | was answered | as the [`meter`](Self::meter) says | counted |
/// | failed by a fault of the server, or was refused by it | given back | counted |
/// | failed when the model may have worked: timed out, malformed, rejected, interrupted, filtered | the estimate stands | counted |
/// | was shed by a layer further in, or not sent any more at its deadline | given back | given back |
/// | was dropped while it waited | given back | given back |
/// | was dropped after it was sent | the estimate stands | counted |
///
/// A fault with a Retry-After that says that the server is overloaded or limits the rate pauses the limits until then (at most an
/// hour): one call's 429 spares all the others.
///
/// Cloning the layer, or giving it the same `Arc<Limits>`, shares the limits.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::{Limited, Limits, RateLimitLayer, estimate_tokens, usage};
/// use mainstay_fault::Fault;
/// use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// struct Answer { text: String, total_tokens: u64 }
///
/// let model = service_fn(|question: String| async move {
///     Ok::<_, BoxError>(Answer { total_tokens: question.len() as u64, text: question })
/// });
///
/// let limits = Limits::default().requests_per_minute(600)?.tokens_per_minute(90_000)?.in_flight(32)?;
/// let layer = RateLimitLayer::new(limits)
///     .weigh(|question: &String| estimate_tokens(question) + 1_000)
///     .meter(usage(|answer: &Answer| Some(answer.total_tokens)));
///
/// let mut model = ServiceBuilder::new().layer(layer).service(model);
/// let answer = model.ready().await?.call("What is a mainstay?".into()).await?;
/// # assert_eq!(answer.text.len(), 19);
/// # Ok::<_, BoxError>(())
/// # })?;
/// # Ok::<_, BoxError>(())
/// ```
#[derive(Clone)]
pub struct RateLimitLayer<L = Arc<Limits>, W = Weightless, M = Unmetered, T = Untracked> {
    limiter: L,
    settings: Settings<W, M, T>,
}

// === impl RateLimitLayer ===

impl RateLimitLayer {
    /// Limits all calls together.
    pub fn new(limits: impl Into<Arc<Limits>>) -> Self {
        Self::with_limiter(limits.into())
    }
}

impl RateLimitLayer<&'static Limits> {
    /// Limits all calls together, by limits that are there for as long as the program: no call has to count a reference up and
    /// down, which costs more than all else that the layer does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::LazyLock;
    /// use mainstay_bucket::{Limits, RateLimitLayer};
    ///
    /// static LIMITS: LazyLock<Limits> =
    ///     LazyLock::new(|| Limits::default().requests_per_minute(600).expect("600 a minute is a rate"));
    ///
    /// let layer = RateLimitLayer::from_static(&LIMITS);
    /// # let _ = layer;
    /// ```
    pub fn from_static(limits: &'static Limits) -> Self {
        Self::with_limiter(limits)
    }
}

impl<L> RateLimitLayer<L> {
    /// Limits calls by a limiter of another kind.
    pub fn with_limiter(limiter: L) -> Self {
        let patience = Patience::new(Duration::from_secs(60)).waiters(1_024);
        let settings = Settings { weigh: Weightless, meter: Unmetered, track: Untracked, patience };
        Self { limiter, settings }
    }
}

impl<L, W, M, T> RateLimitLayer<L, W, M, T> {
    /// Sets how requests are weighed, in tokens.
    ///
    /// It takes any [`Weigh`](crate::Weigh), such as a closure `|request: &Request| -> u64`.
    #[must_use]
    pub fn weigh<V>(self, weigh: V) -> RateLimitLayer<L, V, M, T> {
        self.map(|Settings { meter, track, patience, .. }| Settings { weigh, meter, track, patience })
    }

    /// Sets how responses are read: see [`usage`](crate::usage) and [`hand_over`](crate::hand_over).
    #[must_use]
    pub fn meter<N>(self, meter: N) -> RateLimitLayer<L, W, N, T> {
        self.map(|Settings { weigh, track, patience, .. }| Settings { weigh, meter, track, patience })
    }

    /// Waits no longer than the deadline of the [`Call`](mainstay_fault::Call) that a request carries, and writes into its journal how
    /// long it waited.
    #[must_use]
    pub fn tracked(self) -> RateLimitLayer<L, W, M, Tracked> {
        self.track_by(Tracked)
    }

    /// Reads requests by a [`Track`](crate::Track) of your own, where there is an example.
    #[must_use]
    pub fn track_by<K>(self, track: K) -> RateLimitLayer<L, W, M, K> {
        self.map(|Settings { weigh, meter, patience, .. }| Settings { weigh, meter, track, patience })
    }

    /// Sets the longest that a call waits. What would wait longer is refused before it waits.
    #[must_use]
    pub fn max_wait(self, wait: Duration) -> Self {
        self.map(|settings| Settings { patience: Patience { wait, ..settings.patience }, ..settings })
    }

    /// Sets how many calls may wait for any one limit.
    #[must_use]
    pub fn max_queue(self, calls: usize) -> Self {
        self.map(|settings| Settings { patience: settings.patience.waiters(calls), ..settings })
    }

    fn map<V, N, U>(
        self,
        change: impl FnOnce(Settings<W, M, T>) -> Settings<V, N, U>,
    ) -> RateLimitLayer<L, V, N, U> {
        RateLimitLayer { limiter: self.limiter, settings: change(self.settings) }
    }
}

impl<S, L: Clone, W: Clone, M: Clone, T: Clone> Layer<S> for RateLimitLayer<L, W, M, T> {
    type Service = RateLimit<S, L, W, M, T>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit::new(inner, self.limiter.clone(), self.settings.clone())
    }
}

impl<L: fmt::Debug, W, M, T> fmt::Debug for RateLimitLayer<L, W, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limiter", &self.limiter)
            .field("patience", &self.settings.patience)
            .finish_non_exhaustive()
    }
}
