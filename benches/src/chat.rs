//! A real chat call over loopback: a prompt of about 1 kB, an answer of about 300 bytes, connections kept alive.

use anyhow::Result;
use async_openai::{
    config::OpenAIConfig,
    types::chat::{
        ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage, CreateChatCompletionRequest,
        CreateChatCompletionResponse,
    },
};
use futures_util::{Stream, StreamExt};
use mainstay::{Mainstay, Reply};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client};
use tokio::time::Instant;

use crate::{
    Measure, Took,
    mock::Mock,
    rows::{ASYNC_OPENAI, CHAT, CHATS, CLIENT, FIRST_TOKEN, MAINSTAY, NEXT_TOKEN},
};

const MODEL: &str = "gpt-4o-mini";
const KEY: &str = "sk-bench";
const SYSTEM: &str = "You read the licence texts of software packages, and name each holder of a copyright once, in the \
    order in which they appear, without years, addresses or the words that surround them.";
const USER: &str = include_str!("chat/prompt.txt");

/// Measures the works of this program: one call at a time, then 64.
///
/// # Errors
///
/// The server cannot be started, or a client not be built.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    let mock = Mock::start_apart()?;
    for (work, at_once) in [(CHAT, 1), (CHATS, 64)] {
        let stack = Mainstay::builder().base_url(mock.base_url()).api_key(KEY).build()?;
        measure.calls(work, MAINSTAY, at_once, move || whole_stack(stack.clone()));

        let config = OpenAIConfig::new().with_api_base(mock.base_url()).with_api_key(KEY);
        let client = async_openai::Client::with_config(config);
        measure.calls(work, ASYNC_OPENAI, at_once, move || async_openai(client.clone()));

        let client = Client::builder().base_url(mock.base_url()).api_key(KEY).build()?;
        measure.calls(work, CLIENT, at_once, move || client_alone(client.clone()));
    }
    streams(measure, &mock)
}

/// Measures how long streams take to their first token, and from each to the next.
fn streams(measure: &mut impl Measure, mock: &Mock) -> Result<()> {
    let stack = Mainstay::builder().base_url(mock.base_url()).api_key(KEY).build()?;
    let config = OpenAIConfig::new().with_api_base(mock.base_url()).with_api_key(KEY);
    let client = async_openai::Client::with_config(config);
    for (work, part) in [(FIRST_TOKEN, Part::First), (NEXT_TOKEN, Part::Next)] {
        measure.between(work, MAINSTAY, || streamed(&stack, part));
        measure.between(work, ASYNC_OPENAI, || async_openai_streamed(&client, part));
    }
    Ok(())
}

fn request() -> ChatRequest {
    ChatRequest::new(MODEL).system(SYSTEM).user(USER)
}

async fn whole_stack(stack: Mainstay) -> Reply {
    stack.chat(request()).await.expect("the mock answers every call well")
}

async fn client_alone(client: Client) -> ChatResponse {
    client.chat(request()).await.expect("the mock answers every call well")
}

/// Which part of a stream is measured.
#[derive(Clone, Copy)]
enum Part {
    First,
    Next,
}

async fn streamed(stack: &Mainstay, part: Part) -> Took {
    let began = Instant::now();
    let stream = stack.chat_stream(request()).await.expect("the mock answers every call well");
    read(began, stream, part, |chunk| !chunk.expect("the mock breaks no stream").text().is_empty()).await
}

async fn async_openai_streamed(client: &async_openai::Client<OpenAIConfig>, part: Part) -> Took {
    let began = Instant::now();
    let stream =
        client.chat().create_stream(their_request()).await.expect("the mock answers every call well");
    read(began, stream, part, |chunk| {
        let chunk = chunk.expect("the mock breaks no stream");
        chunk.choices.first().is_some_and(|choice| choice.delta.content.is_some())
    })
    .await
}

/// Reads a stream to its end: how long its first token took, or each further one.
async fn read<S: Stream + Unpin>(
    began: Instant,
    mut stream: S,
    part: Part,
    has_token: impl Fn(S::Item) -> bool,
) -> Took {
    let (mut first, mut tokens) = (None, 0);
    while let Some(item) = stream.next().await {
        if has_token(item) {
            first.get_or_insert_with(Instant::now);
            tokens += 1;
        }
    }
    let first = first.expect("a stream has tokens");
    match part {
        Part::First => first - began,
        Part::Next => first.elapsed() / (tokens - 1).max(1),
    }
}

async fn async_openai(client: async_openai::Client<OpenAIConfig>) -> CreateChatCompletionResponse {
    client.chat().create(their_request()).await.expect("the mock answers every call well")
}

fn their_request() -> CreateChatCompletionRequest {
    let messages = vec![
        ChatCompletionRequestSystemMessage::from(SYSTEM).into(),
        ChatCompletionRequestUserMessage::from(USER).into(),
    ];
    CreateChatCompletionRequest { model: MODEL.to_owned(), messages, ..Default::default() }
}
