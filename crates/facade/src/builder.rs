mod only_route;
#[cfg(feature = "redis")]
mod shared;

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use mainstay_backoff::{Rejected, RetryPolicy};
use mainstay_bucket::Limits;
use mainstay_idempotency::Store;
use mainstay_openai_client::{ApiKey, ChatResponse, ClientBuilder};

use crate::{
    BuildError, Config, Continuation, Mainstay, Preset, Served, Tier, assemble,
    config::Spot,
    kept::Kept,
    mainstay::AllRoutes,
    route::Routes,
    stack::{self, SharedCheck},
};

/// Sets up a [`Mainstay`].
///
/// | setting | default |
/// |---|---|
/// | [`base_url`](Self::base_url), [`api_key`](Self::api_key), [`client`](Self::client) | as of [`ClientBuilder`] |
/// | [`preset`](Self::preset) | none: as below |
/// | [`deadline`](Self::deadline) | 10 min: the whole call, waits and retries included |
/// | [`attempt_timeout`](Self::attempt_timeout) | 2 min: one attempt that is answered whole |
/// | [`first_token_timeout`](Self::first_token_timeout) | 1 min: one attempt that is streamed, up to its first token |
/// | [`between_tokens_timeout`](Self::between_tokens_timeout) | 1 min |
/// | [`retry`](Self::retry) | as of [`RetryPolicy`]: 3 retries, from 1 s, with a budget |
/// | [`limits`](Self::limits) | none but what the server says of its own |
/// | [`max_wait`](Self::max_wait) | 1 min: what would wait longer for the limits is refused at once |
/// | [`continue_streams`](Self::continue_streams) | off: a stream that breaks ends in an error |
/// | [`check`](Self::check) | none: every answer is taken |
/// | [`idempotency`](Self::idempotency) | off: keys are only passed on to the backend |
/// | [`idempotency_store`](Self::idempotency_store) | none: keys are remembered as long as the process lives |
/// | [`tier`](Self::tier) | none: when the model fails, the call does |
/// | [`config`](Self::config) | none: one backend for whatever model is named |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::{Mainstay, RetryPolicy, check};
///
/// let mainstay = Mainstay::builder()
///     .base_url("http://127.0.0.1:8080/v1")
///     .deadline(Duration::from_secs(60))
///     .attempt_timeout(Duration::from_secs(20))
///     .retry(RetryPolicy::default().retries(5))
///     .check(check::complete)
///     .build()?;
/// # Ok::<_, mainstay::BuildError>(())
/// ```
#[must_use]
pub struct Builder {
    client: ClientBuilder,
    deadline: Duration,
    attempt_timeout: Duration,
    retry: RetryPolicy,
    limits: HashMap<String, Arc<Limits>>,
    max_wait: Duration,
    continuation: Option<Continuation>,
    remember: Option<(Duration, usize)>,
    store: Option<Arc<dyn Store<Served>>>,
    #[cfg(feature = "redis")]
    redis: Option<String>,
    #[cfg(feature = "redis")]
    shares: crate::sharing::Shares,
    tiers: Vec<Tier>,
    config: Option<Config>,
    check: SharedCheck,
}

const MINUTE: Duration = Duration::from_secs(60);

// === impl Builder ===

impl Builder {
    pub(crate) fn new(client: ClientBuilder) -> Self {
        Self {
            client: client.first_token_timeout(MINUTE).between_tokens_timeout(MINUTE),
            deadline: 10 * MINUTE,
            attempt_timeout: 2 * MINUTE,
            retry: RetryPolicy::default(),
            limits: HashMap::new(),
            max_wait: MINUTE,
            continuation: None,
            remember: None,
            store: None,
            #[cfg(feature = "redis")]
            redis: None,
            #[cfg(feature = "redis")]
            shares: crate::sharing::Shares::default(),
            tiers: Vec::new(),
            config: None,
            check: Arc::new(|_| Ok(())),
        }
    }

    /// Sets the URL up to which all paths of the API are the same, `https://api.openai.com/v1` by default.
    pub fn base_url(self, url: impl Into<String>) -> Self {
        self.client(|client| client.base_url(url))
    }

    /// Sets the API key.
    pub fn api_key(self, key: impl Into<ApiKey>) -> Self {
        self.client(|client| client.api_key(key))
    }

    /// Sets anything else of the client: organisation, headers, Azure, connect timeout, size limit.
    pub fn client(mut self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.client = set(self.client);
        self
    }

    /// Sets deadline, timeouts, waits and retries as a preset says; what is set after it counts before it.
    pub fn preset(self, preset: Preset) -> Self {
        let config = preset.config();
        // The presets are tested.
        let retry = assemble::policy(&config.retry, &Spot::default()).unwrap_or_default();
        self.deadline(config.deadline)
            .attempt_timeout(config.attempt_timeout)
            .first_token_timeout(config.first_token_timeout)
            .between_tokens_timeout(config.between_tokens_timeout)
            .max_wait(config.max_wait)
            .retry(retry)
    }

