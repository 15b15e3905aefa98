mod account;
mod source;
mod tally;

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use http::HeaderMap;
use mainstay_bucket::Reservation;
use mainstay_fallback::Answer;
use mainstay_fault::{Entry, FaultKind, HasFault};
use mainstay_idempotency::{self as idempotency, Playback};
use mainstay_router::{Price, Ticket};
use tokio::time::Instant;
use tracing::Span;

use self::{
    account::Account,
    source::{Broken, Played, Source, Whole},
};
use crate::{
    Error, Ongoing, Report,
    continuation::Resume,
    openai::{self, Accumulator, ChatChunk, ChatResponse, Usage},
    served::{ServedBy, is_worth_keeping},
};

/// A streamed answer, from its first token on, which settles what it took of the limits at its end.
///
/// Its items are the chunks as they come. It ends with `None` only if the stream said that it is whole; everything else is one
/// last item of the kind [`Interrupted`](mainstay_fault::FaultKind::Interrupted). What came before it is an exact prefix
/// of one answer.
///
/// What a tier without a model answers comes as a stream too: who speaks, what is said, why it ended.
///
/// # Limits
///
/// It is settled on the usage that the server states at its end. Where none is stated, and where the stream breaks or is dropped
/// half-way after more than was stated, it is settled on what has passed: the tokens of the prompt as they were estimated, and those of the answer, at least one
/// for each delta and more where its text is long. So are budgets and the [report](Self::report). Where nothing has passed, what was
/// reserved stands.
///
/// # Cancel safety
///
/// Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct ChatStream {
    source: Source,
    /// What its attempt is charged to, until it has ended; nothing, where it is another's or there was none.
    account: Option<Account>,
    /// Whether the caller did not ask for the usage, so that the chunk which states it is ours alone.
    hides_usage: bool,
    /// How it goes on, should it break.
    resume: Option<Box<Resume>>,
    served_by: Option<ServedBy>,
    /// The whole call.
    ongoing: Option<Ongoing>,
}

// === impl ChatStream ===

impl ChatStream {
    /// Passes on what a server says.
    pub(crate) fn live(live: openai::ChatStream, reservation: Reservation) -> Self {
        let account = Account::new(live.request().clone(), reservation);
        Self::of(Source::Live(live), Some(account))
    }

    /// Says what a tier without a model has answered.
    pub(crate) fn whole(response: ChatResponse) -> Self {
        Self::of(Source::Whole(Whole::new(response)), None)
    }

    /// Plays a recorded one, which settles and reports for itself. Another's is followed until the call's own deadline.
    pub(crate) fn played(answer: idempotency::Answer<Playback<Self>>, deadline: Option<Instant>) -> Self {
        let replayed = answer.replayed().map(|replayed| replayed.age);
        let playback = answer.into_inner();
        let known = playback.source(|live| (live.headers().clone(), live.served_by.clone()));
        let (headers, served_by) = known.unwrap_or_default();
        // One's own keeps it by itself.
        let until = deadline.filter(|_| replayed.is_some());
        let played = Source::Played(Played::new(playback, headers, replayed, until));
        Self { served_by, ..Self::of(played, None) }
    }

    /// Knows which tier it is from.
    pub(crate) fn answered(answer: Answer<Self, Error>) -> Self {
        let served_by = Some((answer.shared_tier(), answer.degraded()));
        Self { served_by, ..answer.into_inner() }
    }

    const fn of(source: Source, account: Option<Account>) -> Self {
        Self { source, account, hides_usage: false, resume: None, served_by: None, ongoing: None }
    }

    /// Keeps the chunk that states the usage from the caller.
    pub(crate) const fn hiding_usage(mut self, hides_usage: bool) -> Self {
        self.hides_usage = hides_usage;
        self
    }

    /// Has its attempt written down, at its end.
    pub(crate) fn write_into(&mut self, entry: Entry, price: Option<Price>) {
        if let Some(account) = &mut self.account {
            account.write_into(entry, price);
        }
    }

