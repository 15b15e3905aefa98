//! A configuration becomes routes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use mainstay_backoff::{Exponential, Jitter, RetryPolicy};
use mainstay_bucket::Limits;
use mainstay_fallback::{self as fallback, queue::JsonlQueue};
use mainstay_openai_client::{Client, Streaming};
use mainstay_router::{self as router, Backends, Health, Price, Router, strategy};
use tower::util::{Either, MapResponse};

use crate::{
    BackendConfig, BuildError, Config, ConfigError, EmbeddingRequest, JitterConfig, RetryConfig, RouteConfig,
    Served, ServedConfig, StrategyConfig, Tier, TierConfig,
    among::Limited,
    config::Spot,
    limits,
    limits::{ChatMeter, EmbedMeter, StreamMeter},
    route::Table,
    stack::{self, Ask, ChatRoute, EmbedRoute, Last, Members, Place, SharedCheck, StreamRoute},
    tier::{Asked, Kind},
};

/// The routes, by what is asked for.
pub(crate) struct Tables {
    pub(crate) chat: Table<ChatRoute>,
    pub(crate) stream: Table<StreamRoute>,
    pub(crate) embed: Table<EmbedRoute>,
    /// The bare clients, by their backends' names.
    pub(crate) clients: BTreeMap<String, Client>,
}

/// The tiers of one route, as they are put together.
pub(crate) struct Assembly {
    pub(crate) check: SharedCheck,
    chat: Vec<fallback::Tier<Either<stack::ToRequest<stack::ChatModels>, crate::tier::Local>, Ask>>,
    stream: Vec<fallback::Tier<stack::ToRequest<stack::StreamModels>, Ask>>,
    embed: Vec<fallback::Tier<stack::EmbedModels>>,
}

/// The ways of one route.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) chat: ChatRoute,
    pub(crate) stream: StreamRoute,
    pub(crate) embed: EmbedRoute,
}

/// The backends of one tier, by what is asked for.
struct Choices {
    chat: Members<Client, ChatMeter>,
    stream: Members<Streaming, StreamMeter>,
    embed: Members<Client, EmbedMeter, EmbeddingRequest>,
}

// === impl Tables ===

impl Tables {
    /// Routes for whatever model is named.
    pub(crate) fn of_one(ways: Ways, clients: BTreeMap<String, Client>) -> Self {
        let Ways { chat, stream, embed } = ways;
        Self {
            chat: Table { by_model: HashMap::new(), default: Some(chat) },
            stream: Table { by_model: HashMap::new(), default: Some(stream) },
            embed: Table { by_model: HashMap::new(), default: Some(embed) },
            clients,
        }
    }

    fn insert(&mut self, model: &str, ways: Ways) {
        self.chat.by_model.insert(model.to_owned(), ways.chat);
        self.stream.by_model.insert(model.to_owned(), ways.stream);
        self.embed.by_model.insert(model.to_owned(), ways.embed);
    }
}

// === impl Assembly ===

impl Assembly {
    pub(crate) const fn new(check: SharedCheck) -> Self {
        Self { check, chat: Vec::new(), stream: Vec::new(), embed: Vec::new() }
    }

