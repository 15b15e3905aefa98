use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, header::CONTENT_TYPE, response::Parts};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    ChatChunk, ChatRequest, ChatResponse, ChatStream, Error,
    body::{Collect, TimedBody},
    events::{Event, Events},
    future::unreadable,
    progress::Progress,
    send::{Origin, Sending},
};

pin_project! {
    /// A streamed answer, up to its first token.
    ///
    /// Resolves with the [`ChatStream`] once a token is there (a role alone, an empty delta, a comment or a keep-alive
    /// is none), or once the stream has finished properly without one. Everything that goes wrong until then is
    /// this future's error: an error status, an error as the first event, HTML or an error under 200, an empty
    /// stream, silence for too long (see [`Streaming::moving_if`](crate::Streaming::moving_if)). Lazy: nothing is sent before
    /// the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection.
    #[must_use = "futures do nothing unless polled"]
    pub struct StreamFuture {
        #[pin]
        sending: Sending,
        #[pin]
        timer: Option<Sleep>,
        // How long to wait for the first token; nothing once it is waited for whatever comes.
        limit: Option<Duration>,
        // Until the stream takes it along.
        request: Option<ChatRequest>,
        state: State,
    }
}

enum State {
    /// Waiting for the response's head.
    Sending,
    /// Waiting for the first token.
    Opening(Box<Opening>),
    /// Reading a body that is no stream, for what it says instead.
    Refused(Box<(Parts, Collect)>),
}

struct Opening {
    parts: Parts,
    ends: Option<Instant>,
    events: Events,
    held: VecDeque<ChatChunk>,
    progress: Progress,
}

// === impl StreamFuture ===

impl StreamFuture {
    pub(crate) fn new(sending: Sending, request: ChatRequest) -> Self {
        let limit = sending.origin.shared.timeouts.first_token;
        Self { sending, timer: None, limit, request: Some(request), state: State::Sending }
    }

    fn poll_open(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<ChatStream, Error>> {
        let mut this = self.project();
        loop {
            let origin = &this.sending.origin;
            match this.state {
                State::Sending => {
                    let (parts, body) = ready!(this.sending.as_mut().poll(cx))?.into_parts();
                    let progress = Progress::new(this.request.as_ref().and_then(|request| request.n));
                    *this.state = State::new(&this.sending.origin, progress, parts, body);
                }
                State::Opening(opening) => {
                    ready!(opening.poll_token(origin, cx))?;
                    let state = std::mem::replace(this.state, State::Sending);
                    let (State::Opening(opening), Some(request)) = (state, this.request.take()) else {
                        continue;
                    };
                    return Poll::Ready(Ok(opening.into_stream(origin.clone(), request)));
                }
                State::Refused(refused) => {
                    let (parts, collect) = &mut **refused;
                    let body = ready!(collect.poll_whole(origin, cx));
                    let (status, headers) = (parts.status, std::mem::take(&mut parts.headers));
                    return Poll::Ready(Err(match body {
                        Ok(body) if status.is_success() => {
                            unreadable::<ChatResponse>(origin, status, headers, &body)
                        }
                        Ok(body) => Error::refused(origin, status, headers, &body),
                        Err(error) => error.with_response(status, headers),
                    }));
                }
            }
        }
    }
}

impl Future for StreamFuture {
    type Output = Result<ChatStream, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(stream) = self.as_mut().poll_open(cx) {
            return Poll::Ready(stream.map_err(|error| self.sending.judge(error)));
        }
        let mut this = self.project();
        let Some(limit) = *this.limit else { return Poll::Pending };
        if this.timer.is_none() {
            this.timer.set(Some(sleep(limit)));
        }
        if let Some(timer) = this.timer.as_pin_mut() {
            ready!(timer.poll(cx));
        }
        let origin = &this.sending.origin;
        if origin.shared.may_move(this.request.as_ref()) {
            return Poll::Ready(Err(Error::silent(origin, "first token", limit)));
        }
        tracing::debug!("no token yet, and nowhere else to go: waiting on");
        *this.limit = None;
        Poll::Pending
    }
}

impl fmt::Debug for StreamFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamFuture").finish_non_exhaustive()
    }
}

// === impl State ===

impl State {
    /// Decides by the head whether a stream comes.
    fn new(origin: &Origin, progress: Progress, parts: Parts, body: TimedBody) -> Self {
        if !parts.status.is_success() || is_document(&parts.headers) {
            return Self::Refused(Box::new((parts, Collect::new(body))));
        }
        let ends = body.ends();
        let events = Events::new(body, origin.shared.max_response_size);
        let opening = Opening { parts, ends, events, held: VecDeque::new(), progress };
        Self::Opening(Box::new(opening))
    }
}

/// Whether a body is a document, and so no stream. Servers name streams in several ways, and documents in two.
fn is_document(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/json") || kind.starts_with("text/html")
}

// === impl Opening ===

impl Opening {
    /// Holds chunks back until one has a token, or all is said.
    fn poll_token(&mut self, origin: &Origin, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let whole = match ready!(self.events.poll_event(origin, cx)) {
                Event::Chunk(chunk) => {
                    self.progress.note(&chunk);
                    self.held.push_back(*chunk);
                    if self.progress.has_token() {
                        return Poll::Ready(Ok(()));
                    }
                    continue;
                }
                Event::Failed(error) if !self.progress.is_finished() => {
                    return Poll::Ready(Err(self.located(error)));
                }
                Event::Done => self.progress.is_settled(),
                Event::End | Event::Failed(_) => self.progress.is_finished(),
            };
            return Poll::Ready(self.judge_silence(origin, whole).map_err(|error| self.located(error)));
        }
    }

    /// Judges a stream that ended without a token: if it is whole, it is empty or filtered.
    fn judge_silence(&self, origin: &Origin, whole: bool) -> Result<(), Error> {
        if !whole {
            return Err(Error::malformed(origin, "the stream ended before its first token"));
        }
        if self.progress.is_filtered() {
            return Err(Error::filtered(origin));
        }
        Ok(())
    }

    fn located(&mut self, error: Error) -> Error {
        error.with_response(self.parts.status, std::mem::take(&mut self.parts.headers))
    }

    fn into_stream(self, origin: Origin, request: ChatRequest) -> ChatStream {
        let Self { parts, ends, events, held, progress } = self;
        ChatStream::new(origin, request, parts.headers, ends, events, held, progress)
    }
}
