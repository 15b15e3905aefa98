use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use mainstay_backoff::RetryPolicy;
use mainstay_bucket::InvalidLimit;
use mainstay_fallback::queue::JsonlQueue;
use mainstay_openai_client::Client;
use mainstay_router::Price;

use super::{
    Assembly, Live, Ways,
    strategy::{Chooses, Spending},
    tiers::Choosing,
};
use crate::{
    BuildError, ChatRequest, Config, ConfigError, Continuation, RouteConfig, ServedConfig, Tier, TierConfig,
    attempt,
    config::Spot,
    kept::{Keeping, Numbers},
    limited::Limited,
    limits,
    stack::{Last, Place, SharedCheck},
};

/// Routes on their way from the configuration.
pub(super) struct RouteBuilder<'a> {
    pub(super) config: &'a Config,
    pub(super) clients: &'a HashMap<&'a str, Client>,
    pub(super) check: &'a SharedCheck,
    pub(super) queues: HashMap<PathBuf, JsonlQueue<ChatRequest>>,
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
        let mut assembly = Assembly::new(Arc::clone(self.check));
        for (at, tier) in config.tiers.iter().enumerate() {
            let spot = spot.key("tiers").index(at);
            let name: Arc<str> = format!("{name} {}", at + 1).into();
            if let Some(text) = &tier.answer {
                assembly.local(Tier::answer(name, text));
            } else if let Some(path) = &tier.queue {
                assembly.local(Tier::queue(name, self.queue(path)?));
            } else {
                let last = if at + 1 == config.tiers.len() { Last::Yes } else { Last::No };
                self.models(&mut assembly, &route, (&name, tier), &spot, last)?;
            }
        }
        let deadline = config.deadline.unwrap_or(self.config.deadline);
        let continuation = self.config.continue_streams.as_ref().map(Continuation::from);
        let (ways, watched) = assembly.finish(&name.into(), deadline, continuation);
        self.live.watched.extend(watched);
        Ok(ways)
    }

    fn queue(&mut self, path: &PathBuf) -> Result<JsonlQueue<ChatRequest>, BuildError> {
        let queue = match self.queues.get(path) {
            Some(queue) => queue.clone(),
            None => JsonlQueue::open(path)?,
        };
        self.queues.insert(path.clone(), queue.clone());
        Ok(queue)
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
        last: Last,
    ) -> Result<(), BuildError> {
        let mut places = Vec::new();
        for (at, served) in tier.models.iter().enumerate() {
            let (place, limits) = self.place(route, served, &spot.key("models").index(at))?;
            places.push((place, served, limits));
        }
        let strategy = tier.strategy.clone().unwrap_or_default();
        let by = Chooses::of(&strategy, &spot.key("strategy").key(strategy.name()))?;
        match &*places {
            [(place, served, _)] if route.budgets.is_empty() && served.is_plain() => {
                assembly.one(name, route.policy, place, last);
            }
            several => {
                let choosing = Choosing { by: &by, budgets: &route.budgets, last };
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
        let model = served.model.as_deref().unwrap_or(route.name);
        let invalid = |error: InvalidLimit| ConfigError::invalid(spot.invalid(error.to_string()));
        let kept = self.limits(&served.on, model).map_err(invalid)?;
        let limited = kept.limited(model);
        let timeout = route.config.attempt_timeout.unwrap_or(self.config.attempt_timeout);
        let place = Place {
            name: format!("{}/{model}", served.on).into(),
            model: Some(model.into()),
            price: price(served, model, spot)?,
            limits: kept.models,
            max_wait: self.config.max_wait,
            whole: client.with_timeout(timeout),
            streaming: client.streaming(),
        };
        Ok((place, limited))
    }

    /// The limits of one model on one backend: shared, if there is something to be shared, and a server to do it by.
    fn limits(&mut self, on: &str, model: &str) -> Result<crate::kept::KeptLimits, InvalidLimit> {
        let numbers = self.numbers.get(&(on, model)).copied().unwrap_or_default();
        #[cfg(feature = "redis")]
        let sharing = self.sharing.as_ref().filter(|_| numbers.is_limited());
        self.keeping.limits(on, model, numbers, |limits| {
            let set = HashMap::from([(model.to_owned(), Arc::clone(limits))]);
            #[cfg(feature = "redis")]
            if let Some(sharing) = sharing {
                return limits::shared_by_model(on, set, sharing);
            }
            Ok(limits::by_model(set))
        })
    }
}

/// What a model costs: as the configuration says, or as the table that comes with the router does.
fn price(served: &ServedConfig, model: &str, spot: &Spot) -> Result<Option<Price>, BuildError> {
    let Some(price) = served.price else { return Ok(attempt::usual_price(model)) };
    let price = Price::per_million(price.input, price.output);
    Ok(Some(price.map_err(|invalid| ConfigError::invalid(spot.key("price").invalid(invalid.to_string())))?))
}
