//! Faults of any answer: refusals, dead connections, bodies that are not what they should be, useless answers.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::{StreamFault, check_size, retry_after::RetryAfter, spelling::Parameters};
use crate::plan::error::{Invalid, Place};

/// A fault that a whole answer can have. The name in TOML is the variant's in snake case.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WholeFault {
    // Refusals: a status and an error body.
    /// 429 `rate_limit_exceeded`.
    RateLimited(RetryAfter),
    /// 429 `insufficient_quota`: the money is gone.
    InsufficientQuota,
    /// 402.
    PaymentRequired,
    /// 503 `overloaded_error`.
    Overloaded(RetryAfter),
    /// 529 `overloaded_error`, as Anthropic sends it. In TOML `overloaded_529`.
    Overloaded529(RetryAfter),
    /// 408.
    RequestTimeout,
    /// 500 `server_error`.
    ServerError,
    /// 502 with the HTML page of a proxy.
    BadGateway,
    /// 504 with the text of a proxy.
    GatewayTimeout,
    /// 401 `invalid_api_key`.
    Unauthorized,
    /// 403 `unsupported_country_region_territory`.
    Forbidden,
    /// 404 `model_not_found`.
    ModelNotFound,
    /// 400: the prompt is too long for the model's window.
    ContextLength(Dialect),
    /// 400: the prompt was refused by policy.
    ContentFilter(Dialect),
    /// 400 `invalid_request_error`.
    InvalidRequest,
    /// Any status, headers and body.
    Status {
        /// From 200 to 599.
        status: u16,
        /// Sent as they stand, beside the usual ones.
        headers: BTreeMap<String, String>,
        /// `application/json` unless `headers` say otherwise; an OpenAI error body where `None`.
        body: Option<String>,
    },

    // Dead connections.
    /// A TCP RST before any byte of an answer.
    Reset,
    /// A TCP RST in the middle of the body.
    ResetMidBody,
    /// A clean end (FIN) without an answer.
    Close,
    /// Accepts the request and never says anything.
    Hang,
    /// Sends the headers and never a body.
    HangAfterHeaders,

    // Bodies that are not what they should be.
    /// The right answer, a byte at a time.
    SlowDrip {
        /// Between two bytes; the timer's grain is a millisecond.
        interval: Duration,
    },
    /// 200 with an HTML page. In TOML `html_200`.
    Html200,
    /// 200 with no body. In TOML `empty_200`.
    Empty200,
    /// 200 with JSON that stops in the middle; `content-length` fits what is sent.
    TruncatedJson,
    /// 200 with `{"foo":1}`.
    WrongJson,
    /// 200 with `{"error":{…}}`. In TOML `error_in_200`.
    ErrorIn200,
    /// A body that never stops.
    EndlessBody,
    /// A right answer of many bytes.
    HugeBody {
        /// Of the content, in bytes.
        size: usize,
    },

    // Answers of no use.
    /// Cut in half, with `finish_reason: "length"`.
    Length,
    /// The content is the empty string.
    EmptyAnswer,
    /// Prose, also where JSON was asked for.
    NotJson,
    /// Cut in half, with `finish_reason: "content_filter"`.
    ContentFilterFinish,
}

/// Whose words a refusal is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI's own: the default.
    #[default]
    Openai,
    /// Azure OpenAI's.
    Azure,
    /// That of llama.cpp's `llama-server`.
    LlamaCpp,
    /// vLLM's.
    Vllm,
    /// Ollama's.
    Ollama,
}

// === impl WholeFault ===

impl WholeFault {
    pub(super) const NAMES: &[&str] = &[
        "rate_limited",
        "insufficient_quota",
        "payment_required",
        "overloaded",
        "overloaded_529",
        "request_timeout",
        "server_error",
        "bad_gateway",
        "gateway_timeout",
        "unauthorized",
        "forbidden",
        "model_not_found",
        "context_length",
        "content_filter",
        "invalid_request",
        "status",
        "reset",
        "reset_mid_body",
        "close",
        "hang",
        "hang_after_headers",
        "slow_drip",
        "html_200",
        "empty_200",
        "truncated_json",
        "wrong_json",
        "error_in_200",
        "endless_body",
        "huge_body",
        "length",
        "empty_answer",
        "not_json",
        "content_filter_finish",
    ];

    /// The nearest fault of a streamed answer; `None` where this one does as well in a stream.
    ///
    /// | whole | stream |
    /// |---|---|
    /// | `reset_mid_body` | `cut`, after half of the tokens |
    /// | `empty_200` | `empty_stream` |
    /// | `truncated_json` | `malformed_event` |
    /// | `error_in_200` | `error_first` |
    /// | `huge_body` | `huge_event` |
    ///
    /// The others are the same in both: a refusal, a dead connection and a page of HTML know no streams, `slow_drip` sends
    /// the stream's bytes one at a time, `endless_body` repeats a token for ever, and a useless answer can be streamed.
    pub fn streamed(&self, tokens: usize) -> Option<StreamFault> {
        match *self {
            Self::ResetMidBody => Some(StreamFault::Cut { after: tokens / 2 }),
            Self::Empty200 => Some(StreamFault::EmptyStream),
            Self::TruncatedJson => Some(StreamFault::MalformedEvent { after: tokens / 2 }),
            Self::ErrorIn200 => Some(StreamFault::ErrorFirst),
            Self::HugeBody { size } => Some(StreamFault::HugeEvent { size }),
            _ => None,
        }
    }

