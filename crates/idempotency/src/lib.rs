#![doc = include_str!("../README.md")]

mod canonical;
mod key;

mod answer;
mod refused;

mod flight;
mod memory;
mod settings;

mod future;
mod layer;
mod service;

pub use answer::{Answer, Replayed};
pub use canonical::{Fingerprint, key_of, new_key};
pub use future::ResponseFuture;
pub use key::{ByCall, KeyOf};
pub use layer::IdempotencyLayer;
pub use memory::Memory;
pub use refused::Refused;
pub use service::Idempotency;
pub use settings::WhenFull;
