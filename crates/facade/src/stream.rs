use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use http::HeaderMap;
use mainstay_bucket::Reservation;
use mainstay_fault::{Entry, Fault, FaultKind, HasFault};
use mainstay_idempotency::{self as idempotency, Playback};
use mainstay_router::{Price, Ticket};
use tracing::Span;

use crate::{
    Ongoing, Report,
    among::router_usage,
    attempt,
    continuation::{Resume, Resuming},
    openai::{self, Accumulator, ChatChunk, ChatResponse, Usage},
};

/// A streamed answer, from its first token on, which settles what it took of the limits at its end.
///
/// Its items are the chunks as they come. It ends with `None` only if the stream said that it is whole; everything else is one
/// last item of the kind [`Interrupted`](mainstay_fault::FaultKind::Interrupted). What came before it is an exact prefix
/// of one answer.
///
/// # Limits
///
/// It is settled on the usage that the server states at its end. A stream that breaks, or is dropped half-way, was begun
/// and may be billed: the estimate stands.
///
/// # Cancel safety
///
/// Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct ChatStream {
    source: Source,
    reservation: Option<Reservation>,
    /// Whether the caller did not ask for the usage, so that the chunk which states it is ours alone.
    hides_usage: bool,
    /// Where its attempt is written down, until it has ended.
    entry: Option<Entry>,
    price: Option<Price>,
    /// Where its backend is judged, at its end.
    ticket: Option<Ticket>,
    /// How it goes on, should it break.
    resume: Option<Box<Resume>>,
    /// The whole call.
    ongoing: Option<Ongoing>,
}

/// Where the chunks come from.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are live, and a box would cost each of them an allocation"
)]
enum Source {
    Live(openai::ChatStream),
    Played(Played),
    Broken(Broken),
}

/// A stream that broke, and the call that will go on with it.
struct Broken {
    next: Resuming,
    resume: Option<Box<Resume>>,
    error: Option<openai::Error>,
    headers: HeaderMap,
}

/// A stream that was recorded, or is being recorded, under an idempotency key.
#[derive(Debug)]
struct Played {
    playback: Playback<ChatStream>,
    headers: HeaderMap,
    usage: Option<Usage>,
    replayed: Option<Duration>,
}

// === impl ChatStream ===

impl ChatStream {
    pub(crate) const fn new(live: openai::ChatStream, reservation: Reservation) -> Self {
        Self::of(Source::Live(live), Some(reservation))
    }

    /// Plays a recorded one, which settles and reports for itself.
    pub(crate) fn played(answer: idempotency::Answer<Playback<Self>>) -> Self {
        let replayed = answer.replayed().map(|replayed| replayed.age);
        let playback = answer.into_inner();
        let headers = playback.source(|live| live.headers().clone()).unwrap_or_default();
        Self::of(Source::Played(Played { playback, headers, usage: None, replayed }), None)
    }

    const fn of(source: Source, reservation: Option<Reservation>) -> Self {
        Self {
            source,
            reservation,
            hides_usage: false,
            entry: None,
            price: None,
            ticket: None,
            resume: None,
            ongoing: None,
        }
    }

    /// Keeps the chunk that states the usage from the caller.
    pub(crate) const fn hiding_usage(mut self, hides_usage: bool) -> Self {
        self.hides_usage = hides_usage;
        self
    }

    /// Has its attempt written down, at its end.
    pub(crate) fn write_into(&mut self, entry: Entry, price: Option<Price>) {
        (self.entry, self.price) = (Some(entry), price);
    }

    /// Has its backend judged by it, at its end. Its first token has come.
    pub(crate) fn judging(mut self, mut ticket: Ticket) -> Self {
        ticket.first_token();
        self.ticket = Some(ticket);
        self
    }

    /// Has it go on where it breaks.
    pub(crate) fn resuming(mut self, resume: Option<Box<Resume>>) -> Self {
        self.resume = resume;
        self
    }

    /// Has it report on the whole call.
    pub(crate) fn of_call(mut self, ongoing: Ongoing) -> Self {
        self.ongoing = Some(ongoing);
        self
    }

    /// What happened to the call so far; after the stream's end, all of it.
    pub fn report(&self) -> Report {
        let mut report = self.ongoing.as_ref().map(Ongoing::report).unwrap_or_default();
        report.replayed = self.replayed();
        report
    }

    fn replayed(&self) -> Option<Duration> {
        match &self.source {
            Source::Live(_) | Source::Broken(_) => None,
            Source::Played(played) => played.replayed,
        }
    }

    /// The headers of the response: rate limits, request id. None if it was over when it was asked for by its idempotency key.
    pub fn headers(&self) -> &HeaderMap {
        match &self.source {
            Source::Live(live) => live.headers(),
            Source::Played(played) => &played.headers,
            Source::Broken(broken) => &broken.headers,
        }
    }

