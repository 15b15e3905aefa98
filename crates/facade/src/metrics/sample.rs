//! How things stand, as gauges.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use metrics::{Label, gauge};

use crate::{BackendStatus, BudgetStatus, LimitStatus, Status};

/// Tells the recorder how things stand: to be called before the metrics are read, such as by who answers a scrape.
///
/// What was told of and is no more, such as a backend that a reload took away, is NaN from then on: the crate `metrics` has no way to take
/// a series back, and a number would be read as how things stand.
///
/// ```
/// # fn example(mainstay: &mainstay::Mainstay) {
/// mainstay::metrics::sample(&mainstay.status());
/// # }
/// ```
pub fn sample(status: &Status) {
    let mut now = Series::default();
    status.backends.iter().for_each(|status| now.backend(status));
    status.limits.iter().for_each(|status| now.limit(status));
    for BudgetStatus { route, spent, dollars, .. } in &status.budgets {
        let labels = [Label::new("route", route.clone().unwrap_or_default())];
        now.set("mainstay.budget.spent", &labels, *spent);
        now.set("mainstay.budget.dollars", &labels, *dollars);
    }
    for (name, labels) in status.sampled.replaced(now) {
        gauge!(name, labels.iter()).set(f64::NAN);
    }
}

/// The series that were told of when a stack was last sampled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampled(Arc<Mutex<Series>>);

/// Gauges by their names and labels.
#[derive(Debug, Default)]
struct Series(HashSet<(&'static str, Vec<Label>)>);

// === impl Sampled ===

impl Sampled {
    /// Remembers these, and returns those before them that are not among them.
    fn replaced(&self, now: Series) -> Vec<(&'static str, Vec<Label>)> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = mem::replace(&mut *last, now).0;
        before.retain(|series| !last.0.contains(series));
        before.into_iter().collect()
    }
}

/// What was told of how things stand is no part of how they do.
impl PartialEq for Sampled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

// === impl Series ===

impl Series {
    fn set(&mut self, name: &'static str, labels: &[Label], value: f64) {
        gauge!(name, labels.iter()).set(value);
        self.0.insert((name, labels.to_vec()));
    }

    fn backend(&mut self, status: &BackendStatus) {
        let BackendStatus { route, tier, operation, backend, .. } = status;
        let labels = [
            Label::new("route", route.clone()),
            Label::new("tier", tier.clone()),
            Label::new("backend", backend.clone()),
            Label::from_static_parts("operation", operation),
        ];
        self.set("mainstay.backend.up", &labels, f64::from(u8::from(status.is_up())));
        self.set("mainstay.backend.in_flight", &labels, status.in_flight.into());
        self.set("mainstay.backend.failure_ratio", &labels, status.failure_ratio);
    }

    fn limit(&mut self, status: &LimitStatus) {
        let LimitStatus { backend, requests, tokens, in_flight, waiting, wait } = status;
        let backend = Label::new("backend", backend.clone());
        for (unit, left) in [("requests", requests), ("tokens", tokens), ("calls", in_flight)] {
            if let Some(left) = left {
                let labels = [backend.clone(), Label::from_static_parts("unit", unit)];
                self.set("mainstay.limit.available", &labels, *left as f64);
            }
        }
        if let Some(wait) = wait {
            self.set("mainstay.limit.wait", std::slice::from_ref(&backend), wait.as_secs_f64());
        }
        self.set("mainstay.limit.queue", &[backend], *waiting as f64);
    }
}
