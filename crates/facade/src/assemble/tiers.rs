use std::{sync::Arc, time::Duration};

use mainstay_backoff::RetryPolicy;
use mainstay_fallback as fallback;
use mainstay_openai_client::{Client, Streaming};
use mainstay_router::{self as router, Backends, Capabilities, Grade, Health};
use tower::util::{Either, MapResponse};

use super::{
    Ways,
    strategy::{Chooses, Spending},
};
use crate::{
    Continuation, EmbeddingRequest, Served, ServedConfig, Tier,
    config::{CapabilityConfig, GradeConfig},
    limited::Limited,
    limits::{ChatMeter, EmbedMeter, StreamMeter},
    stack::{self, Ask, Last, Members, Place, SharedCheck},
    status::Watched,
    tier::{Asked, Kind},
};

/// The tiers of one route, as they are put together.
pub(crate) struct Assembly {
    check: SharedCheck,
    chat: Vec<fallback::Tier<Either<stack::ToRequest<stack::ChatModels>, crate::tier::Local>, Ask>>,
    stream: Vec<fallback::Tier<stack::ToRequest<stack::StreamModels>, Ask>>,
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
    pub(super) last: Last,
}

// === impl Assembly ===

impl Assembly {
    pub(crate) const fn new(check: SharedCheck) -> Self {
        Self { check, chat: Vec::new(), stream: Vec::new(), embed: Vec::new(), watched: Vec::new() }
    }

    /// Adds a tier of one model. Where others are below it, it is set aside while it fails.
    pub(crate) fn one(&mut self, name: &Arc<str>, policy: &RetryPolicy, place: &Place, last: Last) {
        if last == Last::Yes {
            let (chat, stream) = (Members::One(place.chat()), Members::One(place.stream()));
            return self.push(name, policy, Choices { chat, stream, embed: Members::One(place.embed()) });
        }
        let sets = (
            set([router::Backend::new(Arc::clone(&place.name), place.chat())]),
            set([router::Backend::new(Arc::clone(&place.name), place.stream())]),
            set([router::Backend::new(Arc::clone(&place.name), place.embed())]),
        );
        self.among(name, policy, sets, &Choosing { by: &Chooses::InOrder, budgets: &[], last });
    }

    /// Adds a tier of several models, among which a strategy chooses.
    pub(super) fn several(
        &mut self,
        name: &Arc<str>,
        policy: &RetryPolicy,
        places: &[(Place, &ServedConfig, Limited)],
        choosing: &Choosing<'_>,
    ) -> Result<(), router::Invalid> {
        let (mut chats, mut streams, mut embeds) = (Vec::new(), Vec::new(), Vec::new());
        for (place, served, limits) in places {
            chats.push(describe(place, place.chat(), served, limits)?);
            streams.push(describe(place, place.stream(), served, limits)?);
            embeds.push(describe(place, place.embed(), served, limits)?);
        }
        self.among(name, policy, (set(chats), set(streams), set(embeds)), choosing);
        Ok(())
    }

    /// Adds a tier that needs no model. Streams pass it by.
    pub(crate) fn local(&mut self, tier: Tier) {
        let Kind::Local(service) = tier.kind else { return };
        let local = fallback::Tier::local(tier.name, Either::Right(service)).degraded(tier.degraded);
        let local = match tier.accepts {
            Some(accepts) => local.accepts(move |fault| accepts(fault)),
            None => local,
        };
        self.chat.push(local.map_request(Asked::of as Ask));
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
        let Choosing { by, budgets, last } = *choosing;
        let choices = Choices {
            chat: Members::Among(by.router(chats, budgets, last), last),
            stream: Members::Among(by.router(streams, budgets, last), last),
            embed: Members::Among(by.router(embeds, budgets, last), last),
        };
        self.push(name, policy, choices);
    }

    fn push(&mut self, name: &Arc<str>, policy: &RetryPolicy, choices: Choices) {
        let chat = stack::chat_models(policy.clone(), Arc::clone(&self.check), choices.chat);
        let stream = stack::stream_models(policy.clone(), choices.stream);
        let embed = stack::embed_models(policy.clone(), choices.embed);
        self.embed.push(fallback::Tier::new(Arc::clone(name), embed));
        let chat = fallback::Tier::new(Arc::clone(name), Either::Left(chat));
        let stream = fallback::Tier::new(Arc::clone(name), stream);
        self.chat.push(chat.map_request(Asked::of as Ask));
        self.stream.push(stream.map_request(Asked::of as Ask));
    }
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
    limits: &Limited,
) -> Result<router::Backend<S>, router::Invalid> {
    let mut backend = router::Backend::new(Arc::clone(&place.name), service)
        .gate(limits.clone())
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