    /// Has its backend judged by it, at its end. Its first token has come.
    pub(crate) fn judging(mut self, ticket: Ticket) -> Self {
        if let Some(account) = &mut self.account {
            account.judging(ticket);
        }
        self
    }

    /// Has it go on where it breaks.
    pub(crate) fn resuming(mut self, resume: Option<Box<Resume>>) -> Self {
        self.resume = resume;
        self
    }

    /// Has it report on the whole call.
    pub(crate) fn of_call(mut self, mut ongoing: Ongoing) -> Self {
        ongoing.served_by(self.served_by.clone());
        ongoing.replayed(self.source.replayed());
        self.ongoing = Some(ongoing);
        self
    }

    /// Whether it is worth playing again.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.served_by.as_ref().is_none_or(|(_, degraded)| is_worth_keeping(*degraded))
    }

    /// What happened to the call so far; after the stream's end, all of it.
    pub fn report(&self) -> Report {
        self.ongoing.as_ref().map(Ongoing::report).unwrap_or_default()
    }

    /// The headers of the response: rate limits, request id. None if it was over when it was asked for by its idempotency key.
    pub fn headers(&self) -> &HeaderMap {
        self.source.headers()
    }

    /// The usage, once the stream has stated it, at its end.
    pub fn usage(&self) -> Option<&Usage> {
        self.source.usage()
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

    /// Notes what a chunk says, to be charged for, and should it have to be continued.
    fn note(&mut self, chunk: &ChatChunk) {
        self.source.note(chunk);
        if let Some(account) = &mut self.account {
            account.note(chunk);
        }
        if let Some(ongoing) = &mut self.ongoing {
            ongoing.note(chunk);
        }
        if self.resume.as_mut().is_some_and(|resume| !resume.note(chunk)) {
            self.resume = None;
        }
    }

    /// Ends it, or begins to go on with it.
    fn broke(&mut self, error: openai::Error) -> Option<openai::Error> {
        let Some(resume) = self.resume.take().filter(|_| error.fault().kind == FaultKind::Interrupted) else {
            self.end(Some(&error));
            return Some(error);
        };
        if let Some(account) = self.account.take() {
            account.end(Some(error.fault()));
        }
        let ((next, resume), headers) = (resume.begin(), self.headers().clone());
        self.source = Source::Broken(Broken { next, resume, error: Some(error), headers });
        None
    }

    /// Goes on with what another call says. What of it belongs to the whole call stays as it is; the answer is as good as its worst part.
    fn go_on(&mut self, next: Self, resume: Option<Box<Resume>>) {
        let Self { source, account, served_by, .. } = next;
        (self.source, self.account, self.resume) = (source, account, resume);
        let before = self.served_by.take().map(|(_, degraded)| degraded).unwrap_or_default();
        self.served_by = served_by.map(|(tier, degraded)| (tier, degraded.max(before)));
        if let Some(ongoing) = &mut self.ongoing {
            ongoing.served_by(self.served_by.clone());
        }
    }

    /// A chunk as the caller gets it; none, where it has nothing but a usage for which he did not ask.
    fn shown(&self, chunk: ChatChunk) -> Option<ChatChunk> {
        if !self.hides_usage {
            return Some(chunk);
        }
        (chunk.usage.is_none() || !chunk.choices.is_empty()).then(|| chunk.without_usage())
    }

    fn end(&mut self, error: Option<&openai::Error>) {
        let fault = error.map(HasFault::fault);
        if let Some(account) = self.account.take() {
            account.end(fault);
        }
        if let Some(ongoing) = &mut self.ongoing {
            ongoing.end_unread(fault);
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
                Source::Whole(whole) => whole.next().map(Ok),
                Source::Played(played) => ready!(played.poll_next(cx)),
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
            let shown = match item {
                None => {
                    self.end(None);
                    return Poll::Ready(None);
                }
                Some(Err(error)) => self.broke(error).map(Err),
                Some(Ok(chunk)) => {
                    self.note(&chunk);
                    self.shown(chunk).map(Ok)
                }
            };
            if shown.is_some() {
                return Poll::Ready(shown);
            }
        }
    }
}
