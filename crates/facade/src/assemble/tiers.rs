use std::{sync::Arc, time::Duration};

use mainstay_backoff::RetryPolicy;
use mainstay_fallback as fallback;
use mainstay_fault::BackendId;
use mainstay_router::{self as router, Backends, Capabilities, Grade, Health, Router};
use tower::util::{Either, MapResponse};

use super::{
    Below, Onward, Ways,
    onward::{Stage, Stages},
    strategy::{Chooses, Spending},
};
use crate::{
    Continuation, Degradation, Served, ServedConfig, Tier,
    asked::{Ask, AskAgain},
    checked::SharedCheck,
    config::{CapabilityConfig, GradeConfig},
    limited::Limited,
    route::Way,
    stack::{self, ChatBackend, Choice, EmbedBackend, Members, Place, Standings, StreamBackend},
    status::Watched,
    tier::{Accepts, Kind},
};

/// The tiers of one route, as they are put together.
pub(crate) struct Assembly {
    check: SharedCheck,
    chat: Vec<fallback::Tier<stack::ChatTier, Ask>>,
    stream: Vec<fallback::Tier<stack::StreamTier, Ask>>,
    /// The tiers of streams that are models, which go on where others break.
    models: Vec<fallback::Tier<stack::StreamTier, Ask>>,
    embed: Vec<fallback::Tier<stack::EmbedModels, AskAgain>>,
    watched: Vec<Watched>,
    /// The tiers of streams, as calls can go on to them; and where these are told, once all are there.
    lower: Vec<Stage>,
    stages: Stages,
    /// Whether what a policy refuses goes on.
    around_filters: bool,
}

/// The backends of one tier, by what is asked for.
struct Choices {
    chat: Members<ChatBackend>,
    stream: Members<StreamBackend>,
    embed: Members<EmbedBackend>,
}

/// Which faults of the tiers above a tier takes over.
struct Takes {
    /// How many tokens fit into its window.
    window: u64,
    filtered: bool,
    accepts: Option<Accepts>,
}

/// How a tier of several models chooses.
pub(super) struct Choosing<'a> {
    pub(super) by: &'a Chooses,
    pub(super) budgets: &'a [Spending],
    pub(super) below: Below,
}

// === impl Assembly ===

impl Assembly {
    pub(crate) fn new(check: SharedCheck) -> Self {
        Self {
            check,
            chat: Vec::new(),
            stream: Vec::new(),
            models: Vec::new(),
            embed: Vec::new(),
            watched: Vec::new(),
            lower: Vec::new(),
            stages: Stages::default(),
            around_filters: false,
        }
    }

    /// Lets calls that one policy refuses go on to other models and tiers.
    pub(super) fn around_filters(mut self, around_filters: bool) -> Self {
        self.around_filters = around_filters;
        self
    }

    /// Adds a tier of one model, which takes whatever call its limits allow, and over which faults by what a closure says, if there is one.
    pub(crate) fn one(
        &mut self,
        name: &Arc<str>,
        policy: &RetryPolicy,
        place: &Place,
        below: Below,
        limits: Option<&Limited>,
        accepts: Option<Accepts>,
    ) {
        let Standings { chats, embeddings } = &place.standings;
        let onward = self.onward(policy, 0);
        let choosing = Choosing { by: &Chooses::InOrder, budgets: &[], below };
        let look = router::Backend::new(Arc::clone(&place.name), ()).sharing(chats);
        let look = set([if let Some(limits) = limits { look.gate(limits.clone()) } else { look }]);
        let takes = Takes { accepts, ..self.takes(u64::MAX) };
        self.lower.push(Stage::among(look, &choosing, takes.set(fallback::Tier::new(Arc::clone(name), ()))));
        let sets = (
            set([
                router::Backend::new(Arc::clone(&place.name), place.chat(self.check.clone())).sharing(chats)
            ]),
            set([router::Backend::new(Arc::clone(&place.name), place.stream(onward)).sharing(chats)]),
            set([router::Backend::new(Arc::clone(&place.name), place.embed()).sharing(embeddings)]),
        );
        let choices = self.among(name, sets, &choosing, Choice::One);
        self.push(name, policy, choices, &takes);
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
        let mut looks = Vec::new();
        for ((place, served, limits), own) in places.iter().zip(0..) {
            let Standings { chats: standing, embeddings } = &place.standings;
            let onward = self.onward(policy, own);
            chats.push(describe(place, place.chat(self.check.clone()), served, limits)?.sharing(standing));
            streams.push(describe(place, place.stream(onward), served, limits)?.sharing(standing));
            embeds.push(describe(place, place.embed(), served, limits)?.sharing(embeddings));
            looks.push(describe(place, (), served, limits)?.sharing(standing));
        }
        let windows = places.iter().map(|(_, served, _)| served.context_window.unwrap_or(u64::MAX));
        let takes = self.takes(windows.max().unwrap_or_default());
        let tier = takes.set(fallback::Tier::new(Arc::clone(name), ()));
        self.lower.push(Stage::among(set(looks), choosing, tier));
        let choices = self.among(name, (set(chats), set(streams), set(embeds)), choosing, Choice::Among);
        self.push(name, policy, choices, &takes);
        Ok(())
    }

