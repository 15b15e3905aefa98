use std::fmt;

use mainstay_fault::{Fault, HasFault};

/// Says what is wrong with the outcome of an attempt, if anything.
///
/// Implemented by [`ByFault`] (the default: an error says its own fault), [`Classify`] (a closure says it) and
/// [`Check`](crate::Check) (answers are looked at too). One of your own is given to
/// [`RetryPolicy::judge_by`](crate::RetryPolicy::judge_by).
///
/// # Examples
///
/// ```
/// use http::{Response, StatusCode};
/// use mainstay_backoff::{ByFault, Judge, RetryLayer, RetryPolicy};
/// use mainstay_fault::{Fault, http::fault_of};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// /// For a client to which an answer with an error's status is no error.
/// #[derive(Debug)]
/// struct ByStatus;
///
/// impl Judge<Response<String>, Fault> for ByStatus {
///     fn judge(&self, outcome: &mut Result<Response<String>, Fault>) -> Option<Fault> {
///         match outcome {
///             Ok(answer) if answer.status().is_success() => None,
///             Ok(answer) => Some(fault_of(answer.status(), answer.headers(), answer.body().as_bytes())),
///             Err(_) => ByFault.judge(outcome),
///         }
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let busy = service_fn(|_: ()| async {
///     let mut answer = Response::new("try again".to_owned());
///     *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
///     Ok::<_, Fault>(answer)
/// });
/// let layer = RetryLayer::new(RetryPolicy::default().judge_by(ByStatus));
/// let answer = ServiceBuilder::new().layer(layer).service(busy).oneshot(()).await?;
/// assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "after four attempts");
/// # Ok::<_, Fault>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Judge<T, E> {
    /// Returns the fault of an outcome, `None` if it is a success.
    ///
    /// An answer that is not accepted is replaced by the error that stands for it.
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault>;
}

/// Judges an error by what it says of itself: [`HasFault`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByFault;

/// Judges an error by a closure: see [`RetryPolicy::classify`](crate::RetryPolicy::classify).
#[derive(Clone, Copy)]
pub struct Classify<F>(pub(crate) F);

// === impl ByFault ===

impl<T, E: HasFault> Judge<T, E> for ByFault {
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault> {
        outcome.as_ref().err().map(HasFault::fault)
    }
}

// === impl Classify ===

impl<T, E, F: Fn(&E) -> Fault> Judge<T, E> for Classify<F> {
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault> {
        outcome.as_ref().err().map(&self.0)
    }
}

impl<F> fmt::Debug for Classify<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classify").finish_non_exhaustive()
    }
}
