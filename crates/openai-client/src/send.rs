use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::{FaultKind, HasFault};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use crate::{Error, client::Shared, endpoint::Operation};

type Pending = <reqwest::Client as Service<reqwest::Request>>::Future;

/// Where a call goes, for its errors to say.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) shared: Arc<Shared>,
    pub(crate) operation: Operation,
}

/// A request that waits for its first poll.
pub(crate) struct Unsent {
    pub(crate) deployment: Option<Box<str>>,
    pub(crate) body: Option<serde_json::Result<Vec<u8>>>,
    pub(crate) key: Option<Arc<str>>,
}

pin_project! {
    /// Sends a request and resolves with the head of its response. Nothing is sent before the first poll.
    pub(crate) struct Sending {
        pub(crate) origin: Origin,
        deadline: Option<Instant>,
        // When its time is over, once it is sent; nothing, where that is too far away to tell.
        pub(crate) ends: Option<Instant>,
        #[pin]
        state: State,
    }
}

pin_project! {
    #[project = StateProj]
    enum State {
        Unsent { unsent: Option<Unsent> },
        Sent { #[pin] pending: Pending },
    }
}

// === impl Sending ===

impl Sending {
    pub(crate) const fn new(origin: Origin, unsent: Unsent, deadline: Option<Instant>) -> Self {
        Self { origin, deadline, ends: None, state: State::Unsent { unsent: Some(unsent) } }
    }

    /// The error of an attempt that ends now: a timeout may be that of the call.
    pub(crate) fn judge(&self, error: Error) -> Error {
        let fault = error.fault();
        let over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if over && fault.kind == FaultKind::Timeout && fault.past_deadline.is_none() {
            return error.cut_off();
        }
        error
    }
}

impl Future for Sending {
    type Output = Result<http::Response<reqwest::Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Unsent { unsent } => {
                    let unsent = unsent.take().expect("a future is not polled after it has failed");
                    let pending;
                    (pending, *this.ends) = this.origin.send(unsent, *this.deadline)?;
                    this.state.set(State::Sent { pending });
                }
                StateProj::Sent { pending } => {
                    let response = ready!(pending.poll(cx));
                    let response = response.map_err(|error| {
                        Error::http(
                            this.origin,
                            kind_of(&error),
                            error,
                            Some(this.origin.shared.timeouts.total),
                        )
                    });
                    observe(this.origin, response.as_ref().map(reqwest::Response::status));
                    return Poll::Ready(response.map(Into::into));
                }
            }
        }
    }
}

// === impl Origin ===

impl Origin {
    /// Sends the request, to be answered within the attempt's own limit and what is left of the call's deadline, and says when that is
    /// over.
    fn send(&self, unsent: Unsent, deadline: Option<Instant>) -> Result<(Pending, Option<Instant>), Error> {
        let (now, mut limit) = (Instant::now(), self.shared.timeouts.total);
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Error::too_late(self));
            }
            limit = limit.min(left);
        }
        let mut request = self.request(unsent).map_err(|error| Error::unsendable(self, error))?;
        *request.timeout_mut() = Some(limit);
        Ok(((&self.shared.http).call(request), now.checked_add(limit)))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.shared.endpoint, self.operation)
    }
}

fn observe(origin: &Origin, status: Result<http::StatusCode, &Error>) {
    let operation = origin.operation.name();
    match status {
        Ok(status) => tracing::debug!(
            gen_ai.operation.name = operation,
            http.response.status_code = status.as_u16(),
            "the API answered"
        ),
        Err(error) => tracing::debug!(
            gen_ai.operation.name = operation,
            error.r#type = error.fault().kind.as_str(),
            %error,
            "the API did not answer"
        ),
    }
}

/// Judges an error that came before the response's head.
fn kind_of(error: &reqwest::Error) -> FaultKind {
    if error.is_connect() {
        FaultKind::Connect
    } else if error.is_timeout() {
        FaultKind::Timeout
    } else if error.is_builder() || error.is_redirect() {
        FaultKind::InvalidRequest
    } else {
        FaultKind::Connect
    }
}
