//! From texts and targets to a predictor.

use serde::{Deserialize, Serialize};

use super::{
    Dataset, Recipe,
    corpus::Corpus,
    encoder::{Encoded, Encoder},
    forest::{Bins, Forest, Grow},
    groups::Groups,
    head::{HEADS, Head},
    latent::Latent,
    peculiar::peculiarities,
};

/// Predicts numbers of a text, before calibration: a head for each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Predictor {
    pub(crate) encoder: Encoder,
    pub(crate) heads: Vec<Head>,
}

/// What one head is to predict, text by text, where it is known.
pub(crate) type Targets = Vec<Option<f32>>;

/// Words that fewer texts have say nothing.
const RARE: u32 = 12;

const BINS: usize = 32;

// === impl Predictor ===

impl Predictor {
    /// Learns from some calls, whose targets are given in the same order.
    pub(crate) fn fit(data: &Dataset, calls: &[usize], targets: &[Targets], recipe: &Recipe) -> Self {
        let (texts, groups) = (data.prompts(calls), Groups::new(&data.groups(calls)));
        let mut rng = fastrand::Rng::with_seed(recipe.seed);
        let Corpus { mut words, measured } = Corpus::new(&texts);
        let rarity = words.rarity(RARE);
        words.weigh(&rarity);
        let encoder = Encoder::new(&measured, Latent::fit(&words, &rarity, recipe.dims, &mut rng));
        let features: Vec<Vec<f32>> =
            texts.iter().map(|text| encoder.encode(text).features().to_vec()).collect();
        let bins = Bins::new(&features, BINS);
        let mut head = |targets: &Targets, peculiar: &[f32]| {
            let (mean, centred) = centred(targets, peculiar);
            let forest = grow(recipe).mean(&bins, &groups, &centred, &mut rng);
            Head { mean, forest, peculiar: recogniser(peculiar, &bins, &mut rng) }
        };
        let mut heads = Vec::new();
        for model in targets {
            let first = targets.first().unwrap_or(model);
            heads.push(head(model, &peculiarities(&groups, first, model)));
        }
        Self { encoder, heads }
    }

    pub(crate) fn encode(&self, text: &str) -> Encoded {
        self.encoder.encode(text)
    }

    /// What each head says of a text.
    pub(crate) fn values(&self, encoded: &Encoded) -> [f32; HEADS] {
        let mut values = [0.0; HEADS];
        values.iter_mut().zip(&self.heads).for_each(|(slot, head)| *slot = head.value(encoded));
        values
    }

    pub(crate) fn is_valid(&self) -> bool {
        let width = self.encoder.width();
        self.heads.len() <= HEADS
            && self.encoder.is_valid()
            && self.heads.iter().all(|head| head.is_valid(width))
    }
}

const fn grow(recipe: &Recipe) -> Grow {
    Grow { forests: 3, trees: recipe.trees, depth: 5, rate: 0.07, ballast: 50.0, groups: 0.5, columns: 0.3 }
}

/// A forest that learns by heart, call by call, what is peculiar to few groups: empty if nothing is.
fn recogniser(peculiar: &[f32], bins: &Bins, rng: &mut fastrand::Rng) -> Forest {
    if peculiar.iter().all(|value| value.abs() < f32::EPSILON) {
        return Forest::default();
    }
    let grow = Grow { forests: 1, trees: 60, depth: 6, rate: 0.1, ballast: 5.0, groups: 0.5, columns: 0.3 };
    let targets: Targets = peculiar.iter().copied().map(Some).collect();
    grow.mean(bins, &Groups::alone(peculiar.len()), &targets, rng)
}

/// The mean of the targets without what is peculiar, and how far each is from it.
fn centred(targets: &Targets, peculiar: &[f32]) -> (f32, Targets) {
    let plain = targets.iter().zip(peculiar).map(|(target, peculiar)| target.map(|target| target - peculiar));
    let plain: Targets = plain.collect();
    let known = plain.iter().flatten();
    let mean = known.clone().sum::<f32>() / (known.count().max(1) as f32);
    (mean, plain.iter().map(|target| target.map(|target| target - mean)).collect())
}
