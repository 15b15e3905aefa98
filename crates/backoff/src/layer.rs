use std::sync::Arc;

use tower_layer::Layer;

use crate::{Backoff, Retry, RetryPolicy};

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
#[derive(Clone, Debug)]
pub struct RetryLayer<P = Arc<RetryPolicy>> {
    policy: P,
}

// === impl RetryLayer ===

impl<B: Backoff, J, T> RetryLayer<Arc<RetryPolicy<B, J, T>>> {
    /// Creates the layer. Its services share the policy.
    pub fn new(policy: RetryPolicy<B, J, T>) -> Self {
        Self { policy: Arc::new(policy) }
    }
}

impl<B: Backoff, J, T> RetryLayer<&'static RetryPolicy<B, J, T>> {
    /// Creates the layer from a policy that lives as long as the program does: a call then counts no reference, which is
    /// half of what the layer costs a call that succeeds at once.
    ///
    /// ```
    /// use std::sync::LazyLock;
    /// use mainstay_backoff::{RetryLayer, RetryPolicy};
    ///
    /// static POLICY: LazyLock<RetryPolicy> = LazyLock::new(|| RetryPolicy::default().retries(5));
    ///
    /// let layer = RetryLayer::from_static(&POLICY);
    /// ```
    pub const fn from_static(policy: &'static RetryPolicy<B, J, T>) -> Self {
        Self { policy }
    }
}

impl<S, P: Clone> Layer<S> for RetryLayer<P> {
    type Service = Retry<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(self.policy.clone(), inner)
    }
}
