use std::cmp::Ordering;

use crate::{
    Budget, Candidate, Invalid, View,
    budget::Hold,
    strategy::{Pick, Refusal, Strategy},
};

/// The most capable model that fits the budget of a call, otherwise the cheapest.
///
/// What counts is the worst case: the prompt and the most that the answer may have. With a budget per window
/// ([`within`](Self::within)), each call reserves its worst case from the account of its key, and settles on what it has really used;
/// where that does not fit, a cheaper model is taken, and where none fits, the call is refused with `Shed` until the window renews (for
/// good, where it would not fit into a new one). A backend without a price is taken only where no budget per window asks for one, and last.
///
/// Equally capable models rank by their cost, then by their load. All backends are looked at for each choice.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_router::{Budget, strategy::CostBudget};
///
/// let daily = Budget::new(20.0, Duration::from_secs(86_400))?;
/// let strategy = CostBudget::per_call(0.01)?.within(daily.clone());
/// # let _ = strategy;
/// # Ok::<_, mainstay_router::Invalid>(())
/// ```
#[derive(Clone, Debug)]
pub struct CostBudget {
    per_call: f64,
    budget: Option<Budget>,
}

// === impl CostBudget ===

impl CostBudget {
    /// Creates the strategy with a budget for each call, in dollars.
    ///
    /// # Errors
    ///
    /// It is negative or not a number. Infinity is no budget.
    pub fn per_call(dollars: f64) -> Result<Self, Invalid> {
        let per_call = Invalid::unless(dollars >= 0.0, "budget per call", dollars, "not negative")?;
        Ok(Self { per_call, budget: None })
    }

    /// Sets the budget of each key in each window of time.
    #[must_use]
    pub fn within(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    fn cost(view: &View<'_>, candidate: &Candidate<'_>) -> f64 {
        candidate.worst_cost(view.profile()).unwrap_or(f64::INFINITY)
    }

    /// Those that fit come first, the most capable of them before the others; the rest by their cost.
    fn order(&self, view: &View<'_>, one: &Candidate<'_>, other: &Candidate<'_>) -> Ordering {
        let (cost, other_cost) = (Self::cost(view, one), Self::cost(view, other));
        // What is not known never fits, however much would.
        let fits = |cost: f64| cost.is_finite() && cost <= self.per_call;
        let by_grade = match (fits(cost), fits(other_cost)) {
            (true, true) => other.attributes().grade().cmp(&one.attributes().grade()),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => Ordering::Equal,
        };
        by_grade.then(cost.total_cmp(&other_cost)).then_with(|| {
            let load = |candidate: &Candidate<'_>| candidate.load(candidate.first_token());
            load(one).total_cmp(&load(other))
        })
    }

    /// The best whose worst case costs less than `below`.
    fn best<'a>(&self, view: &View<'a>, below: Option<f64>) -> Option<(usize, Candidate<'a>)> {
        view.all_eligible()
            .filter(|(_, candidate)| below.is_none_or(|below| Self::cost(view, candidate) < below))
            .min_by(|(_, one), (_, other)| self.order(view, one, other))
    }

    fn reserve(budget: &Budget, view: &View<'_>, candidate: &Candidate<'_>) -> Option<Hold> {
        let (profile, attributes) = (view.profile(), candidate.attributes());
        budget.reserve(profile.budget_key, attributes.price?, attributes.worst_case(profile))
    }
}

impl Strategy for CostBudget {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        let mut best = self.best(view, None).ok_or(Refusal::NoneEligible)?;
        let Some(budget) = &self.budget else { return Ok(Pick::new(best.0)) };
        loop {
            let (index, candidate) = best;
            if let Some(hold) = Self::reserve(budget, view, &candidate) {
                return Ok(Pick { index, hold: Some(hold) });
            }
            let below = Self::cost(view, &candidate);
            best = self
                .best(view, Some(below))
                .ok_or_else(|| budget.refusal(view.profile().budget_key, view))?;
        }
    }

    fn serves(&self, view: &View<'_>) -> bool {
        let Some(budget) = &self.budget else { return view.all_eligible().next().is_some() };
        let profile = view.profile();
        view.all_eligible().any(|(_, candidate)| budget.fits(profile.budget_key, &candidate, profile))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        view.get(index).map(|candidate| Self::cost(view, &candidate)).filter(|cost| cost.is_finite())
    }

    fn name(&self) -> &'static str {
        "cost_budget"
    }
}
