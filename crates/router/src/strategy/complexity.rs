use std::cmp::Reverse;

use crate::{
    Candidate, Capabilities, Grade, Invalid, Profile, View,
    strategy::{LeastLoaded, Pick, Refusal, Strategy, filter},
};

/// The model that a request is worth: the small one for what is simple, the one that thinks longest for what is not.
///
/// The score is in [0, 1]: the prompt's characters / 10,000, at most 0.3; plus 0.2 for structured output, 0.2 for more than one
/// step, 0.2 for tools. Below 0.3 it is [`Grade::SMALL`], below 0.7 [`Grade::STANDARD`], else [`Grade::DEEP`]. Where no backend
/// of that grade can take the call, the next better one does, and the next lesser one where there is no better.
/// Among backends of one grade another strategy chooses: [`LeastLoaded`] by default.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Capabilities, Grade, Profile, strategy::Complexity};
///
/// let complexity = Complexity::default();
/// let simple = Profile { prompt_chars: 500, ..Profile::default() };
/// assert_eq!(complexity.grade(&simple), Grade::SMALL);
///
/// let hard = Profile { prompt_chars: 20_000, steps: 3, needs: Capabilities::TOOLS, ..Profile::default() };
/// assert_eq!(complexity.grade(&hard), Grade::DEEP);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Complexity<St = LeastLoaded> {
    weights: Weights,
    standard_from: f64,
    deep_from: f64,
    rank: St,
}

/// What makes a request complex, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// The characters of a prompt that count as 1.
    pub chars: f64,
    /// The most that the prompt's length counts.
    pub length: f64,
    /// What structured output counts.
    pub structured_output: f64,
    /// What more than one step counts.
    pub steps: f64,
    /// What tools count.
    pub tools: f64,
}

/// Sums like 0.3 + 0.2 + 0.2 must not fall short of 0.7 by the rounding of binary fractions.
const ROUNDING: f64 = 1e-9;

// === impl Complexity ===

impl Default for Complexity {
    fn default() -> Self {
        Self { weights: Weights::default(), standard_from: 0.3, deep_from: 0.7, rank: LeastLoaded::default() }
    }
}

impl<St> Complexity<St> {
    /// Sets what makes a request complex.
    #[must_use]
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// Sets the scores from which the standard model is taken, and the one that thinks longest.
    ///
    /// # Errors
    ///
    /// They are not in this order between 0 and 1.
    pub fn thresholds(mut self, standard: f64, deep: f64) -> Result<Self, Invalid> {
        let holds = 0.0 <= standard && standard <= deep && deep <= 1.0;
        (self.standard_from, self.deep_from) =
            Invalid::unless(holds, "thresholds", (standard, deep), "in order, from 0 to 1")?;
        Ok(self)
    }

    /// Sets how backends of one grade are ranked.
    pub fn rank<Other: Strategy>(self, rank: Other) -> Complexity<Other> {
        let Self { weights, standard_from, deep_from, .. } = self;
        Complexity { weights, standard_from, deep_from, rank }
    }

    /// The score of a request, from 0 to 1.
    pub fn score(&self, profile: &Profile<'_>) -> f64 {
        let Weights { chars, length, structured_output, steps, tools } = self.weights;
        let counts = |is: bool, weight: f64| if is { weight } else { 0.0 };
        let score = (profile.prompt_chars as f64 / chars).min(length)
            + counts(profile.needs.contains(Capabilities::STRUCTURED_OUTPUT), structured_output)
            + counts(profile.steps > 1, steps)
            + counts(profile.needs.contains(Capabilities::TOOLS), tools);
        score.clamp(0.0, 1.0)
    }

    /// The grade that a request is worth.
    pub fn grade(&self, profile: &Profile<'_>) -> Grade {
        let score = self.score(profile) + ROUNDING;
        if score < self.standard_from {
            Grade::SMALL
        } else if score < self.deep_from {
            Grade::STANDARD
        } else {
            Grade::DEEP
        }
    }

    /// The best grade that is to be had: the same, the next better, or the next lesser.
    fn best(&self, view: &View<'_>) -> Option<Grade> {
        let wanted = self.grade(view.profile());
        let grades = || view.all_eligible().map(|(_, candidate)| candidate.attributes().grade());
        let better = grades().filter(|grade| *grade >= wanted).min();
        better.or_else(|| grades().min_by_key(|grade| Reverse(*grade)))
    }
}

impl<St: Strategy> Strategy for Complexity<St> {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        let best = self.best(view).ok_or(Refusal::NoneEligible)?;
        let of_grade = filter("complexity", move |candidate: &Candidate<'_>, _: &Profile<'_>| {
            candidate.attributes().grade() == best
        });
        view.filtered(&of_grade, |view| self.rank.choose(view))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        let (wanted, has) = (self.grade(view.profile()), view.get(index)?.attributes().grade());
        let distance = f64::from(has.get()) - f64::from(wanted.get());
        Some(if distance < 0.0 { 256.0 - distance } else { distance })
    }

    fn name(&self) -> &'static str {
        "complexity"
    }
}

// === impl Weights ===

impl Default for Weights {
    fn default() -> Self {
        Self { chars: 10_000.0, length: 0.3, structured_output: 0.2, steps: 0.2, tools: 0.2 }
    }
}
