//! Whole responses as streams, and what chunks say.

use mainstay_openai_client::{Accumulator, ChatChunk, ChatResponse, Delta, Message, ToolCall};
use serde_json::{Value, json};

fn chunk(json: Value) -> ChatChunk {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_response_survives_being_taken_apart_and_put_together() {
    let whole = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "gpt-4o",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello!", "reasoning_content": "Hm."},
             "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "refusal": "No."}, "finish_reason": "stop"},
            {"index": 2, "message": {"role": "assistant", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                {"id": "call_2", "type": "function", "function": {"name": "go", "arguments": "{\"to\":1}"}},
            ]}, "finish_reason": "tool_calls"},
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    });
    let response: ChatResponse = serde_json::from_value(whole.clone()).unwrap();
    let chunks = response.into_chunks();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.object.as_deref() == Some("chat.completion.chunk") && chunk.model == "gpt-4o")
    );
    let (last, before) = chunks.split_last().unwrap();
    assert!(last.usage.is_some() && last.choices.is_empty());
    assert!(before.iter().all(|chunk| chunk.usage.is_none() && chunk.choices.len() == 1));
    let mut again = Accumulator::default();
    for chunk in chunks {
        again.push(chunk);
    }
    assert_eq!(serde_json::to_value(again.finish(http::HeaderMap::new())).unwrap(), whole);
}

/// The ids, names and arguments of the calls that these deltas put together make.
fn calls(deltas: &[Value]) -> Vec<(String, String, String)> {
    let mut whole = Accumulator::default();
    for delta in deltas {
        whole.push(chunk(json!({"choices": [{"delta": {"tool_calls": [delta]}}]})));
    }
    let whole = whole.finish(http::HeaderMap::new());
    whole.tool_calls().iter().for_each(|call| assert_eq!(call.extra["type"], "function", "{call:?}"));
    let function = |call: &ToolCall| call.function.clone().unwrap();
    whole
        .tool_calls()
        .iter()
        .map(|call| (call.id.clone(), function(call).name, function(call).arguments))
        .collect()
}

