#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod capabilities;
mod gate;
mod price;
mod prices;
mod profile;

mod cause;
mod ewma;
mod health;
mod member;
mod moment;
mod snapshot;
mod standing;
mod window;
mod word;

mod backends;
mod candidate;
mod ineligible;
mod view;

#[cfg(feature = "learned")]
pub mod learned;
pub mod strategy;

mod budget;
mod meter;
mod ticket;
mod track;

mod aftermath;
mod choice;
mod course;
mod future;
mod router;
mod rules;
mod set;
mod why;

mod error;
mod none_eligible;

pub use backend::{Attributes, Backend, Grade};
pub use backends::{Backends, TooManyBackends};
pub use budget::Budget;
pub use candidate::Candidate;
pub use capabilities::Capabilities;
pub use cause::Cause;
pub use choice::Choice;
pub use error::{Error, Failed, Invalid};
pub use future::ResponseFuture;
pub use gate::Gate;
pub use health::Health;
pub use ineligible::Ineligible;
pub use meter::{ByUsage, HandOver, Meter, Unmetered, hand_over, usage};
pub use none_eligible::NoneEligible;
pub use price::{Price, Usage};
pub use prices::{InvalidPrices, Prices, Quote};
pub use profile::{Addressed, Describe, Profile, Unknown};
pub use router::Router;
pub use snapshot::Snapshot;
pub use standing::Standing;
pub use ticket::Ticket;
pub use track::{Memory, Track, Tracked, Untracked};
pub use view::View;
pub use why::{Judged, Why};
