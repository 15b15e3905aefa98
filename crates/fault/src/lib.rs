#![doc = include_str!("../README.md")]

mod call;
mod chain;
mod fault;
mod has_fault;
mod journal;
mod kind;
mod verdict;

pub mod http;
pub mod retry_after;

pub use call::{BackendId, Call, HasCall, Tried};
pub use chain::{Caused, fault_in};
pub use fault::{Fault, PastDeadline};
pub use has_fault::HasFault;
pub use journal::{Attempt, Entry, Journal};
pub use kind::{FaultKind, UnknownFaultKind};
pub use verdict::{Elsewhere, HealthEffect, Verdict, health_effect, retryable, worth_falling_back};
