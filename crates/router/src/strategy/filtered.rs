use crate::{
    Candidate, Profile, View,
    strategy::{Pick, Refusal, Strategy},
};

/// Rules backends out.
pub trait Filter: Send + Sync {
    /// Whether a backend may take a call.
    fn admits(&self, candidate: &Candidate<'_>, profile: &Profile<'_>) -> bool;

    /// Its name, for people.
    fn name(&self) -> &'static str;
}

/// Puts a filter before a strategy.
pub trait FilterExt: Filter + Sized {
    /// Ranks by a strategy what this filter lets through.
    fn then<St: Strategy>(self, rank: St) -> Filtered<Self, St> {
        Filtered { filter: self, rank }
    }
}

/// A filter, then a strategy. Made by [`FilterExt::then`].
#[derive(Clone, Copy, Debug)]
pub struct Filtered<F, St> {
    filter: F,
    rank: St,
}

/// A closure as a filter. Made by [`filter`].
#[derive(Clone, Copy, Debug)]
pub struct ByFilter<F> {
    name: &'static str,
    admits: F,
}

/// Makes a filter of a closure.
pub fn filter<F>(name: &'static str, admits: F) -> ByFilter<F>
where
    F: Fn(&Candidate<'_>, &Profile<'_>) -> bool + Send + Sync,
{
    ByFilter { name, admits }
}

// === impl ByFilter ===

impl<F> Filter for ByFilter<F>
where
    F: Fn(&Candidate<'_>, &Profile<'_>) -> bool + Send + Sync,
{
    fn admits(&self, candidate: &Candidate<'_>, profile: &Profile<'_>) -> bool {
        (self.admits)(candidate, profile)
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

impl<F: Filter> FilterExt for F {}

// === impl Filtered ===

impl<F: Filter, St: Strategy> Strategy for Filtered<F, St> {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        view.filtered(&self.filter, |view| self.rank.choose(view))
    }

    fn serves(&self, view: &View<'_>) -> bool {
        view.filtered(&self.filter, |view| self.rank.serves(view))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        view.filtered(&self.filter, |view| {
            view.eligible(index)?;
            self.rank.score(view, index)
        })
    }

    fn reasons(&self, view: &View<'_>) -> Vec<String> {
        view.filtered(&self.filter, |view| self.rank.reasons(view))
    }

    fn name(&self) -> &'static str {
        self.rank.name()
    }
}
