use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use mainstay_fault::{HasFault, Tried};
use tower_service::Service;

use crate::{
    Attributes, Backends, Choice, Describe, Error, Memory, Meter, Profile, ResponseFuture, Snapshot, Track,
    Tracked, Unknown, Unmetered, Untracked, View, Why,
    aftermath::Aftermath,
    choice::{Chosen, choose},
    future::State,
    moment::{Moment, Tick},
    profile::Addressed,
    rules::Rules,
    strategy::Strategy,
    ticket::Place,
};

/// A service that chooses a backend for each call.
///
/// | setting | default |
/// |---|---|
/// | [`describe`](Self::describe) | nothing is known of requests |
/// | [`map_request`](Self::map_request) | requests go as they are |
/// | [`meter`](Self::meter) | a call ends with its response |
/// | [`tracked`](Self::tracked) | off: requests may be of any type |
/// | [`gives_way`](Self::gives_way) | off: the last backend left is still tried, though it is set aside |
/// | [`around_filters`](Self::around_filters) | off: what one backend's policy refuses is not sent to another |
///
/// # Clone
///
/// Clones share the backends and the strategy. A backend's service is cloned for each call.
///
/// # Readiness
///
/// Always ready. The call polls the chosen backend's service, and calls that same instance.
///
/// # Latency
///
/// A backend's latency runs from its call to its answer. One that answers at the first poll took no time, however late it was
/// polled, and no clock is read for it a second time.
///
/// # Errors
///
/// [`Error`]: the backend's, with its number and whether another one can take the call now; or that there is none.
///
/// # Examples
///
/// ```
/// use mainstay_fault::Fault;
/// use mainstay_router::{Backend, Backends, Router, strategy::LeastLoaded};
/// use tower::{Service, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// async fn answer(question: &'static str) -> Result<usize, Fault> {
///     Ok(question.len())
/// }
///
/// let backends = Backends::new([Backend::new("here", service_fn(answer)), Backend::new("there", service_fn(answer))])?;
/// let mut router = Router::new(backends, LeastLoaded::default());
/// assert_eq!(router.ready().await?.call("What is a mainstay?").await?, 19);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Router<S, D = Unknown, M = Unmetered, T = Untracked> {
    describe: D,
    track: T,
    rules: Arc<Rules<S, M>>,
}

// === impl Router ===

impl<S> Router<S> {
    /// Creates a router over a set of backends.
    ///
    /// They may change later by a clone of the set that is kept. Where none is, they stay as they are, and a call costs a little less.
    pub fn new(backends: Backends<S>, strategy: impl Strategy + 'static) -> Self {
        let rules = Rules {
            backends: backends.into(),
            strategy: Arc::new(strategy),
            meter: Unmetered,
            around_filters: false,
            gives_way: false,
            on_choice: None,
        };
        Self { describe: Unknown, track: Untracked, rules: Arc::new(rules) }
    }
}

impl<S, M, T> Router<S, Unknown, M, T> {
    /// Sets what is known of requests, by a closure `|request: &Request| Profile { … }`.
    ///
    /// To be called before [`map_request`](Self::map_request), which keeps it:
    ///
    /// ```compile_fail
    /// use mainstay_router::{Attributes, Backends, Profile, Router, strategy::RoundRobin};
    ///
    /// let router = Router::new(Backends::<()>::with_health(Default::default()), RoundRobin::default());
    /// let router = router.map_request(|ask: u32, _: &Attributes| ask).describe(|_: &u32| Profile::default());
    /// ```
    pub fn describe<Request, F>(self, describe: F) -> Router<S, F, M, T>
    where
        F: Fn(&Request) -> Profile<'_>,
    {
        self.describe_by(describe)
    }

    /// Sets what is known of requests, by a [`Describe`] of your own.
    pub fn describe_by<E>(self, describe: E) -> Router<S, E, M, T> {
        let Self { track, rules, .. } = self;
        Router { describe, track, rules }
    }
}

impl<S, D, M, T> Router<S, D, M, T> {
    /// Makes each request fit for its backend by a closure `|request, &Attributes| -> request`, such as one that writes the name of
    /// the model.
    pub fn map_request<Request, F>(self, address: F) -> Router<S, Addressed<D, F>, M, T>
    where
        F: Fn(Request, &Attributes) -> Request,
    {
        let Self { describe, track, rules } = self;
        Router { describe: Addressed { describe, address }, track, rules }
    }

    /// Sets how responses are read: see [`usage`](crate::usage) and [`hand_over`](crate::hand_over).
    pub fn meter<N>(self, meter: N) -> Router<S, D, N, T> {
        let Self { describe, track, rules } = self;
        let Rules { backends, strategy, around_filters, gives_way, on_choice, .. } = &*rules;
        let (backends, strategy, on_choice) = (backends.clone(), Arc::clone(strategy), on_choice.clone());
        let (around_filters, gives_way) = (*around_filters, *gives_way);
        let rules = Rules { backends, strategy, meter, around_filters, gives_way, on_choice };
        Router { describe, track, rules: Arc::new(rules) }
    }

    /// Does not choose a backend again that the [`Call`](mainstay_fault::Call) of a request has tried in this pass. The retry layer around
    /// the router must be tracked too: it writes down which.
    pub fn tracked(self) -> Router<S, D, M, Tracked> {
        self.track_by(Tracked)
    }

