//! What several routes share, and what a reload leaves as it is: limits, the health of backends, what was spent of
//! budgets, and queues, whose files are open.

mod numbers;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

#[cfg(feature = "learned")]
use std::hash::{DefaultHasher, Hasher};

use mainstay_backoff::RetryBudget;
use mainstay_bucket::{InvalidLimit, Limits};
use mainstay_fallback::queue::{JsonlQueue, QueueError};
#[cfg(feature = "learned")]
use mainstay_router::strategy::Learned;
use mainstay_router::{Budget, Invalid};

pub(crate) use self::numbers::Numbers;
#[cfg(feature = "learned")]
use crate::LearnedConfig;
use crate::{
    BackendConfig, BudgetConfig, ChatRequest, Config, KeySource, RetryBudgetConfig, assemble::health,
    limited::Limited, limits, shares::Shares, stack::Standings,
};

/// What is kept, of the configuration that is in use.
#[derive(Default)]
pub(crate) struct Kept {
    /// The server that limits are shared by, and how.
    shared_by: (Option<KeySource>, Shares),
    limits: HashMap<Place, KeptLimits>,
    /// What the backends were when their health was learned.
    backends: BTreeMap<String, BackendConfig>,
    standings: HashMap<Place, Standings>,
    /// By the route's name; the one of all routes has none.
    budgets: HashMap<Option<String>, (BudgetConfig, Budget)>,
    /// As the budgets: what is left to retry with.
    retries: HashMap<Option<String>, (Option<RetryBudgetConfig>, RetryBudget)>,
    /// By the path, however it is written. A file that is open cannot be opened once more.
    queues: HashMap<PathBuf, Queue>,
    /// By the tier's name.
    #[cfg(feature = "learned")]
    learned: HashMap<Arc<str>, KeptLearned>,
}

type Queue = JsonlQueue<ChatRequest>;

/// A model on a backend.
type Place = (String, String);

/// The limits of a model on a backend.
#[derive(Clone)]
pub(crate) struct KeptLimits {
    /// `None` of limits that were not set by numbers.
    numbers: Option<Numbers>,
    own: Arc<Limits>,
    pub(crate) models: limits::Models,
}

/// What chooses by what was learned, and goes on learning: from which settings and which file it began.
#[cfg(feature = "learned")]
#[derive(Clone)]
struct KeptLearned {
    config: LearnedConfig,
    /// A hash of the file; `None` if there was none to be read.
    file: Option<u64>,
    learned: Learned,
}

/// What is kept is taken over from `before` where it is the same.
pub(crate) struct Keeping<'a> {
    before: &'a Kept,
    now: Kept,
    /// Limits, and what their numbers are to be.
    changed: Vec<(Arc<Limits>, Limits)>,
}

// === impl Keeping ===

impl<'a> Keeping<'a> {
    /// Keeps what is shared by this server, as well as what it was before.
    pub(crate) fn new(before: &'a Kept, config: &Config) -> Self {
        let shared_by = (config.redis_url.clone(), Shares::of(config));
        let backends = config.backends.clone();
        Self { before, now: Kept { shared_by, backends, ..Kept::default() }, changed: Vec::new() }
    }

    /// The limits of a model on a backend: those that are kept, which have other numbers once this is [finished](Self::finish), if they
    /// are others. To share them, one is given those that count in this process, and which of them are set.
    pub(crate) fn limits(
        &mut self,
        on: &str,
        model: &str,
        numbers: Numbers,
        share: impl FnOnce(&Arc<Limits>, Limits) -> Result<limits::Models, InvalidLimit>,
    ) -> Result<KeptLimits, InvalidLimit> {
        let place = (on.to_owned(), model.to_owned());
        if let Some(known) = self.now.limits.get(&place) {
            return Ok(known.clone());
        }
        // Those that were set in code belong to whoever set them.
        let kept = self.before.limits.get(&place).filter(|kept| kept.numbers.is_some());
        let same_server = self.before.shared_by == self.now.shared_by;
        let same = kept.filter(|kept| same_server && kept.numbers == Some(numbers));
        let limits = if let Some(same) = same {
            same.clone()
        } else {
            let set = numbers.limits()?;
            let new = set.or(&limits::unknown());
            let own = kept.map(|kept| Arc::clone(&kept.own)).unwrap_or_default();
            let own = Arc::new(own.or(&new));
            self.changed.push((Arc::clone(&own), new.or(&limits::any_in_flight())));
            KeptLimits { numbers: Some(numbers), models: share(&own, set)?, own }
        };
        self.now.limits.insert(place, limits.clone());
        Ok(limits)
    }

    /// What is kept from now on: nothing can go wrong any more. Limits take on their new numbers.
    pub(crate) fn finish(self) -> Kept {
        self.changed.iter().for_each(|(limits, to)| limits.resize(to));
        self.now
    }

