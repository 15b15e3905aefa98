//! What the types keep of JSON that they do not know.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderMap;
use mainstay_fault::HasCall;
use mainstay_openai_client::{
    Accumulator, ChatChunk, ChatRequest, ChatResponse, Extra, FinishReason, Message, ResponseFormat, Role,
    Tool, ToolChoice, Vector,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[test]
fn unknown_fields_survive_at_every_level() {
    let response = json!({
        "id": "1", "object": "chat.completion", "created": 7, "model": "m", "timings": {"cache_n": 1},
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null, "seen": [1],
            "message": {"role": "assistant", "content": "hi", "refusal": null, "reasoning_content": "hm"}
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}
    });
    let typed: ChatResponse = serde_json::from_value(response.clone()).unwrap();
    assert_eq!(typed.extra["timings"]["cache_n"], 1);
    assert_eq!(typed.usage.as_ref().unwrap().cached_tokens(), 1);
    assert_eq!(serde_json::to_value(&typed).unwrap(), response);
}

#[test]
fn fields_that_are_not_there_take_no_room_and_make_no_difference() {
    assert_eq!(size_of::<Extra>(), size_of::<usize>());
    let mut emptied = Extra::default();
    emptied.insert("x".to_owned(), 1.into());
    assert_ne!(emptied, Extra::default());
    emptied.remove("x");
    assert_eq!((&emptied, emptied.get("x")), (&Extra::default(), None));
    assert_eq!(emptied.iter().count() + Extra::from(Map::new()).into_iter().count(), 0);

    let fields: Extra = serde_json::from_value(json!({"b": 1, "a": {"c": null}})).unwrap();
    assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"b":1,"a":{"c":null}}"#);
    assert_eq!(Map::from(fields.clone()).into_iter().collect::<Extra>(), fields);
}

#[test]
fn a_time_with_a_fraction_is_kept_as_it_came() {
    let response = json!({"created": 1_744_857_525.254_391, "id": "1", "model": "m", "choices": []});
    let typed: ChatResponse = serde_json::from_value(response.clone()).unwrap();
    assert_eq!((typed.created, serde_json::to_value(&typed).unwrap()), (None, response.clone()));
    let chunk: ChatChunk = serde_json::from_value(response.clone()).unwrap();
    assert_eq!((chunk.created, serde_json::to_value(&chunk).unwrap()), (None, response));
}

