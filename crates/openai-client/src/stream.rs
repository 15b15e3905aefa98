use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use http::HeaderMap;
use mainstay_fault::{FaultKind, HasFault};
use tokio::time::Instant;

use crate::{
    Accumulator, ChatChunk, ChatRequest, ChatResponse, Error, Usage,
    events::{Event, Events},
    progress::Progress,
    send::Origin,
    silence::Silence,
};

/// A streamed answer, from its first token on.
///
/// Its items are the chunks as they come, the ones before the first token included. It ends with `None` only if the
/// stream said that it is whole: with a `finish_reason` for each answer that was asked for, or with `[DONE]`. Everything
/// else is one last item, an error of the kind [`Interrupted`](mainstay_fault::FaultKind::Interrupted): a reset, a clean
/// end that said nothing, an error event, an event that cannot be read, or no token for too long. What came before it is
/// an exact prefix of one answer.
///
/// Time in which nobody reads does not count as silence of the server. The attempt's own limit and the call's deadline run on, and what
/// they end before it was read is lost; where nobody read for most of that time, the error says so
/// ([`Fault::unread`](mainstay_fault::Fault::unread)), and the server's health is none the worse.
///
/// # Cancel safety
///
/// Dropping it before its end closes the connection.
///
/// # Examples
///
/// ```no_run
/// use futures_util::StreamExt;
/// use mainstay_openai_client::{ChatRequest, Client};
///
/// # async fn example(client: Client) -> Result<(), mainstay_openai_client::Error> {
/// let mut stream = client.chat_stream(ChatRequest::new("gpt-4o").user("Tell me of the sea.")).await?;
/// while let Some(chunk) = stream.next().await {
///     print!("{}", chunk?.text());
/// }
/// # Ok(())
/// # }
/// ```
pub struct ChatStream {
    origin: Origin,
    request: ChatRequest,
    headers: HeaderMap,
    /// When its time is over.
    ends: Option<Instant>,
    events: Option<Events>,
    held: VecDeque<ChatChunk>,
    progress: Progress,
    silence: Silence,
    usage: Option<Usage>,
}

// === impl ChatStream ===

impl ChatStream {
    pub(crate) fn new(
        origin: Origin,
        request: ChatRequest,
        headers: HeaderMap,
        ends: Option<Instant>,
        events: Events,
        held: VecDeque<ChatChunk>,
        progress: Progress,
    ) -> Self {
        let silence = Silence::new(origin.shared.timeouts.between_tokens);
        Self { origin, request, headers, ends, events: Some(events), held, progress, silence, usage: None }
    }

    /// The request that it answers.
    pub const fn request(&self) -> &ChatRequest {
        &self.request
    }

    /// The headers of the response: rate limits, request id.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The usage, once the chunk that says it has passed; it comes only if it was asked for
    /// ([`StreamOptions::with_usage`](crate::StreamOptions::with_usage)).
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// Reads the stream to its end and puts the chunks together to a whole response.
    ///
    /// # Errors
    ///
    /// The stream's own error, if it breaks.
    pub async fn into_response(mut self) -> Result<ChatResponse, Error> {
        let whole = Accumulator::read(&mut self).await?;
        Ok(whole.finish(self.headers))
    }

    /// Passes a chunk on, and grants the next token all of its time if it has one.
    fn take(&mut self, chunk: ChatChunk) -> ChatChunk {
        self.progress.note(&chunk);
        self.silence.heard(chunk.has_token());
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        chunk
    }

    /// Ends the stream: silently if it is whole, else with what broke it.
    fn end(&mut self, broken: Option<Error>) -> Option<Result<ChatChunk, Error>> {
        self.events = None;
        match broken {
            Some(error) if !self.progress.is_finished() => {
                let unread = self.is_unread(&error);
                Some(Err(error.interrupted(unread)))
            }
            _ => None,
        }
    }

    /// Whether it ended because its time was over, in which nobody read it.
    fn is_unread(&self, error: &Error) -> bool {
        let ended = self.ends.filter(|ends| *ends <= Instant::now());
        let ended = ended.filter(|_| error.fault().kind == FaultKind::Timeout);
        ended.is_some_and(|ended| self.silence.is_unread(ended))
    }

    /// The error of a stream in which no token came for too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        ready!(self.silence.poll_over(cx));
        Poll::Ready(Error::silent(&self.origin, "further token", self.silence.limit()))
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatChunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(chunk) = this.held.pop_front() {
            return Poll::Ready(Some(Ok(this.take(chunk))));
        }
        let Some(events) = &mut this.events else { return Poll::Ready(None) };
        this.silence.awaited();
        let broken = match events.poll_event(&this.origin, cx) {
            Poll::Ready(Event::Chunk(chunk)) => return Poll::Ready(Some(Ok(this.take(*chunk)))),
            Poll::Ready(Event::Done) => {
                // The rest of the body, if it is here already, lets the connection be used again.
                let _ = events.poll_event(&this.origin, cx);
                None
            }
            Poll::Ready(Event::End) => {
                let detail = "the stream ended without a finish_reason for each answer, or [DONE]";
                Some(Error::malformed(&this.origin, detail))
            }
            Poll::Ready(Event::Failed(error)) => Some(error),
            Poll::Pending => Some(ready!(this.poll_stalled(cx))),
        };
        Poll::Ready(this.end(broken))
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("progress", &self.progress)
            .field("ended", &self.events.is_none())
            .finish_non_exhaustive()
    }
}
