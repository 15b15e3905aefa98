use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
    vec,
};

use futures_core::Stream;
use http::HeaderMap;
use mainstay_fault::FaultKind;
use mainstay_idempotency::Playback;
use tokio::time::{Instant, Sleep, sleep_until};

use super::ChatStream;
use crate::{
    DeadlinePassed,
    continuation::{Resume, Resuming},
    openai::{self, ChatChunk, ChatResponse, Usage},
};

/// Where the chunks come from.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are live, and a box would cost each of them an allocation"
)]
pub(super) enum Source {
    Live(openai::ChatStream),
    Whole(Whole),
    Played(Played),
    Broken(Broken),
}

/// An answer that was whole at once.
#[derive(Debug)]
pub(super) struct Whole {
    chunks: vec::IntoIter<ChatChunk>,
    headers: HeaderMap,
    usage: Option<Usage>,
}

/// A stream that was recorded, or is being recorded, under an idempotency key.
#[derive(Debug)]
pub(super) struct Played {
    /// Gone when it was cut off.
    playback: Option<Playback<ChatStream>>,
    headers: HeaderMap,
    usage: Option<Usage>,
    replayed: Option<Duration>,
    /// The deadline of the call that follows it.
    until: Option<Instant>,
    /// Begun when the stream turns out to take time.
    end: Option<Pin<Box<Sleep>>>,
}

/// A stream that broke, and the call that will go on with it.
pub(super) struct Broken {
    pub(super) next: Resuming,
    pub(super) resume: Option<Box<Resume>>,
    pub(super) error: Option<openai::Error>,
    pub(super) headers: HeaderMap,
}

// === impl Source ===

impl Source {
    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Live(live) => live.headers(),
            Self::Whole(Whole { headers, .. })
            | Self::Played(Played { headers, .. })
            | Self::Broken(Broken { headers, .. }) => headers,
        }
    }

    pub(super) fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Live(live) => live.usage(),
            Self::Whole(Whole { usage, .. }) | Self::Played(Played { usage, .. }) => usage.as_ref(),
            Self::Broken(_) => None,
        }
    }

    pub(super) const fn replayed(&self) -> Option<Duration> {
        match self {
            Self::Played(played) => played.replayed,
            Self::Live(_) | Self::Whole(_) | Self::Broken(_) => None,
        }
    }

    /// Notes what a chunk tells of the usage, where that is not noted already.
    pub(super) fn note(&mut self, chunk: &ChatChunk) {
        if let (Self::Whole(Whole { usage, .. }) | Self::Played(Played { usage, .. }), Some(_)) =
            (self, &chunk.usage)
        {
            usage.clone_from(&chunk.usage);
        }
    }
}

// === impl Whole ===

impl Whole {
    pub(super) fn new(mut response: ChatResponse) -> Self {
        let headers = std::mem::take(&mut response.headers);
        Self { chunks: response.into_chunks().into_iter(), headers, usage: None }
    }

    pub(super) fn next(&mut self) -> Option<ChatChunk> {
        self.chunks.next()
    }
}

// === impl Played ===

impl Played {
    pub(super) const fn new(
        playback: Playback<ChatStream>,
        headers: HeaderMap,
        replayed: Option<Duration>,
        until: Option<Instant>,
    ) -> Self {
        Self { playback: Some(playback), headers, usage: None, replayed, until, end: None }
    }

    /// What is there comes at once; what has to be waited for, until the deadline.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<ChatChunk, openai::Error>>> {
        let Some(playback) = &mut self.playback else { return Poll::Ready(None) };
        if let Poll::Ready(item) = Pin::new(playback).poll_next(cx) {
            return Poll::Ready(item);
        }
        let Some(until) = self.until else { return Poll::Pending };
        let end = self.end.get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(end.as_mut().poll(cx));
        self.playback = None;
        Poll::Ready(Some(Err(openai::Error::other(FaultKind::Interrupted, DeadlinePassed::new()))))
    }
}

// === impl Broken ===

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("error", &self.error).finish_non_exhaustive()
    }
}
