#![doc = include_str!("../README.md")]

mod backoff;
mod constant;
mod decorrelated;
mod exponential;
mod jitter;
mod span;

mod attempts;
mod budget;
mod check;
mod event;
mod handle;
mod judge;
mod policy;
mod settings;
mod track;

mod future;
mod layer;
mod retry;
mod service;
mod tower_policy;
mod wait;

mod error;

pub use backoff::Backoff;
pub use budget::RetryBudget;
pub use check::{Check, Rejected};
pub use constant::Constant;
pub use decorrelated::{Decorrelated, DecorrelatedDelays};
pub use error::InvalidBackoff;
pub use event::{GiveUp, GiveUpEvent, RetryEvent};
pub use exponential::{Exponential, ExponentialDelays};
pub use future::ResponseFuture;
pub use handle::Handle;
pub use jitter::{Jitter, Proportional};
pub use judge::{ByFault, Classify, Judge};
pub use layer::RetryLayer;
pub use policy::RetryPolicy;
pub use retry::{Operation, retry};
pub use service::Retry;
pub use track::{Track, Tracked, Untracked};
pub use wait::Wait;
