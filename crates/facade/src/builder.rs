mod only_route;
mod parts;
mod routes;
#[cfg(feature = "redis")]
mod shared;
mod unused;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use mainstay_backoff::RetryPolicy;
use mainstay_bucket::Limits;
use mainstay_idempotency::Store;
use mainstay_openai_client::{ApiKey, ClientBuilder};

use crate::{
    BuildError, Config, Mainstay, Preset, Served, assemble,
    kept::Kept,
    mainstay::{AllRoutes, Inner},
    once::Remember,
    overlay::Overlay,
    remember::{self, Keeps},
    route::Routes,
    stack,
};

/// Sets up a [`Mainstay`], for one backend or for several.
///
/// | setting | default |
/// |---|---|
/// | [`preset`](Self::preset) | none: as below |
/// | [`deadline`](Self::deadline) | 10 min: the whole call, waits and retries included |
/// | [`attempt_timeout`](Self::attempt_timeout) | 2 min: one attempt that is answered whole |
/// | [`first_token_timeout`](Self::first_token_timeout) | 1 min: one attempt that is streamed, up to its first token, if there is somewhere else to go |
/// | [`between_tokens_timeout`](Self::between_tokens_timeout) | 1 min |
/// | [`retry`](Self::retry) | as of [`RetryPolicy`]: 3 retries, from 1 s, with a budget |
/// | [`max_wait`](Self::max_wait) | 1 min: what would wait longer for the limits is refused at once |
/// | [`continue_streams`](Self::continue_streams) | off: a stream that breaks ends in an error |
/// | [`check`](Self::check) | none: every answer is taken |
/// | [`idempotency`](Self::idempotency) | off: keys are only passed on to the backend |
/// | [`idempotency_store`](Self::idempotency_store) | none: keys are remembered as long as the process lives |
/// | [`tier`](Self::tier) | none: when the models fail, the call does |
///
/// | one backend, whatever model is named | default |
/// |---|---|
/// | [`base_url`](Self::base_url), [`api_key`](Self::api_key), [`client`](Self::client) | as of [`ClientBuilder`] |
/// | [`limits`](Self::limits) | none but what the server says of its own |
///
/// | several backends, and routes to them | default |
/// |---|---|
/// | [`backend`](Self::backend) | none |
/// | [`route`](Self::route) | none |
/// | [`default_route`](Self::default_route) | none: models without a route are answered 404 |
/// | [`budget`](Self::budget) | none |
/// | [`own_strategy`](Self::own_strategy), [`own_tier`](Self::own_tier) | none |
/// | [`config`](Self::config) | none: backends and routes as they are set here |
///
/// Settings count before those of a configuration, in whatever order they are made, also one that is read later
/// ([`Mainstay::reload`]); the routes' own settings count before both. A setting that would do nothing beside what else is set is an error of
/// [`build`](Self::build).
///
/// # Examples
///
/// One backend:
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
///
/// Several:
///
/// ```
/// use std::time::Duration;
/// use mainstay::{BudgetConfig, Mainstay, RouteConfig, ServedConfig, StrategyConfig, TierConfig};
///
/// let both = [
///     ServedConfig::on("openai").model("gpt-4o").requests_per_minute(600).weight(3),
///     ServedConfig::on("azure").model("gpt-4o"),
/// ];
/// let mainstay = Mainstay::builder()
///     .backend("openai", |client| client.api_key("sk-…"))
///     .backend("azure", |client| client.base_url("https://example.openai.azure.com").azure("2024-10-21").api_key("…"))
///     .backend("local", |client| client.base_url("http://127.0.0.1:8080/v1"))
///     .route(
///         "chat",
///         RouteConfig::new()
///             .tier(TierConfig::models(both).strategy(StrategyConfig::Weighted))
///             .tier(ServedConfig::on("local").model("llama-3").price(0.0, 0.0))
///             .tier(TierConfig::answer("We are at it.")),
///     )
///     .budget(BudgetConfig::new(50.0, Duration::from_secs(86_400)))
///     .build()?;
/// assert_eq!(mainstay.models(), ["chat"]);
/// # Ok::<_, mainstay::BuildError>(())
/// ```
#[must_use]
pub struct Builder {
    /// The only backend's.
    client: ClientBuilder,
    /// Whether anything of it was set that has no use for others.
    sets_client: bool,
    /// Of the only backend's models.
    limits: HashMap<String, Arc<Limits>>,
    store: Option<Arc<dyn Store<Served>>>,
    config: Option<Config>,
    overlay: Overlay,
}

const MINUTE: Duration = Duration::from_secs(60);

// === impl Builder ===

