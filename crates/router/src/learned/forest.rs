mod bins;
mod grow;

pub(crate) use bins::Bins;
pub(crate) use grow::Grow;

use serde::{Deserialize, Serialize};

/// Small trees whose leaves add up. All nodes of a level ask the same question, as in `CatBoost`: that keeps trees from learning
/// by heart, and is quick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Forest {
    pub(crate) trees: Vec<Tree>,
}

/// Questions, and a leaf for each set of answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) questions: Vec<Question>,
    pub(crate) leaves: Vec<f32>,
}

/// Whether a feature is above a value.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) feature: u16,
    pub(crate) above: f32,
}

// === impl Forest ===

impl Forest {
    /// The sum of the leaves that features lead to.
    pub(crate) fn value(&self, features: &[f32]) -> f32 {
        self.trees.iter().map(|tree| tree.value(features)).sum()
    }

    pub(crate) fn is_valid(&self, features: usize) -> bool {
        self.trees.iter().all(|tree| tree.is_valid(features))
    }
}

// === impl Tree ===

impl Tree {
    fn value(&self, features: &[f32]) -> f32 {
        self.leaves.get(self.leaf(features)).copied().unwrap_or(0.0)
    }

    /// The index of the leaf: a bit for each answer.
    pub(crate) fn leaf(&self, features: &[f32]) -> usize {
        self.questions
            .iter()
            .enumerate()
            .fold(0, |leaf, (level, question)| leaf | usize::from(question.is_so(features)) << level)
    }

    fn is_valid(&self, features: usize) -> bool {
        self.questions.len() <= 8
            && self.leaves.len() == 1 << self.questions.len()
            && self.questions.iter().all(|question| usize::from(question.feature) < features)
            && self.leaves.iter().all(|leaf| leaf.is_finite())
    }
}

// === impl Question ===

impl Question {
    fn is_so(self, features: &[f32]) -> bool {
        features.get(usize::from(self.feature)).is_some_and(|value| *value > self.above)
    }
}