    /// Reads what a call has tried by a [`Track`] of your own, where there is an example.
    pub fn track_by<K>(self, track: K) -> Router<S, D, M, K> {
        let Self { describe, rules, .. } = self;
        Router { describe, track, rules }
    }

    /// Lets a call that one backend refused by its policy go to another.
    #[must_use]
    pub fn around_filters(self) -> Self
    where
        M: Clone,
    {
        self.with(|rules| rules.around_filters = true)
    }

    /// Sends no call to a backend that is set aside, even if it is the last one left, but for probes: where something below can serve,
    /// such as another tier.
    #[must_use]
    pub fn gives_way(self) -> Self
    where
        M: Clone,
    {
        self.with(|rules| rules.gives_way = true)
    }

    /// Calls a closure for each choice.
    #[must_use]
    pub fn on_choice(self, hook: impl Fn(&Choice<'_>) + Send + Sync + 'static) -> Self
    where
        M: Clone,
    {
        self.with(|rules| rules.on_choice = Some(Arc::new(hook)))
    }

    /// How each of the backends does at the moment, for people and metrics.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        self.rules.backends.snapshot()
    }

    /// Says how a request would be routed now, and why.
    pub fn why<Request>(&self, request: &Request) -> Why
    where
        D: Describe<Request>,
        T: Track<Request>,
    {
        let (profile, tried) = (self.describe.describe(request), self.track.tried(request));
        let (list, pool) = (self.rules.backends.list(), self.rules.backends.pool());
        let now = Moment::now();
        Why::of(&*self.rules.strategy, &View::new(&list.members, pool, &profile, tried.tried(), now))
    }

    /// Whether a backend other than these can take a request now: for who would move a call on that one of them has.
    ///
    /// It is a look ahead, and reserves nothing: other calls may be quicker. The last backend left is not counted while it is set aside.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fault::{BackendId, Tried};
    /// use mainstay_router::{Backend, Backends, Capabilities, Profile, Router, strategy::LeastLoaded};
    ///
    /// let backends = Backends::new([
    ///     Backend::new("deft", "a service"),
    ///     Backend::new("plain", "another").can(Capabilities::all() - Capabilities::TOOLS),
    /// ])?;
    /// let router = Router::new(backends, LeastLoaded::default());
    /// let router = router.describe(|needs: &Capabilities| Profile { needs: *needs, ..Profile::default() });
    ///
    /// let mut tried = Tried::default();
    /// tried.insert(BackendId(0));
    /// assert!(router.serves(&Capabilities::empty(), &tried));
    /// assert!(!router.serves(&Capabilities::TOOLS, &tried), "it would have nowhere to go");
    /// # Ok::<_, mainstay_router::TooManyBackends>(())
    /// ```
    pub fn serves<Request>(&self, request: &Request, tried: &Tried) -> bool
    where
        D: Describe<Request>,
    {
        let profile = self.describe.describe(request);
        let (list, pool) = (self.rules.backends.list(), self.rules.backends.pool());
        let view = View::new(&list.members, pool, &profile, Some(tried), Moment::now());
        self.rules.strategy.serves(&view)
    }

    fn with(mut self, change: impl FnOnce(&mut Rules<S, M>)) -> Self
    where
        M: Clone,
    {
        change(Arc::make_mut(&mut self.rules));
        self
    }
}

impl<S, Request, D, M, T> Service<Request> for Router<S, D, M, T>
where
    S: Service<Request> + Clone,
    S::Error: HasFault,
    D: Describe<Request>,
    M: Meter<S::Response>,
    T: Track<Request>,
{
    type Response = M::Response;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S, Request, M, T::Memory>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let now = Tick::now();
        let (list, pool) = (self.rules.backends.list(), self.rules.backends.pool());
        let memory = self.track.tried(&request);
        let profile = self.describe.describe(&request);
        let needs = profile.needs();
        let view = View::new(&list.members, pool, &profile, memory.tried(), now.moment());
        let Chosen { index, admission, hold } = match choose(&self.rules, &view) {
            Ok(chosen) => chosen,
            Err(none) => return ResponseFuture::refused(none),
        };
        let (Some(member), Some(service)) = (list.members.get(index), list.services.get(index)) else {
            return ResponseFuture::refused(crate::NoneEligible::default());
        };
        let place = Place::new(member, admission);
        let hold = hold.map(|hold| hold.noted_in(self.track.journal(&request)));
        let state = State::begin(service.clone(), self.describe.address(request, &member.attributes));
        let ticket = place.ticket(now, hold);
        ResponseFuture::chosen(state, ticket, Aftermath::new(&self.rules, needs, memory))
    }
}

impl<S, D: Clone, M, T: Clone> Clone for Router<S, D, M, T> {
    fn clone(&self) -> Self {
        Self { describe: self.describe.clone(), track: self.track.clone(), rules: Arc::clone(&self.rules) }
    }
}

impl<S, D, M, T> fmt::Debug for Router<S, D, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("backends", &self.rules.backends)
            .field("strategy", &self.rules.strategy.name())
            .finish_non_exhaustive()
    }
}
