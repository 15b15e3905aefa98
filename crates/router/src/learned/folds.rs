use std::{collections::BTreeMap, sync::Arc};

use super::{Dataset, Recipe, fit::Predictor, targets};

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
    /// The fold of each call, from 0 on. The folds are of about the same size.
    pub fn assign(self, data: &Dataset, count: usize, seed: u64) -> Vec<usize> {
        let mut sizes = vec![0_usize; count.max(1)];
        let mut folds = vec![0; data.len()];
        for members in self.groups(data, seed) {
            let Some((fold, size)) = sizes.iter_mut().enumerate().min_by_key(|(_, size)| **size) else {
                break;
            };
            *size += members.len();
            for member in members {
                if let Some(slot) = folds.get_mut(member) {
                    *slot = fold;
                }
            }
        }
        folds
    }

    /// What stays together, in an order by chance. A call without a group stands alone.
    fn groups(self, data: &Dataset, seed: u64) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<(Option<Arc<str>>, usize), Vec<usize>> = BTreeMap::new();
        for (index, record) in data.records.iter().enumerate() {
            let group = record.group.clone().filter(|_| self == Self::ByGroup);
            let own = if group.is_some() { 0 } else { index };
            groups.entry((group, own)).or_default().push(index);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut groups);
        groups
    }
}

/// Predicts for each call how much more the dearest model is worth than the cheapest, by a model that was trained on the other
/// folds.
pub fn cross_validate(data: &Dataset, folds: &[usize], recipe: &Recipe) -> Vec<f64> {
    let ranked = data.ranked();
    let (Some(weak), Some(strong)) = (ranked.first(), ranked.last()) else { return Vec::new() };
    let targets = [*weak, *strong].map(|model| targets::outcomes(data, model));
    let mut scores = vec![0.0; data.len()];
    for fold in 0..folds.iter().max().map_or(0, |last| last + 1) {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..data.len()).partition(|at| folds.get(*at) == Some(&fold));
        let known = targets.each_ref().map(|targets| targets::pick(targets, &rest));
        let predictor = Predictor::fit(data, &rest, &known, recipe);
        for (at, text) in held.iter().zip(data.prompts(&held)) {
            let [weak, strong, ..] = predictor.values(&predictor.encode(text));
            if let Some(slot) = scores.get_mut(*at) {
                *slot = f64::from(strong - weak);
            }
        }
    }
    scores
}