    /// Any status, with OpenAI's error body.
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: BTreeMap::new(), body: None }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::RateLimited(_) => "rate_limited",
            Self::InsufficientQuota => "insufficient_quota",
            Self::PaymentRequired => "payment_required",
            Self::Overloaded(_) => "overloaded",
            Self::Overloaded529(_) => "overloaded_529",
            Self::RequestTimeout => "request_timeout",
            Self::ServerError => "server_error",
            Self::BadGateway => "bad_gateway",
            Self::GatewayTimeout => "gateway_timeout",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::ModelNotFound => "model_not_found",
            Self::ContextLength(_) => "context_length",
            Self::ContentFilter(_) => "content_filter",
            Self::InvalidRequest => "invalid_request",
            Self::Status { .. } => "status",
            Self::Reset => "reset",
            Self::ResetMidBody => "reset_mid_body",
            Self::Close => "close",
            Self::Hang => "hang",
            Self::HangAfterHeaders => "hang_after_headers",
            Self::SlowDrip { .. } => "slow_drip",
            Self::Html200 => "html_200",
            Self::Empty200 => "empty_200",
            Self::TruncatedJson => "truncated_json",
            Self::WrongJson => "wrong_json",
            Self::ErrorIn200 => "error_in_200",
            Self::EndlessBody => "endless_body",
            Self::HugeBody { .. } => "huge_body",
            Self::Length => "length",
            Self::EmptyAnswer => "empty_answer",
            Self::NotJson => "not_json",
            Self::ContentFilterFinish => "content_filter_finish",
        }
    }

    pub(super) fn check(&self, place: &Place) -> Result<(), Invalid> {
        match self {
            Self::RateLimited(retry) | Self::Overloaded(retry) | Self::Overloaded529(retry) => {
                retry.check(place)
            }
            Self::HugeBody { size } => check_size(*size, place),
            Self::Status { status, .. } if !(200..=599).contains(status) => {
                Err(place.key("status").invalid(status, "must be between 200 and 599"))
            }
            Self::Status { headers, .. } => headers.iter().try_for_each(|(name, value)| {
                let valid = HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
                let invalid =
                    || place.key("headers").key(name).invalid(format!("{value:?}"), "is no valid header");
                if valid { Ok(()) } else { Err(invalid()) }
            }),
            _ => Ok(()),
        }
    }

    /// The fault of that name, or of that status, with what it takes of `given`.
    pub(super) fn from_parameters(name: &str, given: &mut Parameters) -> Option<Self> {
        Some(match name {
            "rate_limited" | "429" => Self::RateLimited(given.retry_after()),
            "insufficient_quota" => Self::InsufficientQuota,
            "payment_required" | "402" => Self::PaymentRequired,
            "overloaded" | "503" => Self::Overloaded(given.retry_after()),
            "overloaded_529" | "529" => Self::Overloaded529(given.retry_after()),
            "request_timeout" | "408" => Self::RequestTimeout,
            "server_error" | "500" => Self::ServerError,
            "bad_gateway" | "502" => Self::BadGateway,
            "gateway_timeout" | "504" => Self::GatewayTimeout,
            "unauthorized" | "401" => Self::Unauthorized,
            "forbidden" | "403" => Self::Forbidden,
            "model_not_found" | "404" => Self::ModelNotFound,
            "context_length" => Self::ContextLength(given.dialect()),
            "content_filter" => Self::ContentFilter(given.dialect()),
            "invalid_request" | "400" => Self::InvalidRequest,
            "status" => Self::Status { status: given.status(), headers: given.headers(), body: given.body() },
            "reset" => Self::Reset,
            "reset_mid_body" => Self::ResetMidBody,
            "close" => Self::Close,
            "hang" => Self::Hang,
            "hang_after_headers" => Self::HangAfterHeaders,
            "slow_drip" => Self::SlowDrip { interval: given.interval(Duration::from_millis(10)) },
            "html_200" => Self::Html200,
            "empty_200" => Self::Empty200,
            "truncated_json" => Self::TruncatedJson,
            "wrong_json" => Self::WrongJson,
            "error_in_200" => Self::ErrorIn200,
            "endless_body" => Self::EndlessBody,
            "huge_body" => Self::HugeBody { size: given.size(16 << 20) },
            "length" => Self::Length,
            "empty_answer" => Self::EmptyAnswer,
            "not_json" => Self::NotJson,
            "content_filter_finish" => Self::ContentFilterFinish,
            other => Self::status(other.parse().ok().filter(|status| (400..=599).contains(status))?),
        })
    }
}
