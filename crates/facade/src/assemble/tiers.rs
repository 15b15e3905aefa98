use std::{sync::Arc, time::Duration};

use mainstay_backoff::RetryPolicy;
use mainstay_bucket::Limits;
use mainstay_fallback as fallback;
use mainstay_openai_client::{Client, Streaming};
use mainstay_router::{self as router, Backends, Capabilities, Grade, Health};
use tower::util::{Either, MapResponse};

use super::{
    Below, Onward, Ways,
    strategy::{Chooses, Spending},
};
use crate::{
    Continuation, Degradation, EmbeddingRequest, Served, ServedConfig, Tier,
    among::Limited,
    config::{CapabilityConfig, GradeConfig},
    limits::{ChatMeter, EmbedMeter, StreamMeter},
    stack::{self, Ask, Last, Members, Place, SharedCheck},
    status::Watched,
    tier::{Accepts, Asked, Kind},
};

/// The tiers of one route, as they are put together.
pub(crate) struct Assembly {
    check: SharedCheck,
    chat: Vec<fallback::Tier<stack::ChatTier, Ask>>,
    stream: Vec<fallback::Tier<stack::StreamTier, Ask>>,
    embed: Vec<fallback::Tier<stack::EmbedModels>>,
    watched: Vec<Watched>,
}

/// The backends of one tier, by what is asked for.
struct Choices {
    chat: Members<Client, ChatMeter>,
    stream: Members<Streaming, StreamMeter>,
    embed: Members<Client, EmbedMeter, EmbeddingRequest>,
}

/// How a tier of several models chooses.
pub(super) struct Choosing<'a> {
    pub(super) by: &'a Chooses,
    pub(super) budgets: &'a [Spending],
    pub(super) below: Below,
}

// === impl Assembly ===

impl Assembly {
    pub(crate) const fn new(check: SharedCheck) -> Self {
        Self { check, chat: Vec::new(), stream: Vec::new(), embed: Vec::new(), watched: Vec::new() }
    }

    /// Adds a tier of one model. Where others are below it, it is set aside while it fails.
    pub(crate) fn one(&mut self, name: &Arc<str>, policy: &RetryPolicy, place: &Place, below: Below) {
        let onward = Onward { policy: policy.clone(), backends: 1, below: below.takes_slow };
        if below.chats() == Last::Yes {
            let (chat, stream) = (Members::One(place.chat()), Members::One(place.stream(onward)));
            return self.push(name, policy, Choices { chat, stream, embed: Members::One(place.embed()) });
        }
        let sets = (
            set([router::Backend::new(Arc::clone(&place.name), place.chat())]),
            set([router::Backend::new(Arc::clone(&place.name), place.stream(onward))]),
            set([router::Backend::new(Arc::clone(&place.name), place.embed())]),
        );
        self.among(name, policy, sets, &Choosing { by: &Chooses::InOrder, budgets: &[], below });
    }

    /// Adds a tier of several models, among which a strategy chooses.
    pub(super) fn several(
        &mut self,
        name: &Arc<str>,
        policy: &RetryPolicy,
        places: &[(Place, &ServedConfig, Arc<Limits>)],
        choosing: &Choosing<'_>,
    ) -> Result<(), router::Invalid> {
        let (mut chats, mut streams, mut embeds) = (Vec::new(), Vec::new(), Vec::new());
        for (place, served, limits) in places {
            chats.push(describe(place, place.chat(), served, limits)?);
            let (policy, below) = (policy.clone(), choosing.below.takes_slow);
            let onward = Onward { policy, backends: places.len(), below };
            streams.push(describe(place, place.stream(onward), served, limits)?);
            embeds.push(describe(place, place.embed(), served, limits)?);
        }
        self.among(name, policy, (set(chats), set(streams), set(embeds)), choosing);
        Ok(())
    }

    /// Adds a tier that needs no model. It embeds nothing.
    pub(crate) fn local(&mut self, tier: Tier) {
        let Tier { name, kind: Kind::Local(service), degraded, accepts } = tier else { return };
        let streams = Either::Right(stack::local_stream(service.clone()));
        self.stream.push(local(&name, streams, degraded, accepts.clone()));
        self.chat.push(local(&name, Either::Right(service), degraded, accepts));
    }

    /// The ways of the route, and its backends to be watched.
    pub(crate) fn finish(
        self,
        route: &Arc<str>,
        deadline: Duration,
        continuation: Option<Continuation>,
    ) -> (Ways, Vec<Watched>) {
        let ways = Ways {
            chat: MapResponse::new(stack::route(deadline, self.chat), Served::of as fn(_) -> _),
            stream: stack::stream_route(deadline, continuation, self.stream),
            embed: stack::route(deadline, self.embed),
        };
        (ways, self.watched.into_iter().map(|watched| watched.on(route)).collect())
    }

