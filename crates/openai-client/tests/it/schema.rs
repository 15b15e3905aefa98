//! Requests against the published JSON Schemas, and the published examples through the types.

use mainstay_openai_client::{
    ChatChunk, ChatRequest, ChatResponse, EmbeddingRequest, Message, Part, Stop, StreamOptions, Tool,
    ToolChoice,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const SCHEMAS: &str = include_str!("../fixtures/openai/schemas.json");

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../fixtures/openai/examples/", $name))
    };
}

/// Panics with everything that is wrong with `value` as a `name`.
#[track_caller]
fn assert_valid(name: &str, value: &impl Serialize) {
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap();
    let schema = json!({"components": {"schemas": schemas}, "$ref": format!("#/components/schemas/{name}")});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = serde_json::to_value(value).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not a {name}: {errors:#?}\n{value:#}");
}

#[track_caller]
fn assert_round_trip<T: Serialize + DeserializeOwned>(text: &str) -> T {
    let before: Value = serde_json::from_str(text).unwrap();
    let typed: T = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), before);
    typed
}

fn city_schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false})
}

#[test]
fn every_way_to_ask_is_valid() {
    let plain = ChatRequest::new("gpt-4o").system("Be brief.").user("Hello!");
    assert_valid("CreateChatCompletionRequest", &plain);
    assert_valid("CreateChatCompletionRequest", &plain.clone().json_object());
    assert_valid("CreateChatCompletionRequest", &plain.clone().json_schema("city", city_schema()));
    assert_valid(
        "CreateChatCompletionRequest",
        &plain.clone().temperature(0.2).max_tokens(10).max_completion_tokens(10),
    );
    assert_valid("CreateChatCompletionRequest", &plain.clone().set("logit_bias", json!({"50256": -100})));

    let image = [Part::text("What is this?"), Part::image("https://example.com/cat.png")];
    assert_valid("CreateChatCompletionRequest", &ChatRequest::new("gpt-4o").user(image));

    let mut all = plain.developer("And polite.").assistant("Hello.");
    all.top_p = Some(0.9);
    all.n = Some(2);
    all.seed = Some(7);
    all.stop = Some(Stop::Many(vec!["END".into()]));
    all.frequency_penalty = Some(0.5);
    all.presence_penalty = Some(-0.5);
    all.reasoning_effort = Some("low".into());
    all.parallel_tool_calls = Some(false);
    all.stream = Some(true);
    all.stream_options = Some(StreamOptions::with_usage());
    assert_valid("CreateChatCompletionRequest", &all);
}

#[test]
fn a_conversation_with_tools_is_valid() {
    let mut called = Message::assistant("");
    called.content = None;
    called.tool_calls = Some(
        serde_json::from_value(json!([
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Rome\"}"}}
        ]))
        .unwrap(),
    );
    for choice in
        [ToolChoice::Auto, ToolChoice::None, ToolChoice::Required, ToolChoice::Function("weather".into())]
    {
        let request = ChatRequest::new("gpt-4o")
            .user("Is it warm in Rome?")
            .tool(Tool::function("weather", "Tells the weather", city_schema()))
            .tool_choice(choice)
            .message(called.clone())
            .tool_result("call_1", "31 degrees");
        assert_valid("CreateChatCompletionRequest", &request);
    }
}

#[test]
fn embedding_requests_are_valid() {
    assert_valid("CreateEmbeddingRequest", &EmbeddingRequest::new("text-embedding-3-small", "one"));
    let mut several = EmbeddingRequest::new("text-embedding-3-small", ["one", "two"]);
    several.dimensions = Some(256);
    assert_valid("CreateEmbeddingRequest", &several);
}

#[test]
fn the_published_examples_survive_a_round_trip() {
    for request in [
        example!("chat-default.request.json"),
        example!("chat-functions.request.json"),
        example!("chat-streaming.request.json"),
    ] {
        assert_valid("CreateChatCompletionRequest", &assert_round_trip::<ChatRequest>(request));
    }
    let hello: ChatResponse = assert_round_trip(example!("chat-default.response.json"));
    assert_eq!(hello.text(), "Hello! How can I assist you today?");
    let tools: ChatResponse = assert_round_trip(example!("chat-functions.response.json"));
    let call = tools.tool_calls()[0].function.as_ref().unwrap();
    assert_eq!(call.parse::<Value>().unwrap(), json!({"location": "Boston, MA"}));
}

#[test]
fn the_published_stream_survives_a_round_trip() {
    let lines = example!("chat-streaming.response.sse-lines").lines().filter(|line| line.starts_with('{'));
    let chunks: Vec<ChatChunk> = lines.map(assert_round_trip).collect();
    assert_eq!(chunks.iter().map(ChatChunk::has_token).collect::<Vec<_>>(), [false, true, false]);
}

/// The examples of embeddings and models are no JSON as published (an ellipsis, a comma too many): both are mended here.
#[test]
fn the_published_lists_survive_a_round_trip() {
    let models = example!("models.response.json").replace("},\n  ]", "}\n  ]");
    assert_valid("ListModelsResponse", &assert_round_trip::<mainstay_openai_client::ModelList>(&models));
    let embeddings = example!("embeddings.response.json")
        .replace(".... (1536 floats total for ada-002)\n", "")
        .replace("-0.0028842222,\n", "-0.0028842222\n");
    let embeddings: mainstay_openai_client::EmbeddingResponse = serde_json::from_str(&embeddings).unwrap();
    assert_eq!(embeddings.data[0].embedding.floats().unwrap().len(), 3);
    assert_eq!(embeddings.usage.unwrap().prompt_tokens, 8);
}
