use serde::{Deserialize, Serialize};

use super::{encoder::Encoded, forest::Forest, linear::Linear};

/// Predicts one number of a text: by weights and by trees, averaged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The mean of what it was trained on.
    pub(crate) mean: f32,
    /// The part of the linear prediction; the trees have the rest.
    pub(crate) mix: f32,
    pub(crate) forest: Forest,
}

// === impl Head ===

impl Head {
    pub(crate) fn value(&self, index: usize, linear: &Linear, encoded: &Encoded) -> f32 {
        let by_weights = linear.value(index, &encoded.sums, encoded.dense());
        let by_trees = self.forest.value(encoded.features());
        self.mean + self.mix * by_weights + (1.0 - self.mix) * by_trees
    }
}
