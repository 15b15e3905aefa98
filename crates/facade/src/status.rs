//! How things stand at a moment: backends, limits, budgets.

use std::{fmt, sync::Arc, time::Duration};

use mainstay_router::{Router, Snapshot};
use serde::{Serialize, Serializer};

use crate::{
    assemble::Live,
    limited::Limited,
    limits::{MANY_CALLS, MANY_REQUESTS, MANY_TOKENS, known},
};

/// How things stand at a moment. Shown, it is a small table; by serde it is JSON.
///
/// # Examples
///
/// ```
/// use mainstay::Mainstay;
///
/// let mainstay = Mainstay::from_toml(r#"
///     [backends.here]
///     base_url = "http://127.0.0.1:8080/v1"
///     [backends.there]
///     base_url = "http://127.0.0.1:8081/v1"
///     [routes.chat]
///     tiers = [{ models = [{ on = "here" }, { on = "there", requests_per_minute = 60 }] }]
/// "#)?;
/// let status = mainstay.status();
/// assert!(status.backends.iter().all(|backend| backend.is_up()));
/// assert_eq!(status.limits[0].requests, Some(60));
/// assert_eq!(status.limits[0].tokens, None);
/// # Ok::<_, mainstay::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The backends of all tiers of all routes, for each kind of call. A model on a backend is set aside for chats and their streams
    /// together, on all routes.
    pub backends: Vec<BackendStatus>,
    /// The limits that are set, and those that servers have stated.
    pub limits: Vec<LimitStatus>,
    /// The budgets in dollars.
    pub budgets: Vec<BudgetStatus>,
    /// What metrics were told of before, which may be no more.
    #[cfg(feature = "metrics")]
    #[serde(skip)]
    pub(crate) sampled: crate::metrics::Sampled,
}

/// How a backend does in a tier of a route.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BackendStatus {
    /// The route.
    pub route: String,
    /// The tier.
    pub tier: String,
    /// The kind of call: `chat`, `chat_stream`, `embeddings`.
    pub operation: &'static str,
    /// The backend, as in [`Report`](crate::Report).
    pub backend: String,
    /// The calls that it has, chats and streams together, on all routes.
    pub in_flight: u32,
    /// The share of these calls that failed of late.
    pub failure_ratio: f64,
    /// Why it is set aside, if it is.
    pub set_aside: Option<&'static str>,
    /// How long it still is; zero where it waits for a probe.
    #[serde(rename = "returns_in_seconds", serialize_with = "seconds")]
    pub returns_in: Option<Duration>,
    /// The latency to the first token, if it was ever measured.
    #[serde(rename = "first_token_seconds", serialize_with = "seconds")]
    pub first_token: Option<Duration>,
}

/// What is left of the limits of a model on a backend. What is owed is negative.
///
/// A limit is told of if it is set, or the server has stated it of late, or holds calls back by a Retry-After. Where one backend serves
/// whatever model is named, only the models for which any is set are told of.
///
/// Of limits that processes share it is what the server said last, and what has come back since; while it is away, what is left of the
/// local share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LimitStatus {
    /// The backend, as in [`Report`](crate::Report).
    pub backend: String,
    /// The requests that may be sent at once, if they are limited.
    pub requests: Option<i64>,
    /// The tokens that may be used at once, if they are limited.
    pub tokens: Option<i64>,
    /// The calls that may be begun, if those under way are limited.
    pub in_flight: Option<i64>,
    /// The calls that wait for one of them.
    pub waiting: usize,
    /// How long the smallest call would wait now, such as after the server's Retry-After; `None` where that cannot be told, since all
    /// that may be under way are.
    #[serde(rename = "wait_seconds", serialize_with = "seconds")]
    pub wait: Option<Duration>,
}

/// What is left of a budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The route whose calls spend it; `None` if all do.
    pub route: Option<String>,
    /// The US dollars in each window, for each user if it is a budget per user.
    pub dollars: f64,
    /// What was spent in this window by all, what is reserved included.
    pub spent: f64,
    /// How long until it renews.
    #[serde(rename = "renews_in_seconds", serialize_with = "some_seconds")]
    pub renews_in: Duration,
}

/// The backends of a tier, to be looked at.
pub(crate) struct Watched {
    route: Arc<str>,
    tier: Arc<str>,
    operation: &'static str,
    look: Box<dyn Fn() -> Vec<Snapshot> + Send + Sync>,
}

// === impl Status ===

