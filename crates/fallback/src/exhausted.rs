use std::{error::Error, fmt};

use mainstay_fault::{Caused, Fault, FaultKind, HasFault};

use crate::{Fallen, Trail, label::Label};

type BoxError = Box<dyn Error + Send + Sync>;

/// No tier answered: all that were asked failed, or one failed in a way that no tier below takes over.
///
/// It holds every tier's error. Its own fault, and the source of its chain, is the one that is most useful to the caller:
///
/// 1. what ended the call: its own deadline ([`Fault::past_deadline`]), or what the caller has done
///    ([`InvalidRequest`](FaultKind::InvalidRequest), [`ContentFiltered`](FaultKind::ContentFiltered)) or seen a part of
///    ([`Interrupted`](FaultKind::Interrupted));
/// 2. what passes: a rate limit before overload, failures and timeouts, with the earliest Retry-After that any tier said;
/// 3. [`ContextLength`](FaultKind::ContextLength), when no tier failed for less;
/// 4. what somebody must see to: quota, models, keys; and last, what was refused on this side.
///
/// # Examples
///
/// ```
/// use mainstay_fallback::{Fallback, Tier};
/// use mainstay_fault::{Fault, FaultKind, HasFault};
/// use tower::{ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let busy = service_fn(|_: ()| async { Err::<(), _>(Fault::from(FaultKind::Overloaded)) });
/// let broke = service_fn(|_: ()| async { Err::<(), _>(Fault::from(FaultKind::QuotaExhausted)) });
///
/// let error = Fallback::first("large", busy).then(Tier::new("small", broke)).oneshot(()).await.unwrap_err();
/// assert_eq!(error.fault().kind, FaultKind::Overloaded);
/// assert_eq!(error.to_string(), "no tier answered: large: overloaded; small: quota exhausted");
/// # });
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted<E>(Trail<E>);

/// The error of a stack of boxed errors: as a box is no error itself, `Exhausted<BoxError>` is none either.
#[derive(Debug)]
struct Boxed(Exhausted<BoxError>);

// === impl Exhausted ===

impl<E> Exhausted<E> {
    pub(crate) fn first(tier: &Label, error: E) -> Self
    where
        E: HasFault,
    {
        Self(Trail::new()).then(tier, error)
    }

    /// One tier more that failed.
    pub(crate) fn then(mut self, tier: &Label, error: E) -> Self
    where
        E: HasFault,
    {
        self.0.push(tier, error);
        self
    }

    pub(crate) const fn from_trail(trail: Trail<E>) -> Self {
        Self(trail)
    }

    /// Every tier that failed.
    pub const fn trail(&self) -> &Trail<E> {
        &self.0
    }

    /// Takes out every tier that failed.
    pub fn into_trail(self) -> Trail<E> {
        self.0
    }

    /// Takes out the error that is most useful to the caller. `None` only if there was no tier at all.
    pub fn into_most_useful(self) -> Option<E> {
        self.0.into_iter().reduce(more_useful).map(Fallen::into_error)
    }

    /// Boxes it with its fault at the head of the chain, where [`mainstay_fault::fault_in`] finds it, and below that the error which is
    /// most useful to the caller. The plain conversion to a boxed error loses the Retry-After of the other tiers.
    ///
    /// The tiers' errors may be boxed already.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fallback::{Exhausted, Fallback};
    /// use mainstay_fault::{Fault, FaultKind, fault_in};
    /// use tower::{BoxError, ServiceExt, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let busy = service_fn(|_: ()| async { Err::<(), BoxError>(Fault::from(FaultKind::Overloaded).into()) });
    /// let error = Fallback::first("large", busy).map_err(Exhausted::<BoxError>::boxed).oneshot(()).await.unwrap_err();
    /// assert_eq!(fault_in(&*error).map(|fault| fault.kind), Some(FaultKind::Overloaded));
    /// # });
    /// # Ok::<_, BoxError>(())
    /// ```
    pub fn boxed(self) -> BoxError
    where
        E: Into<BoxError>,
    {
        Box::new(Caused::new(self.fault(), Boxed(Exhausted(self.0.map(Into::into)))))
    }

    /// The failure that is most useful to the caller.
    fn most_useful(&self) -> Option<&Fallen<E>> {
        self.0.iter().reduce(|best, next| if rank(next) < rank(best) { next } else { best })
    }
}

fn more_useful<E>(best: Fallen<E>, next: Fallen<E>) -> Fallen<E> {
    if rank(&next) < rank(&best) { next } else { best }
}

/// The lower, the more useful.
const fn rank<E>(fallen: &Fallen<E>) -> u8 {
    match fallen.fault().kind {
        _ if fallen.fault().past_deadline.is_some() => 0,
        FaultKind::InvalidRequest | FaultKind::ContentFiltered | FaultKind::Interrupted => 0,
        FaultKind::RateLimited => 1,
        FaultKind::Overloaded => 2,
        FaultKind::Unavailable | FaultKind::Timeout | FaultKind::Connect => 3,
        FaultKind::Malformed | FaultKind::Rejected => 4,
        FaultKind::ContextLength => 5,
        FaultKind::QuotaExhausted => 6,
        FaultKind::ModelNotFound | FaultKind::Auth => 7,
        FaultKind::Shed => 8,
        _ => 9,
    }
}

impl<E> HasFault for Exhausted<E> {
    fn fault(&self) -> Fault {
        let Some(best) = self.most_useful() else { return FaultKind::Shed.into() };
        let mut fault = *best.fault();
        // It speaks for all tiers: which backend failed, and that another could take it, is over.
        (fault.backend, fault.elsewhere, fault.set_aside) = (None, false, false);
        if rank(best) > 0 || fault.past_deadline.is_some() {
            fault.retry_after = self.0.iter().filter_map(|fallen| fallen.fault().retry_after).min();
        }
        fault
    }
}

impl<E: fmt::Display> fmt::Display for Exhausted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tier answered")?;
        for (at, fallen) in self.0.iter().enumerate() {
            let before = if at == 0 { ": " } else { "; " };
            write!(f, "{before}{}: {}", fallen.tier(), fallen.error())?;
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for Exhausted<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.most_useful().map(|fallen| fallen.error() as _)
    }
}

// === impl Boxed ===

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Boxed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.most_useful().map(|fallen| &**fallen.error() as _)
    }
}
