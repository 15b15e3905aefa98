use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use mainstay_fault::{Fault, FaultKind, HasCall, HasFault};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_layer::Layer;
use tower_service::Service;

/// Gives each call a deadline: the moment by which it must have ended, whatever is tried for it.
///
/// The deadline travels with the request ([`Call::deadline`](mainstay_fault::Call)) and is kept by what is inside: no
/// attempt runs past it and no wait crosses it. A request that brings a tighter one keeps it. What is inside and does not know of it
/// is cut off a moment (100 ms) later, with a [`DeadlinePassed`].
///
/// # Cancel safety
///
/// Dropping a call drops what is inside; so does its deadline.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::{DeadlineLayer, Fault, FaultKind, fault::{Call, HasCall}};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// struct Ask(Call);
///
/// impl HasCall for Ask {
///     fn call_mut(&mut self) -> Option<&mut Call> { Some(&mut self.0) }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let stack = ServiceBuilder::new()
///     .layer(DeadlineLayer::new(Duration::from_secs(30)))
///     .service(service_fn(|_: Ask| std::future::pending::<Result<(), Fault>>()));
/// assert_eq!(stack.oneshot(Ask(Call::default())).await.unwrap_err().kind, FaultKind::Timeout);
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer<L = Duration> {
    limit: L,
}

/// A service whose calls have a deadline. Made by [`DeadlineLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Deadline<S, L = Duration> {
    limit: L,
    inner: S,
}

/// How long a call may take.
///
/// Implemented by [`Duration`], for calls that may all take as long.
pub trait TimeLimit<Request> {
    /// The time that the call may take from now on; `None` if it has no limit.
    fn limit(&self, request: &Request) -> Option<Duration>;
}

pin_project! {
    /// A call that ends by its deadline.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct DeadlineFuture<F> {
        // Gone when it was cut off.
        #[pin]
        inner: Option<F>,
        until: Option<Instant>,
        // Begun when the call turns out to take time.
        #[pin]
        end: Option<Sleep>,
    }
}

/// The call was cut off: its deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call was cut off at its deadline")]
pub struct DeadlinePassed {
    #[source]
    fault: Fault,
}

/// What is inside keeps the deadline by itself, and then can say more of what happened: so that comes first. A local tier that begins at
/// the deadline, such as a queue, has as long to write to the disk.
const GRACE: Duration = Duration::from_millis(100);

// === impl DeadlineLayer ===

impl<L> DeadlineLayer<L> {
    /// Creates the layer from the time that a call may take.
    pub const fn new(limit: L) -> Self {
        Self { limit }
    }
}

impl<S, L: Clone> Layer<S> for DeadlineLayer<L> {
    type Service = Deadline<S, L>;

    fn layer(&self, inner: S) -> Deadline<S, L> {
        Deadline { limit: self.limit.clone(), inner }
    }
}

// === impl Deadline ===

impl<S, L, Request> Service<Request> for Deadline<S, L>
where
    S: Service<Request>,
    S::Error: From<DeadlinePassed>,
    L: TimeLimit<Request>,
    Request: HasCall,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = DeadlineFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let own = self.limit.limit(&request).and_then(|limit| Instant::now().checked_add(limit));
        let mut until = own;
        if let Some(call) = request.call_mut() {
            until = call.deadline.into_iter().chain(own).min();
            call.deadline = until;
        }
        DeadlineFuture { inner: Some(self.inner.call(request)), until, end: None }
    }
}

impl<Request> TimeLimit<Request> for Duration {
    fn limit(&self, _: &Request) -> Option<Duration> {
        Some(*self)
    }
}

// === impl DeadlineFuture ===

impl<F, T, E> Future for DeadlineFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<DeadlinePassed>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let inner = this.inner.as_mut().as_pin_mut().expect("a future is not polled after it was ready");
        if let Poll::Ready(outcome) = inner.poll(cx) {
            return Poll::Ready(outcome);
        }
        let Some(until) = this.until.and_then(|until| until.checked_add(GRACE)) else { return Poll::Pending };
        if this.end.is_none() {
            this.end.set(Some(sleep_until(until)));
        }
        if let Some(end) = this.end.as_pin_mut() {
            ready!(end.poll(cx));
        }
        // What is under way ends here, and is written down, before the call is reported.
        this.inner.set(None);
        Poll::Ready(Err(DeadlinePassed::new().into()))
    }
}

// === impl DeadlinePassed ===

impl DeadlinePassed {
    pub(crate) const fn new() -> Self {
        Self { fault: Fault::new(FaultKind::Timeout) }
    }
}

impl HasFault for DeadlinePassed {
    fn fault(&self) -> Fault {
        self.fault
    }
}

impl From<DeadlinePassed> for Fault {
    fn from(passed: DeadlinePassed) -> Self {
        passed.fault
    }
}
