use std::{fmt, sync::Arc};

use tower_layer::Layer;

use crate::{Fallback, First, Then, Tier};

/// Puts one tier below a service: [`Fallback::first`] and [`Fallback::then`] as a layer.
///
/// # Examples
///
/// ```
/// use mainstay_fallback::{FallbackLayer, SetAnswer, Tier};
/// use mainstay_fault::{Fault, FaultKind};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let service = ServiceBuilder::new()
///     .layer(FallbackLayer::new("model", Tier::local("sorry", SetAnswer::of("later"))))
///     .service(service_fn(|_: u32| async { Err::<&str, _>(Fault::from(FaultKind::Connect)) }));
/// assert_eq!(*service.oneshot(7).await?, "later");
/// # Ok::<_, mainstay_fallback::Exhausted<Fault>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FallbackLayer<S, M> {
    first: Arc<str>,
    tier: Tier<S, M>,
}

// === impl FallbackLayer ===

impl<S, M> FallbackLayer<S, M> {
    /// Creates the layer from the name of the service that it will be put around, and the tier below it.
    pub fn new(first: impl Into<Arc<str>>, tier: Tier<S, M>) -> Self {
        Self { first: first.into(), tier }
    }
}

impl<U, S: Clone, M: Clone> Layer<U> for FallbackLayer<S, M> {
    type Service = Fallback<Then<First<U>, S, M>>;

    fn layer(&self, inner: U) -> Self::Service {
        Fallback::first(Arc::clone(&self.first), inner).then(self.tier.clone())
    }
}

impl<S: fmt::Debug, M> fmt::Debug for FallbackLayer<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer").field("first", &self.first).field("tier", &self.tier).finish()
    }
}
