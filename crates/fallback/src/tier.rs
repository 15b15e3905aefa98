use std::{fmt, sync::Arc};

use mainstay_fault::Fault;

use crate::{Degradation, Trail, accept::Accept, label::Label};

/// A way to an answer: a service, what it is asked, and for which faults of the tiers above.
///
/// | setting | default |
/// |---|---|
/// | [`map_request`](Self::map_request) | the same request |
/// | [`degraded`](Self::degraded) | [`Degradation::SmallerModel`] |
/// | [`window`](Self::window) | not known: an overlong request is not sent to it |
/// | [`larger_window`](Self::larger_window) | no: an overlong request is not sent to it |
/// | [`even_filtered`](Self::even_filtered) | no: a refusal by policy is not routed around |
/// | [`accepts`](Self::accepts) | what [`mainstay_fault::worth_falling_back`] says, with the three settings above |
///
/// # Examples
///
/// ```
/// use mainstay_fallback::{Degradation, Fallback, Tier, Trail};
/// use mainstay_fault::Fault;
/// # use mainstay_fault::FaultKind;
/// use tower::{ServiceExt, service_fn};
///
/// #[derive(Clone)]
/// struct Ask { model: &'static str, text: String }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let gpt = service_fn(|ask: Ask| async move {
/// #     if ask.model == "gpt-4o" { Err(Fault::from(FaultKind::Overloaded)) } else { Ok(format!("{}: {}", ask.model, ask.text)) }
/// # });
/// let models = Fallback::first("gpt-4o", gpt).then(
///     Tier::new("gpt-4o-mini", gpt).map_request(|ask: &Ask, _: &Trail<Fault>| Ask { model: "gpt-4o-mini", ..ask.clone() }),
/// );
/// let answer = models.oneshot(Ask { model: "gpt-4o", text: "Hello?".into() }).await?;
///
/// assert_eq!(*answer, "gpt-4o-mini: Hello?");
/// assert_eq!(answer.tier(), "gpt-4o-mini");
/// assert_eq!(answer.degraded(), Degradation::SmallerModel);
/// # Ok::<_, mainstay_fallback::Exhausted<Fault>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tier<S, M = Same> {
    pub(crate) label: Arc<Label>,
    pub(crate) service: S,
    pub(crate) map: M,
    pub(crate) accept: Accept,
}

/// What a tier is asked in place of the original request.
///
/// A closure of the shape `|request: &Request, above: &Trail<E>| -> Mapped` will do. The trail says what the tiers above
/// failed with.
pub trait MapRequest<Request, E> {
    /// What the tier's service takes.
    type Mapped;

    /// Makes the tier's request.
    fn map_request(&self, request: &Request, above: &Trail<E>) -> Self::Mapped;

    /// Makes the request of the last tier out of the original, which nobody needs any more.
    fn map_last(&self, request: Request, above: &Trail<E>) -> Self::Mapped {
        self.map_request(&request, above)
    }
}

/// Asks the same: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Same;

// === impl Tier ===

impl<S> Tier<S> {
    /// Creates a tier. Its name stands in answers, errors and traces.
    pub fn new(name: impl Into<Arc<str>>, service: S) -> Self {
        Self {
            label: Arc::new(Label { name: name.into(), degraded: Degradation::SmallerModel, window: None }),
            service,
            map: Same,
            accept: Accept::default(),
        }
    }

    /// Creates a tier that needs no model: rules, a set answer, a queue. It takes overlong requests too.
    pub fn local(name: impl Into<Arc<str>>, service: S) -> Self {
        Self::new(name, service).degraded(Degradation::Rules).larger_window()
    }
}

impl<S, M> Tier<S, M> {
    /// Sets what it is asked.
    pub fn map_request<N>(self, map: N) -> Tier<S, N> {
        let Self { label, service, accept, .. } = self;
        Tier { label, service, map, accept }
    }

