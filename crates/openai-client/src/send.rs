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

use crate::{Error, body::TimedBody, client::Shared, endpoint::Operation, time_limit::TimeLimit};

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
        #[pin]
        state: State,
    }
}

pin_project! {
    #[project = StateProj]
    enum State {
        // To `Sent`, or done.
        Unsent { unsent: Option<Unsent> },
        // Done.
        Sent { #[pin] pending: Pending, time: Option<TimeLimit> },
    }
}

const ONCE: &str = "a future is not polled after it was ready";

// === impl Sending ===

impl Sending {
    pub(crate) const fn new(origin: Origin, unsent: Unsent, deadline: Option<Instant>) -> Self {
        Self { origin, deadline, state: State::Unsent { unsent: Some(unsent) } }
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
    type Output = Result<http::Response<TimedBody>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Unsent { unsent } => {
                    let unsent = unsent.take().expect(ONCE);
                    let (pending, time) = this.origin.send(unsent, *this.deadline)?;
                    this.state.set(State::Sent { pending, time: Some(time) });
                }
                StateProj::Sent { pending, time: left } => {
                    let time = left.as_mut().expect(ONCE);
                    let response = match pending.poll(cx) {
                        Poll::Ready(response) => {
                            response.map_err(|error| Error::http(this.origin, kind_of(&error), error))
                        }
                        Poll::Pending => Err(Error::timed_out(this.origin, ready!(time.poll_over(cx)))),
                    };
                    observe(this.origin, response.as_ref().map(reqwest::Response::status));
                    let time = left.take().expect(ONCE);
                    let response = response.map(http::Response::<reqwest::Body>::from);
                    return Poll::Ready(
                        response.map(|response| response.map(|body| TimedBody::new(body, time))),
                    );
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
