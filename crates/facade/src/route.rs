use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use arc_swap::ArcSwap;
use pin_project_lite::pin_project;
use tower::{ServiceExt, util::Oneshot};
use tower_service::Service;

use crate::{Asks, Error, TimeLimit};

/// Where calls go, by the model that they name. It can be replaced while calls are under way.
pub(crate) struct Routes<R>(ArcSwap<Table<R>>);

/// The routes of one moment.
pub(crate) struct Table<R> {
    pub(crate) by_model: HashMap<String, Way<R>>,
    pub(crate) default: Option<Way<R>>,
}

/// A route, and how long its calls may take.
#[derive(Clone)]
pub(crate) struct Way<R> {
    pub(crate) deadline: Duration,
    pub(crate) tiers: R,
}

/// Sends each call on its route. A call that is under way keeps the route on which it began.
///
/// As a [`TimeLimit`] it says how long the calls of a route may take.
pub struct ByRoute<R>(Arc<Routes<R>>);

pin_project! {
    /// A call on its route.
    #[must_use = "futures do nothing unless polled"]
    pub struct RouteFuture<R, Request>
    where
        R: Service<Request>,
    {
        #[pin]
        state: State<R, Request>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<R, Request>
    where
        R: Service<Request>,
    {
        // Done when the route is.
        Begun { #[pin] call: R::Future },
        // The same, once the route is ready.
        Waiting { #[pin] call: Oneshot<R, Request> },
        // Done at once.
        Failed { error: Option<Error> },
    }
}

// === impl Table ===

impl<R> Table<R> {
    fn find(&self, model: &str) -> Option<&Way<R>> {
        self.by_model.get(model).or(self.default.as_ref())
    }
}

// === impl Routes ===

impl<R> Routes<R> {
    pub(crate) fn new(table: Table<R>) -> Self {
        Self(ArcSwap::from_pointee(table))
    }

    /// Puts other routes in their place, for calls that begin from now on.
    pub(crate) fn replace(&self, table: Table<R>) {
        self.0.store(Arc::new(table));
    }
}

impl<R: Clone> Routes<R> {
    fn find(&self, model: &str) -> Result<R, Error> {
        let table = self.0.load();
        if let Some(way) = table.find(model) {
            return Ok(way.tiers.clone());
        }
        let mut known: Vec<_> = table.by_model.keys().cloned().collect();
        known.sort_unstable();
        Err(Error::no_route(model, known))
    }

    /// Whether a model has a route of its own, or all share one that has no name.
    #[cfg(feature = "metrics")]
    pub(crate) fn knows(&self, model: &str) -> bool {
        let table = self.0.load();
        table.by_model.is_empty() || table.by_model.contains_key(model)
    }

    /// The names of the models that lead somewhere.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.load().by_model.keys().cloned().collect();
        names.sort_unstable();
        names
    }
}

// === impl ByRoute ===

impl<R> ByRoute<R> {
    pub(crate) const fn new(routes: Arc<Routes<R>>) -> Self {
        Self(routes)
    }
}

impl<R, Request> Service<Request> for ByRoute<R>
where
    R: Service<Request, Error = Error> + Clone,
    Request: Asks,
{
    type Response = R::Response;
    type Error = Error;
    type Future = RouteFuture<R, Request>;

    /// Ready at once: a route is polled ready when a call has named it.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> RouteFuture<R, Request> {
        let state = match self.0.find(request.model()) {
            // A route that is ready is called here and now, so that its future need not be moved.
            Ok(mut route) => match route.poll_ready(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(())) => State::Begun { call: route.call(request) },
                Poll::Ready(Err(error)) => State::Failed { error: Some(error) },
                Poll::Pending => State::Waiting { call: route.oneshot(request) },
            },
            Err(error) => State::Failed { error: Some(error) },
        };
        RouteFuture { state }
    }
}

impl<R, Request: Asks> TimeLimit<Request> for ByRoute<R> {
    fn limit(&self, request: &Request) -> Option<Duration> {
        self.0.0.load().find(request.model()).map(|way| way.deadline)
    }
}

impl<R> Clone for ByRoute<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> fmt::Debug for ByRoute<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByRoute").finish_non_exhaustive()
    }
}

// === impl RouteFuture ===

impl<R, Request> Future for RouteFuture<R, Request>
where
    R: Service<Request, Error = Error>,
{
    type Output = Result<R::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Begun { call } => call.poll(cx),
            StateProj::Waiting { call } => call.poll(cx),
            StateProj::Failed { error } => {
                Poll::Ready(Err(error.take().expect("a future is not polled after it was ready")))
            }
        }
    }
}

impl<R: Service<Request>, Request> fmt::Debug for RouteFuture<R, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteFuture").finish_non_exhaustive()
    }
}
