//! Token counts, against what OpenAI has published and what its API has billed.

use std::iter;

use allocation_counter::AllocationInfo;
use mainstay_openai_client::{ChatRequest, ChatResponse, Message, Part, Tool, tokens::count};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A model of each encoding.
const MODELS: [&str; 2] = ["gpt-4", "gpt-4o"];

macro_rules! example {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../fixtures/openai/examples/", $name))).unwrap()
    };
}

fn named(name: &str, text: &str) -> Message {
    let mut message = Message::system(text);
    message.name = Some(name.into());
    message
}

/// The conversation of the cookbook.
fn jargon(model: &str) -> ChatRequest {
    ChatRequest::new(model)
        .system("You are a helpful, pattern-following assistant that translates corporate jargon into plain English.")
        .message(named("example_user", "New synergies will help drive top-line growth."))
        .message(named("example_assistant", "Things working well together will increase revenue."))
        .message(named(
            "example_user",
            "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
        ))
        .message(named("example_assistant", "Let's talk later when we're less busy about how to do better."))
        .user("This late pivot means we don't have time to boil the ocean for the client deliverable.")
}

/// The tool of the cookbook.
fn weather() -> Tool {
    let parameters = json!({
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
            "unit": {
                "type": "string",
                "description": "The unit of temperature to return",
                "enum": ["celsius", "fahrenheit"],
            },
        },
        "required": ["location"],
    });
    Tool::function("get_current_weather", "Get the current weather in a given location", parameters)
}

#[test]
fn published_texts_have_their_published_counts() {
    for (text, cl100k, o200k) in [
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
        ("", 0, 0),
    ] {
        assert_eq!([count("gpt-4", text), count("gpt-4o", text)], [cl100k, o200k], "{text}");
    }
}

#[test]
fn a_conversation_has_the_tokens_that_were_billed() {
    for model in ["gpt-3.5-turbo", "gpt-4-0613", "gpt-4"] {
        assert_eq!(jargon(model).count_tokens(), 129, "{model}");
    }
    for model in ["gpt-4o", "gpt-4o-mini", "openai/gpt-4o", "ft:gpt-4o-mini:acme::1"] {
        assert_eq!(jargon(model).count_tokens(), 124, "{model}");
    }
}

#[test]
fn tools_have_the_tokens_that_were_billed() {
    for (model, billed) in [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)] {
        let request = ChatRequest::new(model)
            .system("You are a helpful assistant that can answer to questions about the weather.")
            .user("What's the weather like in San Francisco?")
            .tool(weather());
        assert_eq!(request.count_tokens(), billed, "{model}");
    }
}

#[test]
fn the_recorded_examples_have_the_tokens_that_were_billed() {
    let request: ChatRequest = example!("chat-default.request.json");
    let response: ChatResponse = example!("chat-default.response.json");
    assert_eq!(request.count_tokens(), response.usage.unwrap().prompt_tokens);

    // One property has no description here, for which there is no published recipe.
    let request: ChatRequest = example!("chat-functions.request.json");
    let response: ChatResponse = example!("chat-functions.response.json");
    let billed = response.usage.unwrap().prompt_tokens;
    let counted = request.count_tokens();
    assert!(counted.abs_diff(billed) <= 4, "{counted} of {billed}");
}

#[test]
fn a_request_without_a_message_is_the_beginning_of_its_answer() {
    assert_eq!(ChatRequest::new("gpt-4o").count_tokens(), 3);
    let mut request = ChatRequest::new("gpt-4o");
    request.tools = Some(Vec::new());
    assert_eq!(request.count_tokens(), 3);
}

#[test]
fn special_tokens_in_a_text_are_text() {
    for model in MODELS {
        for special in ["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>", "<|im_start|>"] {
            let alone = count(model, special);
            assert!(alone > 1, "{model} {special}");
            assert!(count(model, &format!("before {special} after")) > alone, "{model} {special}");
        }
        assert_eq!(count(model, "<|endoftext|>"), 7);
    }
}

#[test]
fn an_image_counts_by_its_detail_and_not_by_its_bytes() {
    let text = ChatRequest::new("gpt-4o").user([Part::text("What is this?")]).count_tokens();
    let with = |model: &str, detail: Option<&str>| {
        let mut image = Part::image(format!("data:image/png;base64,{}", "iVBOR".repeat(10_000)));
        if let Part::Image(part) = &mut image {
            part.image_url.detail = detail.map(Into::into);
        }
        ChatRequest::new(model).user([Part::text("What is this?"), image]).count_tokens() - text
    };
    assert_eq!(with("gpt-4o", Some("low")), 85);
    assert_eq!(with("gpt-4o", Some("high")), 765);
    assert_eq!(with("gpt-4o", None), 765);
    assert_eq!(with("gpt-4o-mini", Some("low")), 2833);
    assert_eq!(with("gpt-4o-mini", None), 25_501);
}

