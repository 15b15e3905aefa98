//! The stack, in the order in which a request travels.

use std::{sync::Arc, time::Duration};

use mainstay_backoff::{ByFault, Exponential, Retry, RetryLayer, RetryPolicy, Tracked};
use mainstay_bucket::{self as bucket, RateLimit, RateLimitLayer};
use mainstay_fallback::{Answer, Exhausted, TierList};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client, EmbeddingRequest, Streaming};
use mainstay_router::{self as router, Cause, Health, Price, Router, Standing};
use tower::{
    Layer, ServiceBuilder, ServiceExt,
    util::{Either, MapErr, MapRequest, MapResponse, Oneshot},
};

use crate::{
    AttemptLayer, Attempted, ChatStream, Continuation, Continue, Deadline, DeadlineLayer, Error, NewKey,
    Once, OnceStreamed, ReportLayer, Reported, Served,
    among::{self, ChatTicket, Describe, EmbedTicket, StreamTicket},
    asked::{Ask, AskAgain, Asked},
    assemble::Onward,
    checked::{AnyAnswer, Checked, SharedCheck},
    labels::Labels,
    limits::{self, ByModel, ChatMeter, EmbedMeter, StreamMeter, Weigh},
    named::Named,
    once::{Remember, once, once_streamed},
    openai,
    provider::provider_of,
    route::{ByRoute, Routes},
    tier::Local,
    usage::{AskUsage, AskUsageLayer},
};

/// The stack of calls that are answered whole.
pub type ChatService = Reported<Timed<Once<NewKey<ByRoute<ChatRoute>>>, ChatRoute>>;

/// The stack of calls that are answered as a stream.
pub type StreamService = Reported<Timed<AskUsage<Either<Streams, OnceStreamed<Streams>>>, StreamRoute>>;
type Streams = MapResponse<NewKey<ByRoute<StreamRoute>>, fn(Answer<ChatStream, Error>) -> ChatStream>;

/// A call that will be answered whole: what [`Mainstay::chat`](crate::Mainstay::chat) returns.
pub type ChatFuture = Oneshot<ChatService, ChatRequest>;

/// A call that will be answered as a stream: what [`Mainstay::chat_stream`](crate::Mainstay::chat_stream) returns.
pub type StreamFuture = Oneshot<StreamService, ChatRequest>;

/// The stack of embeddings.
pub type EmbedService = Reported<Timed<NewKey<ByRoute<EmbedRoute>>, EmbedRoute>>;

/// A call for embeddings: what [`Mainstay::embed`](crate::Mainstay::embed) returns.
pub type EmbedFuture = Oneshot<EmbedService, EmbeddingRequest>;

/// Each call has the deadline of its route.
type Timed<S, R> = Deadline<S, ByRoute<R>>;

/// A route: its tiers.
pub(crate) type ChatRoute = MapResponse<Tiers<ChatTier, Ask>, ToServed>;
pub(crate) type StreamRoute = Continue<Tiers<StreamTier, Ask>>;
pub(crate) type EmbedRoute = Tiers<EmbedModels, AskAgain>;
type Tiers<T, M> = MapErr<TierList<T, Error, M>, fn(Exhausted<Error>) -> Error>;
type ToServed = fn(Answer<Shared, Error>) -> Served;
pub(crate) type ToRequest<S> = MapRequest<S, fn(Asked) -> ChatRequest>;

/// A tier: models, or what needs none.
pub(crate) type ChatTier = Either<ToRequest<ChatModels>, Local>;
pub(crate) type StreamTier = Either<ToRequest<StreamModels>, LocalStream>;
type LocalStream = MapResponse<Local, fn(Shared) -> ChatStream>;

/// A whole answer on its way up, in one place: a word for each layer to pass on.
pub(crate) type Shared = Arc<ChatResponse>;
pub(crate) type Whole = MapResponse<Client, fn(ChatResponse) -> Shared>;

/// A tier of models: retries, around a router.
pub(crate) type ChatModels = Models<ChatBackend, ChatTicket>;
pub(crate) type StreamModels = Models<StreamBackend, StreamTicket>;
pub(crate) type EmbedModels = Models<EmbedBackend, EmbedTicket, EmbeddingRequest>;
type Models<B, N, R = ChatRequest> = Retry<Among<B, N, R>, Arc<RetryPolicy<Exponential, ByFault, Tracked>>>;
type Among<B, N, R> = MapErr<Router<B, Describe<R>, N, router::Tracked>, IntoRouted>;
type IntoRouted = fn(router::Error<Error>) -> Error;

