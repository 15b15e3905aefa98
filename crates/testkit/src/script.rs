use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use crate::Record;

/// How a [`Script`] answers one call.
#[derive(Clone, Debug)]
pub enum Step<T, E> {
    /// At once.
    Now(Result<T, E>),
    /// After a while, on tokio's clock.
    After(Duration, Result<T, E>),
    /// Never.
    Hang,
}

/// The innermost service of a test: answers as told, and holds its caller to tower's contract.
///
/// It becomes ready at the second `poll_ready`, so that a layer which ignores `Pending` is found out; it panics when it is called without having said
/// that it is ready, and a clone of it is not ready because the original was.
#[derive(Debug)]
pub struct Script<F, Request> {
    respond: Arc<F>,
    record: Record<Request>,
    readiness: Readiness,
}

#[derive(Debug, PartialEq, Eq)]
enum Readiness {
    Unasked,
    Asked,
    Ready,
}

/// Makes a [`Script`] that answers its `n`th call (from 0, over all its clones) with `respond(n, &request)`, and the
/// [`Record`] of what it saw.
///
/// # Examples
///
/// ```
/// use mainstay_testkit::{Step, script};
///
/// let (service, record) = script(|n, request: &u32| match n {
///     0 => Step::Now(Err("busy")),
///     _ => Step::Now(Ok(request + 1)),
/// });
/// assert_eq!(record.calls(), 0);
/// # drop(service);
/// ```
pub fn script<F, Request, T, E>(respond: F) -> (Script<F, Request>, Record<Request>)
where
    F: Fn(usize, &Request) -> Step<T, E>,
{
    let record = Record::default();
    let service =
        Script { respond: Arc::new(respond), record: record.clone(), readiness: Readiness::Unasked };
    (service, record)
}

pin_project! {
    /// A call that a [`Script`] is answering.
    #[must_use = "futures do nothing unless polled"]
    pub struct Running<T, E, Request> {
        #[pin]
        sleep: Option<Sleep>,
        answer: Option<Result<T, E>>,
        guard: Guard<Request>,
    }
}

/// Tells the record how the call ended, also when it is dropped.
struct Guard<Request> {
    record: Record<Request>,
    finished: bool,
}

// === impl Script ===

impl<F, Request> Clone for Script<F, Request> {
    fn clone(&self) -> Self {
        Self {
            respond: Arc::clone(&self.respond),
            record: self.record.clone(),
            readiness: Readiness::Unasked,
        }
    }
}

impl<F, Request, T, E> Service<Request> for Script<F, Request>
where
    F: Fn(usize, &Request) -> Step<T, E>,
    Request: Clone,
{
    type Response = T;
    type Error = E;
    type Future = Running<T, E, Request>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.record.asked();
        if self.readiness == Readiness::Unasked {
            self.readiness = Readiness::Asked;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.readiness = Readiness::Ready;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        assert!(
            self.readiness == Readiness::Ready,
            "called a service that had not said it is ready: readiness belongs to the service that is then called"
        );
        self.readiness = Readiness::Unasked;
        let n = self.record.begin(request.clone());
        let guard = Guard { record: self.record.clone(), finished: false };
        match (self.respond)(n, &request) {
            Step::Now(answer) => Running { sleep: None, answer: Some(answer), guard },
            Step::After(wait, answer) => Running { sleep: Some(sleep(wait)), answer: Some(answer), guard },
            Step::Hang => Running { sleep: None, answer: None, guard },
        }
    }
}

// === impl Running ===

impl<T, E, Request> Future for Running<T, E, Request> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            ready!(sleep.poll(cx));
            this.sleep.set(None);
        }
        match this.answer.take() {
            None => Poll::Pending,
            Some(answer) => {
                this.guard.finished = true;
                Poll::Ready(answer)
            }
        }
    }
}

impl<T, E, Request> std::fmt::Debug for Running<T, E, Request> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

// === impl Guard ===

impl<Request> Drop for Guard<Request> {
    fn drop(&mut self) {
        self.record.end(self.finished);
    }
}