#[test]
fn whatever_a_request_carries_adds_to_its_count() {
    let plain = ChatRequest::new("gpt-4o").user("Hello!");
    let schema = json!({"type": "object", "properties": {"holder": {"type": "string"}}});
    let mut calling = Message::assistant("");
    calling.tool_calls = serde_json::from_value(
        json!([{"id": "1", "function": {"name": "weather", "arguments": "{\"city\":\"Kyiv\"}"}}]),
    )
    .unwrap();
    let mut refusing = Message::assistant("");
    refusing.refusal = Some("I would rather not.".into());
    let silent = plain.clone().message(Message::assistant("")).count_tokens();
    assert!(plain.clone().message(calling).count_tokens() > silent);
    assert!(plain.clone().message(refusing).count_tokens() > silent);
    assert!(plain.clone().json_schema("holders", schema).count_tokens() > plain.count_tokens());
    assert!(plain.clone().tool(weather()).count_tokens() > plain.count_tokens());
    let custom: Tool =
        serde_json::from_value(json!({"type": "custom", "custom": {"name": "shell"}})).unwrap();
    assert!(plain.clone().tool(custom).count_tokens() > plain.count_tokens());
}

#[test]
fn schemas_within_schemas_count() {
    let of = |parameters: Value| {
        ChatRequest::new("gpt-4o").tool(Tool::function("f", "Does it", parameters)).count_tokens()
    };
    let leaf = json!({"type": "object", "properties": {"year": {"type": "integer", "enum": [1995, 2024]}}});
    let flat = of(leaf.clone());
    for nested in [
        json!({"properties": {"inner": leaf.clone()}}),
        json!({"type": "array", "items": {"properties": {"inner": leaf.clone()}}}),
        json!({"anyOf": [{"type": "null"}, {"properties": {"inner": leaf.clone()}}]}),
        json!({"$defs": {"outer": {"properties": {"inner": leaf}}}}),
    ] {
        assert!(of(nested.clone()) > flat, "{nested}");
    }
}

#[test]
fn schemas_that_are_none_do_not_panic() {
    for parameters in [
        json!(null),
        json!([]),
        json!("text"),
        json!({"properties": []}),
        json!({"properties": {"a": null, "b": {"type": ["string", "null"], "enum": [], "description": 1}}}),
        json!({"items": [1], "anyOf": {}, "enum": {}}),
    ] {
        assert!(ChatRequest::new("m").tool(Tool::function("", ".", parameters)).count_tokens() > 3);
    }
}

#[test]
fn a_schema_of_any_depth_counts() {
    // What makes and drops a JSON value goes down into it; what counts it does not.
    let request = with_deep_stack(|| {
        let wrap = |inner, _| Value::Object([("items".to_owned(), inner)].into_iter().collect());
        let parameters = (0..2_000).fold(json!({"enum": ["x"]}), wrap);
        ChatRequest::new("gpt-4o").tool(Tool::function("f", "", parameters))
    });
    assert!(request.count_tokens() > 3);
    with_deep_stack(move || drop(request));
}

fn with_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap()
}

/// What is known to make tokenizers panic, or take the square of its length.
#[test]
fn a_megabyte_without_a_word_boundary_is_counted() {
    for (run, least) in [(" ", 1_000), ("a", 100_000), ("!", 10_000), ("\n", 1_000), ("\u{301}", 400_000)] {
        let text: String = iter::repeat_n(run, 1 << 20).chain(["x"]).collect();
        for model in MODELS {
            assert!(count(model, &text) > least, "{model} {run:?}");
        }
    }
}

/// What counting allocates, as a measure of its work that no clock disturbs.
fn measured(model: &str, text: &str) -> AllocationInfo {
    allocation_counter::measure(|| {
        count(model, text);
    })
}

#[test]
fn the_work_grows_with_the_text_and_not_faster() {
    let text = "Copyright 1995-2024 Jean-loup Gailly and Mark Adler\n".repeat(1_000);
    for model in MODELS {
        count(model, &text);
        let once = measured(model, &text).count_total;
        let text = text.repeat(4);
        let four_times = measured(model, &text).count_total;
        assert!(four_times <= 4 * once + 1_000, "{model}: {once}, then {four_times} allocations");
    }
}

#[test]
fn the_vocabulary_is_loaded_once() {
    const SMALLEST_VOCABULARY: u64 = 16 << 20;
    for model in MODELS {
        count(model, "load");
        let bytes = measured(model, "Hello!").bytes_total;
        assert!(bytes < SMALLEST_VOCABULARY / 4, "{model}: {bytes} bytes");
    }
}

/// Texts with whatever the splitting into words looks at: spaces, ends of lines, digits, apostrophes, marks, scripts.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9 '\n\r\t.!/]{0,40}",
        "(<\\|endoftext\\|>|'ll| 's|\u{301}|\u{a0}|漢字|١٢٣|🦀|ſ|\u{0}){0,8}",
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_text_has_no_more_tokens_than_bytes(model in ".*", text in text()) {
        for model in MODELS.into_iter().chain([&*model]) {
            let tokens = count(model, &text);
            prop_assert!(tokens <= text.len() as u64);
            prop_assert_eq!(tokens == 0, text.is_empty());
        }
    }

    /// Cutting a text may part one word in two; only around the cut can tokens change.
    #[test]
    fn joined_texts_have_hardly_more_tokens_than_both(a in text(), b in text()) {
        for model in MODELS {
            let joined = count(model, &format!("{a}{b}"));
            prop_assert!(joined <= count(model, &a) + count(model, &b) + 8);
        }
    }

    #[test]
    fn any_message_counts_at_least_its_text(text in text(), name in text()) {
        for model in MODELS {
            let request = ChatRequest::new(model).message(named(&name, &text));
            let texts = count(model, &text) + count(model, &name) + count(model, "system");
            prop_assert_eq!(request.count_tokens(), texts + 3 + 1 + 3);
        }
    }
}
