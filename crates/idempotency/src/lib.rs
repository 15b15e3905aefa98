#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod canonical;
mod key;

mod answer;
mod refused;
mod store;

mod flight;
mod lead;
mod life;
mod memory;
mod settings;
mod shelf;

mod detached;
mod future;
mod layer;
mod service;
mod streamed;
mod turn;

#[cfg(all(fuzzing, feature = "redb"))]
#[doc(hidden)]
pub mod fuzzing;

pub use answer::{Answer, Replayed};
pub use canonical::{Fingerprint, key_of, new_key};
pub use detached::{Detached, DetachedFuture, DetachedLayer};
pub use future::ResponseFuture;
pub use key::{ByCall, Fingerprinted, KeyOf};
pub use layer::IdempotencyLayer;
#[cfg(feature = "redis")]
pub use mainstay_redis::{Redis, RedisError, RedisResult};
pub use memory::Memory;
pub use refused::Refused;
pub use service::Idempotency;
pub use settings::WhenFull;
#[cfg(feature = "redb")]
pub use store::redb::Redb;
#[cfg(feature = "redis")]
pub use store::redis::RedisKeys;
pub use store::{Asked, Claimed, Codec, Hold, Json, Kept, Store, StoreError, StoreFuture};
pub use streamed::{Playback, Recorder, RecorderFuture, Recording, Streamed, StreamedFuture, StreamedLayer};