#[test]
fn a_call_of_a_tool_is_put_together_however_the_server_numbers_it() {
    let named = |index: Option<u32>, id: &str, name: &str| {
        let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{"}});
        with_index(call, index)
    };
    let more = |index: Option<u32>, arguments: &str| {
        with_index(json!({"function": {"arguments": arguments}}), index)
    };
    let blank = json!({"index": 0, "id": "", "type": null, "function": {"name": null, "arguments": "}"}});
    let call = |id: &str, name: &str, arguments: &str| (id.to_owned(), name.to_owned(), arguments.to_owned());
    let (one, two) = (call("a", "look", "{}"), call("b", "go", "{1}"));
    for (shape, first, second) in [
        ("from 0", Some(0), Some(1)),
        ("from 1", Some(1), Some(2)),
        ("constant", Some(5), Some(5)),
        ("none", None, None),
    ] {
        let single = [named(first, "a", "look"), more(first, "}")];
        assert_eq!(calls(&single), std::slice::from_ref(&one), "{shape}");
        let both = [single.to_vec(), vec![named(second, "b", "go"), more(second, "1"), more(second, "}")]];
        assert_eq!(calls(&both.concat()), [one.clone(), two.clone()], "{shape}");
    }
    assert_eq!(calls(&[named(Some(0), "a", "look"), blank]), std::slice::from_ref(&one), "blanks");
    let repeated = json!({"index": 0, "id": "a", "type": "function", "function": {"arguments": "}"}});
    assert_eq!(
        calls(&[named(Some(0), "a", "look"), repeated]),
        std::slice::from_ref(&one),
        "its id with each piece"
    );
    let renamed = json!({"index": 0, "id": "b", "type": "function", "function": {"arguments": "}"}});
    assert_eq!(
        calls(&[named(Some(0), "a", "look"), renamed]),
        std::slice::from_ref(&one),
        "an id made up for each piece"
    );
    let again = json!({"index": 0, "id": "a", "function": {"name": "look", "arguments": "}"}});
    assert_eq!(
        calls(&[named(Some(0), "a", "look"), again]),
        std::slice::from_ref(&one),
        "its name with each piece"
    );
    let woven =
        [named(Some(2), "b", "go"), named(Some(1), "a", "look"), more(Some(2), "1}"), more(Some(1), "}")];
    assert_eq!(calls(&woven), [one, two], "two at a time, the second one first");
}

fn with_index(mut call: Value, index: Option<u32>) -> Value {
    if let Some(index) = index {
        call["index"] = index.into();
    }
    call
}

#[test]
fn a_first_chunk_that_says_nobodys_name_hides_no_other() {
    let nobody = json!({"choices": [], "created": 0, "id": "", "model": "", "prompt_filter_results": [{}]});
    let somebody = json!({"choices": [], "created": 7, "id": "1", "model": "gpt-4o"});
    let mut whole = Accumulator::default();
    for json in [nobody.clone(), nobody, somebody] {
        whole.push(chunk(json));
    }
    whole.push(chunk(json!({"choices": [], "created": 0, "id": "2", "model": "other"})));
    let whole = whole.finish(http::HeaderMap::new());
    let said = (whole.id.as_str(), whole.model.as_str(), whole.created);
    assert_eq!(said, ("1", "gpt-4o", Some(7)));
    assert!(whole.extra.contains_key("prompt_filter_results"));
}

#[test]
fn nothing_is_invented_for_a_response_that_does_not_say_it() {
    let bare = json!({"choices": [{"message": {"role": "assistant"}}]});
    let chunks = serde_json::from_value::<ChatResponse>(bare).unwrap().into_chunks();
    assert_eq!(chunks.len(), 2, "who speaks, and the end");
    assert!(chunks.iter().all(|chunk| chunk.usage.is_none() && chunk.choices[0].finish_reason.is_none()));
}

#[test]
fn a_delta_says_all_of_its_texts() {
    let chunk = chunk(json!({"choices": [{"delta": {
        "content": "a", "refusal": "b", "reasoning_content": "c", "audio": {"data": "…"},
        "tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "d", "arguments": "e"}}],
    }}]}));
    let mut texts: Vec<_> = chunk.choices[0].delta.texts().collect();
    texts.sort_unstable();
    assert_eq!(texts, ["a", "b", "c", "d", "e"]);
    let parts = json!([
        {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, {"type": "thinking", "thinking": "b"},
        {"type": "text", "text": "c"}, {"type": "odd", "data": "…"},
    ]);
    let delta: Delta = serde_json::from_value(json!({"content": parts})).unwrap();
    assert_eq!(delta.texts().collect::<Vec<_>>(), ["a", "b", "c"]);
}

/// The message that these deltas make, and the text that each of them says.
fn message(deltas: &[Value]) -> (Message, String) {
    let (mut whole, mut said) = (Accumulator::default(), String::new());
    for delta in deltas {
        let chunk = chunk(json!({"choices": [{"delta": delta}]}));
        said.push_str(&chunk.text());
        whole.push(chunk);
    }
    (whole.finish(http::HeaderMap::new()).choices.remove(0).message, said)
}

#[test]
fn nothing_is_lost_of_contents_in_parts() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let thought = |thought: &str| json!({"type": "thinking", "thinking": [text(thought)]});
    let (a, b, odd) = (thought("A"), thought("B"), json!({"type": "odd"}));
    let cited = json!({"type": "text", "text": "sea", "citations": [1]});
    for (contents, expected, said) in [
        (vec![json!([text("The ")]), json!("answer")], json!([text("The answer")]), "The answer"),
        (vec![json!("The "), json!([text("answer")]), json!("")], json!([text("The answer")]), "The answer"),
        (
            vec![json!(""), json!([a]), json!([b]), json!([text("The ")]), json!("answer"), json!([])],
            json!([a, b, text("The answer")]),
            "The answer",
        ),
        (vec![json!([text("The "), cited]), json!(".")], json!([text("The "), cited, text(".")]), "The sea."),
        (
            vec![json!("Look: "), odd.clone(), json!([{"type": "text"}])],
            { json!([text("Look: "), odd, {"type": "text"}]) },
            "Look: ",
        ),
    ] {
        let deltas: Vec<_> = contents.iter().map(|content| json!({"content": content})).collect();
        let (message, by_chunk) = message(&deltas);
        assert_eq!((message.text().as_ref(), by_chunk.as_str()), (said, said), "{contents:?}");
        assert_eq!(serde_json::to_value(&message).unwrap()["content"], expected, "{contents:?}");
    }
}

#[test]
fn sound_and_what_is_said_in_it_are_joined() {
    let pieces = [
        json!({"id": "audio_1", "transcript": "The "}),
        json!({"id": "audio_1", "transcript": "sea"}),
        json!({"data": "AAAA"}),
        json!({"data": "BBBB", "transcript": null}),
        json!({"expires_at": 1}),
    ];
    let (message, _) = message(&pieces.map(|piece| json!({"audio": piece})));
    let whole = json!({"id": "audio_1", "transcript": "The sea", "data": "AAAABBBB", "expires_at": 1});
    assert_eq!(message.extra["audio"], whole);
}

#[test]
fn lists_of_what_is_not_typed_are_joined() {
    let details = |text: &str| json!({"reasoning_details": [{"type": "reasoning.text", "text": text}]});
    let (message, _) = message(&[details("A"), json!({"reasoning_details": null}), details("B")]);
    let [a, b] = [details("A"), details("B")].map(|details| details["reasoning_details"][0].clone());
    assert_eq!(message.extra["reasoning_details"], json!([a, b]));
}
