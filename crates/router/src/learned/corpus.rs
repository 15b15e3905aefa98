use super::{
    dense::{COUNT, measure},
    latent::Latent,
    sparse::Rows,
    tokens::{hash, words},
};

/// Texts as rows of words and of dense features: what is learned from.
pub(crate) struct Corpus {
    pub(crate) words: Rows,
    pub(crate) measured: Vec<[f32; COUNT]>,
}

// === impl Corpus ===

impl Corpus {
    pub(crate) fn new(texts: &[&str]) -> Self {
        let mut rows = Rows::new(Latent::buckets());
        for text in texts {
            rows.push(&mut words(text).map(|word| Latent::bucket(hash(word))).collect::<Vec<_>>());
        }
        Self { words: rows, measured: texts.iter().map(|text| measure(text)).collect() }
    }
}
