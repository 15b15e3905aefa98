/// How a model is trained: the defaults have been found by cross-validation.
///
/// The same recipe and the same data give the same model, to the bit.
///
/// # Examples
///
/// ```
/// use mainstay_router::learned::Recipe;
///
/// let recipe = Recipe::default().seed(7).trees(100);
/// # let _ = recipe;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    pub(crate) seed: u64,
    pub(crate) dims: usize,
    pub(crate) trees: usize,
}

// === impl Recipe ===

impl Default for Recipe {
    fn default() -> Self {
        Self { seed: 1, dims: 16, trees: 150 }
    }
}

impl Recipe {
    /// Sets where chance begins: 1 by default.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many trees each of the three forests of a model has: 150 by default, at most 1,000.
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.trees = trees.min(1_000);
        self
    }

    /// Sets in how many dimensions words are placed: 16 by default, from 1 to 64.
    #[must_use]
    pub fn dims(mut self, dims: usize) -> Self {
        self.dims = dims.clamp(1, super::latent::MOST);
        self
    }
}