    fn among(&mut self, name: &Arc<str>, policy: &RetryPolicy, sets: Sets, choosing: &Choosing<'_>) {
        let (chats, streams, embeds) = sets;
        self.watched.push(Watched::new(name, "chat", chats.clone()));
        self.watched.push(Watched::new(name, "chat_stream", streams.clone()));
        self.watched.push(Watched::new(name, "embeddings", embeds.clone()));
        let Choosing { by, budgets, below } = *choosing;
        let (last, last_embeds) = (below.chats(), below.embeddings());
        let choices = Choices {
            chat: Members::Among(by.router(chats, budgets, last), last),
            stream: Members::Among(by.router(streams, budgets, last), last),
            embed: Members::Among(by.router(embeds, budgets, last_embeds), last_embeds),
        };
        self.push(name, policy, choices);
    }

    fn push(&mut self, name: &Arc<str>, policy: &RetryPolicy, choices: Choices) {
        let chat = stack::chat_models(policy.clone(), Arc::clone(&self.check), choices.chat);
        let stream = stack::stream_models(policy.clone(), choices.stream);
        let embed = stack::embed_models(policy.clone(), choices.embed);
        self.embed.push(fallback::Tier::new(Arc::clone(name), embed));
        let chat = fallback::Tier::new(Arc::clone(name), Either::Left(chat));
        let stream = fallback::Tier::new(Arc::clone(name), Either::Left(stream));
        self.chat.push(chat.map_request(Asked::of as Ask));
        self.stream.push(stream.map_request(Asked::of as Ask));
    }
}

/// A tier that needs no model.
fn local<S>(
    name: &Arc<str>,
    service: S,
    degraded: Degradation,
    accepts: Option<Accepts>,
) -> fallback::Tier<S, Ask> {
    let local = fallback::Tier::local(Arc::clone(name), service).degraded(degraded);
    let local = match accepts {
        Some(accepts) => local.accepts(move |fault| accepts(fault)),
        None => local,
    };
    local.map_request(Asked::of as Ask)
}

/// The backends of a tier, by what is asked for.
type Sets = (
    Backends<stack::Backend<Client, ChatMeter>>,
    Backends<stack::Backend<Streaming, StreamMeter>>,
    Backends<stack::Backend<Client, EmbedMeter, EmbeddingRequest>>,
);

fn set<S: Clone>(members: impl IntoIterator<Item = router::Backend<S>>) -> Backends<S> {
    // What a server says of its limits holds back its calls at the limits, in which they queue.
    let set = Backends::with_health(Health::default().leave_rate_limits());
    for member in members {
        // Backends are numbered by 16 bits; a file that lists more of them in one tier is none.
        let _ = set.add(member);
    }
    set
}

fn describe<S>(
    place: &Place,
    service: S,
    served: &ServedConfig,
    limits: &Arc<Limits>,
) -> Result<router::Backend<S>, router::Invalid> {
    let mut backend = router::Backend::new(Arc::clone(&place.name), service)
        .gate(Limited(Arc::clone(limits)))
        .can(Capabilities::all() - lacking(&served.lacks))
        .grade(grade(served.grade))
        .weight(served.weight.unwrap_or(1).into())?;
    if let Some(model) = &place.model {
        backend = backend.model(Arc::clone(model));
    }
    if let Some(price) = place.price {
        backend = backend.price(price);
    }
    if let Some(window) = served.context_window {
        backend = backend.window(window);
    }
    Ok(backend)
}

const fn grade(config: GradeConfig) -> Grade {
    match config {
        GradeConfig::Small => Grade::SMALL,
        GradeConfig::Standard => Grade::STANDARD,
        GradeConfig::Deep => Grade::DEEP,
    }
}

fn lacking(config: &[CapabilityConfig]) -> Capabilities {
    let each = config.iter().map(|capability| match capability {
        CapabilityConfig::Streaming => Capabilities::STREAMING,
        CapabilityConfig::Tools => Capabilities::TOOLS,
        CapabilityConfig::StructuredOutput => Capabilities::STRUCTURED_OUTPUT,
        CapabilityConfig::Vision => Capabilities::VISION,
        CapabilityConfig::Audio => Capabilities::AUDIO,
        CapabilityConfig::Embeddings => Capabilities::EMBEDDINGS,
    });
    each.fold(Capabilities::empty(), |lacks, one| lacks | one)
}
