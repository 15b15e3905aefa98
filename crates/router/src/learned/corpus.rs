use super::{
    dense::{COUNT, measure},
    latent::Latent,
    linear::Linear,
    ngrams::{Visit, scan},
    sparse::Rows,
};

/// Texts as rows of buckets and of dense features: what is learned from.
pub(crate) struct Corpus {
    /// Words, pairs and runs.
    pub(crate) buckets: Rows,
    /// Words only.
    pub(crate) words: Rows,
    pub(crate) measured: Vec<[f32; COUNT]>,
}

/// The buckets that are found in a text.
#[derive(Default)]
struct Found {
    buckets: Vec<u32>,
    words: Vec<u32>,
}

// === impl Corpus ===

impl Corpus {
    pub(crate) fn new(texts: &[&str]) -> Self {
        let mut corpus = Self {
            buckets: Rows::new(Linear::buckets()),
            words: Rows::new(Latent::buckets()),
            measured: Vec::new(),
        };
        for text in texts {
            let mut found = Found::default();
            scan(text, &mut found);
            corpus.buckets.push(&mut found.buckets);
            corpus.words.push(&mut found.words);
            corpus.measured.push(measure(text));
        }
        corpus
    }
}

// === impl Found ===

impl Visit for Found {
    fn word(&mut self, hash: u32) {
        self.words.push(Latent::bucket(hash));
        self.pair(hash);
    }

    fn pair(&mut self, hash: u32) {
        self.buckets.push(Linear::word(hash));
    }

    fn run(&mut self, hash: u32) {
        self.buckets.push(Linear::run(hash));
    }
}
