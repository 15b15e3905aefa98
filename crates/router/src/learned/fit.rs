//! From texts and targets to a predictor.

use serde::{Deserialize, Serialize};

use super::{
    Recipe,
    corpus::Corpus,
    encoder::{Encoded, Encoder},
    forest::{Bins, Forest, Grow},
    head::Head,
    latent::Latent,
    linear::{HEADS, Linear, ridge::Ridge},
};

/// Predicts numbers of a text, before calibration: a head for each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Predictor {
    pub(crate) encoder: Encoder,
    pub(crate) linear: Linear,
    pub(crate) heads: Vec<Head>,
}

/// What one head is to predict, text by text, where it is known.
pub(crate) type Targets = Vec<Option<f32>>;

/// Buckets that fewer texts have say nothing.
const RARE: u32 = 8;

/// How much less than buckets dense features are penalised.
const DENSE_SCALE: f32 = 0.3;

const BINS: usize = 32;
const ITERATIONS: usize = 30;

// === impl Predictor ===

impl Predictor {
    pub(crate) fn fit(texts: &[&str], targets: &[Targets], recipe: &Recipe) -> Self {
        let mut rng = fastrand::Rng::with_seed(recipe.seed);
        let Corpus { mut buckets, mut words, measured } = Corpus::new(texts);
        let rarity = words.rarity(RARE);
        words.weigh(&rarity, u32::MAX);
        let encoder = Encoder::new(&measured, Latent::fit(&words, &rarity, recipe.dims, &mut rng));
        let rows = texts.iter().map(|text| encoder.encode(text, None));
        let features: Vec<Vec<f32>> = rows.map(|row| row.features().to_vec()).collect();
        let rarity = buckets.rarity(RARE);
        buckets.weigh(&rarity, Linear::FIRST_RUN);
        let dense: Vec<&[f32]> = features.iter().map(|row| encoder.dense_of(row)).collect();
        let ridge = Ridge {
            sparse: &buckets,
            dense: &dense,
            dense_scale: DENSE_SCALE,
            penalty: recipe.penalty,
            iterations: ITERATIONS,
        };
        let bins = Bins::new(&features, BINS);
        let grow = grow(recipe);
        let fitted = targets.iter().map(|targets| {
            let (mean, centred) = centred(targets);
            let forest = grow.forest(&bins, &centred, &mut rng);
            (Head { mean, mix: recipe.mix, forest }, ridge.solve(&centred))
        });
        let (heads, weights): (Vec<_>, Vec<_>) = fitted.unzip();
        Self { encoder, linear: Linear::new(&weights, &rarity), heads }
    }

    pub(crate) fn encode(&self, text: &str) -> Encoded {
        self.encoder.encode(text, Some(&self.linear))
    }

    /// What each head says of a text.
    pub(crate) fn values(&self, encoded: &Encoded) -> [f32; HEADS] {
        let mut values = [0.0; HEADS];
        for ((index, head), slot) in self.heads.iter().enumerate().zip(&mut values) {
            *slot = head.value(index, &self.linear, encoded);
        }
        values
    }

    pub(crate) fn is_valid(&self) -> bool {
        let (heads, width) = (self.heads.len(), self.encoder.width());
        let forest = |forest: &Forest| forest.is_valid(width);
        heads <= HEADS
            && self.encoder.is_valid()
            && self.linear.is_valid(heads)
            && self
                .heads
                .iter()
                .all(|head| head.mean.is_finite() && head.mix.is_finite() && forest(&head.forest))
    }
}

fn grow(recipe: &Recipe) -> Grow {
    Grow { trees: recipe.trees, depth: 3, rate: 0.05, ballast: 50.0, rows: 0.5, columns: 0.3 }
}

/// The mean of the targets, and how far each is from it.
fn centred(targets: &Targets) -> (f32, Targets) {
    let known = targets.iter().flatten();
    let mean = known.clone().sum::<f32>() / (known.count().max(1) as f32);
    (mean, targets.iter().map(|target| target.map(|target| target - mean)).collect())
}
