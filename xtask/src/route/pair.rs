use anyhow::{Context, Result};
use mainstay_router::{
    Profile,
    learned::{Curve, Dataset},
    strategy::Complexity,
};

/// The calls that tried both of two models, and how well each answered.
pub(crate) struct Pair<'a> {
    pub(crate) prompts: Vec<&'a str>,
    pub(crate) weak: Vec<f64>,
    pub(crate) strong: Vec<f64>,
    pub(crate) seed: u64,
}

/// A curve and its name.
pub(crate) type Named = (&'static str, Curve);

// === impl Pair ===

impl<'a> Pair<'a> {
    /// The calls that tried both models.
    pub(crate) fn new(data: &'a Dataset, weak: usize, strong: usize, seed: u64) -> Self {
        let mut pair = Self { prompts: Vec::new(), weak: Vec::new(), strong: Vec::new(), seed };
        for (index, record) in data.records().iter().enumerate() {
            if let (Some(weak), Some(strong)) = (data.outcome(index, weak), data.outcome(index, strong)) {
                pair.prompts.push(&record.prompt);
                pair.weak.push(weak);
                pair.strong.push(strong);
            }
        }
        pair
    }

    pub(crate) fn curve(&self, scores: &[f64]) -> Result<Curve> {
        Curve::new(scores, &self.weak, &self.strong).context("no call tried both models")
    }

    /// Ours, and what needs no learning.
    pub(crate) fn curves(&self, ours: &[f64]) -> Result<Vec<Named>> {
        let mut rng = self.seed;
        let random: Vec<f64> = self.prompts.iter().map(|_| chance(&mut rng)).collect();
        let length: Vec<f64> = self.prompts.iter().map(|prompt| prompt.len() as f64).collect();
        let complexity: Vec<f64> = self.prompts.iter().map(|prompt| complexity(prompt)).collect();
        let oracle: Vec<f64> =
            self.strong.iter().zip(&self.weak).map(|(strong, weak)| strong - weak).collect();
        let all = [
            ("learned", ours),
            ("random", &random),
            ("length", &length),
            ("complexity", &complexity),
            ("oracle", &oracle),
        ];
        all.into_iter().map(|(name, scores)| Ok((name, self.curve(scores)?))).collect()
    }
}

fn complexity(prompt: &str) -> f64 {
    let profile = Profile { prompt_chars: prompt.chars().count() as u64, ..Profile::default() };
    Complexity::default().score(&profile)
}

/// A number from 0 to 1: the same ones for each seed (`SplitMix64`).
fn chance(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
