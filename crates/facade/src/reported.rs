use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::{HasFault, Journal};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use mainstay_fallback as fallback;
use mainstay_idempotency as idempotency;

use crate::{
    Asks, ChatStream, EmbeddingResponse, Error, Failure, Ongoing, Reply, Report, Served, labels::Labels,
};

/// Reports what happened to each call: the outermost layer.
#[derive(Clone, Debug, Default)]
pub struct ReportLayer {
    labels: Labels,
}

/// A service whose calls are reported. Made by [`ReportLayer`].
#[derive(Clone, Debug)]
pub struct Reported<S> {
    inner: S,
    labels: Labels,
}

pin_project! {
    /// A call of a [`Reported`] service.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ReportedFuture<F> {
        #[pin]
        inner: F,
        ongoing: Option<Ongoing>,
    }
}

/// An answer that a report can be put to.
pub trait Reportable {
    /// The answer with its report.
    type Reported;

    /// Whether it comes piece by piece.
    const STREAMS: bool = false;

    /// Puts the report of the call to the answer.
    fn reported(self, ongoing: Ongoing) -> Self::Reported;
}

// === impl ReportLayer ===

impl ReportLayer {
    pub(crate) const fn new(labels: Labels) -> Self {
        Self { labels }
    }
}

impl<S> Layer<S> for ReportLayer {
    type Service = Reported<S>;

    fn layer(&self, inner: S) -> Reported<S> {
        Reported { inner, labels: self.labels.clone() }
    }
}

// === impl Reported ===

impl<S, Request> Service<Request> for Reported<S>
where
    S: Service<Request, Response: Reportable, Error = Error>,
    Request: Asks,
{
    type Response = <S::Response as Reportable>::Reported;
    type Error = Failure;
    type Future = ReportedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx).map_err(|error| Failure::new(error, Report::default()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let journal = match request.call_mut() {
            Some(call) => call.journal.get_or_insert_default().clone(),
            None => Journal::new(),
        };
        let ongoing = Ongoing::begin(&request, journal, &self.labels, S::Response::STREAMS);
        let inner = ongoing.span().in_scope(|| self.inner.call(request));
        ReportedFuture { inner, ongoing: Some(ongoing) }
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
        let entered = this.ongoing.as_ref().map(|ongoing| ongoing.span().enter());
        let outcome = ready!(this.inner.poll(cx));
        drop(entered);
        let mut ongoing = this.ongoing.take().expect("a future is not polled after it was ready");
        Poll::Ready(match outcome {
            Ok(answer) => Ok(answer.reported(ongoing)),
            Err(error) => {
                let report = ongoing.report();
                ongoing.end(&report, Some(error.fault()));
                Err(Failure::new(error, report))
            }
        })
    }
}

// === impl Reportable ===

impl Reportable for idempotency::Answer<Served> {
    type Reported = Reply;

    fn reported(self, mut ongoing: Ongoing) -> Reply {
        let mut report = ongoing.report();
        report.replayed = self.replayed().map(|replayed| replayed.age);
        let Served { response, tier, degraded } = self.into_inner();
        (report.tier, report.degraded) = (Some(tier), degraded);
        ongoing.said(&response.id, &response.model);
        ongoing.finished(response.choices.iter().filter_map(|choice| choice.finish_reason.as_ref()));
        ongoing.end(&report, None);
        Reply::new(response, report)
    }
}

impl Reportable for fallback::Answer<EmbeddingResponse, Error> {
    type Reported = Reply<EmbeddingResponse>;

    fn reported(self, mut ongoing: Ongoing) -> Self::Reported {
        let mut report = ongoing.report();
        (report.tier, report.degraded) = (Some(self.shared_tier()), self.degraded());
        let response = self.into_inner();
        ongoing.said("", &response.model);
        ongoing.end(&report, None);
        Reply::new(Arc::new(response), report)
    }
}

impl Reportable for ChatStream {
    type Reported = Self;

    const STREAMS: bool = true;

    fn reported(self, ongoing: Ongoing) -> Self {
        ongoing.first_token();
        self.of_call(ongoing)
    }
}
