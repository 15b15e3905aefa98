use std::num::NonZeroU32;

use mainstay_fault::{Fault, HasCall};
use tokio::time::Instant;

/// What a policy reads from a request, and writes to it before each further attempt.
///
/// Implemented by [`Untracked`] (the default) and [`Tracked`]. One of your own is given to
/// [`RetryPolicy::track_by`](crate::RetryPolicy::track_by).
///
/// # Examples
///
/// Requests that count their attempts in a field of their own:
///
/// ```
/// use mainstay_backoff::{RetryLayer, RetryPolicy, Track};
/// use mainstay_fault::{Fault, FaultKind};
/// use tokio::time::Instant;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// #[derive(Clone)]
/// struct Question { resent: u32 }
///
/// struct Resent;
///
/// impl Track<Question> for Resent {
///     fn deadline(&self, _: &Question) -> Option<Instant> {
///         None
///     }
///
///     fn retried(&self, question: &mut Question, _: &Fault) {
///         question.resent += 1;
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let model = service_fn(|question: Question| async move {
///     if question.resent < 2 { Err(Fault::from(FaultKind::Overloaded)) } else { Ok(question.resent) }
/// });
/// let layer = RetryLayer::new(RetryPolicy::default().track_by(Resent));
/// assert_eq!(ServiceBuilder::new().layer(layer).service(model).oneshot(Question { resent: 0 }).await?, 2);
/// # Ok::<_, Fault>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Track<Request> {
    /// The moment by which the whole call must have ended, if the request says.
    fn deadline(&self, request: &Request) -> Option<Instant>;

    /// Whether the call pays into the budget. One that was sent before, by another layer, has paid there.
    fn pays(&self, request: &Request) -> bool {
        let _ = request;
        true
    }

    /// Tells the request that its call begins, before the first attempt: nothing, unless implemented. tower's own retry layer
    /// does not tell it.
    fn begun(&self, request: &mut Request) {
        let _ = request;
    }

    /// Tells the request that it is sent once more, and why.
    fn retried(&self, request: &mut Request, fault: &Fault);
}

/// Leaves requests alone, so that they may be of any type: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untracked;

/// Keeps the [`Call`](mainstay_fault::Call) of a request: see [`RetryPolicy::tracked`](crate::RetryPolicy::tracked).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracked;

// === impl Untracked ===

impl<Request> Track<Request> for Untracked {
    fn deadline(&self, _: &Request) -> Option<Instant> {
        None
    }

    fn retried(&self, _: &mut Request, _: &Fault) {}
}

// === impl Tracked ===

impl<Request: HasCall> Track<Request> for Tracked {
    fn deadline(&self, request: &Request) -> Option<Instant> {
        request.call()?.deadline
    }

    fn pays(&self, request: &Request) -> bool {
        request.call().is_none_or(|call| call.attempt == NonZeroU32::MIN)
    }

    /// Has a request carry its call from the first attempt on, where that is kept beside it, as an `http::Request` does: a router
    /// then knows that what it tries is remembered.
    fn begun(&self, request: &mut Request) {
        let _ = request.call_mut();
    }

    /// Counts the attempt. A backend that failed is not tried again while another can take the call; when none can,
    /// a new pass begins, and all may be tried again.
    fn retried(&self, request: &mut Request, fault: &Fault) {
        let Some(call) = request.call_mut() else { return };
        call.attempt = call.attempt.saturating_add(1);
        if let Some(window) = fault.outgrown {
            call.outgrown = call.outgrown.max(window.get());
        }
        match fault.backend {
            Some(backend) if fault.elsewhere => call.tried.insert(backend),
            _ => call.tried.clear(),
        }
    }
}