/// A model fills a schema's properties in their order, so that another one is another answer.
#[test]
fn the_order_of_fields_is_the_callers() {
    let properties =
        json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}});
    let request = ChatRequest::new("m")
        .tool(Tool::function("f", "", properties.clone()))
        .json_schema("answer", properties)
        .set("y", json!({"z": 1, "a": 2}))
        .set("b", 3);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(text.matches(r#"{"z":{"type":"string"},"a":{"type":"integer"}}"#).count(), 2, "{text}");
    assert!(text.ends_with(r#""y":{"z":1,"a":2},"b":3}"#), "{text}");
    let again: ChatRequest = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
}

#[test]
fn a_null_that_came_is_written_and_a_field_that_did_not_is_not() {
    for message in [json!({"role": "assistant", "content": null}), json!({"role": "assistant"})] {
        let typed: Message = serde_json::from_value(message.clone()).unwrap();
        assert_eq!(typed.content, None);
        assert_eq!(serde_json::to_value(&typed).unwrap(), message);
    }
}

#[test]
fn a_typed_field_wins_over_the_same_name_in_extra() {
    let mut message: Message = serde_json::from_value(json!({"role": "assistant", "content": null})).unwrap();
    message.content = Some("now".into());
    assert_eq!(serde_json::to_string(&message).unwrap(), r#"{"role":"assistant","content":"now"}"#);
}

#[test]
fn words_that_this_version_does_not_know_are_kept() {
    let message: Message = serde_json::from_value(json!({"role": "oracle", "content": "…"})).unwrap();
    assert_eq!(message.role, Role::Other("oracle".into()));
    assert_eq!(FinishReason::from("tired").as_str(), "tired");
    for choice in [json!("auto"), json!("maybe"), json!({"type": "custom", "custom": {"name": "x"}})] {
        let typed: ToolChoice = serde_json::from_value(choice.clone()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), choice);
    }
    for format in
        [json!({"type": "text"}), json!({"type": "json_object", "x": 1}), json!({"type": "grammar"})]
    {
        let typed: ResponseFormat = serde_json::from_value(format.clone()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), format);
    }
}

#[test]
fn a_required_field_that_is_missing_is_named() {
    let error = serde_json::from_value::<ChatRequest>(json!({"messages": []})).unwrap_err();
    assert!(error.to_string().contains("`model`"), "{error}");
}

#[test]
fn a_clone_shares_its_prompt_until_it_is_written_to() {
    let first = ChatRequest::new("m").user("a long prompt").key("k");
    let mut second = first.clone();
    assert!(std::ptr::eq(&raw const *first, &raw const *second));
    second.temperature = Some(1.0);
    assert_eq!(first.temperature, None);
    assert_eq!(second.call().unwrap().key, first.call().unwrap().key);
}

#[test]
fn tokens_are_told_from_roles_and_blanks() {
    let has_token = |delta: Value| {
        let chunk: ChatChunk =
            serde_json::from_value(json!({"choices": [{"index": 0, "delta": delta}]})).unwrap();
        chunk.has_token()
    };
    for blank in [
        json!({}),
        json!({"role": "assistant"}),
        json!({"role": "assistant", "content": null}),
        json!({"content": "", "refusal": null, "tool_calls": [], "reasoning_content": ""}),
        Value::Null,
    ] {
        assert!(!has_token(blank.clone()), "{blank}");
    }
    for token in [
        json!({"content": " "}),
        json!({"refusal": "no"}),
        json!({"tool_calls": [{"index": 0, "function": {"name": "f"}}]}),
        json!({"reasoning_content": "hm"}),
    ] {
        assert!(has_token(token.clone()), "{token}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_else_is_in_a_request_survives(extra in prop::collection::btree_map("x_[a-z]{1,6}", any_json(), 0..6)) {
        let mut request: Map<String, Value> = extra.into_iter().collect();
        request.insert("model".into(), "m".into());
        request.insert("messages".into(), json!([{"role": "user", "content": [{"type": "odd", "y": 1}]}]));
        let before = Value::Object(request);
        let typed: ChatRequest = serde_json::from_value(before.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&typed).unwrap(), before);
    }
}

#[test]
fn a_stream_put_together_says_what_its_chunks_said() {
    let chunk = |choice: Value| -> ChatChunk {
        let head = json!({"id": "1", "object": "chat.completion.chunk", "created": 7, "model": "m", "service_tier": "default"});
        let Value::Object(mut chunk) = head else { unreachable!() };
        chunk.insert("choices".to_owned(), json!([choice]));
        serde_json::from_value(Value::Object(chunk)).unwrap()
    };
    let mut whole = Accumulator::default();
    for (text, likely) in [("so", -0.5), (" it is", -0.25)] {
        let logprobs = json!({"content": [{"token": text, "logprob": likely}], "refusal": null});
        whole.push(chunk(json!({"index": 0, "delta": {"content": text}, "logprobs": logprobs})));
    }
    let cited =
        json!({"index": 0, "delta": {"annotations": [{"type": "url_citation"}]}, "finish_reason": "stop"});
    whole.push(chunk(cited));
    let whole = whole.finish(HeaderMap::new());
    assert_eq!((whole.created, whole.service_tier.as_deref()), (Some(7), Some("default")));
    let likely = json!({
        "content": [{"token": "so", "logprob": -0.5}, {"token": " it is", "logprob": -0.25}], "refusal": null
    });
    assert_eq!(whole.choices[0].logprobs, Some(likely));
    assert_eq!(whole.choices[0].message.annotations.as_deref(), Some(&[json!({"type": "url_citation"})][..]));
    assert!(whole.extra.is_empty(), "{:?}", whole.extra);
}

#[test]
fn a_usage_that_nobody_asked_for_leaves_no_null() {
    let mut json = json!({"choices": [], "id": "1", "model": "m", "usage": null, "service_tier": null});
    let chunk: ChatChunk = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&chunk).unwrap(), json);
    json.as_object_mut().unwrap().remove("usage");
    assert_eq!(serde_json::to_value(chunk.without_usage()).unwrap(), json);
}

#[test]
fn a_text_that_is_no_vector_is_kept_and_says_why_it_is_none() {
    for (text, reason) in [
        ("AAAAPwAAgL4", "the vector is not base64"),
        ("a vector", "the vector is not base64"),
        ("AAAAPwAA", "the vector has 6 bytes, which are not whole floats of 4 bytes each"),
    ] {
        let vector: Vector = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(serde_json::to_value(&vector).unwrap(), text);
        assert_eq!(vector.floats().unwrap_err().to_string(), reason, "{text}");
        assert_eq!(vector.into_floats().unwrap_err().to_string(), reason, "{text}");
    }
    for wrong in [json!(null), json!(0.5), json!({"0": 0.5}), json!([0.5, "a"]), json!([null])] {
        assert!(serde_json::from_value::<Vector>(wrong.clone()).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_vector_has_the_numbers_that_were_packed(floats in prop::collection::vec(any::<f32>(), 0..20)) {
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        let text = BASE64_STANDARD.encode(bytes);
        for json in [json!(text).to_string(), serde_json::to_string(&floats).unwrap()] {
            let vector: Vector = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(vector.floats().unwrap().into_owned(), floats.clone());
            prop_assert_eq!(serde_json::to_string(&vector).unwrap(), json);
            prop_assert_eq!(vector.into_floats().unwrap(), floats.clone());
        }
    }
}