impl Status {
    pub(crate) fn of(live: &Live, #[cfg(feature = "metrics")] sampled: crate::metrics::Sampled) -> Self {
        let mut limits: Vec<_> = live
            .kept
            .all_limits()
            .filter_map(|(on, model, limits, is_set)| LimitStatus::of(on, model, &limits, is_set))
            .collect();
        limits.sort_unstable_by(|one, other| one.backend.cmp(&other.backend));
        let mut budgets: Vec<_> = live
            .kept
            .budgets()
            .map(|(route, budget)| BudgetStatus {
                route: route.map(str::to_owned),
                dollars: budget.dollars(),
                spent: budget.spent_by_all(),
                renews_in: budget.renews_in(),
            })
            .collect();
        budgets.sort_unstable_by(|one, other| one.route.cmp(&other.route));
        let backends = live.watched.iter().flat_map(Watched::status).collect();
        Self {
            backends,
            limits,
            budgets,
            #[cfg(feature = "metrics")]
            sampled,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of streams it is the same as of chats.
        for BackendStatus { route, operation, backend, in_flight, set_aside, returns_in, .. } in
            self.backends.iter().filter(|backend| backend.operation != "chat_stream")
        {
            write!(f, "{route}: {backend} ({operation}): ")?;
            match (set_aside, returns_in) {
                (Some(why), Some(left)) => write!(f, "set aside ({why}), {left:.0?} left")?,
                _ => f.write_str("up")?,
            }
            writeln!(f, ", {in_flight} in flight")?;
        }
        for LimitStatus { backend, requests, tokens, in_flight, waiting, wait } in &self.limits {
            write!(f, "{backend}:")?;
            for (left, unit) in [(requests, "requests"), (tokens, "tokens"), (in_flight, "places")] {
                if let Some(left) = left {
                    write!(f, " {left} {unit},")?;
                }
            }
            write!(f, " {waiting} waiting")?;
            match wait {
                Some(wait) if !wait.is_zero() => writeln!(f, ", the next for {wait:.1?}")?,
                _ => writeln!(f)?,
            }
        }
        for BudgetStatus { route, dollars, spent, renews_in } in &self.budgets {
            let route = route.as_deref().unwrap_or("all routes");
            writeln!(f, "{route}: ${spent:.4} of ${dollars} spent, renews in {renews_in:.0?}")?;
        }
        Ok(())
    }
}

// === impl BackendStatus ===

impl BackendStatus {
    /// Whether it takes calls.
    pub const fn is_up(&self) -> bool {
        self.set_aside.is_none()
    }
}

// === impl LimitStatus ===

impl LimitStatus {
    /// How the limits of a model stand, if there are any.
    fn of(on: &str, model: &str, limits: &Limited, is_set: bool) -> Option<Self> {
        let requests = known(limits.requests_available(), MANY_REQUESTS);
        let tokens = known(limits.tokens_available(), MANY_TOKENS);
        let in_flight = known(limits.in_flight_available(), MANY_CALLS.into());
        let wait = limits.wait_for(1);
        let is_stated = requests.is_some() || tokens.is_some() || in_flight.is_some();
        (is_set || is_stated || wait.is_some_and(|wait| !wait.is_zero())).then(|| Self {
            backend: format!("{on}/{model}"),
            requests,
            tokens,
            in_flight,
            waiting: limits.waiting(),
            wait,
        })
    }
}

// === impl Watched ===

impl Watched {
    pub(crate) fn new<S: Send + Sync + 'static>(
        tier: &Arc<str>,
        operation: &'static str,
        router: Router<S>,
    ) -> Self {
        let look = Box::new(move || router.snapshot());
        Self { route: Arc::default(), tier: Arc::clone(tier), operation, look }
    }

    pub(crate) fn on(self, route: &Arc<str>) -> Self {
        Self { route: Arc::clone(route), ..self }
    }

    fn status(&self) -> impl Iterator<Item = BackendStatus> + '_ {
        (self.look)().into_iter().map(|snapshot| BackendStatus {
            route: (*self.route).to_owned(),
            tier: (*self.tier).to_owned(),
            operation: self.operation,
            backend: (*snapshot.name).to_owned(),
            in_flight: snapshot.in_flight,
            failure_ratio: snapshot.failure_ratio,
            set_aside: snapshot.set_aside.map(|cause| cause.kind().as_str()),
            returns_in: snapshot.returns_in,
            first_token: snapshot.first_token,
        })
    }
}

#[allow(clippy::ref_option, reason = "serde gives a reference to the field")]
fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

fn some_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
