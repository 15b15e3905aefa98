#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
#[cfg(feature = "quanta")]
mod fast_clock;
mod price;
mod rate;

mod core;
mod held;
mod line;
mod stash;
mod sync;
mod take;
mod word;

mod acquire;
mod token_bucket;
mod wait;

mod estimate;
mod headers;
mod in_flight;
mod limited;
mod limits;
mod owner;
mod patience;
mod queue;
mod reservation;
mod reserve;
mod server_limits;

mod by_key;
mod idle;
mod keyed;

mod event;
mod future;
mod layer;
mod limiter;
mod meter;
mod service;
mod settings;
mod settle;
mod track;
mod weigh;

#[cfg(feature = "governor")]
pub mod governor;

#[cfg(feature = "redis")]
pub mod redis;

mod error;

#[cfg(all(test, mainstay_loom))]
mod loom_tests;

pub use acquire::Acquire;
pub use by_key::{ByKey, by_key};
pub use clock::{Clock, TokioClock};
pub use error::{InvalidLimit, TooLarge, TooManyKeys, TryAcquireError};
pub use estimate::{TokenEstimate, estimate_tokens};
#[cfg(feature = "quanta")]
pub use fast_clock::FastClock;
pub use future::ResponseFuture;
pub use idle::Idle;
pub use keyed::{Keyed, KeyedBuckets, KeyedError, KeyedLimits};
pub use layer::RateLimitLayer;
pub use limited::{Limit, Limited, Reason};
pub use limiter::Limiter;
pub use limits::Limits;
pub use meter::{
    ByUsage, HandOver, Meter, Unmetered, WithServerLimits, hand_over, usage, with_server_limits,
};
pub use patience::Patience;
pub use rate::Rate;
pub use reservation::Reservation;
pub use reserve::Reserve;
pub use server_limits::{ServerLimit, ServerLimits};
pub use service::RateLimit;
pub use token_bucket::TokenBucket;
pub use track::{Track, Tracked, Untracked};
pub use weigh::{Weigh, Weightless};
