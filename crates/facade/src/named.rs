use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::Asks;

/// Asks for a model by the name under which its backend knows it.
#[derive(Clone, Debug)]
pub struct Named<S> {
    model: Option<Arc<str>>,
    inner: S,
}

// === impl Named ===

impl<S> Named<S> {
    /// With `None`, requests keep the model that they name.
    pub(crate) const fn new(model: Option<Arc<str>>, inner: S) -> Self {
        Self { model, inner }
    }
}

impl<S: Service<Request>, Request: Asks> Service<Request> for Named<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if let Some(model) = &self.model
            && request.model() != &**model
        {
            request.rename(model);
        }
        self.inner.call(request)
    }
}