/// One attempt at one backend, within its limits, looked at and written down.
pub(crate) type ChatBackend = Backend<Whole, ChatMeter, SharedCheck>;
pub(crate) type StreamBackend = Backend<Streaming, StreamMeter, AnyAnswer>;
pub(crate) type EmbedBackend = Backend<Client, EmbedMeter, AnyAnswer, EmbeddingRequest>;
type Backend<S, M, C, R = ChatRequest> =
    Named<Attempted<Checked<RateLimit<MapErr<S, IntoError>, ByModel<R>, Weigh<R>, M, bucket::Tracked>, C>>>;
type IntoError = fn(openai::Error) -> Error;
type Limited<M, R> = RateLimitLayer<ByModel<R>, Weigh<R>, M, bucket::Tracked>;

/// The backends of a tier.
pub(crate) struct Members<B> {
    pub(crate) router: Router<B>,
    pub(crate) last: Last,
    pub(crate) choice: Choice,
}

/// Whether a tier of models has anything to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One backend, which takes whatever call comes: of requests, nothing need be known.
    One,
    Among,
}

/// Whether a tier of models is the last one that may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Yes,
    No,
}

/// A place where a model is served, and what stands before it.
pub(crate) struct Place {
    /// Its name in reports.
    pub(crate) name: Arc<str>,
    /// The model's name there; as the caller names it, if none.
    pub(crate) model: Option<Arc<str>>,
    pub(crate) price: Option<Price>,
    pub(crate) limits: limits::Models,
    pub(crate) max_wait: Duration,
    /// The client of whole answers, with the attempt's timeout, and that of streams.
    pub(crate) whole: Client,
    pub(crate) streaming: Streaming,
    pub(crate) standings: Standings,
}

/// How a model on a backend stands, whatever the route. What serves chats and what serves embeddings are two things, even
/// under one name: a model that cannot make embeddings is none that cannot chat.
#[derive(Clone, Debug)]
pub(crate) struct Standings {
    pub(crate) chats: Standing,
    pub(crate) embeddings: Standing,
}

impl Last {
    pub(crate) const fn unless(others: bool) -> Self {
        if others { Self::No } else { Self::Yes }
    }
}

// === impl Members ===

impl<B> Members<B> {
    /// The router, told what it need know of requests and how it reads answers; and what its errors mean.
    fn among<N, R>(self, describe: Describe<R>, meter: N) -> Among<B, N, R> {
        let describe = if self.choice == Choice::One { among::anything as Describe<R> } else { describe };
        let judges: IntoRouted = match (self.last, self.choice) {
            (Last::No, _) => Error::giving_way,
            (Last::Yes, Choice::One) => Error::alone,
            (Last::Yes, Choice::Among) => Error::from,
        };
        MapErr::new(self.router.describe_by(describe).meter(meter).tracked(), judges)
    }
}

// === impl Standings ===

impl Standings {
    pub(crate) fn new(health: Health) -> Self {
        Self { chats: Standing::new(health), embeddings: Standing::new(health) }
    }

    /// The same once somebody may have seen to what was wrong: money, a key or a model that was missing is looked for anew.
    pub(crate) fn mended(&self) -> Self {
        let mended = |standing: &Standing| match standing.set_aside() {
            Some(Cause::QuotaExhausted | Cause::Auth | Cause::ModelNotFound) => {
                Standing::new(standing.health())
            }
            _ => standing.clone(),
        };
        Self { chats: mended(&self.chats), embeddings: mended(&self.embeddings) }
    }
}

// === impl Place ===

impl Place {
    fn attempts(&self) -> AttemptLayer {
        let provider = provider_of(&self.whole.host());
        AttemptLayer::new(Arc::clone(&self.name)).price(self.price).provider(provider)
    }

    pub(crate) fn chat(&self, check: SharedCheck) -> ChatBackend {
        let whole = MapResponse::new(self.whole.clone(), Arc::new as fn(ChatResponse) -> Shared);
        self.backend(check, limits::chat(self.limits.clone()), whole)
    }

