use std::{sync::Arc, time::Duration};

use mainstay_backoff::{Backoff, RetryLayer, RetryPolicy};
use mainstay_bucket::{Limits, RateLimitLayer};
use mainstay_fallback::{FallbackLayer, Tier};
use mainstay_idempotency::{IdempotencyLayer, Memory};
use tower::ServiceBuilder;
use tower_layer::Stack;

use crate::DeadlineLayer;

type Retries<B, J, T> = RetryLayer<Arc<RetryPolicy<B, J, T>>>;

/// The layers as methods of tower's [`ServiceBuilder`], for who stacks by hand.
///
/// They work around any service: of a request, they need to know no more than its layer's own docs say. Each has settings that the
/// layer itself offers; where the defaults do not do, use [`ServiceBuilder::layer`]. The right order is that of these methods here,
/// from outside in.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::{
///     Fault, FaultKind, RetryPolicy, ServiceBuilderExt,
///     bucket::Limits,
///     fallback::{Answer, Exhausted, SetAnswer, Tier},
///     fault::{Call, HasCall},
///     idempotency::Memory,
/// };
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
///
/// #[derive(Clone)]
/// struct Question(&'static str, Call);
///
/// impl HasCall for Question {
///     fn call(&self) -> Option<&Call> {
///         Some(&self.1)
///     }
///
///     fn call_mut(&mut self) -> Option<&mut Call> {
///         Some(&mut self.1)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let service = ServiceBuilder::new()
///     .deadline(Duration::from_secs(30))
///     .once_per_key(Memory::new())
///     .map_response(|answer: Answer<&'static str, BoxError>| answer.into_inner())
///     .map_err(|all: Exhausted<BoxError>| all.into_most_useful().unwrap_or_else(|| "no tier".into()))
///     .fall_back_to("model", Tier::local("sorry", SetAnswer::of("We are at it.")))
///     .retry_faults(RetryPolicy::default())
///     .within_limits(Limits::default().requests_per_minute(600)?)
///     .service(service_fn(|_: Question| async { Err::<&str, _>(BoxError::from(Fault::from(FaultKind::Overloaded))) }));
///
/// let mut question = Question("What is a mainstay?", Call::default());
/// question.1.key = Some("one".into());
/// assert_eq!(*service.oneshot(question).await?, "We are at it.");
/// # Ok::<_, BoxError>(())
/// # })?;
/// # Ok::<_, BoxError>(())
/// ```
pub trait ServiceBuilderExt<L>: Sized {
    /// Gives each call a deadline: see [`DeadlineLayer`].
    fn deadline(self, limit: Duration) -> ServiceBuilder<Stack<DeadlineLayer, L>>;

    /// Runs each key that requests carry once: see [`IdempotencyLayer`].
    ///
    /// Answers are kept in memory, and in any other [`Store`](mainstay_idempotency::Store) behind it, such as a file or a server:
    /// `Memory::new().backed_by(store)`.
    fn once_per_key<T: Clone>(self, store: Memory<T>) -> ServiceBuilder<Stack<IdempotencyLayer<T>, L>>;

    /// Puts one tier below what follows, which goes by the name `first`: see [`FallbackLayer`].
    fn fall_back_to<S, M>(
        self,
        first: impl Into<Arc<str>>,
        tier: Tier<S, M>,
    ) -> ServiceBuilder<Stack<FallbackLayer<S, M>, L>>;

    /// Sends calls again that failed: see [`RetryLayer`].
    fn retry_faults<B: Backoff, J, T>(
        self,
        policy: RetryPolicy<B, J, T>,
    ) -> ServiceBuilder<Stack<Retries<B, J, T>, L>>;

    /// Keeps calls within limits, each weighing one request: see [`RateLimitLayer`].
    fn within_limits(self, limits: impl Into<Arc<Limits>>) -> ServiceBuilder<Stack<RateLimitLayer, L>>;
}

// === impl ServiceBuilder ===

impl<L> ServiceBuilderExt<L> for ServiceBuilder<L> {
    fn deadline(self, limit: Duration) -> ServiceBuilder<Stack<DeadlineLayer, L>> {
        self.layer(DeadlineLayer::new(limit))
    }

    fn once_per_key<T: Clone>(self, store: Memory<T>) -> ServiceBuilder<Stack<IdempotencyLayer<T>, L>> {
        self.layer(IdempotencyLayer::new().store(store))
    }

    fn fall_back_to<S, M>(
        self,
        first: impl Into<Arc<str>>,
        tier: Tier<S, M>,
    ) -> ServiceBuilder<Stack<FallbackLayer<S, M>, L>> {
        self.layer(FallbackLayer::new(first, tier))
    }

    fn retry_faults<B: Backoff, J, T>(
        self,
        policy: RetryPolicy<B, J, T>,
    ) -> ServiceBuilder<Stack<Retries<B, J, T>, L>> {
        self.layer(RetryLayer::new(policy))
    }

    fn within_limits(self, limits: impl Into<Arc<Limits>>) -> ServiceBuilder<Stack<RateLimitLayer, L>> {
        self.layer(RateLimitLayer::new(limits))
    }
}
