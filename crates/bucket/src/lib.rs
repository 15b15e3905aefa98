#![doc = include_str!("../README.md")]

mod clock;
mod price;
mod rate;

mod core;
mod held;
mod line;
mod stash;

mod acquire;
mod token_bucket;
mod wait;

mod error;

pub use acquire::Acquire;
pub use clock::{Clock, TokioClock};
pub use error::{InvalidLimit, TooLarge, TryAcquireError};
pub use rate::Rate;
pub use token_bucket::TokenBucket;
