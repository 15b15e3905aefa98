mod calibration;
mod error;
mod explain;
mod file;
mod train;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use error::{ModelError, TrainError};
pub use explain::{Explanation, Weighed};

use super::{encoder::Encoded, fit::Predictor, head::HEADS, threshold::Held};
use calibration::Line;

/// What has been learned: for each model, how well it will answer a prompt.
///
/// Clones share it. Predicting neither allocates nor locks, and reads the first 16 KiB of a prompt.
///
/// # Examples
///
/// ```
/// use mainstay_router::learned::{Dataset, Model, Recipe};
///
/// // Sums are too hard for the weak model.
/// let mut data = Dataset::default();
/// for n in 0..200 {
///     let (prompt, weak) = if n % 2 == 0 { (format!("What is {n} + {n}?"), 0.0) } else { (format!("Say hello, {n}!"), 1.0) };
///     data.push(prompt, [("weak", weak), ("strong", 1.0)]);
/// }
/// let model = Model::train(&data, &Recipe::default().trees(50))?;
/// assert!(model.predict("What is 7 + 8?").gain() > model.predict("Say hello, you!").gain());
/// # Ok::<_, mainstay_router::learned::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) learned: Arc<Learned>,
    /// Dollars a call, or what else is known of what models cost; from 0 for the cheapest to 1 for the dearest.
    pub(crate) relative: Vec<f64>,
}

/// What a file keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Learned {
    /// The cheapest first.
    pub(crate) models: Vec<String>,
    /// Dollars a call, where they are known.
    pub(crate) costs: Vec<Option<f64>>,
    pub(crate) predictor: Predictor,
    /// Whether a line is of a head's difference to the first head.
    pub(crate) differs: Vec<bool>,
    pub(crate) lines: Vec<Line>,
    pub(crate) held: Vec<Held>,
}

/// How well each model is predicted to answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    pub(crate) values: [f32; HEADS],
    pub(crate) count: usize,
}

// === impl Model ===

impl Model {
    /// The models' names: the cheapest first.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &str> {
        self.learned.models.iter().map(|model| &**model)
    }

    /// The index of a model, if it is known.
    pub fn index_of(&self, model: &str) -> Option<usize> {
        self.learned.models.iter().position(|name| *name == model)
    }

    /// Predicts how well each model will answer a prompt.
    pub fn predict(&self, prompt: &str) -> Prediction {
        self.learned.predict(&self.learned.predictor.encode(prompt))
    }

    /// Sets what a call costs, in dollars, by model. What is not named keeps its cost.
    #[must_use]
    pub fn with_costs<'a>(mut self, costs: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let learned = Arc::make_mut(&mut self.learned);
        for (model, cost) in costs {
            let named = learned.models.iter().zip(&mut learned.costs).find(|(name, _)| **name == *model);
            if let Some((_, slot)) = named.filter(|_| cost.is_finite() && cost >= 0.0) {
                *slot = Some(cost);
            }
        }
        self.relative = relative(&self.learned.costs);
        self
    }

    /// Dollars a call, if they are known.
    pub fn cost(&self, model: usize) -> Option<f64> {
        self.learned.costs.get(model).copied().flatten()
    }

    pub(crate) fn new(learned: Learned) -> Self {
        Self { relative: relative(&learned.costs), learned: Arc::new(learned) }
    }
}

// === impl Learned ===

impl Learned {
    pub(crate) fn predict(&self, encoded: &Encoded) -> Prediction {
        self.calibrate(self.predictor.values(encoded))
    }

    /// From what heads say to how well models will answer.
    pub(crate) fn calibrate(&self, mut values: [f32; HEADS]) -> Prediction {
        let [first, ..] = values;
        let mut base = None;
        for (value, (line, differs)) in values.iter_mut().zip(self.lines.iter().zip(&self.differs)) {
            *value = match base.filter(|_| *differs) {
                Some(base) => base + line.at(*value - first),
                None => line.at(*value),
            };
            base.get_or_insert(*value);
        }
        Prediction { values, count: self.models.len() }
    }

    fn is_valid(&self) -> bool {
        let count = self.models.len();
        let lengths = [self.costs.len(), self.differs.len(), self.lines.len(), self.predictor.heads.len()];
        (2..=HEADS).contains(&count)
            && lengths.iter().all(|length| *length == count)
            && self.differs.first() == Some(&false)
            && self.predictor.is_valid()
            && self.lines.iter().all(|line| line.is_valid())
            && self.held.iter().all(|held| held.is_valid(count))
    }
}

// === impl Prediction ===

impl Prediction {
    /// How likely a model is to answer well, from 0 to 1.
    pub fn probability(&self, model: usize) -> Option<f64> {
        self.values().nth(model).map(|value| value.clamp(0.0, 1.0))
    }

    /// How much better the dearest model is predicted to answer than the cheapest.
    pub fn gain(&self) -> f64 {
        self.values().last().unwrap_or(0.0) - self.values().next().unwrap_or(0.0)
    }

    /// As predicted: it may be a little below 0 or above 1.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = f64> + '_ {
        self.values.get(..self.count).unwrap_or(&[]).iter().copied().map(f64::from)
    }
}

/// Costs from 0 to 1. Where not all are known, or all are the same, models are as dear as their rank says.
fn relative(costs: &[Option<f64>]) -> Vec<f64> {
    let known: Vec<f64> = costs.iter().flatten().copied().collect();
    let (least, most) =
        known.iter().fold((f64::MAX, 0.0_f64), |(least, most), cost| (least.min(*cost), most.max(*cost)));
    if known.len() == costs.len() && most > least {
        return known.iter().map(|cost| (cost - least) / (most - least)).collect();
    }
    let steps = costs.len().saturating_sub(1).max(1) as f64;
    (0..costs.len()).map(|rank| rank as f64 / steps).collect()
}