    /// Adds a tier of one model. Where others are below it, it is set aside while it fails.
    pub(crate) fn one(&mut self, name: &Arc<str>, policy: &RetryPolicy, place: &Place, last: Last) {
        let (chat, stream, embed) = (place.chat(), place.stream(), place.embed());
        let choices = match last {
            Last::Yes => {
                Choices { chat: Members::One(chat), stream: Members::One(stream), embed: Members::One(embed) }
            }
            Last::No => Choices {
                chat: alone(&place.name, chat),
                stream: alone(&place.name, stream),
                embed: alone(&place.name, embed),
            },
        };
        self.push(name, policy, choices);
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

    pub(crate) fn finish(self, deadline: Duration) -> Ways {
        Ways {
            chat: MapResponse::new(stack::route(deadline, self.chat), Served::of as fn(_) -> _),
            stream: stack::route(deadline, self.stream),
            embed: stack::route(deadline, self.embed),
        }
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

    /// Adds a tier of several models, among which a strategy chooses.
    fn several(
        &mut self,
        name: &Arc<str>,
        policy: &RetryPolicy,
        strategy: StrategyConfig,
        places: &[(Place, &ServedConfig, Arc<Limits>)],
        last: Last,
    ) -> Result<(), router::Invalid> {
        let health = Health::default().leave_rate_limits();
        let (chats, streams) = (Backends::with_health(health), Backends::with_health(health));
        let embeds = Backends::with_health(health);
        for (place, served, limits) in places {
            // A router numbers its backends by 16 bits; a file that lists more of them in one tier is none.
            let _ = chats.add(describe(place, place.chat(), served, limits)?);
            let _ = streams.add(describe(place, place.stream(), served, limits)?);
            let _ = embeds.add(describe(place, place.embed(), served, limits)?);
        }
        let choices = Choices {
            chat: Members::Among(choose(chats, strategy, last), last),
            stream: Members::Among(choose(streams, strategy, last), last),
            embed: Members::Among(choose(embeds, strategy, last), last),
        };
        self.push(name, policy, choices);
        Ok(())
    }
}

/// A backend that has nobody beside it, and others below.
fn alone<S, M, R>(name: &Arc<str>, backend: stack::Backend<S, M, R>) -> Members<S, M, R>
where
    stack::Backend<S, M, R>: Clone + Send + Sync + 'static,
{
    let backends = Backends::with_health(Health::default().leave_rate_limits());
    // The first of a set always has room.
    let _ = backends.add(router::Backend::new(Arc::clone(name), backend));
    Members::Among(choose(backends, StrategyConfig::InOrder, Last::No), Last::No)
}

fn choose<S: Send + Sync + 'static>(backends: Backends<S>, config: StrategyConfig, last: Last) -> Router<S> {
    let router = match config {
        StrategyConfig::LeastLoaded => Router::new(backends, strategy::LeastLoaded::default()),
        StrategyConfig::RoundRobin => Router::new(backends, strategy::RoundRobin::default()),
        StrategyConfig::Weighted => Router::new(backends, strategy::Weighted),
        StrategyConfig::Cheapest => Router::new(backends, strategy::by_fn(cost)),
        StrategyConfig::InOrder => Router::new(backends, strategy::by_fn(order)),
    };
    if last == Last::No { router.gives_way() } else { router }
}

fn cost(candidate: &router::Candidate<'_>, profile: &router::Profile<'_>) -> f64 {
    candidate.worst_cost(profile).unwrap_or(f64::INFINITY)
}

fn order(candidate: &router::Candidate<'_>, _: &router::Profile<'_>) -> f64 {
    f64::from(candidate.id().0)
}

fn describe<S>(
    place: &Place,
    service: S,
    served: &ServedConfig,
    limits: &Arc<Limits>,
) -> Result<router::Backend<S>, router::Invalid> {
    let mut backend = router::Backend::new(Arc::clone(&place.name), service)
        .gate(Limited(Arc::clone(limits)))
        .weight(served.weight.unwrap_or(1).into())?;
    if let Some(price) = place.price {
        backend = backend.price(price);
    }
    if let Some(window) = served.context_window {
        backend = backend.window(window);
    }
    Ok(backend)
}

/// Puts together all routes of a configuration.
pub(crate) fn tables(config: &Config, check: &SharedCheck) -> Result<Tables, BuildError> {
    config.validate()?;
    let clients = clients(config)?;
    let policy = policy(&config.retry, &Spot::default().key("retry"))?;
    let mut queues = HashMap::new();
    #[cfg(feature = "redis")]
    let sharing = crate::sharing::Sharing::of(config)?;
    let mut tables = Tables {
        chat: Table { by_model: HashMap::new(), default: None },
        stream: Table { by_model: HashMap::new(), default: None },
        embed: Table { by_model: HashMap::new(), default: None },
        clients: clients.iter().map(|(name, client)| ((*name).to_owned(), client.clone())).collect(),
    };
    for (name, route) in &config.routes {
        let spot = Spot::default().key("routes").key(name);
        let mut builder = RouteBuilder {
            config,
            clients: &clients,
            name,
            route,
            queues: &mut queues,
            #[cfg(feature = "redis")]
            sharing: sharing.as_ref(),
        };
        let policy = match &route.retry {
            Some(retry) => self::policy(retry, &spot.key("retry"))?,
            None => policy.clone(),
        };
        let ways = builder.build(&policy, check, &spot)?;
        for alias in route.aliases.iter().chain([name]) {
            tables.insert(alias, ways.clone());
        }
    }
    if let Some(default) = &config.default_route {
        tables.chat.default = tables.chat.by_model.get(default).cloned();
        tables.stream.default = tables.stream.by_model.get(default).cloned();
        tables.embed.default = tables.embed.by_model.get(default).cloned();
    }
    Ok(tables)
}

/// One route on its way from the configuration.
struct RouteBuilder<'a> {
    config: &'a Config,
    clients: &'a HashMap<&'a str, Client>,
    name: &'a str,
    route: &'a RouteConfig,
    queues: &'a mut HashMap<std::path::PathBuf, JsonlQueue<crate::ChatRequest>>,
    #[cfg(feature = "redis")]
    sharing: Option<&'a crate::sharing::Sharing>,
}

