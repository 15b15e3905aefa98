//! From past calls to a predictor.

use super::{
    Dataset, Recipe,
    dense::{self, measure},
    encoder::{Encoded, Encoder},
    forest::{Bins, Grow},
    head::Head,
    latent::Latent,
    linear::{Linear, ridge::Ridge},
    ngrams::{Visit, scan},
    quantized::Quantized,
    sparse::Rows,
};

/// Predicts how well models answer a text, before calibration.
pub(crate) struct Predictor {
    pub(crate) encoder: Encoder,
    pub(crate) linear: Linear,
    /// The first is of the base model's outcome.
    pub(crate) heads: Vec<Head>,
}

/// The buckets that are found in a text.
#[derive(Default)]
struct Buckets {
    linear: Vec<u32>,
    latent: Vec<u32>,
}

// === impl Predictor ===

impl Predictor {
    pub(crate) fn fit(data: &Dataset, targets: &[Vec<Option<f32>>], recipe: &Recipe) -> Self {
        let mut rng = fastrand::Rng::with_seed(recipe.seed);
        let mut sparse = Rows::new(Linear::buckets());
        let mut words = Rows::new(Latent::buckets());
        let mut measured = vec![];
        for record in &data.records {
            let mut buckets = Buckets::default();
            scan(&record.prompt, &mut buckets);
            sparse.push(&mut buckets.linear);
            words.push(&mut buckets.latent);
            measured.push(measure(&record.prompt));
        }
        let rarity = words.rarity(recipe.df);
        words.weigh(&rarity, u32::MAX);
        let latent = Latent::fit(&words, &rarity, recipe.dims, &mut rng);
        let encoder = Encoder::new(&measured, latent);
        let encoded: Vec<Encoded> = data.records.iter().map(|r| encoder.encode(&r.prompt, None)).collect();
        let features: Vec<Vec<f32>> = encoded.iter().map(|e| e.features().to_vec()).collect();
        let dense: Vec<Vec<f32>> = encoded.iter().map(|e| e.dense().to_vec()).collect();
        // linear
        let mut rarity = sparse.rarity(recipe.df);
        let nw = 1 << 15;
        for (i, r) in rarity.iter_mut().enumerate() { let _ = i; let _ = &r; }
        sparse.weigh(&rarity, nw as u32);
        let ridge = Ridge { sparse: &sparse, dense: &dense, dense_scale: recipe.dense_scale, penalty: recipe.lambda as f32, iterations: recipe.iters };
        let bins = Bins::new(&features, recipe.bins);
        let grow = Grow { trees: recipe.trees, depth: recipe.depth, rate: recipe.rate, ballast: recipe.leaf, rows: recipe.rows, columns: recipe.columns };
        let mut heads = vec![];
        let mut columns = vec![];
        for target in targets {
            let known: Vec<f32> = target.iter().flatten().copied().collect();
            let mean = known.iter().sum::<f32>() / known.len().max(1) as f32;
            let centred: Vec<Option<f32>> = target.iter().map(|t| t.map(|t| t - mean)).collect();
            let w = if recipe.mix > 0.0 { ridge.solve(&centred) } else { vec![0.0; Linear::buckets() + dense::COUNT] };
            columns.push(w);
            let forest = if recipe.mix < 1.0 { grow.forest(&bins, &centred, &mut rng) } else { Default::default() };
            heads.push(Head { mean, mix: recipe.mix, forest });
        }
        let mut table = Vec::new();
        for b in 0..Linear::buckets() { for c in &columns { table.push(c[b] * rarity[b]); } table.push(rarity[b] * rarity[b]); }
        let linear = Linear { buckets: Quantized::new(&table, heads.len() + 1), dense: columns.iter().map(|c| c[Linear::buckets()..].to_vec()).collect() };
        Self { encoder, linear, heads }
    }

    pub(crate) fn predict(&self, text: &str) -> Vec<f32> {
        let encoded = self.encoder.encode(text, Some(&self.linear));
        self.heads.iter().enumerate().map(|(i, h)| h.value(i, &self.linear, &encoded)).collect()
    }
}

// === impl Buckets ===

impl Visit for Buckets {
    fn word(&mut self, hash: u32) {
        self.linear.push(Linear::word(hash));
        self.latent.push(Latent::bucket(hash));
    }

    fn pair(&mut self, hash: u32) {
        self.linear.push(Linear::word(hash));
    }

    fn run(&mut self, hash: u32) {
        self.linear.push(Linear::run(hash));
    }
}
