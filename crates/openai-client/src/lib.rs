#![doc = include_str!("../README.md")]
// On docs.rs, each item tells which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod extra;
mod object;

mod content;
mod message;
mod request;
mod tool;

mod chunk;
mod embedding;
mod model;
mod response;
mod usage;

#[cfg(feature = "tokens")]
pub mod tokens;

mod builder;
mod client;
mod endpoint;
mod error;
mod headers;
mod secret;
mod service;

mod body;
mod future;
mod send;
mod text;
mod time_limit;
mod wire;

mod accumulate;
mod chunks;
mod events;
mod open;
mod parts;
mod progress;
mod silence;
mod stream;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

pub use accumulate::Accumulator;
pub use builder::ClientBuilder;
pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionCallDelta, ToolCallDelta};
pub use client::Client;
pub use content::{Content, ImagePart, ImageUrl, Part, TextPart};
pub use embedding::{Embedding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, InvalidVector, Vector};
pub use error::{Error, InvalidSetting};
pub use extra::Extra;
pub use future::ResponseFuture;
pub use message::{Message, Role};
pub use model::{ListModels, Model, ModelList};
pub use open::StreamFuture;
pub use request::{ChatBody, ChatRequest, ResponseFormat, Stop, StreamOptions};
pub use response::{ChatResponse, Choice, FinishReason};
pub use secret::ApiKey;
pub use service::Streaming;
pub use stream::ChatStream;
pub use tool::{Function, FunctionCall, Tool, ToolCall, ToolChoice};
pub use usage::{CompletionTokensDetails, PromptTokensDetails, Usage};
