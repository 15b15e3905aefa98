//! Limits for each model, and what a chat weighs.

use std::{collections::HashMap, sync::Arc};

use mainstay_bucket::{
    ByUsage, HandOver, KeyedLimits, Limits, RateLimitLayer, Reservation, ServerLimits, Tracked,
    WithServerLimits, by_key, hand_over, usage, with_server_limits,
};

use crate::{
    Asks, ChatStream, EmbeddingRequest, EmbeddingResponse,
    among::{stated, total},
    in_line::InLine,
    openai::{self, ChatRequest, EmbeddingInput},
    stack::Shared,
};

/// Chooses the limits of a request by its model.
pub(crate) type ByModel<R = ChatRequest> = InLine<Chosen<R>>;
#[cfg(not(feature = "redis"))]
type Chosen<R> = mainstay_bucket::ByKey<String, str, fn(&R) -> &str>;
#[cfg(feature = "redis")]
use crate::by_model::ByModel as Chosen;
pub(crate) type Weigh<R = ChatRequest> = fn(&R) -> u64;
/// The limits of each model.
#[derive(Clone)]
pub(crate) struct Models {
    own: Arc<KeyedLimits<String>>,
    /// Those that other processes share.
    #[cfg(feature = "redis")]
    shared: Arc<HashMap<String, mainstay_bucket::redis::RedisLimits>>,
}

// === impl Models ===

#[cfg(feature = "redis")]
impl Models {
    /// The limits of one model that others share.
    pub(crate) fn shared(&self, model: &str) -> Option<mainstay_bucket::redis::RedisLimits> {
        self.shared.get(model).cloned()
    }
}

pub(crate) type ChatMeter =
    WithServerLimits<ByUsage<fn(&Shared) -> Option<u64>>, fn(&Shared) -> Option<ServerLimits>>;
pub(crate) type StreamMeter = WithServerLimits<
    HandOver<fn(openai::ChatStream, Reservation) -> ChatStream>,
    fn(&openai::ChatStream) -> Option<ServerLimits>,
>;
pub(crate) type EmbedMeter = WithServerLimits<
    ByUsage<fn(&EmbeddingResponse) -> Option<u64>>,
    fn(&EmbeddingResponse) -> Option<ServerLimits>,
>;
pub(crate) type EmbedLimits =
    RateLimitLayer<ByModel<EmbeddingRequest>, Weigh<EmbeddingRequest>, EmbedMeter, Tracked>;
pub(crate) type ChatLimits = RateLimitLayer<ByModel, Weigh, ChatMeter, Tracked>;
pub(crate) type StreamLimits = RateLimitLayer<ByModel, Weigh, StreamMeter, Tracked>;

/// The tokens that an answer is expected to have, where the request does not say how many it may have.
const ANSWER: u64 = 500;

/// More a minute than any provider allows.
pub(crate) const MANY_REQUESTS: u64 = 10_000_000;
pub(crate) const MANY_TOKENS: u64 = 10_000_000_000;
/// More than there ever are under way, where that was limited once.
pub(crate) const MANY_CALLS: u32 = u32::MAX;

/// What is left of a limit, if anybody has said how much there is: of what nobody limits, nearly all is left at any time.
pub(crate) fn known(left: Option<i64>, many: u64) -> Option<i64> {
    left.filter(|left| (*left).max(0).unsigned_abs() < many / 2)
}

/// The limits of each model: those that were set, and for all that was not limits so wide that only the server narrows them.
pub(crate) fn by_model(set: HashMap<String, Arc<Limits>>) -> Models {
    models(filled(set))
}

fn models(set: HashMap<String, Arc<Limits>>) -> Models {
    let own = KeyedLimits::with(move |model: &String| set.get(model).cloned().unwrap_or_else(unknown));
    Models {
        own: Arc::new(own),
        #[cfg(feature = "redis")]
        shared: Arc::default(),
    }
}

/// As [`by_model`], and what was set of them is shared with all processes that name the same server and backend.
#[cfg(feature = "redis")]
pub(crate) fn shared_by_model(
    backend: &str,
    own: HashMap<String, Arc<Limits>>,
    set: &HashMap<String, Arc<Limits>>,
    sharing: &crate::sharing::Sharing,
) -> Result<Models, mainstay_bucket::InvalidLimit> {
    let own = filled(own);
    let mut shared = HashMap::new();
    for (model, limits) in &own {
        if let Some(set) = set.get(model).filter(|set| is_limited(set)) {
            let name = format!("{backend}/{model}");
            shared.insert(model.clone(), sharing.limits(name, set, Arc::clone(limits))?);
        }
    }
    Ok(Models { shared: Arc::new(shared), ..models(own) })
}

#[cfg(feature = "redis")]
fn is_limited(limits: &Limits) -> bool {
    let available = [limits.tokens_available(), limits.requests_available(), limits.in_flight_available()];
    available.iter().any(Option::is_some)
}