    /// How a model on a backend stands: as before, if the backend is the same.
    pub(crate) fn standings(&mut self, on: &str, model: &str) -> Standings {
        let place = (on.to_owned(), model.to_owned());
        if let Some(shared) = self.now.standings.get(&place) {
            return shared.clone();
        }
        let same = self.before.backends.get(on) == self.now.backends.get(on);
        let before = self.before.standings.get(&place).filter(|_| same);
        let standings = before.map_or_else(|| Standings::new(health()), Standings::mended);
        self.now.standings.insert(place, standings.clone());
        standings
    }

    /// The budget of a route, or of all: what is kept, with so many dollars, if its windows are the same.
    pub(crate) fn budget(&mut self, route: Option<&str>, config: &BudgetConfig) -> Result<Budget, Invalid> {
        let name = route.map(str::to_owned);
        let kept = self.now.budgets.get(&name).or_else(|| self.before.budgets.get(&name));
        let same = |kept: &BudgetConfig| (kept.window, kept.per_user) == (config.window, config.per_user);
        let budget = match kept.filter(|(kept, _)| same(kept)) {
            Some((_, budget)) => budget.with_dollars(config.dollars)?,
            None => Budget::new(config.dollars, config.window)?,
        };
        self.now.budgets.insert(name, (config.clone(), budget.clone()));
        Ok(budget)
    }

    /// What the calls of a route, or of all, have to retry with: what is kept, if it is earned by the same numbers, else `fresh`.
    pub(crate) fn retries(
        &mut self,
        route: Option<&str>,
        config: Option<RetryBudgetConfig>,
        fresh: RetryBudget,
    ) -> RetryBudget {
        let name = route.map(str::to_owned);
        let before = self.before.retries.get(&name).filter(|(before, _)| *before == config);
        let budget = before.map_or(fresh, |(_, kept)| kept.clone());
        self.now.retries.insert(name, (config, budget.clone()));
        budget
    }

    /// What chooses in a tier by what was learned: what is kept, with all that it has learned since, if its settings and its file are the
    /// same.
    #[cfg(feature = "learned")]
    pub(crate) fn learned<E>(
        &mut self,
        tier: &Arc<str>,
        config: &LearnedConfig,
        load: impl FnOnce() -> Result<Learned, E>,
    ) -> Result<Learned, E> {
        let file = hash_of(&config.model);
        let same = |kept: &&KeptLearned| file.is_some() && kept.file == file && kept.config == *config;
        let learned = match self.before.learned.get(tier).filter(same) {
            Some(kept) => kept.learned.clone(),
            None => load()?,
        };
        let kept = KeptLearned { config: config.clone(), file, learned: learned.clone() };
        self.now.learned.insert(Arc::clone(tier), kept);
        Ok(learned)
    }

    /// The queue in a file: the one that has it open already, if there is one.
    pub(crate) fn queue(&mut self, path: &Path) -> Result<Queue, QueueError> {
        let name = canonical(path);
        let kept = self.now.queues.get(&name).or_else(|| self.before.queues.get(&name));
        let queue = match kept {
            Some(kept) => kept.clone(),
            None => JsonlQueue::open(path)?,
        };
        // A file that is new has its name only now.
        self.now.queues.insert(canonical(path), queue.clone());
        Ok(queue)
    }
}

/// Tells a file's content from another's.
#[cfg(feature = "learned")]
fn hash_of(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&std::fs::read(path).ok()?);
    Some(hasher.finish())
}

/// The one name of a file, if it exists.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

// === impl KeptLimits ===

impl KeptLimits {
    /// The model's limits, to be looked at.
    pub(crate) fn limited(&self, model: &str) -> Limited {
        #[cfg(not(feature = "redis"))]
        let _ = model;
        Limited::new(
            Arc::clone(&self.own),
            #[cfg(feature = "redis")]
            self.models.shared(model),
        )
    }
}

// === impl Kept ===

impl Kept {
    /// Limits that were set in code, and how they are kept.
    pub(crate) fn of(on: &str, limits: &HashMap<String, Arc<Limits>>, models: &limits::Models) -> Self {
        let keep = |(model, own): (&String, &Arc<Limits>)| {
            let kept = KeptLimits { numbers: None, own: Arc::clone(own), models: models.clone() };
            ((on.to_owned(), model.clone()), kept)
        };
        Self { limits: limits.iter().map(keep).collect(), ..Self::default() }
    }

    /// The limits of each model on a backend that are set.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (&str, &str, Limited)> {
        self.all_limits().filter(|(.., is_set)| *is_set).map(|(on, model, limited, _)| (on, model, limited))
    }

    /// The queues for people, by their files.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&PathBuf, &Queue)> {
        self.queues.iter()
    }

    /// The limits of each model on a backend, and whether they are set: if not, the server may have stated some.
    pub(crate) fn all_limits(&self) -> impl Iterator<Item = (&str, &str, Limited, bool)> {
        self.limits.iter().map(|((on, model), kept)| {
            let is_set = kept.numbers != Some(Numbers::default());
            (on.as_str(), model.as_str(), kept.limited(model), is_set)
        })
    }

    /// The budgets, by their routes' names.
    pub(crate) fn budgets(&self) -> impl Iterator<Item = (Option<&str>, &Budget)> {
        self.budgets.iter().map(|(route, (_, budget))| (route.as_deref(), budget))
    }
}
