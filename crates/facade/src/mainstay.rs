use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use mainstay_idempotency::Store;
use mainstay_openai_client::{ChatRequest, Client, ClientBuilder, EmbeddingRequest};
use tower::ServiceExt;
use tower_service::Service;

use crate::{
    BuildError, Builder, Config, Failure, Reply, Served, Status,
    assemble::{self, Live},
    route::Routes,
    stack::{
        ChatFuture, ChatRoute, ChatService, EmbedFuture, EmbedRoute, EmbedService, SharedCheck, StreamFuture,
        StreamRoute, StreamService,
    },
};

/// Calls to language models that survive what the services do to them.
///
/// Around an OpenAI-compatible client it keeps a deadline, limits each attempt, sends failed calls again when that is
/// right and as often as the budget allows, and looks at the answers. It is a [`Service`] too, and its parts can be
/// taken out.
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
pub struct Mainstay {
    pub(crate) chat: ChatService,
    pub(crate) stream: StreamService,
    pub(crate) embed: EmbedService,
    pub(crate) routes: AllRoutes,
    pub(crate) live: Arc<ArcSwap<Live>>,
    /// Held by who reloads.
    pub(crate) reloading: Arc<Mutex<()>>,
    pub(crate) check: SharedCheck,
    pub(crate) store: Option<Arc<dyn Store<Served>>>,
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
        self.chat.clone().oneshot(request)
    }

    /// Asks for a chat completion as a stream. Resolves at its first token: what goes wrong until then is repaired as
    /// far as it can be; after it, it is the stream's last item.
    pub fn chat_stream(&self, request: ChatRequest) -> StreamFuture {
        self.stream.clone().oneshot(request)
    }

    /// Asks for embeddings, by the same routes, deadlines, retries and limits; idempotency keys are passed on, but not remembered.
    ///
    /// Another model's vectors are of no use beside those of the first: name one model in all tiers of such a route.
    pub fn embed(&self, request: EmbeddingRequest) -> EmbedFuture {
        self.embed.clone().oneshot(request)
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
    /// Limits and budgets that are the same stay as they are: nobody gets a second minute's worth by reloading. The health of the backends
    /// is learned anew. Where idempotency keys are kept does not change.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`]; everything stays as it was then.
    pub fn reload(&self, config: &Config) -> Result<(), BuildError> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = assemble::tables(config, &self.check, &self.live.load().kept)?;
        self.routes.chat.replace(tables.chat);
        self.routes.stream.replace(tables.stream);
        self.routes.embed.replace(tables.embed);
        self.live.store(Arc::new(tables.live));
        Ok(())
    }

    /// How things stand: backends, limits, budgets.
    pub fn status(&self) -> Status {
        Status::of(&self.live.load())
    }

    /// What chooses by what was learned from past calls, by route: to be told of outcomes
    /// ([`observe`](crate::router::learned::Chooser::observe)), if `online` is set.
    #[cfg(feature = "learned")]
    pub fn choosers(&self) -> Vec<(Arc<str>, Arc<crate::router::learned::Chooser>)> {
        self.live.load().choosers.clone()
    }

    /// Closes the file of idempotency keys, if there is one, for all clones, once all is written, and gives back what is not used of
    /// limits that processes share: the last thing to do before the process ends, or another one takes the file over.
    ///
    /// Calls with a new key are refused from then on.
    pub async fn close(&self) {
        if let Some(store) = &self.store
            && let Err(error) = store.close().await
        {
            tracing::error!(%error, "the store of idempotency keys cannot be closed");
        }
        #[cfg(feature = "redis")]
        for (on, model, limits) in self.live.load_full().kept.limits() {
            if !limits.flush().await {
                tracing::warn!(on, model, "what was not used of a shared limit could not be given back");
            }
        }
    }

    /// The names of the models that have a route of their own, in order; none where one route serves whatever is named.
    pub fn models(&self) -> Vec<String> {
        self.routes.chat.names()
    }

    /// The bare clients inside, by the names of their backends, which try each call once. A backend that was not named by a
    /// configuration is named after its host.
    pub fn clients(&self) -> Arc<BTreeMap<String, Client>> {
        Arc::clone(&self.live.load().clients)
    }

    /// Takes out the service of whole answers, to stack layers of one's own around it.
    pub fn chat_service(&self) -> ChatService {
        self.chat.clone()
    }

    /// Takes out the service of streamed answers.
    pub fn stream_service(&self) -> StreamService {
        self.stream.clone()
    }
}

impl Service<ChatRequest> for Mainstay {
    type Response = Reply;
    type Error = Failure;
    type Future = <ChatService as Service<ChatRequest>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        <ChatService as Service<ChatRequest>>::poll_ready(&mut self.chat, cx)
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        self.chat.call(request)
    }
}

impl fmt::Debug for Mainstay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mainstay").field("models", &self.models()).finish_non_exhaustive()
    }
}
