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
    /// Recognises the groups whose outcomes are not like any other's, and says by how much.
    pub(crate) peculiar: Forest,
}

/// What is recognised by less than this is taken to be something else that looks like it.
const UNSURE: f32 = 0.1;

/// Makes up for what `UNSURE` takes from what is recognised.
const SURE: f32 = 1.5;

// === impl Head ===

impl Head {
    pub(crate) fn value(&self, encoded: &Encoded) -> f32 {
        let recognised = self.peculiar.value(encoded.features());
        let surely = recognised - recognised.clamp(-UNSURE, UNSURE);
        self.mean + self.forest.value(encoded.features()) + SURE * surely
    }

    pub(crate) fn is_valid(&self, features: usize) -> bool {
        self.mean.is_finite() && self.forest.is_valid(features) && self.peculiar.is_valid(features)
    }
}
