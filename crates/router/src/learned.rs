//! Routing learned from past outcomes: which model is worth its price for this prompt.
//!
//! [`Dataset`] reads past calls. What is predicted is judged as `RouteLLM` does, by a [`Curve`].

mod data;
mod dense;
mod encoder;
mod fit;
mod folds;
mod forest;
mod head;
mod latent;
mod linear;
mod metric;
mod ngrams;
mod quantized;
mod recipe;
mod seen;
mod sparse;

pub use data::{BadLine, Dataset, DatasetError, Lines, Record};
pub use folds::{Folds, cross_validate};
pub use metric::{Curve, Point};
pub use recipe::Recipe;
