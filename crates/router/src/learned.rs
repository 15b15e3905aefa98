//! Routing learned from past outcomes: which model is worth its price for this prompt.
//!
//! [`Dataset`] reads past calls, [`Model::train`] learns from them, [`Model::threshold`] finds what a gain must be to be worth its
//! price, and the strategy [`Learned`](crate::strategy::Learned) chooses by it. A [`Curve`] judges how good that is.
//!
//! # How it predicts
//!
//! A prompt becomes numbers: 47 dense features (length, symbols, kinds of words, the choices that it offers), its place among the
//! words in 16 latent dimensions. Small boosted trees, the mean of three forests, predict how well the cheapest model will answer, and
//! for each other model how much better it will. A line through predictions on calls that were held back calibrates both.
//!
//! ```
//! use mainstay_router::{learned::{Dataset, Model, Recipe, Target}, strategy::Learned};
//!
//! let mut data = Dataset::default();
//! for n in 0..200 {
//!     let (prompt, weak) = if n % 2 == 0 { (format!("What is {n} + {n}?"), 0.0) } else { (format!("Say hello, {n}!"), 1.0) };
//!     data.push(prompt, [("weak", weak), ("strong", 1.0)]);
//! }
//! let model = Model::train(&data, &Recipe::default().trees(50))?;
//! let half = model.threshold(Target::Share(0.5))?;
//! let strategy = Learned::new(model, half.threshold);
//! assert_eq!(strategy.decide("What is 7 + 8?"), Some("strong"));
//! assert_eq!(strategy.decide("Say hello, you!"), Some("weak"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod chooser;
mod corpus;
mod data;
mod dense;
mod encoder;
mod fit;
mod folds;
mod forest;
mod groups;
mod head;
mod latent;
mod metric;
mod model;
mod online;
mod quantized;
mod recipe;
mod seen;
mod sparse;
mod targets;
mod threshold;
mod tokens;

pub use chooser::{Chooser, Replay};
pub use data::{BadLine, Dataset, DatasetError, Lines, Record};
pub use folds::{Folds, cross_validate};
pub use metric::{Curve, Point};
pub use model::{Explanation, Model, ModelError, Prediction, TrainError, Weighed};
pub use online::{Drift, Online};
pub use recipe::Recipe;
pub use threshold::{Calibrated, Estimate, Target, TargetError, Threshold};
