pub(crate) mod ridge;

use serde::{Deserialize, Serialize};

use super::{dense, quantized::Quantized};

/// Weights of words, runs of characters and dense features: a column for each head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Linear {
    /// A row for each bucket of words, then for each bucket of runs.
    pub(crate) buckets: Quantized,
    /// Head by head.
    pub(crate) dense: Vec<Vec<f32>>,
}

/// How many heads there may be.
pub(crate) const HEADS: usize = 16;

const WORD_BITS: u32 = 15;
const RUN_BITS: u32 = 16;

/// A sum of buckets: a column for each head, then their squared weights.
pub(crate) type Sum = [f32; HEADS + 1];

/// Sums over what was found in a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) words: Sum,
    pub(crate) runs: Sum,
}

// === impl Linear ===

impl Linear {
    pub(crate) const fn word(hash: u32) -> u32 {
        hash >> (32 - WORD_BITS)
    }

    pub(crate) const fn run(hash: u32) -> u32 {
        (1 << WORD_BITS) + (hash >> (32 - RUN_BITS))
    }

    pub(crate) const fn buckets() -> usize {
        (1 << WORD_BITS) + (1 << RUN_BITS)
    }

    pub(crate) fn is_valid(&self) -> bool {
        let dense = |weights: &Vec<f32>| {
            weights.len() == dense::COUNT && weights.iter().all(|weight| weight.is_finite())
        };
        self.buckets.is_valid(Self::buckets())
            && self.dense.len() + 1 == self.buckets.width()
            && self.dense.iter().all(dense)
    }

    /// What a head says.
    pub(crate) fn value(&self, head: usize, sums: &Sums, dense: &[f32]) -> f32 {
        let scales = self.buckets.scales();
        let at = |sum: &Sum, column: usize| Some(sum.get(column)? * scales.get(column)?);
        let unit = |sum: &Sum| {
            let length = at(sum, self.dense.len()).unwrap_or(0.0).sqrt().max(f32::MIN_POSITIVE);
            at(sum, head).unwrap_or(0.0) / length
        };
        let buckets = unit(&sums.words) + unit(&sums.runs);
        let weights = self.dense.get(head).map_or(&[][..], |weights| weights);
        buckets + weights.iter().zip(dense).map(|(weight, value)| weight * value).sum::<f32>()
    }
}
