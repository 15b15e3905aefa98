mod replay;

pub use replay::Replay;

use super::{
    Drift, Model, Online, Threshold,
    head::HEADS,
    online::{Context, Learning},
};

/// Chooses between models by what was learned, and learns on from what comes of it.
///
/// # Examples
///
/// ```
/// use mainstay_router::learned::{Chooser, Dataset, Model, Online, Recipe, Threshold};
///
/// let mut data = Dataset::default();
/// for n in 0..100 {
///     data.push(format!("Say {n}!"), [("weak", 1.0), ("strong", 1.0)]);
/// }
/// let model = Model::train(&data, &Recipe::default().trees(10))?;
/// let chooser = Chooser::new(model, Threshold::new(0.05)).online(Online::default());
/// assert_eq!(chooser.decide("Say it!"), "weak");
/// // The weak model has changed for the worse.
/// for _ in 0..200 {
///     chooser.observe("Say it!", "weak", 0.0);
/// }
/// assert_eq!(chooser.decide("Say it!"), "strong");
/// # Ok::<_, mainstay_router::learned::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Chooser {
    model: Model,
    threshold: Threshold,
    learning: Option<Learning>,
}

/// What each model is worth to a prompt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worths {
    values: [f64; HEADS],
    count: usize,
}

// === impl Chooser ===

impl Chooser {
    /// Chooses by a model and a threshold.
    pub const fn new(model: Model, threshold: Threshold) -> Self {
        Self { model, threshold, learning: None }
    }

    /// Learns on from outcomes: see [`observe`](Self::observe).
    #[must_use]
    pub fn online(mut self, online: Online) -> Self {
        self.learning = Some(Learning::new(online, self.model.learned.models.len()));
        self
    }

    /// The model.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// The threshold.
    pub const fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The name of the model that is worth most. It neither allocates nor locks.
    pub fn decide(&self, prompt: &str) -> &str {
        let best = self.worths(prompt).best(|_| true);
        best.and_then(|model| self.model.learned.models.get(model)).map_or("", |name| name)
    }

    /// Learns how well a model answered a prompt, from 0 to 1. Models that are not known, and what is no score, change nothing; nor
    /// does anything without [`online`](Self::online).
    ///
    /// It takes a lock that other observers take too, but no choice does.
    pub fn observe(&self, prompt: &str, model: &str, outcome: f64) {
        let Some(learning) = &self.learning else { return };
        let Some(model) = self.model.index_of(model).filter(|_| (0.0..=1.0).contains(&outcome)) else {
            return;
        };
        let encoded = self.model.learned.predictor.encode(prompt);
        let predicted = self.model.learned.predict(&encoded);
        if let Some(value) = predicted.values().nth(model) {
            learning.observe(model, &Context::of(&encoded), outcome - value);
        }
    }

    /// How far outcomes have been from what was predicted of late, model by model. Empty without [`online`](Self::online).
    pub fn drift(&self) -> Vec<Drift> {
        let drifts = self.learning.as_ref().map(Learning::drift).unwrap_or_default();
        let named = self.model.models().zip(drifts);
        named.map(|(model, (seen, bias))| Drift { model: model.to_owned(), seen, bias }).collect()
    }

    pub(crate) fn worths(&self, prompt: &str) -> Worths {
        let encoded = self.model.learned.predictor.encode(prompt);
        let prediction = self.model.learned.predict(&encoded);
        let (mut values, mut count) = ([0.0; HEADS], 0);
        for ((slot, value), cost) in values.iter_mut().zip(prediction.values()).zip(&self.model.relative) {
            *slot = self.threshold.worth(value, *cost);
            count += 1;
        }
        if let Some(learning) = &self.learning {
            learning.correct(&Context::of(&encoded), &mut values);
        }
        Worths { values, count }
    }
}

// === impl Worths ===

impl Worths {
    pub(crate) fn get(&self, model: usize) -> Option<f64> {
        self.values.get(..self.count)?.get(model).copied()
    }

    /// The model that is worth most, among some; of equals the cheapest.
    pub(crate) fn best(&self, among: impl Fn(usize) -> bool) -> Option<usize> {
        let values = self.values.iter().take(self.count).enumerate().filter(|(model, _)| among(*model));
        values.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(model, _)| model)
    }
}
