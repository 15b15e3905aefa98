use std::{fmt, sync::Arc};

use mainstay_fault::{BackendId, Caused, Fault, FaultKind, HasFault};
use thiserror::Error;

use crate::{NoneEligible, member::Member};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a routed call failed: the error of the backend that took it, or that there was none to take it.
///
/// # Stacks of errors
///
/// It says its fault ([`HasFault`]) with the backend and whether another one can take the call now, so a retry layer around the
/// router moves on without a wait. An enum stack puts `map_err` around the router, as around any service, and keeps it whole in a
/// variant, since a backend's own error ([`Failed::into_error`]) does not know those two; a stack of boxed errors boxes with
/// [`Error::boxed`], which keeps them in the chain of sources.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{Fault, FaultKind, HasFault};
/// use mainstay_router::{Error, NoneEligible};
///
/// let error: Error<Fault> = NoneEligible::default().into();
/// assert_eq!(error.fault().kind, FaultKind::Shed);
///
/// /// An error of a stack: of its backends, and around the router.
/// enum MyError { Server(Fault), Routed(Box<Error<MyError>>) }
///
/// impl HasFault for MyError {
///     fn fault(&self) -> Fault {
///         match self {
///             Self::Server(fault) => *fault,
///             Self::Routed(error) => error.fault(),
///         }
///     }
/// }
/// # let mapped: fn(Error<MyError>) -> MyError = |error| MyError::Routed(Box::new(error));
/// # let server = MyError::Server(Fault::new(FaultKind::Timeout));
/// # assert!(server.fault().kind == FaultKind::Timeout && mapped(NoneEligible::default().into()).fault().set_aside);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// A backend took the call and failed.
    Backend(Failed<E>),
    /// No backend could take the call.
    NoneEligible(NoneEligible),
}

/// The error of a backend, and what the router knows of it.
pub struct Failed<E> {
    pub(crate) error: E,
    pub(crate) member: Arc<Member>,
    pub(crate) prospects: Prospects,
}

/// What the router knows of a call that failed. A whole word, as the answers of calls that went well are moved with what tells them from
/// it.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Prospects {
    /// Nobody else can take it now.
    Nowhere,
    /// Another backend can take it now.
    Elsewhere,
    /// Nobody else can take it now, and the backend is set aside.
    SetAside,
    /// Another backend can take it now, and this one is set aside.
    SetAsideForAnother,
}

/// The error of a stack of boxed errors: as a box is no error itself, `Error<BoxError>` is none either.
#[derive(Debug)]
struct Boxed(Error<BoxError>);

/// A setting that makes no sense: which, what it was set to, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} is {value}: it must be {expected}")]
pub struct Invalid {
    field: &'static str,
    value: String,
    expected: &'static str,
}

// === impl Error ===

impl<E: HasFault> HasFault for Error<E> {
    fn fault(&self) -> Fault {
        match self {
            Self::Backend(failed) => failed.fault(),
            Self::NoneEligible(none) => none.fault(),
        }
    }
}

impl<E> From<NoneEligible> for Error<E> {
    fn from(none: NoneEligible) -> Self {
        Self::NoneEligible(none)
    }
}

impl<E: HasFault + Into<BoxError>> Error<E> {
    /// Boxes it with its fault at the head of the chain, where [`mainstay_fault::fault_in`] finds it with the backend and
    /// `elsewhere`. The plain conversion to a boxed error loses these two.
    ///
    /// The backend's own error may be boxed already; it is further down the chain.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fault::{BackendId, Fault, FaultKind, fault_in};
    /// use mainstay_router::{Backend, Backends, Error, Router, strategy::RoundRobin};
    /// use tower::{BoxError, ServiceExt, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// async fn broke(_: u32) -> Result<(), BoxError> {
    ///     Err(Fault::from(FaultKind::QuotaExhausted).into())
    /// }
    ///
    /// let backends = Backends::new([Backend::new("large", service_fn(broke)), Backend::new("small", service_fn(broke))])?;
    /// let router = Router::new(backends, RoundRobin::default()).map_err(Error::<BoxError>::boxed);
    /// let fault = fault_in(&*router.oneshot(7).await.unwrap_err()).expect("it is at the head of the chain");
    /// assert_eq!((fault.kind, fault.backend, fault.elsewhere), (FaultKind::QuotaExhausted, Some(BackendId(0)), true));
    /// # Ok::<_, BoxError>(())
    /// # })?;
    /// # Ok::<_, BoxError>(())
    /// ```
    pub fn boxed(self) -> BoxError {
        let fault = self.fault();
        let boxed = match self {
            Self::Backend(Failed { error, member, prospects }) => {
                Error::Backend(Failed { error: error.into(), member, prospects })
            }
            Self::NoneEligible(none) => Error::NoneEligible(none),
        };
        Box::new(Caused::new(fault, Boxed(boxed)))
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(failed) => write!(f, "backend {}: {}", failed.name(), failed.error),
            Self::NoneEligible(none) => none.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Backend(failed) => Some(&failed.error),
            Self::NoneEligible(none) => none.source(),
        }
    }
}

// === impl Boxed ===

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Boxed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Error::Backend(failed) => Some(&*failed.error),
            Error::NoneEligible(none) => none.source(),
        }
    }
}

// === impl Failed ===

impl<E> Failed<E> {
    /// The backend's own error.
    pub const fn error(&self) -> &E {
        &self.error
    }

    /// Takes the backend's own error out.
    pub fn into_error(self) -> E {
        self.error
    }

    /// The backend that failed.
    pub fn backend(&self) -> BackendId {
        self.member.id
    }

    /// The name of the backend that failed.
    pub fn name(&self) -> &str {
        self.member.attributes.name()
    }
}

impl<E: HasFault> HasFault for Failed<E> {
    fn fault(&self) -> Fault {
        let mut fault = self.error.fault().with_backend(self.member.id);
        if let (FaultKind::ContextLength, Some(window)) = (fault.kind, self.member.attributes.window) {
            fault = fault.with_outgrown(window);
        }
        fault.with_elsewhere(self.prospects.elsewhere()).with_set_aside(self.prospects.set_aside())
    }
}

impl<E: fmt::Debug> fmt::Debug for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed")
            .field("backend", &self.backend())
            .field("name", &self.name())
            .field("error", &self.error)
            .field("prospects", &self.prospects)
            .finish_non_exhaustive()
    }
}

// === impl Prospects ===

impl Prospects {
    pub(crate) const fn new(elsewhere: bool, set_aside: bool) -> Self {
        match (elsewhere, set_aside) {
            (false, false) => Self::Nowhere,
            (true, false) => Self::Elsewhere,
            (false, true) => Self::SetAside,
            (true, true) => Self::SetAsideForAnother,
        }
    }

    const fn elsewhere(self) -> bool {
        matches!(self, Self::Elsewhere | Self::SetAsideForAnother)
    }

    const fn set_aside(self) -> bool {
        matches!(self, Self::SetAside | Self::SetAsideForAnother)
    }
}

// === impl Invalid ===

impl Invalid {
    /// Passes a value that satisfies what is expected of it.
    pub(crate) fn unless<T: fmt::Debug>(
        holds: bool,
        field: &'static str,
        value: T,
        expected: &'static str,
    ) -> Result<T, Self> {
        if holds { Ok(value) } else { Err(Self { field, value: format!("{value:?}"), expected }) }
    }

    /// The name of the setting.
    pub const fn field(&self) -> &'static str {
        self.field
    }
}
