use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mainstay_backoff::{RetryBudget, RetryPolicy};
use mainstay_bucket::InvalidLimit;
use mainstay_fallback::queue::QueueError;
use mainstay_openai_client::{Client, Streaming};
use mainstay_router::Price;

use super::{
    Assembly, Below, Live, Ways,
    policy::{self, policy},
    strategy::{Chooses, Spending},
    tiers::Choosing,
};
use crate::{
    BuildError, Config, ConfigError, Continuation, RetryConfig, RouteConfig, ServedConfig, Tier, TierConfig,
    attempt,
    config::Spot,
    kept::{Keeping, Numbers},
    limited::Limited,
    limits,
    parts::Parts,
    stack::Place,
};

/// Routes on their way from the configuration.
pub(super) struct RouteBuilder<'a> {
    pub(super) config: &'a Config,
    pub(super) clients: &'a HashMap<&'a str, Client>,
    pub(super) parts: &'a Parts,
    pub(super) numbers: BTreeMap<(&'a str, &'a str), Numbers>,
    pub(super) keeping: Keeping<'a>,
    pub(super) live: Live,
    #[cfg(feature = "redis")]
    pub(super) sharing: Option<crate::sharing::Sharing>,
}

/// One route on its way.
struct Route<'r> {
    name: &'r str,
    config: &'r RouteConfig,
    policy: &'r RetryPolicy,
    budgets: Vec<Spending>,
}

// === impl RouteBuilder ===

