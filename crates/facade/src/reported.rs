use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::{HasCall, Journal};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use mainstay_idempotency as idempotency;

use crate::{ChatRequest, ChatStream, Error, Failure, Reply, Report, Served};

/// Reports what happened to each call: the outermost layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportLayer;

/// A service whose calls are reported. Made by [`ReportLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Reported<S>(S);

pin_project! {
    /// A call of a [`Reported`] service.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ReportedFuture<F> {
        #[pin]
        inner: F,
        journal: Journal,
        began: Instant,
    }
}

/// An answer that a report can be put to.
pub trait Reportable {
    /// The answer with its report.
    type Reported;

    /// Puts the report of the journal to the answer.
    fn reported(self, journal: &Journal, began: Instant) -> Self::Reported;
}

// === impl ReportLayer ===

impl<S> Layer<S> for ReportLayer {
    type Service = Reported<S>;

    fn layer(&self, inner: S) -> Reported<S> {
        Reported(inner)
    }
}

// === impl Reported ===

impl<S> Service<ChatRequest> for Reported<S>
where
    S: Service<ChatRequest, Response: Reportable, Error = Error>,
{
    type Response = <S::Response as Reportable>::Reported;
    type Error = Failure;
    type Future = ReportedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.0.poll_ready(cx).map_err(|error| Failure::new(error, Report::default()))
    }

    fn call(&mut self, mut request: ChatRequest) -> Self::Future {
        let journal = match request.call_mut() {
            Some(call) => call.journal.get_or_insert_default().clone(),
            None => Journal::new(),
        };
        ReportedFuture { inner: self.0.call(request), journal, began: Instant::now() }
    }
}

// === impl ReportedFuture ===

impl<F, R> Future for ReportedFuture<F>
where
    F: Future<Output = Result<R, Error>>,
    R: Reportable,
{
    type Output = Result<R::Reported, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.inner.poll(cx)) {
            Ok(answer) => Ok(answer.reported(this.journal, *this.began)),
            Err(error) => Err(Failure::new(error, Report::read(this.journal, *this.began))),
        })
    }
}

// === impl Reportable ===

impl Reportable for idempotency::Answer<Served> {
    type Reported = Reply;

    fn reported(self, journal: &Journal, began: Instant) -> Reply {
        let mut report = Report::read(journal, began);
        report.replayed = self.replayed().map(|replayed| replayed.age);
        let Served { response, tier, degraded } = self.into_inner();
        (report.tier, report.degraded) = (Some(tier), degraded);
        Reply::new(Arc::unwrap_or_clone(response), report)
    }
}

impl Reportable for ChatStream {
    type Reported = Self;

    fn reported(self, journal: &Journal, began: Instant) -> Self {
        self.journaled(journal.clone(), began)
    }
}
