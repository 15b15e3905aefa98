use std::{convert::Infallible, fmt, sync::Arc};

use mainstay_fallback::{
    Degradation, SetAnswer,
    queue::{JsonlQueue, QueueTier, Queued, Sink},
};
use mainstay_fault::Fault;
use tower::{ServiceExt, util::BoxCloneSyncService};
use tower_service::Service;

use crate::{Asked, ChatRequest, ChatResponse, Error};

/// What answers calls when the tiers above have failed.
///
/// Which faults it takes over is said by the table in [`mainstay_fault`], unless [`accepts`](Self::accepts) says otherwise. All but
/// another model take over what was too long for the models above.
///
/// Streamed calls are answered by all tiers; what one without a model answers comes as a stream of a few chunks. Only models embed.
///
/// # Examples
///
/// ```
/// use mainstay::{ChatRequest, ChatResponse, Error, Mainstay, Rejected, Tier};
///
/// fn by_rules(request: &ChatRequest) -> Result<ChatResponse, Error> {
///     let words = request.messages.iter().map(|message| message.text().split(' ').count()).sum::<usize>();
///     if words > 100 { Err(Rejected::new("too long for rules"))? }
///     Ok(ChatResponse::from_text("rules", words.to_string()))
/// }
///
/// let mainstay = Mainstay::builder()
///     .base_url("http://127.0.0.1:8080/v1")
///     .tier(Tier::model("gpt-4o-mini"))
///     .tier(Tier::rules("by rules", by_rules))
///     .tier(Tier::answer("sorry", "We are at it."))
///     .build()?;
/// # Ok::<_, mainstay::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tier {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) degraded: Degradation,
    pub(crate) accepts: Option<Accepts>,
}

pub(crate) type Accepts = Arc<dyn Fn(&Fault) -> bool + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Kind {
    /// Another model of the same backend.
    Model(Arc<str>),
    /// Something that needs no model.
    Local(Local),
}

/// A tier that needs no model.
pub(crate) type Local = BoxCloneSyncService<Asked, Arc<ChatResponse>, Error>;

// === impl Tier ===

impl Tier {
    /// Asks another model of the same backend.
    pub fn model(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        Self {
            kind: Kind::Model(Arc::clone(&name)),
            name,
            degraded: Degradation::SmallerModel,
            accepts: None,
        }
    }

    /// Answers by rules: a closure that reads the request. Where it fails, the next tier gets the call.
    pub fn rules(
        name: impl Into<Arc<str>>,
        rules: impl Fn(&ChatRequest) -> Result<ChatResponse, Error> + Clone + Send + Sync + 'static,
    ) -> Self {
        let service = tower::service_fn(move |request: ChatRequest| std::future::ready(rules(&request)));
        Self::service(name, service)
    }

    /// Answers by a service of your own.
    pub fn service<S>(name: impl Into<Arc<str>>, service: S) -> Self
    where
        S: Service<ChatRequest, Response = ChatResponse, Error = Error, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let service = service.map_request(Asked::request);
        Self::local(name, service, Degradation::Rules)
    }

    /// Answers always the same.
    pub fn answer(name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        let name = name.into();
        let answer = SetAnswer::of::<Asked, _>(ChatResponse::from_text(&*name, text));
        let service = answer.map_err(|error| Error::Tier(error.into()));
        Self::local(name, service, Degradation::SetAnswer)
    }

    /// Puts calls into a queue for people, with a flag. The answer's text is a sentence that says so; its id is
    /// [`Reply::queued`](crate::Reply::queued).
    pub fn queue(name: impl Into<Arc<str>>, queue: JsonlQueue<ChatRequest>) -> Self {
        Self::sink(name, queue)
    }

    /// Puts calls into a queue of your own.
    pub fn sink<Q>(name: impl Into<Arc<str>>, sink: Q) -> Self
    where
        Q: Sink<ChatRequest, Push: Send> + Clone + Send + Sync + 'static,
    {
        let name = name.into();
        let model = Arc::clone(&name);
        let service = QueueTier::new(sink)
            .map_request(Asked::item)
            .map_response(move |queued| promise(&model, &queued))
            .map_err(Error::from);
        Self::local(name, service, Degradation::Queued)
    }

    /// Decides by a closure which faults of the tiers above it takes over.
    pub fn accepts(mut self, accepts: impl Fn(&Fault) -> bool + Send + Sync + 'static) -> Self {
        self.accepts = Some(Arc::new(accepts));
        self
    }

    fn local<S>(name: impl Into<Arc<str>>, service: S, degraded: Degradation) -> Self
    where
        S: Service<Asked, Response = ChatResponse, Error = Error, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let service = BoxCloneSyncService::new(service.map_response(Arc::new));
        Self { name: name.into(), kind: Kind::Local(service), degraded, accepts: None }
    }
}

/// The field of an answer that names the entry of a queue.
pub(crate) const QUEUED: &str = "queued";

fn promise(tier: &str, queued: &Queued) -> ChatResponse {
    let mut response = ChatResponse::from_text(tier, format!("Queued for people, as {}.", queued.id));
    response.extra.insert(QUEUED.to_owned(), queued.id.clone().into());
    response
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tier")
            .field("name", &self.name)
            .field("degraded", &self.degraded)
            .finish_non_exhaustive()
    }
}
