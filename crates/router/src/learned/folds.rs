use std::{collections::BTreeMap, sync::Arc};

use super::{Dataset, Recipe, fit::Predictor};

/// How prompts are divided for cross-validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folds {
    /// At random.
    Random,
    /// By group: all prompts of a group are in one fold, so that each is predicted by a model that knows no other of its group.
    ByGroup,
}

// === impl Folds ===

impl Folds {
    /// The fold of each record, from 0 on.
    pub fn assign(self, data: &Dataset, count: usize, seed: u64) -> Vec<usize> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut groups: BTreeMap<Option<(Arc<str>, usize)>, Vec<usize>> = BTreeMap::new();
        for (index, record) in data.records.iter().enumerate() {
            let key = match (self, &record.group) {
                (Self::ByGroup, Some(group)) => Some((Arc::clone(group), 0)),
                _ => Some((Arc::from(""), index)),
            };
            groups.entry(key).or_default().push(index);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        rng.shuffle(&mut groups);
        let mut sizes = vec![0; count.max(1)];
        let mut folds = vec![0; data.len()];
        for members in groups {
            let smallest = (0..sizes.len()).min_by_key(|fold| sizes.get(*fold).copied()).unwrap_or(0);
            if let Some(size) = sizes.get_mut(smallest) {
                *size += members.len();
            }
            for member in members {
                if let Some(fold) = folds.get_mut(member) {
                    *fold = smallest;
                }
            }
        }
        folds
    }
}

/// Scores each record.
pub fn cross_validate(data: &Dataset, folds: &[usize], recipe: &Recipe) -> Vec<f64> {
    let count = folds.iter().max().map_or(0, |last| last + 1);
    let mut scores = vec![0.0; data.len()];
    for fold in 0..count {
        let train = data.subset((0..data.len()).filter(|i| folds[*i] != fold));
        let ranked = data.ranked(); let diff: Vec<Option<f32>> = train.records.iter().map(|r| { let d = r.outcome(ranked[1])? - r.outcome(ranked[0])?; Some(if d < 0.0 { d * recipe.neg } else { d }) }).collect();
        let p = Predictor::fit(&train, &[diff], recipe);
        for i in (0..data.len()).filter(|i| folds[*i] == fold) {
            scores[i] = f64::from(p.predict(&data.records[i].prompt)[0]);
        }
    }
    scores
}
