//! The stack, in the order in which a request travels.

use std::{sync::Arc, time::Duration};

use mainstay_backoff::{ByFault, Check, Exponential, Rejected, Retry, RetryLayer, RetryPolicy, Tracked};
use mainstay_bucket::{self as bucket, RateLimit};
use mainstay_fallback::{Answer, Exhausted, Same, TierList, Trail};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client, EmbeddingRequest, Streaming};
use mainstay_router::{self as router, Price, Router};
use tower::{
    Layer, ServiceBuilder, ServiceExt,
    util::{Either, MapErr, MapRequest, MapResponse, Oneshot},
};

use crate::{
    AttemptLayer, Attempted, ChatStream, Continuation, Continue, Deadline, DeadlineLayer, Error, NewKey,
    Once, OnceStreamed, ReportLayer, Reported, Served,
    among::{self, ChatTicket, Describe, EmbedTicket, StreamTicket},
    labels::Labels,
    limits::{self, ByModel, ChatMeter, EmbedMeter, StreamMeter, Weigh},
    named::Named,
    once::{Remember, once, once_streamed},
    openai,
    provider::provider_of,
    route::{ByRoute, Routes},
    tier::{Asked, Local},
    usage::{AskUsage, AskUsageLayer},
};

/// The stack of calls that are answered whole.
pub type ChatService = Reported<Once<NewKey<ByRoute<ChatRoute>>>>;

/// The stack of calls that are answered as a stream.
pub type StreamService = Reported<AskUsage<Either<Streams, OnceStreamed<Streams>>>>;
type Streams = MapResponse<NewKey<ByRoute<StreamRoute>>, fn(Answer<ChatStream, Error>) -> ChatStream>;

/// A call that will be answered whole: what [`Mainstay::chat`](crate::Mainstay::chat) returns.
pub type ChatFuture = Oneshot<ChatService, ChatRequest>;

/// A call that will be answered as a stream: what [`Mainstay::chat_stream`](crate::Mainstay::chat_stream) returns.
pub type StreamFuture = Oneshot<StreamService, ChatRequest>;

/// The stack of embeddings.
pub type EmbedService = Reported<NewKey<ByRoute<EmbedRoute>>>;

/// A call for embeddings: what [`Mainstay::embed`](crate::Mainstay::embed) returns.
pub type EmbedFuture = Oneshot<EmbedService, EmbeddingRequest>;

/// A route: the deadline, and below it the tiers.
pub(crate) type ChatRoute = MapResponse<Route<Either<ToRequest<ChatModels>, Local>>, ToServed>;
pub(crate) type StreamRoute = Deadline<Continue<Tiers<ToRequest<StreamModels>, Ask>>>;
pub(crate) type EmbedRoute = Route<EmbedModels, Same>;
type Route<T, M = Ask> = Deadline<Tiers<T, M>>;
type Tiers<T, M> = MapErr<TierList<T, Error, M>, fn(Exhausted<Error>) -> Error>;
type ToServed = fn(Answer<ChatResponse, Error>) -> Served;
pub(crate) type Ask = fn(&ChatRequest, &Trail<Error>) -> Asked;
pub(crate) type ToRequest<S> = MapRequest<S, fn(Asked) -> ChatRequest>;

/// A tier of models: retries, around one backend or several.
pub(crate) type ChatModels = Models<Client, ChatMeter, ChatTicket, Checked>;
pub(crate) type StreamModels = Models<Streaming, StreamMeter, StreamTicket, ByFault>;
pub(crate) type EmbedModels = Models<Client, EmbedMeter, EmbedTicket, ByFault, EmbeddingRequest>;
type Models<S, M, N, J, R = ChatRequest> =
    Retry<Either<Backend<S, M, R>, Among<S, M, N, R>>, Arc<RetryPolicy<Exponential, J, Tracked>>>;
type Among<S, M, N, R> = MapErr<Router<Backend<S, M, R>, Describe<R>, N, router::Tracked>, IntoRouted>;
type IntoRouted = fn(router::Error<Error>) -> Error;

/// One attempt at one backend, within its limits, written down.
pub(crate) type Backend<S, M, R = ChatRequest> =
    Named<Attempted<RateLimit<MapErr<S, IntoError>, ByModel<R>, Weigh<R>, M, bucket::Tracked>>>;
type IntoError = fn(openai::Error) -> Error;

pub(crate) type Checked = Check<ByFault, AnswerCheck>;
pub(crate) type AnswerCheck = Box<dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync>;
/// A check that several tiers share.
pub(crate) type SharedCheck = Arc<dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync>;

/// The backends of a tier.
pub(crate) enum Members<S, M, R = ChatRequest> {
    /// One, and nothing below it: there is nothing to choose.
    One(Backend<S, M, R>),
    /// Several, or one that gives way to the tiers below.
    Among(Router<Backend<S, M, R>>, Last),
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
}

// === impl Last ===

impl Last {
    fn judges(self) -> IntoRouted {
        match self {
            Self::Yes => Error::from,
            Self::No => Error::giving_way,
        }
    }
}

// === impl Place ===

