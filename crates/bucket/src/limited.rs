use std::{error::Error, fmt, time::Duration};

use mainstay_fault::{Fault, FaultKind, HasFault, retry_after};

/// A call was refused by a limit on this side; nothing was sent, and nothing is held.
///
/// Its fault is [`Shed`](FaultKind::Shed), which stands in its chain of sources too, so that it is still known after
/// another layer has boxed it. `retry_after` is the time after which the same call would be served if nobody else
/// came in between; where that cannot be told (a call in flight ends when it ends), there is none.
///
/// # Examples
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use mainstay_bucket::{Limits, Patience};
/// use mainstay_fault::{FaultKind, HasFault};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let limits = Arc::new(Limits::default().requests_per_minute(1)?);
/// let first = limits.reserve(0, Patience::new(Duration::ZERO)).await?;
///
/// let error = limits.reserve(0, Patience::new(Duration::from_secs(1))).await.unwrap_err();
/// assert_eq!(error.to_string(), "the limit on requests is reached: the wait of 60s is too long");
/// assert_eq!(error.fault().kind, FaultKind::Shed);
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
/// # drop(first);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    limit: Limit,
    reason: Reason,
    fault: Fault,
}

/// One of the limits on calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Calls under way at the same time.
    InFlight,
    /// Tokens in time, of requests and answers.
    Tokens,
    /// Requests in time.
    Requests,
    /// Keys that are known at once.
    Keys,
}

/// Why a call did not wait, or not longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It would take longer than the caller waits.
    TooLong,
    /// The same, and it is a pause that it would wait for, such as a server asks for by a `Retry-After`.
    Paused,
    /// As many as may wait do.
    LineFull,
    /// It weighs more than the limit allows at any time.
    TooLarge,
    /// Its key is new, and there is no room for another.
    TooManyKeys,
    /// The server that keeps the limit cannot be asked.
    Away,
}

// === impl Limited ===

impl Limited {
    /// Creates the error, for a limiter of your own.
    pub const fn new(limit: Limit, reason: Reason) -> Self {
        Self { limit, reason, fault: Fault::new(FaultKind::Shed) }
    }

    /// Sets the time after which the call would be served.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.fault = self.fault.with_retry_after(wait);
        self
    }

    pub(crate) fn too_long(limit: Limit, wait: Option<Duration>) -> Self {
        Self::after(Self::new(limit, Reason::TooLong), wait)
    }

    /// The same error, and whether it is a pause that the call would wait for.
    pub(crate) const fn for_a_pause(mut self, is_paused: bool) -> Self {
        if is_paused {
            self.reason = Reason::Paused;
        }
        self
    }

    pub(crate) fn line_full(limit: Limit, wait: Option<Duration>) -> Self {
        Self::after(Self::new(limit, Reason::LineFull), wait)
    }

    fn after(mut self, wait: Option<Duration>) -> Self {
        self.fault.retry_after = wait;
        self
    }

    /// The limit that was reached. Of several, the one for which the call would wait longest.
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// Why the call did not wait, or not longer.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The time after which the call would be served, if that can be told.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.fault.retry_after
    }
}

impl HasFault for Limited {
    fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason == Reason::Away {
            return write!(f, "the limit on {} cannot be asked for: its server is away", self.limit);
        }
        if self.reason == Reason::TooLarge {
            return write!(f, "the call weighs more than the limit on {} ever allows", self.limit);
        }
        let is = if self.reason == Reason::Paused { "paused" } else { "reached" };
        write!(f, "the limit on {} is {is}: ", self.limit)?;
        match (self.reason, self.retry_after()) {
            (Reason::TooLong | Reason::Paused, Some(wait)) => {
                write!(f, "the wait of {:?} is too long", retry_after::in_millis(wait))
            }
            (Reason::TooLong | Reason::Paused, None) => f.write_str("none came free in time"),
            (Reason::LineFull, _) => f.write_str("too many wait already"),
            (Reason::TooManyKeys, _) => f.write_str("all of them are in use"),
            (Reason::TooLarge | Reason::Away, _) => Ok(()),
        }
    }
}

impl Error for Limited {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.fault)
    }
}

// === impl Limit ===

impl Limit {
    /// Returns the limit in `snake_case`, as it stands in traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Keys => "keys",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InFlight => "calls in flight",
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Keys => "keys",
        })
    }
}