    /// The same for streams, which the first-token limit only moves onward.
    pub(crate) fn stream(&self, onward: Onward) -> StreamBackend {
        let streaming = self.streaming.clone().moving_if(move |request| onward.leads_on(request));
        self.backend(AnyAnswer, limits::stream(self.limits.clone()), streaming)
    }

    pub(crate) fn embed(&self) -> EmbedBackend {
        self.backend(AnyAnswer, limits::embed(self.limits.clone()), self.whole.clone())
    }

    /// Puts together: name -> journal -> the answer's check -> limits -> client.
    fn backend<S, M: Clone, C, R: Clone>(
        &self,
        check: C,
        limits: Limited<M, R>,
        client: S,
    ) -> Backend<S, M, C, R> {
        let limited = ServiceBuilder::new()
            .layer(limits.max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(client);
        Named::new(self.model.clone(), self.attempts().layer(Checked::new(check, limited)))
    }
}

/// A tier of models: retry -> a router.
pub(crate) fn chat_models(policy: RetryPolicy, models: Members<ChatBackend>) -> ToRequest<ChatModels> {
    let models = models.among(among::describe, among::whole());
    RetryLayer::new(policy.tracked()).layer(models).map_request(Asked::request as fn(_) -> _)
}

/// The same for streams.
pub(crate) fn stream_models(policy: RetryPolicy, models: Members<StreamBackend>) -> ToRequest<StreamModels> {
    let models = models.among(among::describe_stream, among::streamed());
    RetryLayer::new(policy.tracked()).layer(models).map_request(Asked::request as fn(_) -> _)
}

/// The same for embeddings.
pub(crate) fn embed_models(policy: RetryPolicy, models: Members<EmbedBackend>) -> EmbedModels {
    let models = models.among(among::describe_texts, among::embedded());
    RetryLayer::new(policy.tracked()).layer(models)
}

/// A tier that needs no model, whose whole answers become streams.
pub(crate) fn local_stream(local: Local) -> LocalStream {
    MapResponse::new(local, (|response| ChatStream::whole(Arc::unwrap_or_clone(response))) as fn(_) -> _)
}

/// A route of streams: what goes on where they break, by those tiers that are models -> tiers.
pub(crate) fn stream_route(
    continuation: Option<Continuation>,
    tiers: Vec<mainstay_fallback::Tier<StreamTier, Ask>>,
    models: Vec<mainstay_fallback::Tier<StreamTier, Ask>>,
) -> StreamRoute {
    Continue::new(continuation, self::tiers(tiers), self::tiers(models))
}

/// A route of whole answers, or of embeddings: tiers.
pub(crate) fn tiers<T, M>(tiers: Vec<mainstay_fallback::Tier<T, M>>) -> Tiers<T, M> {
    MapErr::new(TierList::new(tiers), Error::from as fn(Exhausted<Error>) -> Error)
}

/// Whole answers: report -> the route's deadline -> one execution for each key -> route.
pub(crate) fn chat(remember: Option<&Remember>, routes: Arc<Routes<ChatRoute>>) -> ChatService {
    let labels = Labels::of(&routes);
    let route = ByRoute::new(routes);
    let deadline = DeadlineLayer::new(route.clone());
    ReportLayer::new(labels).layer(deadline.layer(once(remember, route)))
}

/// Embeddings: report -> the route's deadline -> a key for calls without -> route.
pub(crate) fn embed(routes: Arc<Routes<EmbedRoute>>) -> EmbedService {
    let labels = Labels::of(&routes);
    let route = ByRoute::new(routes);
    let deadline = DeadlineLayer::new(route.clone());
    ReportLayer::new(labels).layer(deadline.layer(NewKey::new(route)))
}

/// Streams: report -> the route's deadline -> usage -> one execution for each key -> route.
pub(crate) fn stream(remember: Option<&Remember>, routes: Arc<Routes<StreamRoute>>) -> StreamService {
    let labels = Labels::of(&routes);
    let route = ByRoute::new(routes);
    let deadline = DeadlineLayer::new(route.clone());
    let streams = MapResponse::new(NewKey::new(route), ChatStream::answered as fn(_) -> _);
    let once = match remember {
        Some(remember) => Either::Right(once_streamed(remember, streams)),
        None => Either::Left(streams),
    };
    ReportLayer::new(labels).layer(deadline.layer(AskUsageLayer.layer(once)))
}
