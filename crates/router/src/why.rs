use std::{fmt, sync::Arc};

use mainstay_fault::BackendId;

use crate::{Ineligible, View, strategy::Strategy};

/// How a call would be routed now, and why: for people. Made by [`Router::why`](crate::Router::why).
///
/// Asking changes nothing: no turn is taken, and nothing is reserved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Why {
    /// The strategy's name.
    pub strategy: &'static str,
    /// All backends, those that can take the call first, the best of them at the head.
    pub candidates: Vec<Judged>,
    /// What weighed in the choice, if the strategy says so: what weighed most first.
    pub reasons: Vec<String>,
}

/// One backend, as a call would find it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Judged {
    /// Its number.
    pub backend: BackendId,
    /// Its name.
    pub name: Arc<str>,
    /// Its score, if the strategy has one: the lower the better.
    pub score: Option<f64>,
    /// Why it cannot take the call, if it cannot.
    pub ineligible: Option<Ineligible>,
}

// === impl Why ===

impl Why {
    pub(crate) fn of(strategy: &dyn Strategy, view: &View<'_>) -> Self {
        let judged = |index: usize| {
            let member = view.member(index)?;
            let (name, ineligible) = (Arc::clone(&member.attributes.name), view.ineligible(index));
            let score = if ineligible.is_none() { strategy.score(view, index) } else { None };
            Some(Judged { backend: member.id, name, score, ineligible })
        };
        let mut candidates: Vec<_> = (0..view.len()).filter_map(judged).collect();
        candidates.sort_by(|one, other| {
            let rank = |judged: &Judged| judged.score.unwrap_or(f64::INFINITY);
            let out = |judged: &Judged| judged.ineligible.is_some();
            out(one).cmp(&out(other)).then(rank(one).total_cmp(&rank(other)))
        });
        Self { strategy: strategy.name(), candidates, reasons: strategy.reasons(view) }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by {}:", self.strategy)?;
        for Judged { name, score, ineligible, .. } in &self.candidates {
            match (ineligible, score) {
                (Some(why), _) => write!(f, "\n  {name}: not eligible, {why}")?,
                (None, Some(score)) => write!(f, "\n  {name}: eligible, score {score:.6}")?,
                (None, None) => write!(f, "\n  {name}: eligible")?,
            }
        }
        self.reasons.iter().try_for_each(|reason| write!(f, "\n  because: {reason}"))
    }
}
