//! Whole responses as streams, and what chunks say.

use mainstay_openai_client::{Accumulator, ChatChunk, ChatResponse};
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
}