impl Builder {
    pub(crate) fn new(client: ClientBuilder) -> Self {
        Self {
            client: client.first_token_timeout(MINUTE).between_tokens_timeout(MINUTE),
            sets_client: false,
            limits: HashMap::new(),
            store: None,
            config: None,
            overlay: Overlay::default(),
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
        self.sets_client = true;
        self
    }

    /// Sets deadline, timeouts, waits and retries as a preset says; what is set after it counts before it.
    pub fn preset(mut self, preset: Preset) -> Self {
        let config = preset.config();
        self.client = self
            .client
            .first_token_timeout(config.first_token_timeout)
            .between_tokens_timeout(config.between_tokens_timeout);
        self.overlay.set_preset(preset);
        self
    }

    /// Sets how long a call may take in all. A request's own deadline counts if it is tighter.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.overlay.deadline = Some(limit);
        self
    }

    /// Sets how long one attempt may take that is answered whole, body included.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.overlay.attempt_timeout = Some(limit);
        self
    }

    /// Sets how long one attempt that is streamed may take to its first token, as long as the call has somewhere else to go: a retry that
    /// is allowed, or a tier below. Where it has not, the attempt goes on. As a stream may go on for as long as the deadline
    /// allows, there is no limit to the whole of it.
    pub fn first_token_timeout(mut self, limit: Duration) -> Self {
        self.client = self.client.first_token_timeout(limit);
        self.overlay.first_token_timeout = Some(limit);
        self
    }

    /// Sets how long a stream may take from one token to the next.
    pub fn between_tokens_timeout(mut self, limit: Duration) -> Self {
        self.client = self.client.between_tokens_timeout(limit);
        self.overlay.between_tokens_timeout = Some(limit);
        self
    }

    /// Sets when a call is sent again, and after what wait.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.overlay.parts.retry = Some(policy);
        self
    }

    /// Limits the calls to a model of the only backend, in requests and tokens a minute and in calls under way.
    ///
    /// Calls wait for their turn, first come, first served, before they are sent. Each reserves what it is expected to need
    /// and settles on what it has used. Whether limits are set or not, all or some of them, the server's own word counts: its
    /// `x-ratelimit-*` headers narrow them, also those that are not set here, and a Retry-After holds back all calls to the model.
    ///
    /// Where there are routes, limits are set with their models: [`ServedConfig`](crate::ServedConfig).
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
    /// [`Shed`](mainstay_fault::FaultKind::Shed), with the time after which it would be served. It must not be longer than a deadline
    /// that is set, too, past which nothing waits in any case.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.overlay.max_wait = Some(wait);
        self
    }

    /// Builds the stack.
    ///
    /// # Errors
    ///
    /// Names the setting that cannot be used, its value and the reason.
    pub fn build(self) -> Result<Mainstay, BuildError> {
        let config = self.overlay.onto(self.config.clone().unwrap_or_default());
        let is_routed = self.is_routed(&config);
        self.check_used(&config, is_routed)?;
        config.validate()?;
        let (remember, store) = self.remember(&config).map_err(|error| error.of(&config))?.unzip();
        let (store, sets_store) = (store.flatten(), self.store.is_some());
        let overlay = self.overlay.clone();
        let tables = if is_routed {
            assemble::tables(&config, &overlay.parts, &Kept::default())?
        } else {
            self.only_route(&config).map_err(|error| error.of(&config))?
        };
        let routes = AllRoutes {
            chat: Arc::new(Routes::new(tables.chat)),
            stream: Arc::new(Routes::new(tables.stream)),
            embed: Arc::new(Routes::new(tables.embed)),
        };
        Ok(Mainstay::new(Inner {
            stream: stack::stream(remember.as_ref(), Arc::clone(&routes.stream)),
            chat: stack::chat(remember.as_ref(), Arc::clone(&routes.chat)),
            embed: stack::embed(Arc::clone(&routes.embed)),
            routes,
            live: ArcSwap::from_pointee(tables.live),
            reloading: Mutex::default(),
            overlay,
            keeps: Keeps::of(&config, sets_store),
            store,
            #[cfg(feature = "metrics")]
            sampled: crate::metrics::Sampled::default(),
        }))
    }

    /// How keys are remembered, and the store that is set here, or that the configuration says.
    fn remember(&self, config: &Config) -> Result<Option<(Remember, OptionalStore)>, BuildError> {
        let Some(keys) = &config.idempotency else { return Ok(None) };
        let mut store = remember::store(keys)?;
        #[cfg(feature = "redis")]
        if let (None, Some(sharing)) = (&self.store, crate::sharing::Sharing::of(config)?) {
            store = Some(sharing.store());
        }
        store = self.store.clone().or(store);
        Ok(Some((Remember::new(keys.ttl, keys.capacity, store.clone()), store)))
    }
}

type OptionalStore = Option<Arc<dyn Store<Served>>>;

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("client", &self.client)
            .field("limits", &self.limits)
            .field("config", &self.overlay.onto(self.config.clone().unwrap_or_default()))
            .finish_non_exhaustive()
    }
}
