//! A configuration becomes routes.

mod backend;
mod below;
mod onward;
mod policy;
mod route;
mod strategy;
mod tiers;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mainstay_backoff::RetryPolicy;
use mainstay_openai_client::Client;

use crate::{
    BuildError, Config, ConfigError,
    config::Spot,
    kept::{Keeping, Kept},
    parts::Parts,
    route::{Table, Way},
    stack::{ChatRoute, EmbedRoute, StreamRoute},
    status::Watched,
};

use self::policy::policy;
use self::route::RouteBuilder;
#[cfg(feature = "learned")]
use self::strategy::Choosers;
pub(crate) use self::{
    below::Below,
    onward::Onward,
    tiers::{Assembly, health},
};

/// The routes, by what is asked for.
pub(crate) struct Tables {
    pub(crate) chat: Table<ChatRoute>,
    pub(crate) stream: Table<StreamRoute>,
    pub(crate) embed: Table<EmbedRoute>,
    pub(crate) live: Live,
}

/// What can be looked at while the routes are in use.
#[derive(Default)]
pub(crate) struct Live {
    /// The bare clients, by their backends' names.
    pub(crate) clients: Arc<BTreeMap<String, Client>>,
    pub(crate) watched: Vec<Watched>,
    pub(crate) kept: Kept,
    /// What chooses by what was learned, by route.
    #[cfg(feature = "learned")]
    pub(crate) choosers: Choosers,
}

/// The ways of one route.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) chat: Way<ChatRoute>,
    pub(crate) stream: Way<StreamRoute>,
    pub(crate) embed: Way<EmbedRoute>,
}

// === impl Tables ===

impl Tables {
    /// Routes for whatever model is named.
    pub(crate) fn of_one(ways: Ways, live: Live) -> Self {
        let mut tables = Self::empty();
        tables.live = live;
        tables.set_default(Some(ways));
        tables
    }

    fn empty() -> Self {
        Self {
            chat: Table { by_model: HashMap::new(), default: None },
            stream: Table { by_model: HashMap::new(), default: None },
            embed: Table { by_model: HashMap::new(), default: None },
            live: Live::default(),
        }
    }

    fn insert(&mut self, model: &str, ways: Ways) {
        self.chat.by_model.insert(model.to_owned(), ways.chat);
        self.stream.by_model.insert(model.to_owned(), ways.stream);
        self.embed.by_model.insert(model.to_owned(), ways.embed);
    }

    fn find(&self, model: &str) -> Option<Ways> {
        let (chat, stream) = (self.chat.by_model.get(model)?, self.stream.by_model.get(model)?);
        let embed = self.embed.by_model.get(model)?;
        Some(Ways { chat: chat.clone(), stream: stream.clone(), embed: embed.clone() })
    }

    fn set_default(&mut self, ways: Option<Ways>) {
        let Some(Ways { chat, stream, embed }) = ways else { return };
        self.chat.default = Some(chat);
        self.stream.default = Some(stream);
        self.embed.default = Some(embed);
    }
}

/// Puts together all routes of a configuration. Limits and budgets that are the same as before are taken over.
///
/// Errors name the line, if the configuration was read from a text.
pub(crate) fn tables(config: &Config, parts: &Parts, before: &Kept) -> Result<Tables, BuildError> {
    put_together(config, parts, before).map_err(|error| error.of(config))
}

fn put_together(config: &Config, parts: &Parts, before: &Kept) -> Result<Tables, BuildError> {
    config.validate()?;
    parts.check_tiers()?;
    let clients = backend::clients(config, parts)?;
    let mut tables = Tables::empty();
    let mut builder = RouteBuilder {
        config,
        clients: &clients,
        parts,
        numbers: config.numbers(),
        keeping: Keeping::new(before, config),
        live: Live::default(),
        #[cfg(feature = "redis")]
        sharing: crate::sharing::Sharing::of(config)?,
    };
    if config.routes.is_empty() {
        let none = Spot::default().key("routes").invalid("has none: no call would lead anywhere");
        return Err(ConfigError::invalid(none).into());
    }
    let spot = Spot::default().key("retry");
    let budget = builder.retries(None, &config.retry, &spot)?;
    let policy = match &parts.retry {
        Some(policy) => policy.clone(),
        None => policy(&config.retry, &spot)?.budget(budget),
    };
    for (name, route) in &config.routes {
        let spot = Spot::default().key("routes").key(name);
        let policy = match &route.retry {
            Some(retry) => builder.policy(name, retry, policy.shared_budget(), &spot.key("retry"))?,
            None => policy.clone(),
        };
        let ways = builder.build(name, route, &policy, &spot)?;
        for alias in route.aliases.iter().chain([name]) {
            tables.insert(alias, ways.clone());
        }
    }
    if let Some(default) = &config.default_route {
        tables.set_default(tables.find(default));
    }
    tables.live = Live { kept: builder.keeping.finish(), ..builder.live };
    let clients = clients.into_iter().map(|(name, client)| (name.to_owned(), client));
    tables.live.clients = Arc::new(clients.collect());
    Ok(tables)
}

/// When calls are sent again, where their route says nothing of that.
pub(crate) fn usual_policy(config: &Config, parts: &Parts) -> Result<RetryPolicy, BuildError> {
    if let Some(policy) = &parts.retry {
        return Ok(policy.clone());
    }
    let spot = Spot::default().key("retry");
    Ok(policy(&config.retry, &spot)?.budget(policy::budget(&config.retry, &spot)?))
}