    /// The usage, once the stream has stated it, at its end.
    pub fn usage(&self) -> Option<&Usage> {
        match &self.source {
            Source::Live(live) => live.usage(),
            Source::Played(played) => played.usage.as_ref(),
            Source::Broken(_) => None,
        }
    }

    /// Reads the stream to its end and puts the chunks together to a whole response.
    ///
    /// # Errors
    ///
    /// The stream's own error, if it breaks.
    pub async fn into_response(mut self) -> Result<ChatResponse, openai::Error> {
        let whole = Accumulator::read(&mut self).await?;
        let mut response = whole.finish(self.headers().clone());
        response.usage = self.usage().cloned();
        Ok(response)
    }

    /// Notes what a chunk tells of the usage and of the answer, and what it says, should it have to be continued.
    fn settle(&mut self, chunk: &ChatChunk) {
        if let Some(usage) = &chunk.usage {
            self.note(usage);
        }
        if let Some(ongoing) = &mut self.ongoing {
            ongoing.note(chunk);
        }
        if self.resume.as_mut().is_some_and(|resume| !resume.note(chunk)) {
            self.resume = None;
        }
    }

    fn note(&mut self, usage: &Usage) {
        if let Source::Played(played) = &mut self.source {
            played.usage = Some(usage.clone());
        }
        if let Some(reservation) = &mut self.reservation {
            reservation.used(usage.total_tokens);
        }
        if let Some(entry) = &mut self.entry {
            attempt::write(entry, usage, self.price);
        }
    }

    /// Ends it, or begins to go on with it.
    fn broke(&mut self, error: openai::Error) -> Option<openai::Error> {
        let Some(resume) = self.resume.take().filter(|_| error.fault().kind == FaultKind::Interrupted) else {
            self.end(Some(&error));
            return Some(error);
        };
        self.end_attempt(Some(error.fault()));
        let ((next, resume), headers) = (resume.begin(), self.headers().clone());
        self.source = Source::Broken(Broken { next, resume, error: Some(error), headers });
        None
    }

    /// Goes on with what another call says. What of it belongs to the whole call stays as it is.
    fn go_on(&mut self, next: Self, resume: Option<Box<Resume>>) {
        let Self { source, reservation, entry, price, ticket, .. } = next;
        (self.source, self.reservation, self.resume) = (source, reservation, resume);
        (self.entry, self.price, self.ticket) = (entry, price, ticket);
    }

    fn end(&mut self, error: Option<&openai::Error>) {
        let fault = error.map(HasFault::fault);
        self.end_attempt(fault);
        let replayed = self.replayed();
        if let Some(ongoing) = &mut self.ongoing {
            ongoing.end_unread(replayed, fault);
        }
    }

    fn end_attempt(&mut self, fault: Option<Fault>) {
        self.reservation = None;
        if let Some(mut entry) = self.entry.take() {
            entry.end(fault);
        }
        match (self.ticket.take(), fault) {
            (Some(ticket), None) => ticket.finish(self.usage().map(router_usage)),
            (Some(ticket), Some(fault)) => ticket.fail(&fault),
            (None, _) => {}
        }
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatChunk, openai::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let span = self.ongoing.as_ref().map(|ongoing| ongoing.span().clone());
        let _entered = span.as_ref().map(Span::enter);
        loop {
            let item = match &mut self.source {
                Source::Live(live) => ready!(Pin::new(live).poll_next(cx)),
                Source::Played(played) => ready!(Pin::new(&mut played.playback).poll_next(cx)),
                // It was over when going on with it had failed.
                Source::Broken(Broken { error: None, .. }) => return Poll::Ready(None),
                Source::Broken(broken) => match ready!(broken.next.as_mut().poll(cx)) {
                    Ok(next) => {
                        let resume = broken.resume.take();
                        self.go_on(next, resume);
                        continue;
                    }
                    Err(_) => broken.error.take().map(Err),
                },
            };
            match item {
                None => self.end(None),
                Some(Err(error)) => match self.broke(error) {
                    Some(error) => return Poll::Ready(Some(Err(error))),
                    None => continue,
                },
                Some(Ok(chunk)) => {
                    self.settle(&chunk);
                    if !self.hides_usage {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                    if chunk.usage.is_none() || !chunk.choices.is_empty() {
                        return Poll::Ready(Some(Ok(without_usage(chunk))));
                    }
                    continue;
                }
            }
            return Poll::Ready(None);
        }
    }
}

/// A chunk as it would have come had nobody asked for the usage: not even `null`.
fn without_usage(mut chunk: ChatChunk) -> ChatChunk {
    chunk.usage = None;
    chunk.extra.remove("usage");
    chunk
}

// === impl Broken ===

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("error", &self.error).finish_non_exhaustive()
    }
}