    /// Sets how much worse its answers are than the first tier's.
    pub fn degraded(mut self, degraded: Degradation) -> Self {
        Arc::make_mut(&mut self.label).degraded = degraded;
        self
    }

    /// Sets how many tokens fit into its window: it takes over what was too long for tiers above, if the windows of all that found it so
    /// are known and smaller. Those of tiers that failed otherwise do not matter.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fallback::{Tier, TierList};
    /// use mainstay_fault::{Fault, FaultKind};
    /// use tower::{ServiceExt, service_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let tiers = [("small", 8_000), ("down", 128_000), ("spare", 128_000)].map(|(name, window)| {
    ///     let service = service_fn(move |_: ()| async move {
    ///         match name {
    ///             "small" => Err(Fault::from(FaultKind::ContextLength)),
    ///             "down" => Err(Fault::from(FaultKind::Unavailable)),
    ///             _ => Ok(name),
    ///         }
    ///     });
    ///     Tier::new(name, service).window(window)
    /// });
    /// assert_eq!(*TierList::new(tiers).oneshot(()).await?, "spare");
    /// # Ok::<_, mainstay_fallback::Exhausted<Fault>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn window(mut self, tokens: u64) -> Self {
        Arc::make_mut(&mut self.label).window = Some(tokens);
        self
    }

    /// Takes over whatever was too long for tiers above: its window is larger than all of theirs.
    pub fn larger_window(mut self) -> Self {
        self.accept.larger_window = true;
        self
    }

    /// Takes over even what a policy refused above.
    pub fn even_filtered(mut self) -> Self {
        self.accept.filtered = true;
        self
    }

    /// Decides by a closure which faults it takes over, whatever else was set: it is shown what the last of the tiers above failed with.
    pub fn accepts(mut self, accepts: impl Fn(&Fault) -> bool + Send + Sync + 'static) -> Self {
        self.accept.when = Some(Arc::new(accepts));
        self
    }

    /// Whether it takes over what tiers above have failed with, the last of them last: their faults, and how many tokens fit into their
    /// windows, where that is known. For who would know before they have failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fallback::Tier;
    /// use mainstay_fault::{Fault, FaultKind};
    ///
    /// let (long, late) = (Fault::new(FaultKind::ContextLength), Fault::new(FaultKind::Timeout));
    /// let tier = Tier::new("large", ()).window(128_000);
    /// assert!(tier.takes_over([(&long, Some(8_000)), (&late, Some(128_000))].into_iter()));
    /// assert!(!tier.takes_over([(&long, Some(128_000)), (&late, None)].into_iter()));
    /// ```
    pub fn takes_over<'f>(&self, above: impl DoubleEndedIterator<Item = (&'f Fault, Option<u64>)>) -> bool {
        self.accept.takes_over(self.label.window, above)
    }

    /// Tells that this tier is begun, and why.
    pub(crate) fn tell<E>(&self, above: &Trail<E>) {
        let fault = above.last().map(|fallen| fallen.fault().kind.as_str());
        tracing::debug!(
            mainstay.fallback.tier = &*self.label.name,
            mainstay.fallback.fault = fault,
            "falling back"
        );
    }
}

impl<S: fmt::Debug, M> fmt::Debug for Tier<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tier")
            .field("name", &self.label.name)
            .field("service", &self.service)
            .field("degraded", &self.label.degraded)
            .field("accept", &self.accept)
            .finish_non_exhaustive()
    }
}

// === impl MapRequest ===

impl<Request: Clone, E> MapRequest<Request, E> for Same {
    type Mapped = Request;

    fn map_request(&self, request: &Request, _: &Trail<E>) -> Request {
        request.clone()
    }

    fn map_last(&self, request: Request, _: &Trail<E>) -> Request {
        request
    }
}

impl<F, Request, E, Mapped> MapRequest<Request, E> for F
where
    F: Fn(&Request, &Trail<E>) -> Mapped,
{
    type Mapped = Mapped;

    fn map_request(&self, request: &Request, above: &Trail<E>) -> Mapped {
        self(request, above)
    }
}
