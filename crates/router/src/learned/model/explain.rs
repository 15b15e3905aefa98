use std::{collections::BTreeMap, fmt};

use super::{Model, Prediction};
use crate::learned::{
    dense,
    encoder::Encoded,
    forest::Tree,
    tokens::{hash, words},
};

/// What is predicted of a prompt, and the features that weighed most.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// What is predicted.
    pub prediction: Prediction,
    /// What speaks for the dearest model, and against it: what weighs most first.
    pub weighed: Vec<Weighed>,
}

/// What one feature of a prompt adds to the predicted gain.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// The feature.
    pub feature: String,
    /// What it adds: above 0 it speaks for the dearest model.
    pub weight: f64,
}

/// How many words are tried: an explanation is not to take for ever.
const WORDS: usize = 300;

// === impl Model ===

impl Model {
    /// Predicts, and says which features weighed most: at most so many.
    ///
    /// Dense features are explained by how much would change if an answer to one of the trees' questions were the other one; words, by
    /// how much would change without them.
    pub fn explain(&self, prompt: &str, most: usize) -> Explanation {
        let encoded = self.learned.predictor.encode(prompt);
        let prediction = self.learned.predict(&encoded);
        let mut weights = BTreeMap::new();
        let (first, last) = (0, self.learned.models.len() - 1);
        self.weigh_dense(last, self.slope(last), &encoded, &mut weights);
        let differs = self.learned.differs.last() == Some(&true);
        self.weigh_dense(first, -self.slope(if differs { last } else { first }), &encoded, &mut weights);
        let dense =
            weights.into_iter().map(|(feature, weight)| Weighed::new(feature.to_owned(), f64::from(weight)));
        let mut weighed: Vec<Weighed> = dense.chain(self.weigh_words(prompt, prediction.gain())).collect();
        weighed.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
        weighed.truncate(most);
        Explanation { prediction, weighed }
    }

    fn slope(&self, head: usize) -> f32 {
        self.learned.lines.get(head).map_or(0.0, |line| line.slope())
    }

    /// What dense features add to a head, as many times as its line's slope says.
    fn weigh_dense(&self, head: usize, slope: f32, encoded: &Encoded, to: &mut BTreeMap<&str, f32>) {
        let Some(of) = self.learned.predictor.heads.get(head) else { return };
        for (feature, weight) in of.forest.trees.iter().flat_map(|tree| answers(tree, encoded.features())) {
            if let Some(name) = dense::NAMES.get(feature) {
                *to.entry(name).or_default() += weight * slope;
            }
        }
    }

    fn weigh_words(&self, prompt: &str, gain: f64) -> impl Iterator<Item = Weighed> {
        let named = words(prompt).map(|word| (hash(word), String::from_utf8_lossy(word).to_lowercase()));
        let words: BTreeMap<u32, String> = named.take(WORDS).collect();
        words.into_iter().map(move |(hash, word)| {
            let without = self.learned.predictor.encoder.encode_without(prompt, Some(hash));
            Weighed::new(format!("the word {word:?}"), gain - self.learned.predict(&without).gain())
        })
    }
}

// === impl Weighed ===

impl Weighed {
    const fn new(feature: String, weight: f64) -> Self {
        Self { feature, weight }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "predicted gain {:+.3}", self.prediction.gain())?;
        self.weighed.iter().try_for_each(|weighed| write!(f, "; {weighed}"))
    }
}

impl fmt::Display for Weighed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:+.3}", self.feature, self.weight)
    }
}

/// What each answer adds, beside the other answer.
fn answers<'a>(tree: &'a Tree, features: &'a [f32]) -> impl Iterator<Item = (usize, f32)> + 'a {
    let leaf = tree.leaf(features);
    let value = |leaf: usize| tree.leaves.get(leaf).copied().unwrap_or(0.0);
    tree.questions.iter().enumerate().map(move |(level, question)| {
        (usize::from(question.feature), (value(leaf) - value(leaf ^ (1 << level))) / 2.0)
    })
}