impl RouteBuilder<'_> {
    pub(super) fn build(
        &mut self,
        name: &str,
        config: &RouteConfig,
        policy: &RetryPolicy,
        spot: &Spot,
    ) -> Result<Ways, BuildError> {
        let route = Route { name, config, policy, budgets: self.budgets(name, config, spot)? };
        let mut assembly = Assembly::new(self.parts.check.clone()).around_filters(config.around_filters);
        for (at, tier) in config.tiers.iter().enumerate() {
            let spot = spot.key("tiers").index(at);
            let name: Arc<str> = format!("{name} {}", at + 1).into();
            if let Some(local) = self.local(&name, tier, &spot)? {
                assembly.local(local);
            } else {
                let rest = Below::of_config(config.tiers.get(at + 1..).unwrap_or_default());
                let below = rest.or(Below::of(&self.parts.below));
                self.models(&mut assembly, &route, (&name, tier), &spot, below)?;
            }
        }
        self.parts.below.iter().for_each(|tier| assembly.local(tier.clone()));
        let deadline = config.deadline.unwrap_or(self.config.deadline);
        let continuation = self.continuation(config);
        let (ways, watched) = assembly.finish(&name.into(), deadline, continuation);
        self.live.watched.extend(watched);
        Ok(ways)
    }

    /// A tier that needs no model, if it is one.
    fn local(&mut self, name: &Arc<str>, tier: &TierConfig, spot: &Spot) -> Result<Option<Tier>, BuildError> {
        Ok(match (&tier.answer, &tier.queue, &tier.own) {
            (Some(text), ..) => Some(Tier::answer(Arc::clone(name), text)),
            (_, Some(path), _) => {
                let invalid =
                    |error: QueueError| spot.key("queue").invalid(format!("cannot be used: {error}"));
                let queue = self.keeping.queue(path).map_err(|error| ConfigError::invalid(invalid(error)))?;
                Some(Tier::queue(Arc::clone(name), queue))
            }
            (.., Some(own)) => {
                let invalid = |wrong| ConfigError::invalid(spot.key("own").invalid(wrong));
                Some(self.parts.tier(own).map_err(invalid)?)
            }
            _ => None,
        })
    }

    /// How a route's streams go on that break: what is said nearest to it.
    fn continuation(&self, route: &RouteConfig) -> Option<Continuation> {
        let own = route.continue_streams.as_ref().map(Continuation::from);
        let all = || self.config.continue_streams.as_ref().map(Continuation::from);
        own.or_else(|| self.parts.continuation.clone()).or_else(all)
    }

    /// When the calls of a route are sent again: paid from its own budget, if it has one, else from that of all, if there is one.
    pub(super) fn policy(
        &mut self,
        route: &str,
        config: &RetryConfig,
        all: Option<&RetryBudget>,
        spot: &Spot,
    ) -> Result<RetryPolicy, BuildError> {
        let budget = match config.budget {
            Some(_) => Some(self.retries(Some(route), config, spot)?),
            None => all.cloned(),
        };
        let policy = policy(config, spot)?;
        Ok(match budget {
            Some(budget) => policy.budget(budget),
            None => policy.without_budget(),
        })
    }

    /// What the calls of a route, or of all, have to retry with. What is left of it is kept.
    pub(super) fn retries(
        &mut self,
        route: Option<&str>,
        config: &RetryConfig,
        spot: &Spot,
    ) -> Result<RetryBudget, BuildError> {
        let fresh = policy::budget(config, spot)?;
        Ok(self.keeping.retries(route, config.budget, fresh))
    }

    /// The budgets that the route's calls spend: its own, and that of all routes.
    fn budgets(&mut self, name: &str, route: &RouteConfig, spot: &Spot) -> Result<Vec<Spending>, BuildError> {
        let all = self.config.budget.as_ref().map(|budget| (None, budget, Spot::default()));
        let own = route.budget.as_ref().map(|budget| (Some(name), budget, spot.clone()));
        let mut budgets = Vec::new();
        for (route, config, spot) in own.into_iter().chain(all) {
            let budget = self.keeping.budget(route, config);
            let budget = budget
                .map_err(|invalid| ConfigError::invalid(spot.key("budget").invalid(invalid.to_string())))?;
            budgets.push((budget, !config.per_user));
        }
        Ok(budgets)
    }

    fn models(
        &mut self,
        assembly: &mut Assembly,
        route: &Route<'_>,
        (name, tier): (&Arc<str>, &TierConfig),
        spot: &Spot,
        below: Below,
    ) -> Result<(), BuildError> {
        let mut places = Vec::new();
        for (at, served) in tier.models.iter().enumerate() {
            let (place, limits) = self.place(route, served, &spot.key("models").index(at))?;
            places.push((place, served, limits));
        }
        let strategy = tier.strategy.clone().unwrap_or_default();
        let by = Chooses::of(
            name,
            &strategy,
            self.parts,
            &mut self.keeping,
            &spot.key("strategy").key(strategy.name()),
        )?;
        match &*places {
            [(place, served, limits)] if route.budgets.is_empty() && served.is_plain() && !by.is_own() => {
                assembly.one(name, route.policy, place, below, Some(limits), None);
            }
            several => {
                let choosing = Choosing { by: &by, budgets: &route.budgets, below };
                let done = assembly.several(name, route.policy, several, &choosing);
                done.map_err(|invalid| ConfigError::invalid(spot.invalid(invalid.to_string())))?;
                #[cfg(feature = "learned")]
                self.live.choosers.extend(by.chooser().map(|it| (Arc::from(route.name), Arc::clone(it))));
            }
        }
        Ok(())
    }

    fn place(
        &mut self,
        route: &Route<'_>,
        served: &ServedConfig,
        spot: &Spot,
    ) -> Result<(Place, Limited), BuildError> {
        let Some(client) = self.clients.get(&*served.on) else {
            return Err(ConfigError::invalid(spot.key("on").invalid("is no backend")).into());
        };
        let model = served.named(route.name);
        let invalid = |error: InvalidLimit| ConfigError::invalid(spot.invalid(error.to_string()));
        let kept = self.limits(&served.on, model).map_err(invalid)?;
        let limited = kept.limited(model);
        let timeout = route.config.attempt_timeout.unwrap_or(self.config.attempt_timeout);
        let place = Place {
            name: format!("{}/{model}", served.on).into(),
            model: Some(model.into()),
            price: price(served, model, spot)?,
            limits: kept.models,
            max_wait: route.config.max_wait.unwrap_or(self.config.max_wait),
            whole: client.with_timeout(timeout),
            streaming: streaming(client, route.config, self.config),
            standings: self.keeping.standings(&served.on, model),
        };
        Ok((place, limited))
    }

    /// The limits of one model on one backend: shared, if there is something to be shared, and a server to do it by.
    fn limits(&mut self, on: &str, model: &str) -> Result<crate::kept::KeptLimits, InvalidLimit> {
        let numbers = self.numbers.get(&(on, model)).copied().unwrap_or_default();
        #[cfg(feature = "redis")]
        let sharing = self.sharing.as_ref();
        self.keeping.limits(on, model, numbers, |own, set| {
            let of_model = |limits| HashMap::from([(model.to_owned(), limits)]);
            let own = of_model(Arc::clone(own));
            #[cfg(feature = "redis")]
            if let Some(sharing) = sharing {
                return limits::shared_by_model(on, own, &of_model(Arc::new(set)), sharing);
            }
            #[cfg(not(feature = "redis"))]
            drop(set);
            Ok(limits::by_model(own))
        })
    }
}

/// What a model costs: as the configuration says, or as the table that comes with the router does.
fn price(served: &ServedConfig, model: &str, spot: &Spot) -> Result<Option<Price>, BuildError> {
    let Some(price) = served.price else { return Ok(attempt::usual_price(model)) };
    let price = Price::per_million(price.input, price.output);
    Ok(Some(price.map_err(|invalid| ConfigError::invalid(spot.key("price").invalid(invalid.to_string())))?))
}

/// The client of a route's streams, which may go on for as long as its deadline allows.
fn streaming(client: &Client, route: &RouteConfig, config: &Config) -> Streaming {
    let mut client = client.with_timeout(route.deadline.unwrap_or(config.deadline));
    if let Some(limit) = route.first_token_timeout {
        client = client.with_first_token_timeout(limit);
    }
    if let Some(limit) = route.between_tokens_timeout {
        client = client.with_between_tokens_timeout(limit);
    }
    client.streaming()
}
