mod service;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use mainstay_bucket::Limits;
use mainstay_fallback::queue::JsonlQueue;
use mainstay_idempotency::Store;
use mainstay_openai_client::{ChatRequest, Client, ClientBuilder, EmbeddingRequest};
use tower::ServiceExt;

use crate::{
    BuildError, Builder, Config, Served, Status,
    assemble::{self, Live},
    overlay::Overlay,
    remember::Keeps,
    route::Routes,
    stack::{
        ChatFuture, ChatRoute, ChatService, EmbedFuture, EmbedRoute, EmbedService, StreamFuture, StreamRoute,
        StreamService,
    },
};

/// Calls to language models that survive what the services do to them.
///
/// Around an OpenAI-compatible client it keeps a deadline, limits each attempt, sends failed calls again when that is
/// right and as often as the budget allows, and looks at the answers. It is a [`Service`](tower_service::Service) of chats and of
/// embeddings too, and its parts can be taken out: services ([`chat_service`](Self::chat_service)), clients, limits, queues.
///
/// # Clone
///
/// Cheap: clones share connections and the retry budget.
///
/// # Cancel safety
///
/// Dropping a call drops the attempt or the wait that is under way, and closes its connection.
///
/// # Examples
///
/// ```no_run
/// use mainstay::{ChatRequest, Mainstay};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mainstay = Mainstay::from_env()?;
/// let answer = mainstay.chat(ChatRequest::new("gpt-4o-mini").user("What is a mainstay?")).await?;
/// println!("{}", answer.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Mainstay(Arc<Inner>);

/// What all clones share.
pub(crate) struct Inner {
    pub(crate) chat: ChatService,
    pub(crate) stream: StreamService,
    pub(crate) embed: EmbedService,
    pub(crate) routes: AllRoutes,
    pub(crate) live: ArcSwap<Live>,
    /// Held by who reloads.
    pub(crate) reloading: Mutex<()>,
    /// What was set in code, for configurations that are read later.
    pub(crate) overlay: Overlay,
    pub(crate) keeps: Keeps,
    pub(crate) store: Option<Arc<dyn Store<Served>>>,
    #[cfg(feature = "metrics")]
    pub(crate) sampled: crate::metrics::Sampled,
}

/// The routes, by what is asked for.
#[derive(Clone)]
pub(crate) struct AllRoutes {
    pub(crate) chat: Arc<Routes<ChatRoute>>,
    pub(crate) stream: Arc<Routes<StreamRoute>>,
    pub(crate) embed: Arc<Routes<EmbedRoute>>,
}

// === impl Mainstay ===

impl Mainstay {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Starts to set one up.
    pub fn builder() -> Builder {
        Builder::new(Client::builder())
    }