// === impl RouteBuilder ===

impl RouteBuilder<'_> {
    fn build(&mut self, policy: &RetryPolicy, check: &SharedCheck, spot: &Spot) -> Result<Ways, BuildError> {
        let mut assembly = Assembly::new(Arc::clone(check));
        for (at, tier) in self.route.tiers.iter().enumerate() {
            let spot = spot.key("tiers").index(at);
            let name: Arc<str> = format!("{} {}", self.name, at + 1).into();
            if let Some(text) = &tier.answer {
                assembly.local(Tier::answer(name, text));
            } else if let Some(path) = &tier.queue {
                let queue = match self.queues.get(path) {
                    Some(queue) => queue.clone(),
                    None => JsonlQueue::open(path)?,
                };
                self.queues.insert(path.clone(), queue.clone());
                assembly.local(Tier::queue(name, queue));
            } else {
                let last = if at + 1 == self.route.tiers.len() { Last::Yes } else { Last::No };
                self.models(&mut assembly, &name, policy, tier, &spot, last)?;
            }
        }
        Ok(assembly.finish(self.route.deadline.unwrap_or(self.config.deadline)))
    }

    fn models(
        &self,
        assembly: &mut Assembly,
        name: &Arc<str>,
        policy: &RetryPolicy,
        tier: &TierConfig,
        spot: &Spot,
        last: Last,
    ) -> Result<(), BuildError> {
        let places = tier.models.iter().enumerate();
        let places = places.map(|(at, served)| self.place(served, &spot.key("models").index(at)));
        let places = places.collect::<Result<Vec<_>, BuildError>>()?;
        match &*places {
            [(place, ..)] => assembly.one(name, policy, place, last),
            several => {
                let strategy = tier.strategy.unwrap_or_default();
                let done = assembly.several(name, policy, strategy, several, last);
                done.map_err(|invalid| ConfigError::invalid(spot.invalid(invalid.to_string()), None))?;
            }
        }
        Ok(())
    }

    fn place<'b>(
        &self,
        served: &'b ServedConfig,
        spot: &Spot,
    ) -> Result<(Place, &'b ServedConfig, Arc<Limits>), BuildError> {
        let Some(client) = self.clients.get(&*served.on) else {
            return Err(ConfigError::invalid(spot.key("on").invalid("is no backend"), None).into());
        };
        let model = served.model.as_deref().unwrap_or(self.name);
        let invalid = |error: mainstay_bucket::InvalidLimit| {
            ConfigError::invalid(spot.invalid(error.to_string()), None)
        };
        let limits = own_limits(served).map_err(invalid)?;
        let timeout = self.route.attempt_timeout.unwrap_or(self.config.attempt_timeout);
        let place = Place {
            name: format!("{}/{model}", served.on).into(),
            model: Some(model.into()),
            price: price(served, spot)?,
            limits: self.limits(served, model, &limits).map_err(invalid)?,
            max_wait: self.config.max_wait,
            whole: client.with_timeout(timeout),
            streaming: client.streaming(),
        };
        Ok((place, served, limits))
    }

    /// The limits of one model on one backend: shared, if there is something to be shared, and a server to do it by.
    #[cfg_attr(
        not(feature = "redis"),
        allow(
            clippy::unnecessary_wraps,
            clippy::unused_self,
            unused_variables,
            reason = "without the feature nothing is shared"
        )
    )]
    fn limits(
        &self,
        served: &ServedConfig,
        model: &str,
        limits: &Arc<Limits>,
    ) -> Result<limits::Models, mainstay_bucket::InvalidLimit> {
        let set = HashMap::from([(model.to_owned(), Arc::clone(limits))]);
        #[cfg(feature = "redis")]
        if let Some(sharing) = self.sharing.filter(|_| is_limited(served)) {
            return limits::shared_by_model(&served.on, set, sharing);
        }
        Ok(limits::by_model(set))
    }
}

