use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::{FaultKind, HasFault};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use crate::{Error, client::Shared, endpoint::Operation, time_limit::TimeLimit};

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
        // From when it is sent.
        pub(crate) limit: Option<TimeLimit>,
        #[pin]
        state: State,
        // Begun when there is something to wait for.
        timer: Option<Pin<Box<Sleep>>>,
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
        Self { origin, deadline, limit: None, state: State::Unsent { unsent: Some(unsent) }, timer: None }
    }

    /// Waits on, and resolves when the time is over. It is to be asked last: what has come by then is not lost.
    pub(crate) fn poll_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = self.project();
        let Some((limit, end)) = this.limit.and_then(|limit| Some((limit, limit.end()?))) else {
            return Poll::Pending;
        };
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Error::late(this.origin, limit.length()))
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
                    let (pending, limit) = this.origin.send(unsent, *this.deadline)?;
                    *this.limit = Some(limit);
                    this.state.set(State::Sent { pending });
                }
                StateProj::Sent { pending } => {
                    let response = ready!(pending.poll(cx));
                    let response = response.map_err(|error| Error::http(this.origin, kind_of(&error), error));
                    observe(this.origin, response.as_ref().map(reqwest::Response::status));
                    return Poll::Ready(response.map(Into::into));
                }
            }
        }
    }
}

// === impl Origin ===

impl Origin {
    /// Sends the request, to be answered within the attempt's own limit and what is left of the call's deadline.
    fn send(&self, unsent: Unsent, deadline: Option<Instant>) -> Result<(Pending, TimeLimit), Error> {
        let (now, mut length) = (Instant::now(), self.shared.timeouts.total);
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Error::too_late(self));
            }
            length = length.min(left);
        }
        let request = self.request(unsent).map_err(|error| Error::unsendable(self, error))?;
        Ok(((&self.shared.http).call(request), TimeLimit::new(now, length)))
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
