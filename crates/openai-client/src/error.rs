use std::{error::Error as StdError, fmt, time::Duration};

use http::{HeaderMap, StatusCode};
use mainstay_fault::{
    Caused, Fault, FaultKind, HasFault, PastDeadline,
    http::{ErrorBody, fault_of_parsed, kind_of_event},
    retry_after::in_millis,
};

use crate::{body::snippet, send::Origin};

/// A setting that cannot be used: which, what it was set to, and why not. A secret's value is never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    field: &'static str,
    value: String,
    reason: String,
}

/// A call that failed: what went wrong, and all that the server said about it.
///
/// Its [`Fault`] is what layers judge it by. Its `source` chain holds the fault and then the cause, so that it is
/// still judged rightly after it was boxed.
///
/// # Examples
///
/// ```no_run
/// use mainstay_openai_client::{ChatRequest, Client};
/// use mainstay_fault::{FaultKind, HasFault};
///
/// # async fn example(client: Client) {
/// if let Err(error) = client.chat(ChatRequest::new("gpt-4o").user("Hello!")).await {
///     match error.fault().kind {
///         FaultKind::QuotaExhausted => eprintln!("add money: {error}"),
///         _ => eprintln!("{error} (status {:?}, code {:?})", error.status(), error.code()),
///     }
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    origin: String,
    status: Option<StatusCode>,
    headers: HeaderMap,
    api: Option<ErrorBody>,
    detail: String,
    caused: Caused,
}

// === impl InvalidSetting ===

impl InvalidSetting {
    pub(crate) fn new(field: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field, value: value.into(), reason: reason.into() }
    }

    /// The name of the setting.
    pub const fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, reason } = self;
        if value.is_empty() {
            write!(f, "{field}: {reason}")
        } else {
            write!(f, "{field}: {value:?}: {reason}")
        }
    }
}

impl StdError for InvalidSetting {}

// === impl Error ===

impl Error {
    /// The response's status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The API's own words, if it said any.
    pub fn message(&self) -> Option<&str> {
        self.0.api.as_ref()?.message.as_deref()
    }

    /// The API's own code, `rate_limit_exceeded` for one; a number is given as its digits.
    pub fn code(&self) -> Option<&str> {
        self.0.api.as_ref()?.code.as_deref()
    }

    /// The API's own type of the error, `invalid_request_error` for one.
    pub fn api_type(&self) -> Option<&str> {
        self.0.api.as_ref()?.kind.as_deref()
    }

    /// The request's parameter that the API complains of.
    pub fn param(&self) -> Option<&str> {
        self.0.api.as_ref()?.param.as_deref()
    }

    /// The provider's name for the request, to quote to its support.
    pub fn request_id(&self) -> Option<&str> {
        ["x-request-id", "request-id", "apim-request-id"]
            .into_iter()
            .find_map(|name| self.0.headers.get(name)?.to_str().ok())
    }

    /// The response's headers, empty if there was no response.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Makes an error of something that came from outside of a client: for what stands between a stream and its reader, and can
    /// only speak in the stream's own errors.
    pub fn other(fault: impl Into<Fault>, cause: impl StdError + Send + Sync + 'static) -> Self {
        let (fault, detail) = (fault.into(), cause.to_string());
        Self(Box::new(Inner {
            origin: "not from a server".to_owned(),
            status: None,
            headers: HeaderMap::new(),
            api: None,
            detail,
            caused: Caused::new(fault, cause),
        }))
    }

