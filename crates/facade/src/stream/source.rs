use std::{fmt, time::Duration, vec};

use http::HeaderMap;
use mainstay_idempotency::Playback;

use super::ChatStream;
use crate::{
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
    pub(super) playback: Playback<ChatStream>,
    pub(super) headers: HeaderMap,
    pub(super) usage: Option<Usage>,
    pub(super) replayed: Option<Duration>,
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

// === impl Broken ===

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("error", &self.error).finish_non_exhaustive()
    }
}
