use serde::{Deserialize, Serialize};

use super::{
    dense::{self, measure},
    latent::{self, Latent},
    seen::Seen,
    tokens::{hash, words},
};

/// Turns a text into numbers: dense features beside its place among the words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Encoder {
    means: Vec<f32>,
    spreads: Vec<f32>,
    pub(crate) latent: Latent,
}

/// A text as numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoded {
    features: [f32; WIDEST],
    width: usize,
}

/// The most features that there may be.
const WIDEST: usize = dense::COUNT + latent::MOST;

/// How far from its mean a feature may be, in standard deviations: texts of a new kind are not to count for more than all others.
const FARTHEST: f32 = 4.0;

// === impl Encoder ===

impl Encoder {
    /// Learns how dense features are spread.
    pub(crate) fn new(measured: &[[f32; dense::COUNT]], latent: Latent) -> Self {
        let column = |at: usize| {
            measured
                .iter()
                .filter_map(move |row| row.get(at).copied())
                .filter(|value| !value.is_nan())
                .map(f64::from)
        };
        let (mut means, mut spreads) = (Vec::new(), Vec::new());
        for at in 0..dense::COUNT {
            let count = column(at).count().max(1) as f64;
            let mean = column(at).sum::<f64>() / count;
            let spread = (column(at).map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            means.push(narrow(mean));
            // What never varies says nothing.
            spreads.push(if spread > 1e-6 { narrow(1.0 / spread) } else { 0.0 });
        }
        Self { means, spreads, latent }
    }

    /// Encodes a text.
    pub(crate) fn encode(&self, text: &str) -> Encoded {
        self.encode_without(text, None)
    }

    /// Encodes a text as if a word with this number had no place.
    pub(crate) fn encode_without(&self, text: &str, left_out: Option<u32>) -> Encoded {
        let mut features = [0.0; WIDEST];
        self.standardise(&measure(text), &mut features);
        let (mut seen, mut sum) = (Seen::<{ Latent::buckets() / 64 }>::new(), [0.0; latent::MOST + 1]);
        for hash in words(text).map(hash).filter(|hash| Some(*hash) != left_out) {
            if seen.insert(Latent::bucket(hash)) {
                self.latent.add(hash, &mut sum);
            }
        }
        let width = self.width();
        self.latent.place(&sum, features.get_mut(dense::COUNT..width).unwrap_or(&mut []));
        Encoded { features, width }
    }

    pub(crate) fn width(&self) -> usize {
        dense::COUNT + self.latent.dims()
    }

    pub(crate) fn is_valid(&self) -> bool {
        let finite =
            |values: &[f32]| values.len() == dense::COUNT && values.iter().all(|value| value.is_finite());
        finite(&self.means) && finite(&self.spreads) && self.latent.is_valid()
    }

    /// Measures features in standard deviations from their means; what a text does not have is at the mean.
    fn standardise(&self, measured: &[f32], to: &mut [f32]) {
        for (((slot, value), mean), spread) in to.iter_mut().zip(measured).zip(&self.means).zip(&self.spreads)
        {
            let away = (value - mean) * spread;
            *slot = if away.is_nan() { 0.0 } else { away.clamp(-FARTHEST, FARTHEST) };
        }
    }
}

// === impl Encoded ===

impl Encoded {
    /// All features: dense, then latent.
    pub(crate) fn features(&self) -> &[f32] {
        self.features.get(..self.width).unwrap_or(&self.features)
    }

    /// The dense features.
    pub(crate) fn dense(&self) -> &[f32] {
        self.features.get(..dense::COUNT).unwrap_or(&self.features)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "features need no more digits")]
const fn narrow(value: f64) -> f32 {
    value as f32
}
