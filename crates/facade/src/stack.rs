//! The stack, in the order in which a request travels.

use std::{sync::Arc, time::Duration};

use mainstay_backoff::{ByFault, Check, Exponential, Rejected, Retry, RetryLayer, RetryPolicy, Tracked};
use mainstay_bucket::{self as bucket, RateLimit};
use mainstay_fallback::{Answer, Exhausted, TierList, Trail};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client, Streaming};
use mainstay_router::{self as router, Price, Router};
use tower::{
    Layer, ServiceBuilder, ServiceExt,
    util::{Either, MapErr, MapRequest, MapResponse, Oneshot},
};

use crate::{
    AttemptLayer, Attempted, ChatStream, Deadline, DeadlineLayer, Error, NewKey, Once, OnceStreamed,
    ReportLayer, Reported, Served,
    among::{self, ChatTicket, Describe, StreamTicket},
    limits::{self, ByModel, ChatMeter, StreamMeter, Weigh},
    named::Named,
    once::{Remember, once, once_streamed},
    openai,
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

/// A route: the deadline, and below it the tiers.
pub(crate) type ChatRoute = MapResponse<Route<Either<ToRequest<ChatModels>, Local>>, ToServed>;
pub(crate) type StreamRoute = Route<ToRequest<StreamModels>>;
type Route<T> = Deadline<MapErr<TierList<T, Error, Ask>, fn(Exhausted<Error>) -> Error>>;
type ToServed = fn(Answer<ChatResponse, Error>) -> Served;
pub(crate) type Ask = fn(&ChatRequest, &Trail<Error>) -> Asked;
pub(crate) type ToRequest<S> = MapRequest<S, fn(Asked) -> ChatRequest>;

/// A tier of models: retries, around one backend or several.
pub(crate) type ChatModels = Models<Client, ChatMeter, ChatTicket, Checked>;
pub(crate) type StreamModels = Models<Streaming, StreamMeter, StreamTicket, ByFault>;
type Models<S, M, N, J> =
    Retry<Either<Backend<S, M>, Among<S, M, N>>, Arc<RetryPolicy<Exponential, J, Tracked>>>;
type Among<S, M, N> = MapErr<Router<Backend<S, M>, Describe, N, router::Tracked>, IntoRouted>;
type IntoRouted = fn(router::Error<Error>) -> Error;

/// One attempt at one backend, within its limits, written down.
pub(crate) type Backend<S, M> =
    Named<Attempted<RateLimit<MapErr<S, IntoError>, ByModel, Weigh, M, bucket::Tracked>>>;
type IntoError = fn(openai::Error) -> Error;

pub(crate) type Checked = Check<ByFault, AnswerCheck>;
pub(crate) type AnswerCheck = Box<dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync>;
/// A check that several tiers share.
pub(crate) type SharedCheck = Arc<dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync>;

/// The backends of a tier.
pub(crate) enum Members<S, M> {
    /// One, and nothing below it: there is nothing to choose.
    One(Backend<S, M>),
    /// Several, or one that gives way to the tiers below.
    Among(Router<Backend<S, M>>, Last),
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
    pub(crate) limits: ByModel,
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
    /// Puts together: name -> journal -> limits -> client.
    pub(crate) fn chat(&self) -> Backend<Client, ChatMeter> {
        let stack = ServiceBuilder::new()
            .layer(AttemptLayer::new(Arc::clone(&self.name)).price(self.price))
            .layer(limits::chat(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(self.whole.clone());
        Named::new(self.model.clone(), stack)
    }

    /// The same for streams.
    pub(crate) fn stream(&self) -> Backend<Streaming, StreamMeter> {
        let stack = ServiceBuilder::new()
            .layer(AttemptLayer::new(Arc::clone(&self.name)).price(self.price))
            .layer(limits::stream(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(self.streaming.clone());
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
            let router = router.describe_by(among::describe as Describe).meter(among::streamed()).tracked();
            Either::Right(MapErr::new(router, last.judges()))
        }
    };
    RetryLayer::new(policy.tracked()).layer(models).map_request(Asked::request as fn(_) -> _)
}

/// A route: deadline -> tiers.
pub(crate) fn route<T>(deadline: Duration, tiers: Vec<mainstay_fallback::Tier<T, Ask>>) -> Route<T> {
    let tiers = MapErr::new(TierList::new(tiers), Error::from as fn(Exhausted<Error>) -> Error);
    DeadlineLayer::new(deadline).layer(tiers)
}

/// Whole answers: report -> one execution for each key -> route.
pub(crate) fn chat(remember: Option<Remember>, routes: Arc<Routes<ChatRoute>>) -> ChatService {
    ReportLayer.layer(once(remember, ByRoute::new(routes)))
}

/// Streams: report -> usage -> one execution for each key -> route.
pub(crate) fn stream(remember: Option<&Remember>, routes: Arc<Routes<StreamRoute>>) -> StreamService {
    let streams = MapResponse::new(NewKey::new(ByRoute::new(routes)), Answer::into_inner as fn(_) -> _);
    let once = match remember {
        Some(remember) => Either::Right(once_streamed(remember, streams)),
        None => Either::Left(streams),
    };
    ReportLayer.layer(AskUsageLayer.layer(once))
}
