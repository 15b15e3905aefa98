//! Limits that processes and machines share, kept by a Redis or Valkey server.
//!
//! One script on the server takes all limits of a call or none, in one round trip and on the server's clock. What holds for
//! [`Limits`](crate::Limits) holds over all who use the same name: the bound, all or none, the settlement. Not the order:
//! calls stand in line within a process, first come, first served, and the heads of the processes' lines compete.
//!
//! A call asks one round trip; within a process one at a time asks, so that nobody passes. [`SharedLimits::lease`] saves
//! most of them.
//!
//! # When the server is away
//!
//! An answer that does not come within [`timeout`](Redis::timeout), or says that the server serves nobody now, opens a circuit: for
//! the time of [`retry_every`](Redis::retry_every) nobody asks; then one call does. The connection is made anew by itself.
//! Meanwhile [`WhenAway`] says what becomes of calls: they are refused, or served from a local share. So are those of a limit whose keys
//! hold something else, which concerns no other limit. Settlements are kept
//! and handed in later; they are numbered, so that what the server may have counted already is not counted twice. A call whose
//! answer was lost, and that is asked for again, counts once where calls in flight are limited; else its tokens may be taken
//! twice, and refill with time: never too few.
//!
//! # Where it lies
//!
//! Two keys ([prefixed](SharedLimits::prefix)), `mainstay:{name}:limits` and `mainstay:{name}:calls`, and for an hour one of each process that settles, in one slot of a cluster. They expire when all that was
//! taken has come back.

mod look;
mod reserve;
mod script;
mod seen;
mod settings;
mod settlements;
mod settling;
mod share;
mod shared;
mod stock;
mod ticket;

pub use mainstay_redis::{Redis, RedisError, RedisResult};
pub use reserve::SharedReserve;
pub use settings::{SharedLimits, WhenAway};
pub use shared::RedisLimits;
pub(crate) use ticket::Ticket;
