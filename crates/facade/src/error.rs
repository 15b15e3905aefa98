use mainstay_backoff::Rejected;
use mainstay_bucket::Limited;
use mainstay_fault::{Fault, HasFault};

use crate::openai;

/// Why a call got no answer, after all that was done for it.
///
/// # Examples
///
/// ```
/// use mainstay::{Error, FaultKind, HasFault, Rejected};
///
/// let error = Error::from(Rejected::new("the answer is not JSON"));
/// assert_eq!(error.fault().kind, FaultKind::Rejected);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The last attempt failed.
    #[error(transparent)]
    Call(#[from] openai::Error),
    /// The last attempt's answer did not pass the [check](crate::Builder::check).
    #[error("answer rejected: {0}")]
    Rejected(#[from] Rejected),
    /// A limit on this side is reached, and the wait for it would be too long: nothing was sent.
    #[error(transparent)]
    Limited(#[from] Limited),
}

// === impl Error ===

impl HasFault for Error {
    fn fault(&self) -> Fault {
        match self {
            Self::Call(error) => error.fault(),
            Self::Rejected(error) => error.fault(),
            Self::Limited(error) => error.fault(),
        }
    }
}