/// Tells whether a model has any limit that is known.
#[cfg(feature = "redis")]
const fn is_limited(served: &ServedConfig) -> bool {
    served.requests_per_minute.is_some() || served.tokens_per_minute.is_some() || served.in_flight.is_some()
}

/// What a model costs, if the configuration says.
fn price(served: &ServedConfig, spot: &Spot) -> Result<Option<Price>, BuildError> {
    let price = served.price.map(|price| Price::per_million(price.input, price.output)).transpose();
    Ok(price.map_err(|invalid| ConfigError::invalid(spot.key("price").invalid(invalid.to_string()), None))?)
}

/// The limits of a model, so wide where none is set that only the server narrows them.
fn own_limits(served: &ServedConfig) -> Result<Arc<Limits>, mainstay_bucket::InvalidLimit> {
    let mut limits = Limits::default()
        .requests_per_minute(served.requests_per_minute.unwrap_or(limits::MANY_REQUESTS))?
        .tokens_per_minute(served.tokens_per_minute.unwrap_or(limits::MANY_TOKENS))?;
    if let Some(calls) = served.in_flight {
        limits = limits.in_flight(calls)?;
    }
    Ok(Arc::new(limits))
}

fn clients(config: &Config) -> Result<HashMap<&str, Client>, BuildError> {
    let spot = Spot::default().key("backends");
    let client = |(name, backend): (&'_ String, &BackendConfig)| client(config, backend, &spot.key(name));
    config.backends.iter().map(|entry| Ok((entry.0.as_str(), client(entry)?))).collect()
}

fn client(config: &Config, backend: &BackendConfig, spot: &Spot) -> Result<Client, BuildError> {
    let mut builder = Client::builder()
        .base_url(&backend.base_url)
        .first_token_timeout(config.first_token_timeout)
        .between_tokens_timeout(config.between_tokens_timeout)
        .timeout(config.deadline);
    if let Some(source) = &backend.api_key {
        let key = source.read().map_err(|wrong| {
            ConfigError::invalid(spot.key("api_key").invalid(format!("cannot be read: {wrong}")), None)
        })?;
        builder = builder.api_key(key);
    }
    if let Some(limit) = backend.connect_timeout {
        builder = builder.connect_timeout(limit);
    }
    for (name, value) in &backend.headers {
        builder = builder.header(name, value);
    }
    let built = builder.build();
    built.map_err(|invalid| {
        ConfigError::invalid(spot.invalid(format!("cannot be used: {invalid}")), None).into()
    })
}

fn policy(config: &RetryConfig, spot: &Spot) -> Result<RetryPolicy, BuildError> {
    let jitter = match config.jitter {
        JitterConfig::None => Jitter::None,
        JitterConfig::Full => Jitter::Full,
        JitterConfig::Equal => Jitter::Equal,
        JitterConfig::Proportional => Jitter::default(),
    };
    let backoff = Exponential::new(config.base, config.factor, config.cap)
        .map_err(|invalid| ConfigError::invalid(spot.invalid(invalid.to_string()), None))?;
    Ok(RetryPolicy::default()
        .retries(config.retries)
        .backoff(backoff)
        .cap(config.cap)
        .jitter(jitter)
        .max_wait(config.max_wait))
}
