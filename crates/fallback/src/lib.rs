#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
mod tier;

mod answer;
mod exhausted;
mod label;
mod trail;

mod fallback;
mod first;
mod then;

mod hedge;
mod hedged;

mod layer;
mod list;

mod set_answer;

#[cfg(feature = "queue")]
pub mod queue;

pub use answer::{Answer, Degradation};
pub use exhausted::Exhausted;
pub use fallback::Fallback;
pub use first::{First, FirstFuture};
pub use hedge::Hedge;
pub use hedged::{Hedged, HedgedFuture};
pub use layer::FallbackLayer;
pub use list::{ListFuture, TierList};
#[cfg(feature = "json")]
pub use set_answer::SetAnswers;
pub use set_answer::{NoSetAnswer, SetAnswer};
pub use then::{Then, ThenFuture};
pub use tier::{MapRequest, Same, Tier};
pub use trail::{Fallen, Trail};
