//! Least squares with a penalty on large weights, by conjugate gradients.

use crate::learned::sparse::Rows;

/// What is fitted: sparse and dense features of the same rows.
pub(crate) struct Ridge<'a> {
    pub(crate) sparse: &'a Rows,
    pub(crate) dense: &'a [&'a [f32]],
    /// What dense features are multiplied with: the larger, the less they are penalised.
    pub(crate) dense_scale: f32,
    pub(crate) penalty: f32,
    pub(crate) iterations: usize,
}

/// Weights of the sparse columns, then of the dense ones.
type Weights = Vec<f32>;

// === impl Ridge ===

impl Ridge<'_> {
    /// The weights that predict the targets best; rows without a target do not count.
    pub(crate) fn solve(&self, targets: &[Option<f32>]) -> Weights {
        let zeros = || vec![0.0_f32; self.width()];
        let mut residual = zeros();
        self.back(targets.iter().map(|target| target.unwrap_or(0.0)), &mut residual);
        let (mut weights, mut direction) = (zeros(), residual.clone());
        let mut norm = dot(&residual, &residual);
        let first = norm;
        for _ in 0..self.iterations {
            if norm <= first * 1e-10 {
                break;
            }
            let image = self.apply(&direction, targets);
            let step = norm / dot(&direction, &image);
            add(&mut weights, &direction, step);
            add(&mut residual, &image, -step);
            let next = dot(&residual, &residual);
            let turn = next / norm;
            direction.iter_mut().zip(&residual).for_each(|(along, left)| *along = left + turn * *along);
            norm = next;
        }
        let dense = weights.split_at_mut(self.sparse.width()).1;
        for weight in dense {
            *weight *= self.dense_scale;
        }
        weights
    }

    fn width(&self) -> usize {
        self.sparse.width() + self.dense.first().map_or(0, |row| row.len())
    }

    /// The features, times the weights, times the features again; and the penalty.
    fn apply(&self, weights: &[f32], targets: &[Option<f32>]) -> Weights {
        let (sparse, dense) = weights.split_at(self.sparse.width());
        let forth = targets.iter().enumerate().map(|(row, target)| {
            if target.is_none() {
                return 0.0;
            }
            let of =
                |(column, value): (u32, f32)| value * sparse.get(column as usize).copied().unwrap_or(0.0);
            let features = self.dense.get(row).map_or(&[][..], |row| row);
            self.sparse.row(row).map(of).sum::<f32>() + self.dense_scale * dot(features, dense)
        });
        let mut image: Weights = weights.iter().map(|weight| weight * self.penalty).collect();
        self.back(forth, &mut image);
        image
    }

    /// Adds the features of each row as often as it says.
    fn back(&self, times: impl Iterator<Item = f32>, to: &mut [f32]) {
        let (sparse, dense) = to.split_at_mut(self.sparse.width());
        for (row, times) in times.enumerate() {
            if times.to_bits() << 1 == 0 {
                continue;
            }
            for (column, value) in self.sparse.row(row) {
                if let Some(to) = sparse.get_mut(column as usize) {
                    *to += value * times;
                }
            }
            add(dense, self.dense.get(row).map_or(&[][..], |row| row), self.dense_scale * times);
        }
    }
}

fn add(to: &mut [f32], what: &[f32], times: f32) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what * times);
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