    /// Builds one with the defaults, for the API that the environment names: `OPENAI_API_KEY`, `OPENAI_BASE_URL`,
    /// `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder().client(ClientBuilder::env).build()
    }

    /// Asks for a chat completion.
    pub fn chat(&self, request: ChatRequest) -> ChatFuture {
        self.0.chat.clone().oneshot(request)
    }

    /// Asks for a chat completion as a stream. Resolves at its first token: what goes wrong until then is repaired as
    /// far as it can be; after it, it is the stream's last item.
    pub fn chat_stream(&self, request: ChatRequest) -> StreamFuture {
        self.0.stream.clone().oneshot(request)
    }

    /// Asks for embeddings, by the same routes, deadlines, retries and limits; idempotency keys are passed on, but not remembered.
    ///
    /// Tiers that need no model embed nothing: they are passed by, and a route that has no others is an error,
    /// [`Error::NothingEmbeds`](crate::Error::NothingEmbeds), of the kind `ModelNotFound`.
    ///
    /// Another model's vectors are of no use beside those of the first: name one model in all tiers of such a route.
    pub fn embed(&self, request: EmbeddingRequest) -> EmbedFuture {
        self.0.embed.clone().oneshot(request)
    }

    /// Builds the stack that a configuration describes.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn from_config(config: Config) -> Result<Self, BuildError> {
        Self::builder().config(config).build()
    }

    /// Builds the stack that a configuration in TOML describes: see [`Config`].
    ///
    /// # Errors
    ///
    /// Names the line, the field, and what would be right.
    pub fn from_toml(text: &str) -> Result<Self, BuildError> {
        Self::from_config(Config::from_toml(text)?)
    }

    /// Builds the stack that a file in TOML describes.
    ///
    /// # Errors
    ///
    /// Names the file, the line, the field, and what would be right.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::from_config(Config::from_path(path)?)
    }

    /// Puts another configuration in the place of this one, for all clones. Calls that are under way end as they began.
    ///
    /// Limits, budgets in dollars and of retries, and queues that are the same stay as they are: nobody gets a second minute's worth by
    /// reloading. Where their numbers have changed, limits and budgets in dollars go on with the new ones: what was used, spent or owed is
    /// gone of them, calls under way count (a limit on them that is new counts those that begin from then on), the line moves on, and a
    /// Retry-After and what the server said hold. What was learned online stays, while its settings and its file are the same, and so does
    /// the health of backends that are the same, unless money, a key or a model was missing: whoever reloads may have seen to that. What
    /// was set in code ([`Builder`]) stays, and counts before the configuration, unless it is the only backend's.
    ///
    /// Whether, where and how long idempotency keys are kept does not change: a warning is logged where the configuration says otherwise.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`], and there must be a route, which a file may lack that is just being written; everything stays as it was then.
    pub fn reload(&self, config: &Config) -> Result<(), BuildError> {
        let _one_at_a_time = self.0.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let config = self.0.overlay.onto(config.clone());
        let tables = assemble::tables(&config, &self.0.overlay.parts, &self.0.live.load().kept)?;
        self.0.routes.chat.replace(tables.chat);
        self.0.routes.stream.replace(tables.stream);
        self.0.routes.embed.replace(tables.embed);
        self.0.live.store(Arc::new(tables.live));
        if self.0.keeps.differs(&config) {
            tracing::warn!(
                "`idempotency` stays as it was: what has changed of it, or of the server that keeps its keys, counts from the next start"
            );
        }
        Ok(())
    }

    /// How things stand: backends, limits, budgets.
    pub fn status(&self) -> Status {
        Status::of(
            &self.0.live.load(),
            #[cfg(feature = "metrics")]
            self.0.sampled.clone(),
        )
    }

    /// What chooses by what was learned from past calls, by route: to be told of outcomes
    /// ([`observe`](crate::router::learned::Chooser::observe)), if `online` is set.
    #[cfg(feature = "learned")]
    pub fn choosers(&self) -> Vec<(Arc<str>, Arc<crate::router::learned::Chooser>)> {
        self.0.live.load().choosers.clone()
    }

    /// Closes the file of idempotency keys, if there is one, for all clones, once all is written, and gives back what is not used of
    /// limits that processes share: the last thing to do before the process ends, or another one takes the file over.
    ///
    /// Calls with a new key are refused from then on.
    pub async fn close(&self) {
        if let Some(store) = &self.0.store
            && let Err(error) = store.close().await
        {
            tracing::error!(%error, "the store of idempotency keys cannot be closed");
        }
        #[cfg(feature = "redis")]
        for (on, model, limits) in self.0.live.load_full().kept.limits() {
            if !limits.flush().await {
                tracing::warn!(on, model, "what was not used of a shared limit could not be given back");
            }
        }
    }

    /// The names of the models that have a route of their own, aliases included, in order; none where one route serves whatever is named.
    ///
    /// Copies and sorts them at each call: it is for people and lists of models, not for the way of each call.
    pub fn models(&self) -> Vec<String> {
        self.0.routes.chat.names()
    }

    /// The bare clients inside, by the names of their backends, which try each call once. A backend that was not named by a
    /// configuration is named after its host.
    pub fn clients(&self) -> Arc<BTreeMap<String, Client>> {
        Arc::clone(&self.0.live.load().clients)
    }

    /// Takes out the service of whole answers, to stack layers of one's own around it.
    pub fn chat_service(&self) -> ChatService {
        self.0.chat.clone()
    }

    /// Takes out the service of streamed answers.
    pub fn stream_service(&self) -> StreamService {
        self.0.stream.clone()
    }

    /// Takes out the service of embeddings.
    pub fn embed_service(&self) -> EmbedService {
        self.0.embed.clone()
    }

    /// The queues for people that routes have in files, by the files' canonical paths: whoever sees to an entry needs them, as no other process
    /// can open a queue that is in use. A clone that is kept keeps its file open, also if a reload takes the queue away.
    pub fn queues(&self) -> BTreeMap<PathBuf, JsonlQueue<ChatRequest>> {
        let live = self.0.live.load();
        live.kept.queues().map(|(path, queue)| (path.clone(), queue.clone())).collect()
    }

    /// The limits that are set, by the names of their backends and models as in a [`Report`](crate::Report): to be looked at, paused, or
    /// spent by calls that go elsewhere. Where other processes share limits, these are this process's own besides: calls keep within both.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay::{Mainstay, RouteConfig, ServedConfig};
    ///
    /// let mainstay = Mainstay::builder()
    ///     .backend("local", |client| client.base_url("http://127.0.0.1:8080/v1"))
    ///     .route("chat", RouteConfig::new().tier(ServedConfig::on("local").model("llama-3").in_flight(4)))
    ///     .build()?;
    /// assert_eq!(mainstay.limits()["local/llama-3"].in_flight_available(), Some(4));
    /// # Ok::<_, mainstay::BuildError>(())
    /// ```
    pub fn limits(&self) -> BTreeMap<String, Arc<Limits>> {
        let live = self.0.live.load();
        live.kept.limits().map(|(on, model, limited)| (format!("{on}/{model}"), limited.into_own())).collect()
    }
}

impl fmt::Debug for Mainstay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mainstay").field("models", &self.models()).finish_non_exhaustive()
    }
}