    fn new(origin: &Origin, fault: impl Into<Fault>, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            origin: origin.to_string(),
            status: None,
            headers: HeaderMap::new(),
            api: None,
            detail: detail.into(),
            caused: Caused::from(fault.into()),
        }))
    }

    /// The request could not be sent, or its answer did not come whole.
    pub(crate) fn http(origin: &Origin, kind: FaultKind, error: reqwest::Error) -> Self {
        Self::caused(origin, kind, error.without_url())
    }

    /// Something else failed, and knows what and why.
    pub(crate) fn caused(
        origin: &Origin,
        fault: impl Into<Fault>,
        cause: impl StdError + Send + Sync + 'static,
    ) -> Self {
        let fault = fault.into();
        let mut error = Self::new(origin, fault, root_of(&cause));
        error.0.caused = Caused::new(fault, cause);
        error
    }

    /// The server answered something other than what was asked for: an error status, or a body that states an error.
    pub(crate) fn refused(origin: &Origin, status: StatusCode, headers: HeaderMap, body: &[u8]) -> Self {
        let api = ErrorBody::parse(body);
        let fault = fault_of_parsed(status, &headers, api.as_ref());
        let message = api.as_ref().and_then(|api| api.message.clone());
        let mut error = Self::new(origin, fault, message.unwrap_or_else(|| snippet(body)));
        error.0.status = Some(status);
        error.0.headers = headers;
        error.0.api = api;
        error
    }

    /// An error that came as an event of a stream.
    pub(crate) fn event(origin: &Origin, api: ErrorBody) -> Self {
        let message = api.message.clone().unwrap_or_else(|| "the stream states an error".to_owned());
        let mut error = Self::new(origin, kind_of_event(&api), message);
        error.0.api = Some(api);
        error
    }

    /// The body is not what the API promises.
    pub(crate) fn malformed(origin: &Origin, detail: impl Into<String>) -> Self {
        Self::new(origin, FaultKind::Malformed, detail)
    }

    /// The request is one that cannot be sent.
    pub(crate) fn unsendable(origin: &Origin, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::caused(origin, FaultKind::InvalidRequest, cause)
    }

    /// The attempt's time is over.
    pub(crate) fn timed_out(origin: &Origin, limit: Duration) -> Self {
        let limit = in_millis(limit);
        Self::new(origin, FaultKind::Timeout, format!("no whole answer within {limit:?}"))
    }

    /// Nothing came for too long.
    pub(crate) fn silent(origin: &Origin, awaited: &str, limit: Duration) -> Self {
        Self::new(origin, FaultKind::Timeout, format!("no {awaited} within {limit:?}"))
    }

    /// The call's deadline passed before it was sent.
    pub(crate) fn too_late(origin: &Origin) -> Self {
        let fault = Fault::new(FaultKind::Timeout).with_past_deadline(PastDeadline::Unsent);
        Self::new(origin, fault, "")
    }

    /// The same error, of an attempt that the call's deadline has cut off.
    pub(crate) fn cut_off(mut self) -> Self {
        let fault = self.fault().with_past_deadline(PastDeadline::CutOff);
        self.0.caused.set_fault(fault);
        self.0.detail.clear();
        self
    }

    /// The answer was withheld by policy, whole.
    pub(crate) fn filtered(origin: &Origin) -> Self {
        Self::new(origin, FaultKind::ContentFiltered, "the answer was withheld: finish_reason content_filter")
    }

    /// The same error, of a response that had begun.
    pub(crate) fn with_response(mut self, status: StatusCode, headers: HeaderMap) -> Self {
        self.0.status = Some(status);
        self.0.headers = headers;
        self
    }

    /// The same error after the first token, where it can only be told.
    pub(crate) fn interrupted(mut self, unread: bool) -> Self {
        let fault = Fault::new(FaultKind::Interrupted).with_unread(unread);
        let before = std::mem::replace(&mut self.0.caused, Caused::from(fault));
        self.0.caused = Caused::new(fault, before);
        self
    }
}

impl HasFault for Error {
    fn fault(&self) -> Fault {
        self.0.caused.fault()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0.caused)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault())?;
        if !self.0.detail.is_empty() {
            write!(f, ": {}", self.0.detail)?;
        }
        write!(f, " ({}", self.0.origin)?;
        if let Some(status) = self.0.status {
            write!(f, ": {}", status.as_str())?;
            if let Some(reason) = status.canonical_reason() {
                write!(f, " {reason}")?;
            }
        }
        if let Some(code) = self.code() {
            write!(f, ", code {code}")?;
        }
        if let Some(id) = self.request_id() {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("fault", &self.fault())
            .field("origin", &self.0.origin)
            .field("status", &self.0.status)
            .field("detail", &self.0.detail)
            .field("api", &self.0.api)
            .field("request_id", &self.request_id())
            .field("cause", &self.0.caused.source().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// What the innermost cause says: "Connection refused", where the outer ones say "error sending request".
fn root_of(error: &(dyn StdError + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
