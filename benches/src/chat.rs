//! A real chat call over loopback: a prompt of about 1 kB, an answer of about 300 bytes, connections kept alive.

use anyhow::Result;
use async_openai::{
    config::OpenAIConfig,
    types::chat::{
        ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage, CreateChatCompletionRequest,
        CreateChatCompletionResponse,
    },
};
use mainstay::{Mainstay, Reply};
use mainstay_openai_client::{ChatRequest, ChatResponse, Client};

use crate::{
    Measure,
    mock::Mock,
    rows::{ASYNC_OPENAI, CHAT, CHATS, CLIENT, MAINSTAY},
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
    let mock = Mock::start()?;
    for (work, at_once) in [(CHAT, 1), (CHATS, 64)] {
        let stack = Mainstay::builder().base_url(mock.base_url()).api_key(KEY).build()?;
        measure.calls(work, MAINSTAY, at_once, move || whole_stack(stack.clone()));

        let config = OpenAIConfig::new().with_api_base(mock.base_url()).with_api_key(KEY);
        let client = async_openai::Client::with_config(config);
        measure.calls(work, ASYNC_OPENAI, at_once, move || async_openai(client.clone()));

        let client = Client::builder().base_url(mock.base_url()).api_key(KEY).build()?;
        measure.calls(work, CLIENT, at_once, move || client_alone(client.clone()));
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

async fn async_openai(client: async_openai::Client<OpenAIConfig>) -> CreateChatCompletionResponse {
    let messages = vec![
        ChatCompletionRequestSystemMessage::from(SYSTEM).into(),
        ChatCompletionRequestUserMessage::from(USER).into(),
    ];
    let request = CreateChatCompletionRequest { model: MODEL.to_owned(), messages, ..Default::default() };
    client.chat().create(request).await.expect("the mock answers every call well")
}