/// What a server says of a limit that is not set counts too.
fn filled(set: HashMap<String, Arc<Limits>>) -> HashMap<String, Arc<Limits>> {
    set.into_iter().map(|(model, limits)| (model, Arc::new(limits.or(&unknown())))).collect()
}

/// Has each request kept within the limits of the model that it names.
fn named<R: Asks>(models: Models) -> ByModel<R> {
    let own = by_key(models.own, R::model as fn(&R) -> &str);
    #[cfg(not(feature = "redis"))]
    return InLine::new(own);
    #[cfg(feature = "redis")]
    InLine::new(Chosen { own, shared: models.shared, model: R::model })
}

/// Limits of which nothing is known yet: wider than any provider's, so that what the server says is all that counts.
pub(crate) fn unknown() -> Arc<Limits> {
    let wide = Limits::default().requests_per_minute(MANY_REQUESTS);
    let wide = wide.and_then(|limits| limits.tokens_per_minute(MANY_TOKENS));
    Arc::new(wide.unwrap_or_default())
}

/// Calls under way that are limited no more: those that a limit counts must go on to be counted.
pub(crate) fn any_in_flight() -> Limits {
    Limits::default().in_flight(MANY_CALLS).unwrap_or_default()
}

/// Makes the layer of calls that are answered whole.
pub(crate) fn chat(models: Models) -> ChatLimits {
    let used = usage((|response| stated(response.usage.as_ref()).map(total)) as fn(&Shared) -> _);
    let says = (|response| Some(ServerLimits::from_headers(&response.headers)))
        as fn(&Shared) -> Option<ServerLimits>;
    RateLimitLayer::with_limiter(named(models))
        .weigh(weigh as Weigh)
        .meter(with_server_limits(used, says))
        .tracked()
}

/// Makes the layer of calls that are answered as a stream: a stream settles at its end.
pub(crate) fn stream(models: Models) -> StreamLimits {
    let settles = hand_over(ChatStream::live as fn(openai::ChatStream, Reservation) -> ChatStream);
    let says = (|stream| Some(ServerLimits::from_headers(stream.headers())))
        as fn(&openai::ChatStream) -> Option<ServerLimits>;
    RateLimitLayer::with_limiter(named(models))
        .weigh(weigh as Weigh)
        .meter(with_server_limits(settles, says))
        .tracked()
}

/// Makes the layer of embeddings.
pub(crate) fn embed(models: Models) -> EmbedLimits {
    let used = usage((|response| stated(response.usage.as_ref()).map(total)) as fn(&EmbeddingResponse) -> _);
    let says =
        (|response| Some(ServerLimits::from_headers(&response.headers))) as fn(&EmbeddingResponse) -> _;
    RateLimitLayer::with_limiter(named(models))
        .weigh(weigh_texts as Weigh<EmbeddingRequest>)
        .meter(with_server_limits(used, says))
        .tracked()
}

/// The tokens of what is to be embedded, by its bytes where they are not counted yet.
pub(crate) fn weigh_texts(request: &EmbeddingRequest) -> u64 {
    match &request.input {
        EmbeddingInput::Text(text) => mainstay_bucket::estimate_tokens(text),
        EmbeddingInput::Texts(texts) => texts.iter().map(|text| mainstay_bucket::estimate_tokens(text)).sum(),
        EmbeddingInput::Tokens(tokens) => tokens.len() as u64,
        EmbeddingInput::TokenLists(lists) => lists.iter().map(|tokens| tokens.len() as u64).sum(),
    }
}

/// The tokens that a chat is expected to need: its prompt, and its answer by what it may have.
fn weigh(request: &ChatRequest) -> u64 {
    prompt(request).saturating_add(answer(request))
}

/// The tokens that an answer is expected to have at the most.
pub(crate) fn answer(request: &ChatRequest) -> u64 {
    limit(request).unwrap_or(ANSWER).saturating_mul(request.n.unwrap_or(1).into())
}

/// How many answers a request asks for without saying how long they may be.
pub(crate) fn open_answers(request: &ChatRequest) -> u16 {
    let answers = || u16::try_from(request.n.unwrap_or(1)).unwrap_or(u16::MAX);
    if limit(request).is_some() { 0 } else { answers() }
}

/// The most tokens that one answer may have, if the request says.
fn limit(request: &ChatRequest) -> Option<u64> {
    request.max_completion_tokens.or(request.max_tokens).map(u64::from)
}

/// The prompt's tokens, as its model counts them.
#[cfg(feature = "tokens")]
pub(crate) fn prompt(request: &ChatRequest) -> u64 {
    request.count_tokens()
}

/// The prompt's tokens, by its bytes.
#[cfg(not(feature = "tokens"))]
pub(crate) fn prompt(request: &ChatRequest) -> u64 {
    /// What a message costs besides its text: OpenAI's own recipe counts three tokens, and one for a name.
    const MESSAGE: u64 = 4;
    let message = |message: &openai::Message| MESSAGE + mainstay_bucket::estimate_tokens(&message.text());
    request.messages.iter().map(message).sum()
}
