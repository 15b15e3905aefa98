#![allow(missing_docs)]
/// How a model is trained.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub seed: u64,
    pub dims: usize,
    pub lambda: f64,
    pub dense_scale: f32,
    pub word_scale: f32,
    pub run_scale: f32,
    pub mix: f32,
    pub trees: usize,
    pub depth: usize,
    pub rate: f32,
    pub leaf: f32,
    pub rows: f32,
    pub columns: f32,
    pub df: u32,
    pub bins: usize,
    pub iters: usize, pub neg: f32,
}

fn env<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: 1,
            dims: env("DIMS", 48),
            lambda: env("LAMBDA", 30.0),
            dense_scale: env("DENSE", 0.3),
            word_scale: env("WORD", 1.0),
            run_scale: env("RUN", 1.0),
            mix: env("MIX", 0.5),
            trees: env("TREES", 300),
            depth: env("DEPTH", 3),
            rate: env("RATE", 0.05),
            leaf: env("LEAF", 50.0),
            rows: env("ROWS", 0.5),
            columns: env("COLS", 0.3),
            df: env("DF", 3),
            bins: env("BINS", 32),
            iters: env("ITERS", 30), neg: env("NEG", 1.0),
        }
    }
}
