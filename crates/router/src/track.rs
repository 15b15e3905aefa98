use mainstay_fault::{HasCall, Journal, Tried};

/// What the router reads of a call's earlier attempts.
///
/// Implemented by [`Untracked`] (the default) and [`Tracked`]. One of your own is given to
/// [`Router::track_by`](crate::Router::track_by).
///
/// # Examples
///
/// Requests that say in a field of their own which backends have failed them:
///
/// ```
/// use mainstay_fault::{BackendId, Fault, Tried};
/// use mainstay_router::{Backend, Backends, Router, Track, strategy::RoundRobin};
/// use tower::{ServiceExt, service_fn};
///
/// #[derive(Clone, Default)]
/// struct Question { failed: Tried }
///
/// #[derive(Clone)]
/// struct ByField;
///
/// impl Track<Question> for ByField {
///     type Memory = Option<Tried>;
///
///     fn tried(&self, question: &Question) -> Option<Tried> {
///         Some(question.failed.clone())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let backend = |name: &'static str| {
///     Backend::new(name, service_fn(move |_: Question| async move { Ok::<_, Fault>(name) }))
/// };
/// let backends = Backends::new([backend("here"), backend("there")])?;
/// let router = Router::new(backends, RoundRobin::default()).track_by(ByField);
/// let mut question = Question::default();
/// question.failed.insert(BackendId(0));
/// for _ in 0..3 {
///     assert_eq!(router.clone().oneshot(question.clone()).await?, "there");
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Track<Request> {
    /// What is remembered of them until the call ends.
    type Memory: Memory;

    /// The backends that the call has tried in this pass.
    fn tried(&self, request: &Request) -> Self::Memory;

    /// The journal in which the attempt that begins now will be written down, if there is one: it is asked for calls that hold something
    /// of a budget, and tells whether one that was given up had been sent. By default there is none, and a call that was made was sent.
    fn journal(&self, request: &Request) -> Option<Journal> {
        let _ = request;
        None
    }
}

/// The backends that a call has tried, if requests are tracked: an `Option<Tried>`, or `()` where none ever is.
pub trait Memory {
    /// The backends that were tried; `None` if nothing is remembered.
    fn tried(&self) -> Option<&Tried>;

    /// Takes them out.
    fn take(&mut self) -> Option<Tried>;
}

/// Leaves requests alone, so that they may be of any type: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untracked;

/// Reads the [`Call`](mainstay_fault::Call) of a request: see [`Router::tracked`](crate::Router::tracked).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracked;

// === impl Untracked ===

impl<Request> Track<Request> for Untracked {
    type Memory = ();

    fn tried(&self, _: &Request) {}
}

// === impl Tracked ===

impl<Request: HasCall> Track<Request> for Tracked {
    type Memory = Option<Tried>;

    fn tried(&self, request: &Request) -> Option<Tried> {
        request.call().map(|call| call.tried.clone())
    }

    fn journal(&self, request: &Request) -> Option<Journal> {
        request.call()?.journal.as_ref().map(Journal::upcoming)
    }
}

// === impl Memory ===

impl Memory for () {
    fn tried(&self) -> Option<&Tried> {
        None
    }

    fn take(&mut self) -> Option<Tried> {
        None
    }
}

impl Memory for Option<Tried> {
    fn tried(&self) -> Option<&Tried> {
        self.as_ref()
    }

    fn take(&mut self) -> Option<Tried> {
        Self::take(self)
    }
}
