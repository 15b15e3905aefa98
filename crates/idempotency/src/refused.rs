use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mainstay_fault::{Caused, Fault, FaultKind, HasFault};

use crate::StoreError;

/// Why the layer itself did not let a call through, or what came of the execution that it waited for.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{FaultKind, HasFault};
/// use mainstay_idempotency::Refused;
///
/// let refused = Refused::failed(FaultKind::Overloaded.into());
/// assert_eq!(refused.fault().kind, FaultKind::Overloaded, "it is judged as if it were the caller's own failure");
/// ```
#[derive(Clone, Debug)]
pub struct Refused {
    reason: Reason,
    fault: Fault,
    cause: Option<Arc<Caused>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Conflict,
    Full,
    TooLong,
    Failed,
    Unknown(SystemTime),
    Store,
}

/// From the epoch to the last millisecond of the year 9999: what lies outside, a clock that is wrong has told.
const LAST: Duration = Duration::from_millis(253_402_300_799_999);

// === impl Refused ===

impl Refused {
    /// The key was used for another request.
    pub const CONFLICT: Self = Self::new(Reason::Conflict, FaultKind::InvalidRequest);
    /// There is no room for a new key: no record is dropped before its time.
    pub const FULL: Self = Self::new(Reason::Full, FaultKind::Shed);
    /// The execution under the same key takes longer than this call waits.
    pub const TOO_LONG: Self = Self::new(Reason::TooLong, FaultKind::Shed);

    /// The execution under the same key failed, for which this call waited, or whose fault is kept.
    pub const fn failed(fault: Fault) -> Self {
        Self { reason: Reason::Failed, fault, cause: None }
    }

    /// An execution under the same key began then and was cut off, by a crash or the loss of its claim: whether it had an effect
    /// is unknown, so it is not repeated unasked.
    pub const fn unknown(began: SystemTime) -> Self {
        Self::new(Reason::Unknown(began), FaultKind::Interrupted)
    }

    /// The store cannot say whether the call was made before, so that it is not made now.
    pub fn store(error: StoreError) -> Self {
        let fault = Fault::new(FaultKind::Shed);
        Self { reason: Reason::Store, fault, cause: Some(Arc::new(Caused::new(fault, error))) }
    }

    /// When the execution began of which nobody knows what came.
    pub const fn unknown_since(&self) -> Option<SystemTime> {
        match self.reason {
            Reason::Unknown(began) => Some(began),
            _ => None,
        }
    }

    /// Whether there was no room for the key.
    pub fn is_full(&self) -> bool {
        self.reason == Reason::Full
    }

    const fn new(reason: Reason, kind: FaultKind) -> Self {
        Self { reason, fault: Fault::new(kind), cause: None }
    }
}

impl PartialEq for Refused {
    /// Whether both say the same: errors of a store are not compared.
    fn eq(&self, other: &Self) -> bool {
        (self.reason, self.fault) == (other.reason, other.fault)
    }
}

impl HasFault for Refused {
    fn fault(&self) -> Fault {
        self.fault
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        refused.fault
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Conflict => f.write_str("the idempotency key was used for another request"),
            Reason::Full => f.write_str("there is no room for another idempotency key"),
            Reason::TooLong => f.write_str("the execution under the same idempotency key takes too long"),
            Reason::Store => f.write_str("whether the idempotency key was used before cannot be told"),
            Reason::Failed => {
                write!(f, "the execution under the same idempotency key failed: {}", self.fault)
            }
            Reason::Unknown(began) => {
                let began = humantime::format_rfc3339_millis(began.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST));
                write!(
                    f,
                    "the execution under the same idempotency key began at {began} and was cut off: its outcome is unknown"
                )
            }
        }
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(&**cause),
            None => Some(&self.fault),
        }
    }
}
