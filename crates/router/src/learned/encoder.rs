use serde::{Deserialize, Serialize};

use super::{
    dense::{self, measure},
    latent::{self, Latent},
    linear::{Linear, Sums},
    ngrams::{Visit, scan},
    seen::Seen,
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
    pub(crate) sums: Sums,
}

/// The most features that there may be.
const WIDEST: usize = dense::COUNT + latent::MOST;

/// How far from its mean a feature may be, in standard deviations: texts of a new kind are not to count for more than all others.
const FARTHEST: f32 = 4.0;

/// Sums over what is found in a text.
struct Summing<'a> {
    linear: Option<&'a Linear>,
    latent: &'a Latent,
    sums: Sums,
    place: latent::Sum,
    seen: Seen<{ Linear::buckets() / 64 }>,
    seen_words: Seen<{ Latent::buckets() / 64 }>,
}

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

    /// Encodes a text; the sums are of these weights, if there are any yet.
    pub(crate) fn encode(&self, text: &str, linear: Option<&Linear>) -> Encoded {
        let mut features = [0.0; WIDEST];
        self.standardise(&measure(text), &mut features);
        let latent = &self.latent;
        let (sums, place) = (Sums::default(), [0.0; latent::MOST + 1]);
        let mut summing = Summing { linear, latent, sums, place, seen: Seen::new(), seen_words: Seen::new() };
        scan(text, &mut summing);
        let width = self.width();
        latent.place(&summing.place, features.get_mut(dense::COUNT..width).unwrap_or(&mut []));
        Encoded { features, width, sums: summing.sums }
    }

    /// The dense part of all features.
    pub(crate) fn dense_of<'a>(&self, features: &'a [f32]) -> &'a [f32] {
        features.get(..self.means.len()).unwrap_or(features)
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

    /// How long the words and pairs are together, by these weights.
    pub(crate) fn length(&self, linear: &Linear) -> f32 {
        linear.length(&self.sums.words)
    }

    /// The dense features.
    pub(crate) fn dense(&self) -> &[f32] {
        self.features.get(..dense::COUNT).unwrap_or(&self.features)
    }
}

// === impl Summing ===

impl Visit for Summing<'_> {
    fn word(&mut self, hash: u32) {
        if self.seen_words.insert(Latent::bucket(hash)) {
            self.latent.add(hash, &mut self.place);
        }
        self.pair(hash);
    }

    fn pair(&mut self, hash: u32) {
        if let Some(linear) = self.linear
            && self.seen.insert(Linear::word(hash))
        {
            linear.buckets.add(Linear::word(hash), &mut self.sums.words);
        }
    }

    fn run(&mut self, hash: u32) {
        if let Some(linear) = self.linear
            && self.seen.insert(Linear::run(hash))
        {
            linear.buckets.add(Linear::run(hash), &mut self.sums.runs);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "features need no more digits")]
const fn narrow(value: f64) -> f32 {
    value as f32
}
