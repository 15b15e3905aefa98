use std::{
    fmt,
    task::{Context, Poll},
};

use mainstay_openai_client::{ChatRequest, Client, ClientBuilder, InvalidSetting};
use tower::ServiceExt;
use tower_service::Service;

use crate::{
    Builder, Failure, Reply,
    stack::{ChatFuture, ChatService, StreamFuture, StreamService},
};

/// Calls to language models that survive what the services do to them.
///
/// Around an OpenAI-compatible client it keeps a deadline, limits each attempt, sends failed calls again when that is
/// right and as often as the budget allows, and looks at the answers. It is a [`Service`] too, and its parts can be
/// taken out.
///
/// # Clone
///
/// Cheap: clones share connections and the retry budget.
///
/// # Cancel safety
///
/// Dropping a call drops the attempt or the wait that is under way, and closes its connection.
///
/// # Examples
///
/// ```no_run
/// use mainstay::{ChatRequest, Mainstay};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mainstay = Mainstay::from_env()?;
/// let answer = mainstay.chat(ChatRequest::new("gpt-4o-mini").user("What is a mainstay?")).await?;
/// println!("{}", answer.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Mainstay {
    pub(crate) chat: ChatService,
    pub(crate) stream: StreamService,
    pub(crate) client: Client,
}

// === impl Mainstay ===

impl Mainstay {
    /// Starts to set one up.
    pub fn builder() -> Builder {
        Builder::new(Client::builder())
    }

    /// Builds one with the defaults, for the API that the environment names: `OPENAI_API_KEY`, `OPENAI_BASE_URL`,
    /// `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn from_env() -> Result<Self, InvalidSetting> {
        Self::builder().client(ClientBuilder::env).build()
    }

    /// Asks for a chat completion.
    pub fn chat(&self, request: ChatRequest) -> ChatFuture {
        self.chat.clone().oneshot(request)
    }

    /// Asks for a chat completion as a stream. Resolves at its first token: what goes wrong until then is repaired as
    /// far as it can be; after it, it is the stream's last item.
    pub fn chat_stream(&self, request: ChatRequest) -> StreamFuture {
        self.stream.clone().oneshot(request)
    }

    /// The bare client inside, which tries each call once.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Takes out the service of whole answers, to stack layers of one's own around it.
    pub fn chat_service(&self) -> ChatService {
        self.chat.clone()
    }

    /// Takes out the service of streamed answers.
    pub fn stream_service(&self) -> StreamService {
        self.stream.clone()
    }
}

impl Service<ChatRequest> for Mainstay {
    type Response = Reply;
    type Error = Failure;
    type Future = <ChatService as Service<ChatRequest>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        <ChatService as Service<ChatRequest>>::poll_ready(&mut self.chat, cx)
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        self.chat.call(request)
    }
}

impl fmt::Debug for Mainstay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mainstay").field("client", &self.client).finish_non_exhaustive()
    }
}
