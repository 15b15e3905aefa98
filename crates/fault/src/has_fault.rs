use std::{convert::Infallible, error::Error, io, sync::Arc};

use tokio::time::error::Elapsed;

use crate::{Fault, FaultKind, fault_in};

/// An error that can say its [`Fault`].
///
/// Every layer judges failures through it. Implement it for an error of your own in one method; it is there already
/// for [`io::Error`], tokio's [`Elapsed`], [`Infallible`] and boxed errors. A boxed error is judged by what its
/// chain of sources holds ([`fault_in`]); one that says nothing of itself is an
/// [`InvalidRequest`](FaultKind::InvalidRequest): what nobody has described is not sent again.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{Fault, FaultKind, HasFault};
///
/// enum ParseError { Truncated, UnknownField }
///
/// impl HasFault for ParseError {
///     fn fault(&self) -> Fault {
///         match self {
///             Self::Truncated => FaultKind::Malformed.into(),
///             Self::UnknownField => FaultKind::InvalidRequest.into(),
///         }
///     }
/// }
///
/// assert_eq!(ParseError::Truncated.fault().kind, FaultKind::Malformed);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which fault it is",
    note = "implement `mainstay_fault::HasFault` for it, or, where the layer is one of retries, give its policy a closure that judges it"
)]
pub trait HasFault {
    /// Says which fault this error is.
    fn fault(&self) -> Fault;

    /// The tokens of the prompt and of the answer that were used all the same, where that is known: an answer that was rejected is billed.
    fn used(&self) -> Option<(u64, u64)> {
        None
    }
}

impl HasFault for Fault {
    fn fault(&self) -> Fault {
        *self
    }
}

impl HasFault for Infallible {
    fn fault(&self) -> Fault {
        match *self {}
    }
}

impl HasFault for Elapsed {
    fn fault(&self) -> Fault {
        FaultKind::Timeout.into()
    }
}

impl HasFault for io::Error {
    /// Judges by [`io::ErrorKind`]: what a network does is [`Connect`](FaultKind::Connect) or
    /// [`Timeout`](FaultKind::Timeout), what a file system does is not the call's weather.
    fn fault(&self) -> Fault {
        use io::ErrorKind as Io;
        match self.kind() {
            Io::TimedOut => FaultKind::Timeout.into(),
            Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::NotConnected
            | Io::BrokenPipe
            | Io::HostUnreachable
            | Io::NetworkUnreachable
            | Io::NetworkDown
            | Io::AddrNotAvailable
            | Io::UnexpectedEof => FaultKind::Connect.into(),
            _ => self.get_ref().and_then(|inner| fault_in(inner)).unwrap_or(FaultKind::InvalidRequest.into()),
        }
    }
}

impl HasFault for Box<dyn Error + Send + Sync> {
    fn fault(&self) -> Fault {
        fault_in(&**self).unwrap_or(FaultKind::InvalidRequest.into())
    }
}

impl<E: HasFault> HasFault for Box<E> {
    fn fault(&self) -> Fault {
        (**self).fault()
    }
}

impl<E: HasFault + ?Sized> HasFault for Arc<E> {
    fn fault(&self) -> Fault {
        (**self).fault()
    }
}

impl<E: HasFault + ?Sized> HasFault for &E {
    fn fault(&self) -> Fault {
        (**self).fault()
    }
}
