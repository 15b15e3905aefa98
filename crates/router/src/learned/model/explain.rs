use std::{collections::BTreeMap, fmt};

use super::{Model, Prediction};
use crate::learned::{
    dense,
    encoder::Encoded,
    forest::Tree,
    linear::Linear,
    ngrams::{is_letter, whole},
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

const WORDING: &str = "its words together";

// === impl Model ===

impl Model {
    /// Predicts, and says which features weighed most: at most so many.
    ///
    /// Trees are explained by how much would change if an answer to one of their questions were the other one.
    pub fn explain(&self, prompt: &str, most: usize) -> Explanation {
        let encoded = self.learned.predictor.encode(prompt);
        let mut weights = BTreeMap::new();
        self.weigh_head(self.learned.models.len() - 1, &encoded, prompt, 1.0, &mut weights);
        if self.learned.differs.last() == Some(&false) {
            self.weigh_head(0, &encoded, prompt, -1.0, &mut weights);
        }
        let mut weighed: Vec<Weighed> = weights
            .into_iter()
            .map(|(feature, weight)| Weighed { feature, weight: f64::from(weight) })
            .collect();
        weighed.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
        weighed.truncate(most);
        Explanation { prediction: self.learned.predict(&encoded), weighed }
    }

    fn weigh_head(
        &self,
        head: usize,
        encoded: &Encoded,
        prompt: &str,
        sign: f32,
        to: &mut BTreeMap<String, f32>,
    ) {
        let predictor = &self.learned.predictor;
        let (Some(of), Some(line)) = (predictor.heads.get(head), self.learned.lines.get(head)) else {
            return;
        };
        let scale = sign * line.slope();
        let mut add = |feature: String, weight: f32| *to.entry(feature).or_default() += weight * scale;
        let trees = of.forest.trees.iter().flat_map(|tree| answers(tree, encoded.features()));
        trees.for_each(|(feature, weight)| add(name(feature), weight * (1.0 - of.mix)));
        let dense = predictor.linear.dense.get(head).into_iter().flatten().zip(encoded.dense()).enumerate();
        dense.for_each(|(feature, (weight, value))| add(name(feature), weight * value * of.mix));
        for (word, weight) in words(prompt, &predictor.linear, head) {
            add(format!("the word {word:?}"), weight * of.mix / encoded.length(&predictor.linear));
        }
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

fn name(feature: usize) -> String {
    dense::NAMES.get(feature).copied().unwrap_or(WORDING).to_owned()
}

/// What each answer adds, beside the other answer.
fn answers<'a>(tree: &'a Tree, features: &'a [f32]) -> impl Iterator<Item = (usize, f32)> + 'a {
    let leaf = tree.leaf(features);
    let value = |leaf: usize| tree.leaves.get(leaf).copied().unwrap_or(0.0);
    tree.questions.iter().enumerate().map(move |(level, question)| {
        (usize::from(question.feature), (value(leaf) - value(leaf ^ (1 << level))) / 2.0)
    })
}

/// The words that have a weight, each once.
fn words(prompt: &str, linear: &Linear, head: usize) -> BTreeMap<String, f32> {
    let bytes = prompt.as_bytes();
    let read = bytes.get(..dense::READ).unwrap_or(bytes);
    let words = read.split(|byte| !is_letter(*byte)).filter(|word| !word.is_empty());
    let weighed = words.map(|word| {
        let weight = linear.buckets.get(Linear::word(whole(word)), head);
        (String::from_utf8_lossy(word).to_lowercase(), weight)
    });
    weighed.filter(|(_, weight)| *weight != 0.0).collect()
}
