use std::{
    error, fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use mainstay_fault::{Fault, HasFault};

use crate::{ChatResponse, Error, Report, tier::QUEUED};

/// A whole answer, and what it took to get it.
///
/// It dereferences to its response.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reply<R = ChatResponse> {
    /// The answer, which all share who asked for it under one key.
    pub response: Arc<R>,
    /// What it took.
    pub report: Report,
}

/// A call that got no answer, and all that was tried for it.
///
/// Shown, it tells the whole story: why the call ended, then each attempt.
///
/// # Examples
///
/// ```no_run
/// # async fn example(mainstay: mainstay::Mainstay, request: mainstay::ChatRequest) {
/// if let Err(failure) = mainstay.chat(request).await {
///     // "503 Service Unavailable: …
///     //    1  openai/gpt-4o  overloaded (0.12s)
///     //    2  openai/gpt-4o  after 1.20s: overloaded (0.11s)
///     //       2 attempts in 1.43s, 1.20s of it waited"
///     eprintln!("{failure}");
/// }
/// # }
/// ```
pub struct Failure(Box<(Error, Report)>);

// === impl Reply ===

impl Reply {
    /// The id of the entry, if the call was put into a queue for people.
    pub fn queued(&self) -> Option<&str> {
        self.response.extra.get(QUEUED)?.as_str()
    }
}

impl<R> Reply<R> {
    pub(crate) const fn new(response: Arc<R>, report: Report) -> Self {
        Self { response, report }
    }
}

impl<R: Clone> Reply<R> {
    /// Takes the answer out. Copies it, if another has it too.
    pub fn into_response(self) -> R {
        Arc::unwrap_or_clone(self.response)
    }
}

impl<R> Deref for Reply<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.response
    }
}

impl<R: Clone> DerefMut for Reply<R> {
    /// The answer of this reply alone: it is copied first, if another has it too.
    fn deref_mut(&mut self) -> &mut R {
        Arc::make_mut(&mut self.response)
    }
}

impl From<Reply> for ChatResponse {
    fn from(reply: Reply) -> Self {
        reply.into_response()
    }
}

// === impl Failure ===

impl Failure {
    pub(crate) fn new(error: Error, report: Report) -> Self {
        Self(Box::new((error, report)))
    }

    /// Why the call ended.
    pub fn error(&self) -> &Error {
        &self.0.0
    }

    /// All that was tried.
    pub fn report(&self) -> &Report {
        &self.0.1
    }

    /// Takes both out.
    pub fn into_parts(self) -> (Error, Report) {
        *self.0
    }
}

impl HasFault for Failure {
    fn fault(&self) -> Fault {
        self.error().fault()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error())?;
        if self.report().attempts.is_empty() { Ok(()) } else { write!(f, "\n{}", self.report()) }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("error", self.error()).field("report", self.report()).finish()
    }
}

impl error::Error for Failure {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self.error())
    }
}
