//! What all connections share.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderName, header};
use tokio::time::Instant;

use crate::{
    ledger::Ledger,
    model::Model,
    plan::{Plan, UnknownModels},
    refusal::Refusal,
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) plan: Plan,
    pub(crate) ledger: Arc<Ledger>,
    idempotency: HeaderName,
    requests: AtomicU64,
    run: RwLock<Run>,
}

/// What a reset begins anew.
#[derive(Debug)]
struct Run {
    started: Instant,
    models: HashMap<String, Arc<Model>>,
}

// === impl State ===

impl State {
    /// The state of a server that follows a plan which was found valid.
    pub(crate) fn new(plan: Plan) -> Self {
        let named = HeaderName::try_from(&plan.idempotency_header);
        Self {
            idempotency: named.unwrap_or(HeaderName::from_static("idempotency-key")),
            plan,
            ledger: Arc::default(),
            requests: AtomicU64::new(0),
            run: RwLock::new(Run::new()),
        }
    }

    /// The model of that name, if the plan lets there be one.
    pub(crate) fn model(&self, name: &str) -> Result<Arc<Model>, Refusal> {
        let run = self.run.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = run.models.get(name) {
            return Ok(Arc::clone(model));
        }
        drop(run);
        let plan = match self.plan.models.get(name) {
            Some(plan) => plan,
            None if self.plan.unknown_models == UnknownModels::NotFound => {
                return Err(Refusal::model_not_found(name));
            }
            None => &self.plan.default,
        };
        let mut run = self.run.write().unwrap_or_else(PoisonError::into_inner);
        let model = || Arc::new(Model::new(name, plan.clone(), Instant::now()));
        Ok(Arc::clone(run.models.entry(name.to_owned()).or_insert_with(model)))
    }

    /// Refuses a caller without one of the plan's keys, if it has any.
    pub(crate) fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.plan.keys.is_empty() {
            return Ok(());
        }
        let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let key = bearer.or_else(|| text(headers, &HeaderName::from_static("api-key")));
        match key {
            Some(key) if self.plan.keys.iter().any(|known| known == key) => Ok(()),
            key => Err(Refusal::unauthorized(key)),
        }
    }

    pub(crate) fn idempotency_key<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        text(headers, &self.idempotency)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.run.read().unwrap_or_else(PoisonError::into_inner).started.elapsed()
    }

    /// Counts a request; the number is its id.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins anew: statistics, sequences, limits, outages, draws.
    pub(crate) fn reset(&self) {
        *self.run.write().unwrap_or_else(PoisonError::into_inner) = Run::new();
        self.ledger.reset();
    }
}

// === impl Run ===

impl Run {
    fn new() -> Self {
        Self { started: Instant::now(), models: HashMap::new() }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
