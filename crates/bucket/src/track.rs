use std::time::Duration;

use mainstay_fault::HasCall;
use tokio::time::Instant;

/// What the layer reads from a request besides its weight.
///
/// Implemented by [`Untracked`] (the default) and [`Tracked`]. One of your own is given to
/// [`RateLimitLayer::track_by`](crate::RateLimitLayer::track_by).
///
/// # Examples
///
/// Requests that have their deadline in a field of their own:
///
/// ```
/// use std::time::Duration;
/// use mainstay_bucket::{Limits, RateLimitLayer, Track};
/// use tokio::time::Instant;
/// use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
///
/// struct Question { until: Instant }
///
/// #[derive(Clone)]
/// struct Until;
///
/// impl Track<Question> for Until {
///     fn deadline(&self, question: &Question) -> Option<Instant> {
///         Some(question.until)
///     }
///
///     fn waited(_: &Question, time: Duration) {
///         println!("stood in line for {time:?}");
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let layer = RateLimitLayer::new(Limits::default().requests_per_minute(1)?).track_by(Until);
/// let model = service_fn(|_: Question| async { Ok::<_, BoxError>("42") });
/// let mut model = ServiceBuilder::new().layer(layer).service(model);
/// let soon = || Question { until: Instant::now() + Duration::from_secs(5) };
/// assert_eq!(model.ready().await?.call(soon()).await?, "42");
/// assert!(model.ready().await?.call(soon()).await.is_err(), "its turn comes in a minute");
/// # Ok::<_, BoxError>(())
/// # })?;
/// # Ok::<_, BoxError>(())
/// ```
pub trait Track<Request> {
    /// The moment by which the whole call must have ended, if the request says.
    fn deadline(&self, request: &Request) -> Option<Instant>;

    /// Writes down that the request stood in line so long, and stands there no more: it is sent now, or refused.
    fn waited(request: &Request, time: Duration);
}

/// Leaves requests alone, so that they may be of any type: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untracked;

/// Respects the deadline and writes into the journal of the [`Call`](mainstay_fault::Call) that a request carries: see
/// [`RateLimitLayer::tracked`](crate::RateLimitLayer::tracked).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracked;

// === impl Untracked ===

impl<Request> Track<Request> for Untracked {
    fn deadline(&self, _: &Request) -> Option<Instant> {
        None
    }

    fn waited(_: &Request, _: Duration) {}
}

// === impl Tracked ===

impl<Request: HasCall> Track<Request> for Tracked {
    fn deadline(&self, request: &Request) -> Option<Instant> {
        request.call()?.deadline
    }

    fn waited(request: &Request, time: Duration) {
        if let Some(journal) = request.call().and_then(|call| call.journal.as_ref()) {
            journal.queued(time);
        }
    }
}
