//! From texts and targets to a predictor.

use serde::{Deserialize, Serialize};

use super::{
    Dataset, Recipe,
    corpus::Corpus,
    encoder::{Encoded, Encoder},
    forest::{Bins, Grow},
    groups::Groups,
    head::{HEADS, Head},
    latent::Latent,
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
        let (bins, grow) = (Bins::new(&features, BINS), grow(recipe));
        let head = |targets: &Targets| {
            let (mean, centred) = centred(targets);
            Head { mean, forest: grow.mean(&bins, &groups, &centred, &mut rng) }
        };
        Self { encoder, heads: targets.iter().map(head).collect() }
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

/// The mean of the targets, and how far each is from it.
fn centred(targets: &Targets) -> (f32, Targets) {
    let known = targets.iter().flatten();
    let mean = known.clone().sum::<f32>() / (known.count().max(1) as f32);
    (mean, targets.iter().map(|target| target.map(|target| target - mean)).collect())
}
