use crate::{
    Candidate, Profile, View,
    strategy::{Pick, Refusal, Strategy, least},
};

/// The backend with the least score by a closure. Made by [`by_fn`].
#[derive(Clone, Copy, Debug)]
pub struct ByFn<F> {
    score: F,
}

/// Chooses the backend with the least score by a closure.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Candidate, Profile, strategy::by_fn};
///
/// let fewest = by_fn(|candidate: &Candidate<'_>, _: &Profile<'_>| f64::from(candidate.in_flight()));
/// # let _ = fewest;
/// ```
pub fn by_fn<F>(score: F) -> ByFn<F>
where
    F: Fn(&Candidate<'_>, &Profile<'_>) -> f64 + Send + Sync,
{
    ByFn { score }
}

// === impl ByFn ===

impl<F> Strategy for ByFn<F>
where
    F: Fn(&Candidate<'_>, &Profile<'_>) -> f64 + Send + Sync,
{
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        least(view, |candidate| (self.score)(candidate, view.profile()))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        view.get(index).map(|candidate| (self.score)(&candidate, view.profile()))
    }

    fn name(&self) -> &'static str {
        "by_fn"
    }
}