    /// Adds a tier that needs no model. It embeds nothing.
    pub(crate) fn local(&mut self, tier: Tier) {
        let Tier { name, kind: Kind::Local(service), degraded, accepts } = tier else { return };
        // Whatever is too long for it says nothing of models: the window of each is larger.
        let takes = Takes { accepts, ..self.takes(0) };
        let tier = takes.set(fallback::Tier::local(Arc::clone(&name), ()));
        self.lower.push(Stage { models: None, tier });
        let streams = Either::Right(stack::local_stream(service.clone()));
        self.stream.push(takes.set(local(&name, streams, degraded)));
        self.chat.push(takes.set(local(&name, Either::Right(service), degraded)));
    }

    /// The ways of the route, and its backends to be watched.
    pub(crate) fn finish(
        self,
        route: &Arc<str>,
        deadline: Duration,
        continuation: Option<Continuation>,
    ) -> (Ways, Vec<Watched>) {
        // Nobody else has told them.
        let _ = self.stages.set(self.lower);
        let chat = MapResponse::new(stack::tiers(self.chat), Served::of as fn(_) -> _);
        let ways = Ways {
            chat: Way { deadline, tiers: chat },
            stream: Way { deadline, tiers: stack::stream_route(continuation, self.stream, self.models) },
            embed: Way { deadline, tiers: stack::tiers(self.embed) },
        };
        (ways, self.watched.into_iter().map(|watched| watched.on(route)).collect())
    }

    /// Where streams can go on to that a backend of the next tier has.
    fn onward(&self, policy: &RetryPolicy, own: u16) -> Onward {
        let (policy, stages) = (policy.clone(), Arc::clone(&self.stages));
        Onward { policy, stages, tier: self.lower.len(), own: BackendId(own) }
    }

    /// What a tier with such a window takes over.
    const fn takes(&self, window: u64) -> Takes {
        Takes { window, filtered: self.around_filters, accepts: None }
    }

    fn among(&mut self, name: &Arc<str>, sets: Sets, choosing: &Choosing<'_>, choice: Choice) -> Choices {
        let (chats, streams, embeds) = sets;
        let Choosing { by, budgets, below } = *choosing;
        let (last, last_embeds, around) = (below.chats(), below.embeddings(), self.around_filters);
        let chats = filters(around, by.router(chats, budgets, last));
        let streams = filters(around, by.router(streams, budgets, last));
        let embeds = filters(around, by.router(embeds, budgets, last_embeds));
        self.watched.push(Watched::new(name, "chat", chats.clone()));
        self.watched.push(Watched::new(name, "chat_stream", streams.clone()));
        self.watched.push(Watched::new(name, "embeddings", embeds.clone()));
        Choices {
            chat: Members { router: chats, last, choice },
            stream: Members { router: streams, last, choice },
            embed: Members { router: embeds, last: last_embeds, choice },
        }
    }

    fn push(&mut self, name: &Arc<str>, policy: &RetryPolicy, choices: Choices, takes: &Takes) {
        let chat = stack::chat_models(policy.clone(), choices.chat);
        let stream = stack::stream_models(policy.clone(), choices.stream);
        let embed = stack::embed_models(policy.clone(), choices.embed);
        let chat = fallback::Tier::new(Arc::clone(name), Either::Left(chat));
        let stream = fallback::Tier::new(Arc::clone(name), Either::Left(stream));
        let embed = fallback::Tier::new(Arc::clone(name), embed);
        self.chat.push(takes.set(chat.map_request(Ask::default())));
        self.models.push(takes.set(stream.clone().map_request(Ask::to_continue())));
        self.stream.push(takes.set(stream.map_request(Ask::default())));
        self.embed.push(takes.set(embed.map_request(AskAgain)));
    }
}

// === impl Takes ===

impl Takes {
    fn set<S, M>(&self, tier: fallback::Tier<S, M>) -> fallback::Tier<S, M> {
        let tier = tier.window(self.window);
        let tier = if self.filtered { tier.even_filtered() } else { tier };
        match self.accepts.clone() {
            Some(accepts) => tier.accepts(move |fault| accepts(fault)),
            None => tier,
        }
    }
}

fn filters<S>(around: bool, router: Router<S>) -> Router<S> {
    if around { router.around_filters() } else { router }
}

/// A tier that needs no model.
fn local<S>(name: &Arc<str>, service: S, degraded: Degradation) -> fallback::Tier<S, Ask> {
    fallback::Tier::local(Arc::clone(name), service).degraded(degraded).map_request(Ask::default())
}

/// The backends of a tier, by what is asked for.
type Sets = (Backends<ChatBackend>, Backends<StreamBackend>, Backends<EmbedBackend>);

fn set<S: Clone>(members: impl IntoIterator<Item = router::Backend<S>>) -> Backends<S> {
    let set = Backends::with_health(health());
    for member in members {
        // Backends are numbered by 16 bits; a file that lists more of them in one tier is none.
        let _ = set.add(member);
    }
    set
}

/// How backends are judged. What a server says of its limits holds back its calls at the limits, in which they queue.
pub(crate) fn health() -> Health {
    Health::default().leave_rate_limits()
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
    if let Some(tokens) = served.max_output_tokens {
        backend = backend.max_output(tokens);
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
