//! Faults of streamed answers.

use std::time::Duration;

use super::{WholeFault, spelling::Parameters};

/// A fault that a streamed answer can have. The name in TOML is the variant's in snake case.
///
/// `after` counts tokens, that is deltas with content; with 0 the fault comes after the first event, which tells only the
/// role. An answer that has fewer tokens fails after its last one, before its `finish_reason`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StreamFault {
    /// A TCP RST.
    Cut {
        /// Tokens before it.
        after: usize,
    },
    /// A TCP RST at a seeded byte before the `finish_reason`: inside an event, a token or a character.
    CutAnywhere,
    /// A clean end without a `finish_reason` and `[DONE]`.
    EndEarly {
        /// Tokens before it.
        after: usize,
    },
    /// A `finish_reason`, but no `[DONE]`.
    NoDone,
    /// Nothing more, and the connection stays open.
    Stall {
        /// Tokens before it.
        after: usize,
    },
    /// `data: {"error":{…}}`, then a clean end.
    ErrorEvent {
        /// Tokens before it.
        after: usize,
    },
    /// An event whose JSON is cut; the rest of the stream follows it.
    MalformedEvent {
        /// Tokens before it.
        after: usize,
    },
    /// `[DONE]` twice.
    DoubleDone,
    /// The first event, which tells only the role, and nothing more.
    RoleOnly,
    /// Comments (`: keep-alive`) for ever.
    CommentsOnly {
        /// Between two of them.
        interval: Duration,
    },
    /// An error as the first event under status 200, then a clean end.
    ErrorFirst,
    /// Status 200 and no event at all.
    EmptyStream,
    /// `[DONE]` and nothing else.
    OnlyDone,
    /// The right stream in pieces that break at seeded bytes, also inside a character.
    SplitBytes,
    /// The right stream, with one huge event in it.
    HugeEvent {
        /// Of that event's content, in bytes.
        size: usize,
    },
}

// === impl StreamFault ===

impl StreamFault {
    pub(super) const NAMES: &[&str] = &[
        "cut",
        "cut_anywhere",
        "end_early",
        "no_done",
        "stall",
        "error_event",
        "malformed_event",
        "double_done",
        "role_only",
        "comments_only",
        "error_first",
        "empty_stream",
        "only_done",
        "split_bytes",
        "huge_event",
    ];

    /// The nearest fault of an answer that is not streamed; `None` where the answer is then right.
    ///
    /// | stream | whole |
    /// |---|---|
    /// | `cut`, `cut_anywhere` | `reset_mid_body` |
    /// | `end_early`, `malformed_event` | `truncated_json` |
    /// | `stall`, `role_only`, `comments_only` | `hang_after_headers` |
    /// | `error_event`, `error_first` | `error_in_200` |
    /// | `empty_stream`, `only_done` | `empty_200` |
    /// | `huge_event` | `huge_body` |
    /// | `no_done`, `double_done`, `split_bytes` | none: the answer is right |
    pub fn unstreamed(&self) -> Option<WholeFault> {
        match *self {
            Self::Cut { .. } | Self::CutAnywhere => Some(WholeFault::ResetMidBody),
            Self::EndEarly { .. } | Self::MalformedEvent { .. } => Some(WholeFault::TruncatedJson),
            Self::Stall { .. } | Self::RoleOnly | Self::CommentsOnly { .. } => {
                Some(WholeFault::HangAfterHeaders)
            }
            Self::ErrorEvent { .. } | Self::ErrorFirst => Some(WholeFault::ErrorIn200),
            Self::EmptyStream | Self::OnlyDone => Some(WholeFault::Empty200),
            Self::HugeEvent { size } => Some(WholeFault::HugeBody { size }),
            Self::NoDone | Self::DoubleDone | Self::SplitBytes => None,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Cut { .. } => "cut",
            Self::CutAnywhere => "cut_anywhere",
            Self::EndEarly { .. } => "end_early",
            Self::NoDone => "no_done",
            Self::Stall { .. } => "stall",
            Self::ErrorEvent { .. } => "error_event",
            Self::MalformedEvent { .. } => "malformed_event",
            Self::DoubleDone => "double_done",
            Self::RoleOnly => "role_only",
            Self::CommentsOnly { .. } => "comments_only",
            Self::ErrorFirst => "error_first",
            Self::EmptyStream => "empty_stream",
            Self::OnlyDone => "only_done",
            Self::SplitBytes => "split_bytes",
            Self::HugeEvent { .. } => "huge_event",
        }
    }

    /// The fault of that name, with what it takes of `given`.
    pub(super) fn from_parameters(name: &str, given: &mut Parameters) -> Option<Self> {
        Some(match name {
            "cut" => Self::Cut { after: given.after() },
            "cut_anywhere" => Self::CutAnywhere,
            "end_early" => Self::EndEarly { after: given.after() },
            "no_done" => Self::NoDone,
            "stall" => Self::Stall { after: given.after() },
            "error_event" => Self::ErrorEvent { after: given.after() },
            "malformed_event" => Self::MalformedEvent { after: given.after() },
            "double_done" => Self::DoubleDone,
            "role_only" => Self::RoleOnly,
            "comments_only" => Self::CommentsOnly { interval: given.interval(Duration::from_millis(100)) },
            "error_first" => Self::ErrorFirst,
            "empty_stream" => Self::EmptyStream,
            "only_done" => Self::OnlyDone,
            "split_bytes" => Self::SplitBytes,
            "huge_event" => Self::HugeEvent { size: given.size(1 << 20) },
            _ => return None,
        })
    }
}
