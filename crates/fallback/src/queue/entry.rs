use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Trail;

/// A call for people to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item<Request> {
    /// What people are to know at a glance, and may sort by.
    pub flag: String,
    /// What was asked.
    pub request: Request,
    /// What was tried, and what came of it.
    pub reasons: Vec<String>,
}

/// A call that waits in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry<Request> {
    /// Its name: a UUID of version 7, so that later entries have greater ones.
    pub id: String,
    /// When it was queued, on the wall clock.
    pub time: Timestamp,
    /// What people are to know at a glance, and may sort by.
    pub flag: String,
    /// What was tried, and what came of it.
    pub reasons: Vec<String>,
    /// What was asked.
    pub request: Request,
}

/// The promise that people will see to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// The entry's name in the queue.
    pub id: String,
}

/// Makes the request of a queue's tier: the original one, with a flag and with what the tiers above failed with.
pub fn item<Request: Clone, E: fmt::Display>(
    flag: impl Into<String>,
) -> impl Fn(&Request, &Trail<E>) -> Item<Request> + Clone {
    let flag = flag.into();
    move |request, above| {
        let reasons = above.iter().map(|fallen| format!("{}: {}", fallen.tier(), fallen.error())).collect();
        Item { flag: flag.clone(), request: request.clone(), reasons }
    }
}

// === impl Item ===

impl<Request> Item<Request> {
    /// Creates an item with a flag.
    pub fn new(flag: impl Into<String>, request: Request) -> Self {
        Self { flag: flag.into(), request, reasons: Vec::new() }
    }

    /// Gives it a name and the time.
    pub fn into_entry(self) -> Entry<Request> {
        let Self { flag, request, reasons } = self;
        Entry { id: Uuid::now_v7().to_string(), time: Timestamp::now(), flag, reasons, request }
    }
}

// === impl Queued ===

impl Queued {
    /// Creates the promise, for a sink of your own.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}