    /// Sets how long a call may take in all. A request's own deadline counts if it is tighter.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Sets how long one attempt may take that is answered whole, body included.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// Sets how long one attempt that is streamed may take to its first token. As a stream may go on for as long as
    /// the deadline allows, there is no limit to the whole of it.
    pub fn first_token_timeout(self, limit: Duration) -> Self {
        self.client(|client| client.first_token_timeout(limit))
    }

    /// Sets how long a stream may take from one token to the next.
    pub fn between_tokens_timeout(self, limit: Duration) -> Self {
        self.client(|client| client.between_tokens_timeout(limit))
    }

    /// Sets when a call is sent again, and after what wait.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Limits the calls to a model, in requests and tokens a minute and in calls under way.
    ///
    /// Calls wait for their turn, first come, first served, before they are sent. Each reserves what it is expected to need
    /// and settles on what it has used. Whether limits are set or not, all or some of them, the server's own word counts: its
    /// `x-ratelimit-*` headers narrow them, also those that are not set here, and a Retry-After holds back all calls to the model.
    ///
    /// ```
    /// use mainstay::{Mainstay, bucket::Limits};
    ///
    /// let mainstay = Mainstay::builder()
    ///     .base_url("http://127.0.0.1:8080/v1")
    ///     .limits("gpt-4o", Limits::default().requests_per_minute(600)?.tokens_per_minute(90_000)?)
    ///     .build()?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn limits(mut self, model: impl Into<String>, limits: impl Into<Arc<Limits>>) -> Self {
        self.limits.insert(model.into(), limits.into());
        self
    }

    /// Sets the longest that an attempt waits for the limits. What would wait longer is refused at once, as
    /// [`Shed`](mainstay_fault::FaultKind::Shed), with the time after which it would be served.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Lets streams go on where they break after their first token, by a new call. See [`Continuation`]: what the caller gets is then no longer
    /// the answer of one model.
    pub fn continue_streams(mut self, continuation: Continuation) -> Self {
        self.continuation = Some(continuation);
        self
    }

    /// Looks at each whole answer, and asks again where the closure refuses it: see [`check`](crate::check).
    ///
    /// Streams are not checked: their answer has been passed on by the time it is known.
    pub fn check(
        mut self,
        check: impl Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync + 'static,
    ) -> Self {
        self.check = Arc::new(check);
        self
    }

    /// Runs each idempotency key once: who asks with the same key ([`ChatRequest::key`](crate::ChatRequest::key)) gets the same
    /// answer for so long, also if it is still on its way. So many keys are remembered; when they are used up, new ones are refused.
    ///
    /// A stream is followed live by those who ask at the same time, and played again to later ones, unless it broke. Set answers
    /// are not remembered. See [`idempotency`](crate::idempotency).
    pub fn idempotency(mut self, ttl: Duration, capacity: usize) -> Self {
        self.remember = Some((ttl, capacity));
        self
    }

    /// Keeps whole answers in a store besides, such as a file that survives the process, with [`ServedCodec`](crate::ServedCodec).
    /// Without [`idempotency`](Self::idempotency) it is not used.
    pub fn idempotency_store(mut self, store: impl Store<Served> + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Adds a tier below: what answers calls when the model has failed, and the tiers above have. See [`Tier`].
    pub fn tier(mut self, tier: Tier) -> Self {
        self.tiers.push(tier);
        self
    }

    /// Takes the stack from a configuration, with its routes and backends. What was set here besides is not used, but for
    /// the [`check`](Self::check).
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Builds the stack.
    ///
    /// # Errors
    ///
    /// Names the setting that cannot be used, its value and the reason.
    pub fn build(self) -> Result<Mainstay, BuildError> {
        let check = Arc::clone(&self.check);
        let remember = self.remember().map_err(|error| match &self.config {
            Some(config) => error.of(config),
            None => error,
        })?;
        let store = remember.as_ref().and_then(|remember| remember.store.clone());
        let tables = match &self.config {
            Some(config) => assemble::tables(config, &check, &Kept::default())?,
            None => self.only_route()?,
        };
        let routes = AllRoutes {
            chat: Arc::new(Routes::new(tables.chat)),
            stream: Arc::new(Routes::new(tables.stream)),
            embed: Arc::new(Routes::new(tables.embed)),
        };
        Ok(Mainstay {
            stream: stack::stream(remember.as_ref(), Arc::clone(&routes.stream)),
            chat: stack::chat(remember, Arc::clone(&routes.chat)),
            embed: stack::embed(Arc::clone(&routes.embed)),
            routes,
            live: Arc::new(ArcSwap::from_pointee(tables.live)),
            reloading: Arc::default(),
            check,
            store,
        })
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("client", &self.client)
            .field("deadline", &self.deadline)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("retry", &self.retry)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
