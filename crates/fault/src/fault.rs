use std::{error::Error, fmt, num::NonZeroU32, time::Duration};

use crate::{BackendId, FaultKind, retry_after};

/// What went wrong with one attempt, in the terms by which every layer judges it.
///
/// A `Fault` is small and `Copy`: the error that it came from keeps the message, the status and the cause; the
/// fault is what a retry, a fallback or a router needs in order to decide. An error says its fault through
/// [`HasFault`](crate::HasFault).
///
/// It implements [`Error`], so that an error may name its fault as its `source` and still be judged after it has
/// been boxed: see [`fault_in`](crate::fault_in).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_fault::{Fault, FaultKind, retryable};
///
/// let fault = Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(2));
/// assert!(retryable(&fault));
/// assert_eq!(fault.to_string(), "rate limited, retry after 2s");
///
/// // The server's own word overrides the table.
/// assert!(!retryable(&fault.with_should_retry(false)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// How long the server asks to be left alone, from the moment of its answer.
    pub retry_after: Option<Duration>,
    /// The server's own opinion on a retry (`x-should-retry`), which overrides the table's.
    pub should_retry: Option<bool>,
    /// Whether another backend could take the call now, so that the next attempt need not wait.
    ///
    /// A router sets it; everything else leaves it `false`.
    pub elsewhere: bool,
    /// The backend that failed, as its router numbers it.
    pub backend: Option<BackendId>,
    /// Whether that backend is set aside now, so that no more calls are sent to it: those that move away from it are few. Without a
    /// backend: whether none took the call, so that nothing was sent.
    ///
    /// A router sets it; everything else leaves it `false`.
    pub set_aside: bool,
    /// What the call's own deadline did to the attempt: with that, its time is over, and not only this attempt's.
    ///
    /// The client that sends the attempt sets it.
    pub past_deadline: Option<PastDeadline>,
    /// Whether the time ran out in which nobody read the answer: that is not the backend's doing.
    ///
    /// The client that reads the answer sets it.
    pub unread: bool,
    /// Of a call that was too long ([`FaultKind::ContextLength`]): the window that it does not fit into, in tokens, where that is
    /// known.
    pub outgrown: Option<NonZeroU32>,
}

/// What the call's own deadline did to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PastDeadline {
    /// It was under way, and was cut off.
    CutOff,
    /// It was not sent any more.
    Unsent,
}

// === impl Fault ===

impl Fault {
    /// Creates a fault of which nothing but the kind is known.
    pub const fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            retry_after: None,
            should_retry: None,
            elsewhere: false,
            backend: None,
            set_aside: false,
            past_deadline: None,
            unread: false,
            outgrown: None,
        }
    }

    /// Sets how long the server asks to be left alone.
    #[must_use]
    pub const fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Sets the server's own opinion on a retry.
    #[must_use]
    pub const fn with_should_retry(mut self, should_retry: bool) -> Self {
        self.should_retry = Some(should_retry);
        self
    }

    /// Sets whether another backend could take the call now.
    #[must_use]
    pub const fn with_elsewhere(mut self, elsewhere: bool) -> Self {
        self.elsewhere = elsewhere;
        self
    }

    /// Names the backend that failed.
    #[must_use]
    pub const fn with_backend(mut self, backend: BackendId) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Sets whether the backend that failed is set aside now, or no backend took the call.
    #[must_use]
    pub const fn with_set_aside(mut self, set_aside: bool) -> Self {
        self.set_aside = set_aside;
        self
    }

    /// Says what the call's own deadline did to the attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fault::{Fault, FaultKind, HealthEffect, PastDeadline, health_effect, retryable};
    ///
    /// let unsent = Fault::new(FaultKind::Timeout).with_past_deadline(PastDeadline::Unsent);
    /// assert!(!retryable(&unsent), "there is no time left");
    /// assert_eq!(health_effect(&unsent), HealthEffect::None, "the backend was never asked");
    /// ```
    #[must_use]
    pub const fn with_past_deadline(mut self, past: PastDeadline) -> Self {
        self.past_deadline = Some(past);
        self
    }

    /// Sets whether the time ran out in which nobody read the answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fault::{Fault, FaultKind, HealthEffect, health_effect};
    ///
    /// let unread = Fault::new(FaultKind::Interrupted).with_unread(true);
    /// assert_eq!(health_effect(&unread), HealthEffect::None, "the backend was not waited for");
    /// ```
    #[must_use]
    pub const fn with_unread(mut self, unread: bool) -> Self {
        self.unread = unread;
        self
    }

    /// Sets the window that the call does not fit into.
    #[must_use]
    pub fn with_outgrown(mut self, window: u64) -> Self {
        self.outgrown = NonZeroU32::new(u32::try_from(window).unwrap_or(u32::MAX));
        self
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.words())?;
        f.write_str(match self.past_deadline {
            None => "",
            Some(PastDeadline::CutOff) => " at the call's deadline",
            Some(PastDeadline::Unsent) => ": the call's deadline had passed",
        })?;
        if self.unread {
            f.write_str(" while nobody read")?;
        }
        if let Some(after) = self.retry_after {
            write!(f, ", retry after {:?}", retry_after::in_millis(after))?;
        }
        if self.should_retry == Some(false) {
            f.write_str(", the server asks for no retry")?;
        }
        Ok(())
    }
}

impl Error for Fault {}
