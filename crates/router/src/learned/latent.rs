mod svd;

use serde::{Deserialize, Serialize};

use super::{quantized::Quantized, sparse::Rows};

/// Where words lie in a space of few dimensions, in which words that occur together lie near each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Latent {
    /// A row for each bucket of words.
    words: Quantized,
}

/// How many buckets words have here.
pub(crate) const BITS: u32 = 14;

/// How many dimensions there may be at most.
pub(crate) const MOST: usize = 64;

/// A sum of words: their dimensions, then their squared weights.
pub(crate) type Sum = [f32; MOST + 1];

// === impl Latent ===

impl Latent {
    /// The bucket of a word.
    pub(crate) const fn bucket(hash: u32) -> u32 {
        hash >> (32 - BITS)
    }

    pub(crate) const fn buckets() -> usize {
        1 << BITS
    }

    /// Finds the dimensions in which rows of words differ most; each bucket is weighed by how rare it is.
    pub(crate) fn fit(rows: &Rows, rarity: &[f32], dims: usize, rng: &mut fastrand::Rng) -> Self {
        let directions = svd::directions(rows, dims.min(MOST), rng);
        let rows = directions.chunks(dims).zip(rarity);
        let weighed =
            rows.flat_map(|(row, rarity)| row.iter().map(move |v| v * rarity).chain([rarity * rarity]));
        Self { words: Quantized::new(&weighed.collect::<Vec<f32>>(), dims + 1) }
    }

    pub(crate) const fn dims(&self) -> usize {
        self.words.width().saturating_sub(1)
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.words.is_valid(Self::buckets()) && self.dims() <= MOST
    }

    /// Adds a word to a sum.
    pub(crate) fn add(&self, hash: u32, sum: &mut Sum) {
        self.words.add(Self::bucket(hash), sum);
    }

    /// Where a text lies whose words have this sum.
    pub(crate) fn place(&self, sum: &Sum, place: &mut [f32]) {
        let dims = self.dims();
        let scales = self.words.scales();
        let square = |at: usize| Some(sum.get(at)? * scales.get(at)?);
        let length = square(dims).unwrap_or(0.0).sqrt().max(f32::MIN_POSITIVE);
        for ((slot, sum), scale) in place.iter_mut().zip(sum).zip(scales) {
            *slot = sum * scale / length;
        }
    }
}
