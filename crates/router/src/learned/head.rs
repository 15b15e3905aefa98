use serde::{Deserialize, Serialize};

use super::{encoder::Encoded, forest::Forest};

/// How many models there may be, and so how many heads.
pub(crate) const HEADS: usize = 16;

/// Predicts one number of a text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The mean of what it was trained on.
    pub(crate) mean: f32,
    pub(crate) forest: Forest,
}

// === impl Head ===

impl Head {
    pub(crate) fn value(&self, encoded: &Encoded) -> f32 {
        self.mean + self.forest.value(encoded.features())
    }

    pub(crate) fn is_valid(&self, features: usize) -> bool {
        self.mean.is_finite() && self.forest.is_valid(features)
    }
}
