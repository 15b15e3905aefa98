//! The stack, in the order in which a request travels.

use std::{sync::Arc, time::Duration};

use mainstay_backoff::{ByFault, Check, Exponential, Rejected, Retry, RetryLayer, RetryPolicy, Tracked};
use mainstay_bucket::{self as bucket, RateLimit};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client, Streaming};
use tower::{
    ServiceBuilder,
    util::{MapErr, Oneshot},
};

use crate::{
    AttemptLayer, Attempted, Deadline, DeadlineLayer, Error, ReportLayer, Reported,
    limits::{self, ByModel, ChatMeter, StreamMeter, Weigh},
    openai,
    usage::{AskUsage, AskUsageLayer},
};

/// The stack of calls that are answered whole.
pub type ChatService =
    Reported<Deadline<Retry<Attempt<Client, ChatMeter>, Arc<RetryPolicy<Exponential, Checked, Tracked>>>>>;

/// The stack of calls that are answered as a stream.
pub type StreamService = Reported<
    AskUsage<
        Deadline<Retry<Attempt<Streaming, StreamMeter>, Arc<RetryPolicy<Exponential, ByFault, Tracked>>>>,
    >,
>;

/// A call that will be answered whole: what [`Mainstay::chat`](crate::Mainstay::chat) returns.
pub type ChatFuture = Oneshot<ChatService, ChatRequest>;

/// A call that will be answered as a stream: what [`Mainstay::chat_stream`](crate::Mainstay::chat_stream) returns.
pub type StreamFuture = Oneshot<StreamService, ChatRequest>;

/// One attempt, within the limits, written down.
type Attempt<S, M> = Attempted<RateLimit<MapErr<S, IntoError>, ByModel, Weigh, M, bucket::Tracked>>;
type Checked = Check<ByFault, AnswerCheck>;
type IntoError = fn(openai::Error) -> Error;
pub(crate) type AnswerCheck = Box<dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync>;

/// What both stacks share.
pub(crate) struct Common {
    pub(crate) backend: String,
    pub(crate) deadline: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) limits: ByModel,
    pub(crate) max_wait: Duration,
}

// === impl Common ===

impl Common {
    /// Puts together: deadline -> retry, with the answer's check -> limits -> client, with the attempt's timeouts.
    pub(crate) fn chat(&self, check: AnswerCheck, client: Client) -> ChatService {
        ServiceBuilder::new()
            .layer(ReportLayer)
            .layer(DeadlineLayer::new(self.deadline))
            .layer(RetryLayer::new(self.retry.clone().check(check).tracked()))
            .layer(AttemptLayer::new(&*self.backend))
            .layer(limits::chat(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(client)
    }

    /// Puts together: usage -> deadline -> retry, up to the first token -> limits -> client, with the stream's timeouts.
    pub(crate) fn stream(&self, client: Streaming) -> StreamService {
        ServiceBuilder::new()
            .layer(ReportLayer)
            .layer(AskUsageLayer)
            .layer(DeadlineLayer::new(self.deadline))
            .layer(RetryLayer::new(self.retry.clone().tracked()))
            .layer(AttemptLayer::new(&*self.backend))
            .layer(limits::stream(self.limits.clone()).max_wait(self.max_wait))
            .map_err(Error::from as IntoError)
            .service(client)
    }
}
