use std::{num::NonZeroU32, sync::Arc};

use tokio::time::Instant;

use crate::Journal;

/// What travels with a call through all its attempts.
///
/// A request type carries one by implementing [`HasCall`]; layers read and write it there. Cloning is cheap and
/// allocates nothing until more than 64 backends are in play.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_fault::Call;
/// use tokio::time::Instant;
///
/// let call = Call::default().with_key("order-17").with_deadline(Instant::now() + Duration::from_secs(30));
/// assert_eq!(call.attempt.get(), 1);
/// assert_eq!(call.key.as_deref(), Some("order-17"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The number of the current attempt, from 1.
    pub attempt: NonZeroU32,
    /// How many of the attempts were made elsewhere before those that are counted now, such as by fallback tiers above: they are no retries.
    pub before: u32,
    /// When the whole call must have ended: queueing, waits, attempts and fallbacks together.
    pub deadline: Option<Instant>,
    /// The idempotency key: the same for all attempts of one call.
    pub key: Option<Arc<str>>,
    /// Whether the call may be made anew if an execution under its key was cut off, and nobody knows what came of it.
    pub retry_unknown: bool,
    /// The backends that this call has tried in the present pass.
    pub tried: Tried,
    /// Where each attempt is written down, for who wants to know.
    pub journal: Option<Journal>,
    /// The largest window, in tokens, of the backends and the fallback tiers above that have found it too long: 0 if none has.
    pub outgrown: u32,
    /// Whether a policy has refused it in a fallback tier above.
    pub filtered: bool,
    /// Whether it goes on with an answer that broke: what is no model has no part in it.
    pub continues: bool,
}

/// A backend, as its router numbers it: from 0, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u16);

/// A set of backends that a call has tried: one bit each, the first 64 without allocating.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{BackendId, Tried};
///
/// let mut tried = Tried::default();
/// tried.insert(BackendId(3));
/// assert!(tried.contains(BackendId(3)));
/// assert_eq!(tried.len(), 1);
/// tried.clear();
/// assert!(tried.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    first: u64,
    rest: Vec<u64>,
}

/// A request that may carry a [`Call`].
///
/// Both methods have defaults, so that a plain request type takes part with `impl HasCall for MyRequest {}`:
/// layers then work without a deadline, a key or a memory of the backends tried. An [`http::Request`] carries its
/// call in its extensions.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{Call, HasCall};
///
/// struct Question { text: String, call: Call }
///
/// impl HasCall for Question {
///     fn call(&self) -> Option<&Call> { Some(&self.call) }
///     fn call_mut(&mut self) -> Option<&mut Call> { Some(&mut self.call) }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether it carries a `Call`",
    note = "`impl mainstay_fault::HasCall for {Self} {{}}` is enough: both methods have defaults"
)]
pub trait HasCall {
    /// Returns what travels with this call, if the request carries it.
    fn call(&self) -> Option<&Call> {
        None
    }

    /// Returns what travels with this call for writing, if the request carries it.
    fn call_mut(&mut self) -> Option<&mut Call> {
        None
    }
}

// === impl Call ===

impl Default for Call {
    fn default() -> Self {
        Self {
            attempt: NonZeroU32::MIN,
            before: 0,
            deadline: None,
            key: None,
            retry_unknown: false,
            tried: Tried::default(),
            journal: None,
            outgrown: 0,
            filtered: false,
            continues: false,
        }
    }
}

impl Call {
    /// Sets the moment by which the whole call must have ended.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Lets the call be made anew if an execution under its key was cut off, and nobody knows what came of it: it may run a
    /// second time.
    #[must_use]
    pub fn with_retry_unknown(mut self) -> Self {
        self.retry_unknown = true;
        self
    }

    /// Has each attempt written down.
    #[must_use]
    pub fn with_journal(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }
}

// === impl Tried ===

impl Tried {
    /// Adds a backend.
    pub fn insert(&mut self, backend: BackendId) {
        let (word, bit) = Self::place(backend);
        match word.checked_sub(1) {
            None => self.first |= bit,
            Some(index) => {
                if self.rest.len() <= index {
                    self.rest.resize(index + 1, 0);
                }
                if let Some(word) = self.rest.get_mut(index) {
                    *word |= bit;
                }
            }
        }
    }

    /// Tells whether the backend was tried.
    pub fn contains(&self, backend: BackendId) -> bool {
        let (word, bit) = Self::place(backend);
        let bits = match word.checked_sub(1) {
            None => self.first,
            Some(index) => self.rest.get(index).copied().unwrap_or(0),
        };
        bits & bit != 0
    }

    /// Tells whether nothing was tried yet.
    pub fn is_empty(&self) -> bool {
        self.first == 0 && self.rest.iter().all(|word| *word == 0)
    }

    /// Returns how many backends were tried.
    pub fn len(&self) -> usize {
        let ones: u32 = self.rest.iter().chain([&self.first]).map(|word| word.count_ones()).sum();
        ones as usize
    }

    /// Forgets all: a new pass begins.
    pub fn clear(&mut self) {
        self.first = 0;
        self.rest.clear();
    }

    /// The word that holds a backend's bit, and the bit.
    const fn place(BackendId(id): BackendId) -> (usize, u64) {
        (id as usize / 64, 1 << (id % 64))
    }
}

// === impl HasCall ===

impl<B> HasCall for http::Request<B> {
    fn call(&self) -> Option<&Call> {
        self.extensions().get()
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(self.extensions_mut().get_or_insert_default())
    }
}

macro_rules! carries_no_call {
    ($($plain:ty),+ $(,)?) => { $(impl HasCall for $plain {})+ };
}

carries_no_call!(
    (),
    bool,
    u8,
    u16,
    u32,
    u64,
    usize,
    i32,
    i64,
    String,
    &str,
    Vec<u8>,
    Arc<str>,
    serde_json::Value
);
