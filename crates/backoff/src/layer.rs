use std::{fmt, sync::Arc};

use tower_layer::Layer;

use crate::{Backoff, ByFault, Exponential, Retry, RetryPolicy, Untracked};

/// Sends calls that fail again, as a [`RetryPolicy`] says.
///
/// # Examples
///
/// ```
/// use mainstay_backoff::{RetryLayer, RetryPolicy};
/// use mainstay_fault::{Fault, FaultKind};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let mut failures = [FaultKind::Overloaded, FaultKind::Timeout].into_iter();
/// # let failures = std::sync::Mutex::new(failures);
/// let service = service_fn(|question: String| {
/// #   let mut failures = failures.lock().unwrap();
///     let outcome = failures.next().map_or(Ok(question.len()), |kind| Err(Fault::new(kind)));
///     async move { outcome }
/// });
///
/// let mut service = ServiceBuilder::new().layer(RetryLayer::new(RetryPolicy::default())).service(service);
/// assert_eq!(service.ready().await?.call("What is a mainstay?".into()).await, Ok(19));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct RetryLayer<B: Backoff = Exponential, J = ByFault, T = Untracked> {
    policy: Arc<RetryPolicy<B, J, T>>,
}

// === impl RetryLayer ===

impl<B: Backoff, J, T> RetryLayer<B, J, T> {
    /// Creates the layer.
    pub fn new(policy: RetryPolicy<B, J, T>) -> Self {
        Self { policy: Arc::new(policy) }
    }
}

impl<S, B: Backoff, J, T> Layer<S> for RetryLayer<B, J, T> {
    type Service = Retry<S, B, J, T>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(Arc::clone(&self.policy), inner)
    }
}

impl<B: Backoff, J, T> Clone for RetryLayer<B, J, T> {
    fn clone(&self) -> Self {
        Self { policy: Arc::clone(&self.policy) }
    }
}

impl<B: Backoff, J, T> fmt::Debug for RetryLayer<B, J, T>
where
    RetryPolicy<B, J, T>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("policy", &self.policy).finish()
    }
}
