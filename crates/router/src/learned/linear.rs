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

    /// The first bucket of runs.
    pub(crate) const FIRST_RUN: u32 = 1 << WORD_BITS;

    /// Keeps weights: head by head, the buckets' and then the dense features'. Buckets are weighed by how rare they are.
    pub(crate) fn new(weights: &[Vec<f32>], rarity: &[f32]) -> Self {
        let weight = |weights: &Vec<f32>, bucket: usize| weights.get(bucket).copied().unwrap_or(0.0);
        let row = |(bucket, rarity): (usize, &f32)| {
            let mut row: Vec<f32> = weights.iter().map(|head| weight(head, bucket) * rarity).collect();
            row.push(rarity * rarity);
            row
        };
        let table: Vec<f32> = rarity.iter().enumerate().flat_map(row).collect();
        let dense = weights.iter().map(|head| head.get(Self::buckets()..).unwrap_or(&[]).to_vec()).collect();
        Self { buckets: Quantized::new(&table, weights.len() + 1), dense }
    }

    pub(crate) fn is_valid(&self, heads: usize) -> bool {
        let dense = |weights: &Vec<f32>| {
            weights.len() == dense::COUNT && weights.iter().all(|weight| weight.is_finite())
        };
        self.dense.len() == heads
            && self.buckets.is_valid(Self::buckets())
            && self.dense.len() + 1 == self.buckets.width()
            && self.dense.iter().all(dense)
    }

    /// The length of a sum of buckets: it is made 1, so that long texts do not count for more.
    pub(crate) fn length(&self, sum: &Sum) -> f32 {
        let column = self.dense.len();
        let square = |sum: &Sum| Some(sum.get(column)? * self.buckets.scales().get(column)?);
        square(sum).unwrap_or(0.0).sqrt().max(f32::MIN_POSITIVE)
    }

    /// What a head says.
    pub(crate) fn value(&self, head: usize, sums: &Sums, dense: &[f32]) -> f32 {
        let scales = self.buckets.scales();
        let at = |sum: &Sum| Some(sum.get(head)? * scales.get(head)?);
        let unit = |sum: &Sum| at(sum).unwrap_or(0.0) / self.length(sum);
        let buckets = unit(&sums.words) + unit(&sums.runs);
        let weights = self.dense.get(head).map_or(&[][..], |weights| weights);
        buckets + weights.iter().zip(dense).map(|(weight, value)| weight * value).sum::<f32>()
    }
}
