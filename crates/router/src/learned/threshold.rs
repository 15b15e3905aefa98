use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Model;

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// A share of calls to the strong model, from 0 to 1. With more than two models, the mean of their costs, where the cheapest's is
    /// 0 and the dearest's 1.
    Share(f64),
    /// At most so many dollars for 1,000 calls.
    DollarsPerThousand(f64),
    /// At least this mean score of the answers, from 0 to 1, for as little money as it takes.
    Quality(f64),
}

/// How much better a dearer model must be predicted to answer, to be worth its price: the predicted gain that pays for going from
/// the cheapest model to the dearest.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Threshold(pub(crate) f64);

/// A threshold, and what it did on calls that were held back from training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Calibrated {
    /// The threshold.
    pub threshold: Threshold,
    /// The share of calls to the strong model, as [`Target::Share`] counts it.
    pub share: Estimate,
    /// The mean score of the answers, where they are known.
    pub quality: Estimate,
    /// Dollars for 1,000 calls, if the models' costs are known.
    pub dollars_per_thousand: Option<Estimate>,
    /// How many calls were held back.
    pub calls: usize,
}

/// A mean, and between what it lies with a confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// What it is not below.
    pub low: f64,
    /// What it is not above.
    pub high: f64,
}

/// Why there is no threshold for a target.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The target is not in its range.
    #[error("the target is {0}: it must be a number, not negative; a share or a quality at most 1")]
    Range(f64),
    /// The models' costs are not known.
    #[error("the models' costs are not known: put them into the data, or set them")]
    Costs,
    /// No choice is cheap enough, or good enough: with the best that there is.
    #[error("the target cannot be reached: the best on calls that were held back is {best:.4}")]
    OutOfReach {
        /// The best that there is.
        best: f64,
    },
}

/// A call that was held back: what was predicted, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) predicted: Vec<f32>,
    pub(crate) outcomes: Vec<Option<f32>>,
}

/// How finely thresholds are tried, from -1 to 1.
const STEPS: i32 = 2_000;

// === impl Threshold ===

impl Threshold {
    /// Takes the dearest model where it is predicted to answer better than the cheapest by more than this.
    pub const fn new(gain: f64) -> Self {
        Self(gain)
    }

    /// The gain that it asks for.
    pub const fn gain(self) -> f64 {
        self.0
    }

    /// What a model is worth.
    pub(crate) fn worth(self, value: f64, relative_cost: f64) -> f64 {
        value - self.0 * relative_cost
    }
}

// === impl Model ===

impl Model {
    /// Finds the threshold that reaches a target on calls that were held back from training.
    ///
    /// # Errors
    ///
    /// The target makes no sense, is out of reach, or needs costs that are not known.
    pub fn threshold(&self, target: Target) -> Result<Calibrated, TargetError> {
        let (Target::Share(aim) | Target::DollarsPerThousand(aim) | Target::Quality(aim)) = target;
        let most = if matches!(target, Target::DollarsPerThousand(_)) { f64::INFINITY } else { 1.0 };
        if !(aim >= 0.0 && aim <= most) {
            return Err(TargetError::Range(aim));
        }
        // From buying always to buying never: the first that is cheap enough, or the last that is good enough.
        let mut all = (-STEPS..=STEPS)
            .map(|step| f64::from(step) / f64::from(STEPS))
            .map(|gain| self.try_on(Threshold(gain)));
        match target {
            Target::Share(_) => {
                all.find(|tried| tried.share.mean <= aim).ok_or(TargetError::OutOfReach { best: 0.0 })
            }
            Target::DollarsPerThousand(_) => self.within(all, aim),
            Target::Quality(_) => good_enough(all.collect(), aim),
        }
    }

    /// What a threshold does on the calls that were held back from training.
    pub fn try_on(&self, threshold: Threshold) -> Calibrated {
        let held = &self.learned.held;
        let chosen: Vec<usize> = held.iter().map(|held| self.best(&held.predicted, threshold)).collect();
        let costs: Option<Vec<f64>> = chosen.iter().map(|model| Some(self.cost(*model)? * 1_000.0)).collect();
        let known =
            held.iter().zip(&chosen).filter_map(|(held, model)| held.outcomes.get(*model).copied().flatten());
        Calibrated {
            threshold,
            share: Estimate::of(chosen.iter().filter_map(|model| self.relative.get(*model).copied())),
            quality: Estimate::of(known.map(f64::from)),
            dollars_per_thousand: costs.map(|costs| Estimate::of(costs.into_iter())),
            calls: held.len(),
        }
    }

    fn best(&self, predicted: &[f32], threshold: Threshold) -> usize {
        let worth = predicted
            .iter()
            .zip(&self.relative)
            .map(|(value, cost)| threshold.worth(f64::from(*value), *cost));
        // Of equals, the cheapest.
        worth
            .enumerate()
            .reduce(|best, other| if other.1 > best.1 { other } else { best })
            .map_or(0, |(model, _)| model)
    }

    fn within(&self, mut all: impl Iterator<Item = Calibrated>, aim: f64) -> Result<Calibrated, TargetError> {
        let dollars = |tried: &Calibrated| tried.dollars_per_thousand.map(|dollars| dollars.mean);
        let cheapest = dollars(&self.try_on(Threshold(f64::MAX))).ok_or(TargetError::Costs)?;
        all.find(|tried| dollars(tried).is_some_and(|dollars| dollars <= aim))
            .ok_or(TargetError::OutOfReach { best: cheapest })
    }
}

/// The cheapest that is good enough.
fn good_enough(all: Vec<Calibrated>, aim: f64) -> Result<Calibrated, TargetError> {
    let best = all.iter().map(|tried| tried.quality.mean).fold(0.0, f64::max);
    let good = all.into_iter().filter(|tried| tried.quality.mean >= aim);
    good.reduce(|best, other| if other.share.mean < best.share.mean { other } else { best })
        .ok_or(TargetError::OutOfReach { best })
}

// === impl Estimate ===

impl Estimate {
    /// The mean of values, with the interval of the normal distribution.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let (count, sum, squares) = values.fold((0_u32, 0.0, 0.0), |(count, sum, squares), value| {
            (count + 1, sum + value, value.mul_add(value, squares))
        });
        let count = f64::from(count.max(1));
        let mean = sum / count;
        let margin = 1.96 * ((squares / count - mean * mean).max(0.0) / count).sqrt();
        Self { mean, low: mean - margin, high: mean + margin }
    }
}

// === impl Held ===

impl Held {
    pub(crate) fn is_valid(&self, models: usize) -> bool {
        self.predicted.len() == models
            && self.outcomes.len() == models
            && self.predicted.iter().chain(self.outcomes.iter().flatten()).all(|value| value.is_finite())
    }
}
