//! The stack, in the order in which a request travels.

use std::{sync::Arc, time::Duration};

use mainstay_backoff::{ByFault, Check, Exponential, Rejected, Retry, RetryLayer, RetryPolicy, Tracked};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client, Streaming};
use tower::{
    ServiceBuilder,
    util::{MapErr, Oneshot},
};

use crate::{Deadline, DeadlineLayer, Error, openai};

/// The stack of calls that are answered whole.
pub type ChatService = Deadline<
    Retry<MapErr<Client, IntoError>, Arc<RetryPolicy<Exponential, Check<ByFault, AnswerCheck>, Tracked>>>,
>;

/// The stack of calls that are answered as a stream.
pub type StreamService =
    Deadline<Retry<MapErr<Streaming, IntoError>, Arc<RetryPolicy<Exponential, ByFault, Tracked>>>>;

/// A call that will be answered whole: what [`Mainstay::chat`](crate::Mainstay::chat) returns.
pub type ChatFuture = Oneshot<ChatService, ChatRequest>;

/// A call that will be answered as a stream: what [`Mainstay::chat_stream`](crate::Mainstay::chat_stream) returns.
pub type StreamFuture = Oneshot<StreamService, ChatRequest>;

type IntoError = fn(openai::Error) -> Error;
pub(crate) type AnswerCheck = Box<dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync>;

/// Puts together: deadline -> retry, with the answer's check -> client, with the attempt's timeouts.
pub(crate) fn chat(
    deadline: Duration,
    retry: RetryPolicy,
    check: AnswerCheck,
    client: Client,
) -> ChatService {
    ServiceBuilder::new()
        .layer(DeadlineLayer::new(deadline))
        .layer(RetryLayer::new(retry.check(check).tracked()))
        .map_err(Error::from as IntoError)
        .service(client)
}

/// Puts together: deadline -> retry, up to the first token -> client, with the stream's timeouts.
pub(crate) fn stream(deadline: Duration, retry: RetryPolicy, client: Streaming) -> StreamService {
    ServiceBuilder::new()
        .layer(DeadlineLayer::new(deadline))
        .layer(RetryLayer::new(retry.tracked()))
        .map_err(Error::from as IntoError)
        .service(client)
}
