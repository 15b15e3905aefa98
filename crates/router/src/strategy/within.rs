use std::time::Duration;

use crate::{
    Budget, Candidate, Profile, View,
    budget::Hold,
    strategy::{Pick, Refusal, Strategy, filter},
};

/// Ranks by another strategy, among backends whose worst case a budget still has room for. Made by [`Budget::then`].
///
/// Each call reserves its worst case (the prompt, and the most that the answer may have) from the account of its
/// [`budget_key`](Profile::budget_key), or from one account for all with [`shared`](Self::shared), and settles on what it has
/// really used. Where no backend's worst case fits, the call is refused with `Shed` until the window renews, or for good where it would
/// not fit into a new one. A backend without a price is never taken: what a call costs there cannot be reserved.
///
/// Budgets nest: a day's within a month's.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_router::{Budget, strategy::LeastLoaded};
///
/// let daily = Budget::new(20.0, Duration::from_secs(86_400))?;
/// let strategy = daily.clone().then(LeastLoaded::default());
/// # let _ = strategy;
/// # Ok::<_, mainstay_router::Invalid>(())
/// ```
#[derive(Clone, Debug)]
pub struct Within<St> {
    budget: Budget,
    shared: bool,
    rank: St,
}

/// How often a choice is made anew because other calls were quicker to reserve what was left.
const TRIES: usize = 16;

// === impl Budget ===

impl Budget {
    /// Ranks by a strategy, among backends whose worst case this budget has room for.
    pub fn then<St: Strategy>(self, rank: St) -> Within<St> {
        Within { budget: self, shared: false, rank }
    }

    /// Whether it has room for the worst case of a call at a backend.
    pub(super) fn fits(&self, key: &str, candidate: &Candidate<'_>, profile: &Profile<'_>) -> bool {
        let attributes = candidate.attributes();
        attributes.price.is_some_and(|price| self.has_room(key, price, attributes.worst_case(profile)))
    }

    /// Refuses a call that it has no room for: until it renews, or for ever if a new window has no room for it either, wherever it can
    /// go now or in a moment. Where it can only go in a moment, or there is room then, that moment is what is waited for.
    pub(super) fn refusal(&self, key: &str, view: &View<'_>) -> Refusal {
        let profile = view.profile();
        let now = || view.all_eligible().map(|(_, candidate)| candidate);
        let later = || (0..view.len()).filter(|at| view.is_away_for_now(*at)).filter_map(|at| view.get(at));
        if now().next().is_none() || later().any(|candidate| self.fits(key, &candidate, profile)) {
            return Refusal::NoneEligible;
        }
        let ever = now().chain(later()).any(|candidate| {
            let attributes = candidate.attributes();
            attributes.price.is_some_and(|price| self.ever_has_room(price, attributes.worst_case(profile)))
        });
        let renews_in = self.renews_in().max(Duration::from_millis(1));
        Refusal::BudgetUsedUp(if ever { renews_in } else { Duration::MAX })
    }
}

// === impl Within ===

impl<St> Within<St> {
    /// Has all calls spend from one account, whatever their keys.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    fn key<'p>(&self, profile: &Profile<'p>) -> &'p str {
        if self.shared { "" } else { profile.budget_key }
    }

    fn reserve(&self, view: &View<'_>, index: usize) -> Option<Hold> {
        let (profile, attributes) = (view.profile(), view.get(index)?.attributes());
        self.budget.reserve(self.key(profile), attributes.price?, attributes.worst_case(profile))
    }
}

impl<St: Strategy> Within<St> {
    /// Looks at what the budget has room for.
    fn afforded<T>(&self, view: &View<'_>, look: impl FnOnce(&View<'_>) -> T) -> T {
        let fits = |candidate: &Candidate<'_>, profile: &Profile<'_>| {
            self.budget.fits(self.key(profile), candidate, profile)
        };
        view.filtered(&filter("budget", fits), look)
    }
}

impl<St: Strategy> Strategy for Within<St> {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        for _ in 0..TRIES {
            let pick = match self.afforded(view, |view| self.rank.choose(view)) {
                Err(Refusal::NoneEligible) => break,
                chosen => chosen?,
            };
            if let Some(hold) = self.reserve(view, pick.index) {
                return Ok(pick.holding(hold));
            }
        }
        Err(self.budget.refusal(self.key(view.profile()), view))
    }

    fn serves(&self, view: &View<'_>) -> bool {
        self.afforded(view, |view| self.rank.serves(view))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        self.afforded(view, |view| self.rank.score(view, index))
    }

    fn reasons(&self, view: &View<'_>) -> Vec<String> {
        self.afforded(view, |view| self.rank.reasons(view))
    }

    fn name(&self) -> &'static str {
        self.rank.name()
    }
}
