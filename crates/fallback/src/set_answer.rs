use std::{
    error::Error,
    fmt,
    future::{Ready, ready},
    task::{Context, Poll},
};

use mainstay_fault::{Fault, FaultKind, HasFault};
use tower_service::Service;

/// Answers without asking anybody: always the same, or by what the request is about.
///
/// Below other tiers, the stack's error must be `From<`[`NoSetAnswer`]`>`, also where there always is one.
///
/// # Examples
///
/// ```
/// use mainstay_fallback::SetAnswer;
/// use tower::ServiceExt;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let greets = SetAnswer::by(|task: &&str| (*task == "greet").then_some("Good day."));
/// assert_eq!(greets.clone().oneshot("greet").await?, "Good day.");
/// assert!(greets.oneshot("sum up").await.is_err(), "the next tier gets it");
/// # Ok::<_, mainstay_fallback::NoSetAnswer>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SetAnswer<F>(F);

/// There is no set answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSetAnswer;

/// Set answers by task, in JSON. Made to be looked up by [`SetAnswer::by`], or by yourself.
///
/// | task | answer |
/// |---|---|
/// | `summarize` | `"No summary can be made at the moment."` |
/// | `extract` | `{"entities": [], "error": "no model could be reached"}` |
/// | `classify` | `{"category": "unknown", "confidence": 0.0}` |
///
/// # Examples
///
/// ```
/// use mainstay_fallback::SetAnswers;
/// use serde_json::json;
///
/// let answers = SetAnswers::default().with("translate", json!({"text": null}));
/// assert_eq!(answers.get("classify"), Some(&json!({"category": "unknown", "confidence": 0.0})));
/// assert_eq!(answers.get("translate"), Some(&json!({"text": null})));
/// assert_eq!(answers.get("sing"), None);
/// ```
#[cfg(feature = "json")]
#[derive(Clone, Debug, PartialEq)]
pub struct SetAnswers(std::collections::BTreeMap<String, serde_json::Value>);

// === impl SetAnswer ===

impl<F> SetAnswer<F> {
    /// Answers by a closure; where that has no answer, the tier fails and the next one gets the call.
    pub const fn by<Request, R>(answer: F) -> Self
    where
        F: Fn(&Request) -> Option<R>,
    {
        Self(answer)
    }
}

impl SetAnswer<()> {
    /// Answers always the same.
    #[allow(clippy::new_ret_no_self, reason = "its type is that of the closure")]
    pub fn of<Request, R: Clone>(answer: R) -> SetAnswer<impl Fn(&Request) -> Option<R> + Clone> {
        SetAnswer(move |_: &Request| Some(answer.clone()))
    }
}

impl<F, Request, R> Service<Request> for SetAnswer<F>
where
    F: Fn(&Request) -> Option<R>,
{
    type Response = R;
    type Error = NoSetAnswer;
    type Future = Ready<Result<R, NoSetAnswer>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoSetAnswer>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ready((self.0)(&request).ok_or(NoSetAnswer))
    }
}

impl<F> fmt::Debug for SetAnswer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetAnswer").finish_non_exhaustive()
    }
}

// === impl NoSetAnswer ===

static SHED: Fault = Fault::new(FaultKind::Shed);

impl HasFault for NoSetAnswer {
    fn fault(&self) -> Fault {
        SHED
    }
}

impl From<NoSetAnswer> for Fault {
    fn from(_: NoSetAnswer) -> Self {
        SHED
    }
}

impl fmt::Display for NoSetAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no set answer to this request")
    }
}

impl Error for NoSetAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&SHED)
    }
}

// === impl SetAnswers ===

#[cfg(feature = "json")]
impl SetAnswers {
    /// Sets the answer to a task.
    #[must_use]
    pub fn with(mut self, task: impl Into<String>, answer: serde_json::Value) -> Self {
        self.0.insert(task.into(), answer);
        self
    }

    /// The answer to a task, if there is one.
    pub fn get(&self, task: &str) -> Option<&serde_json::Value> {
        self.0.get(task)
    }

    /// A tier's service that answers by the task that a request is about.
    pub fn by_task<Request, F>(
        self,
        task: F,
    ) -> SetAnswer<impl Fn(&Request) -> Option<serde_json::Value> + Clone>
    where
        F: Fn(&Request) -> &str + Clone,
    {
        let answers = std::sync::Arc::new(self);
        SetAnswer(move |request: &Request| answers.get(task(request)).cloned())
    }
}

#[cfg(feature = "json")]
impl Default for SetAnswers {
    fn default() -> Self {
        use serde_json::json;

        Self(std::collections::BTreeMap::new())
            .with("summarize", json!("No summary can be made at the moment."))
            .with("extract", json!({"entities": [], "error": "no model could be reached"}))
            .with("classify", json!({"category": "unknown", "confidence": 0.0}))
    }
}