impl Place {
    fn attempts(&self) -> AttemptLayer {
        let provider = provider_of(&self.whole.host());
        AttemptLayer::new(Arc::clone(&self.name)).price(self.price).provider(provider)
    }

    /// Puts together: name -> journal -> limits -> client.
    pub(crate) fn chat(&self) -> Backend<Client, ChatMeter> {
        let stack = ServiceBuilder::new()
            .layer(self.attempts())
            .layer(limits::chat(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(self.whole.clone());
        Named::new(self.model.clone(), stack)
    }

    /// The same for streams.
    pub(crate) fn stream(&self) -> Backend<Streaming, StreamMeter> {
        let stack = ServiceBuilder::new()
            .layer(self.attempts())
            .layer(limits::stream(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(self.streaming.clone());
        Named::new(self.model.clone(), stack)
    }

    /// The same for embeddings.
    pub(crate) fn embed(&self) -> Backend<Client, EmbedMeter, EmbeddingRequest> {
        let stack = ServiceBuilder::new()
            .layer(self.attempts())
            .layer(limits::embed(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(self.whole.clone());
        Named::new(self.model.clone(), stack)
    }
}

/// A tier of models: retry, with the answer's check -> one backend, or a router among several.
pub(crate) fn chat_models(
    policy: RetryPolicy,
    check: SharedCheck,
    models: Members<Client, ChatMeter>,
) -> ToRequest<ChatModels> {
    let check: AnswerCheck = Box::new(move |response| check(response));
    let models = match models {
        Members::One(one) => Either::Left(one),
        Members::Among(router, last) => {
            let router = router.describe_by(among::describe as Describe).meter(among::whole()).tracked();
            Either::Right(MapErr::new(router, last.judges()))
        }
    };
    RetryLayer::new(policy.check(check).tracked()).layer(models).map_request(Asked::request as fn(_) -> _)
}

/// The same for streams, whose answers are not checked: they have been passed on by the time they are known.
pub(crate) fn stream_models(
    policy: RetryPolicy,
    models: Members<Streaming, StreamMeter>,
) -> ToRequest<StreamModels> {
    let models = match models {
        Members::One(one) => Either::Left(one),
        Members::Among(router, last) => {
            let router =
                router.describe_by(among::describe_stream as Describe).meter(among::streamed()).tracked();
            Either::Right(MapErr::new(router, last.judges()))
        }
    };
    RetryLayer::new(policy.tracked()).layer(models).map_request(Asked::request as fn(_) -> _)
}

/// The same for embeddings, which have nothing to be checked.
pub(crate) fn embed_models(
    policy: RetryPolicy,
    models: Members<Client, EmbedMeter, EmbeddingRequest>,
) -> EmbedModels {
    let models = match models {
        Members::One(one) => Either::Left(one),
        Members::Among(router, last) => {
            let describe = among::describe_texts as Describe<EmbeddingRequest>;
            let router = router.describe_by(describe).meter(among::embedded()).tracked();
            Either::Right(MapErr::new(router, last.judges()))
        }
    };
    RetryLayer::new(policy.tracked()).layer(models)
}

/// A route: deadline -> tiers.
pub(crate) fn route<T, M>(deadline: Duration, tiers: Vec<mainstay_fallback::Tier<T, M>>) -> Route<T, M> {
    DeadlineLayer::new(deadline).layer(self::tiers(tiers))
}

/// A route of streams: deadline -> what goes on where they break -> tiers.
pub(crate) fn stream_route(
    deadline: Duration,
    continuation: Option<Continuation>,
    tiers: Vec<mainstay_fallback::Tier<ToRequest<StreamModels>, Ask>>,
) -> StreamRoute {
    DeadlineLayer::new(deadline).layer(Continue::new(continuation, self::tiers(tiers)))
}

fn tiers<T, M>(tiers: Vec<mainstay_fallback::Tier<T, M>>) -> Tiers<T, M> {
    MapErr::new(TierList::new(tiers), Error::from as fn(Exhausted<Error>) -> Error)
}

/// Whole answers: report -> one execution for each key -> route.
pub(crate) fn chat(remember: Option<Remember>, routes: Arc<Routes<ChatRoute>>) -> ChatService {
    let labels = Labels::of(&routes);
    ReportLayer::new(labels).layer(once(remember, ByRoute::new(routes)))
}

/// Embeddings: report -> a key for calls without -> route.
pub(crate) fn embed(routes: Arc<Routes<EmbedRoute>>) -> EmbedService {
    let labels = Labels::of(&routes);
    ReportLayer::new(labels).layer(NewKey::new(ByRoute::new(routes)))
}

/// Streams: report -> usage -> one execution for each key -> route.
pub(crate) fn stream(remember: Option<&Remember>, routes: Arc<Routes<StreamRoute>>) -> StreamService {
    let labels = Labels::of(&routes);
    let streams = MapResponse::new(NewKey::new(ByRoute::new(routes)), Answer::into_inner as fn(_) -> _);
    let once = match remember {
        Some(remember) => Either::Right(once_streamed(remember, streams)),
        None => Either::Left(streams),
    };
    ReportLayer::new(labels).layer(AskUsageLayer.layer(once))
}
