//! Streams, whole and broken.

use std::time::Duration;

use mainstay_mock_openai::{FaultSpec, Latency, ModelPlan, Plan, StreamFault, WholeFault};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    End, Exchange, assert_silent, chat, failing, open_chat, prompt, read_until, start, streamed, with,
};

const TEXT: &str = "Tell me of the naïve café";

async fn stream_with(fault: impl Into<FaultSpec>) -> Exchange {
    let mock = failing(fault).await;
    let stream = chat(&mock, &streamed(TEXT)).await;
    assert_eq!(stream.status(), 200);
    stream
}

async fn whole_content() -> String {
    chat(&start(Plan::new()).await, &prompt(TEXT)).await.content()
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says_a_token_at_a_time() {
    let mock = start(Plan::new()).await;
    let request = with(streamed(TEXT), &json!({"stream_options": {"include_usage": true}}));
    let stream = chat(&mock, &request).await;
    assert!(stream.header("content-type").unwrap().starts_with("text/event-stream"));
    assert!(stream.is_whole() && stream.is_done());
    assert_eq!(stream.tokens().concat(), whole_content().await);
    assert_eq!(stream.finish_reason().unwrap(), "stop");

    let events = stream.events();
    let chunk = |at: usize| serde_json::from_str::<Value>(&events[at]).unwrap();
    assert_eq!(chunk(0)["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunk(1)["usage"], Value::Null);
    assert_eq!(chunk(1)["object"], "chat.completion.chunk");
    let last = chunk(events.len() - 2);
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], stream.tokens().len(), "a token is a delta");
}

#[tokio::test]
async fn usage_is_not_told_unless_it_is_asked_for() {
    let stream = chat(&start(Plan::new()).await, &streamed(TEXT)).await;
    assert!(!stream.text().contains("usage"));
}

#[tokio::test]
async fn each_choice_is_streamed_under_its_index() {
    let stream = chat(&start(Plan::new()).await, &with(streamed(TEXT), &json!({"n": 2}))).await;
    for index in [0, 1] {
        let finish =
            format!("{{\"index\":{index},\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"stop\"}}");
        assert!(stream.text().contains(&finish), "{}", stream.text());
    }
}

#[tokio::test]
async fn a_tool_call_is_streamed_in_pieces() {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": parameters}}]);
    let request = with(streamed(TEXT), &json!({"tools": tools, "tool_choice": "required"}));
    let stream = chat(&start(Plan::new()).await, &request).await;
    let calls: Vec<Value> =
        stream.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    let call = |chunk: &Value| chunk["choices"][0]["delta"]["tool_calls"][0].clone();
    assert_eq!(call(&calls[0])["function"]["name"], "weather");
    let arguments =
        calls.iter().filter_map(|chunk| call(chunk)["function"]["arguments"].as_str().map(str::to_owned));
    let arguments: Value = serde_json::from_str(&arguments.collect::<String>()).unwrap();
    assert!(arguments["city"].is_string());
    assert_eq!(stream.finish_reason().unwrap(), "tool_calls");
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_tempo() {
    let minute = Duration::from_secs(60);
    let model =
        ModelPlan::new().first_token(Latency::Constant(minute)).per_token(Latency::Constant(2 * minute));
    let mock = start(Plan::new().default_model(model)).await;
    let before = Instant::now();
    let stream = chat(&mock, &with(streamed(TEXT), &json!({"max_tokens": 4}))).await;
    assert_eq!(stream.tokens().len(), 4);
    assert!(before.elapsed() >= 7 * minute);
}

#[tokio::test]
async fn a_cut_is_rst_after_so_many_tokens() {
    for after in [0, 4] {
        let stream = stream_with(StreamFault::Cut { after }).await;
        assert_eq!((stream.end, stream.tokens().len(), stream.finish_reason()), (End::Reset, after, None));
    }
}

#[tokio::test]
async fn a_cut_beyond_the_end_comes_before_the_finish() {
    let stream = stream_with(StreamFault::Cut { after: 1000 }).await;
    assert_eq!(stream.tokens().concat(), whole_content().await);
    assert_eq!((stream.end, stream.finish_reason()), (End::Reset, None));
}

#[tokio::test]
async fn a_cut_anywhere_is_seeded_and_never_leaves_a_whole_stream() {
    let mut lengths = Vec::new();
    for seed in 0..20 {
        let model = ModelPlan::new().fault(StreamFault::CutAnywhere, 1.0);
        let plan = Plan::new().seed(seed).default_model(model);
        let stream = chat(&start(plan.clone()).await, &streamed(TEXT)).await;
        let again = chat(&start(plan).await, &streamed(TEXT)).await;
        assert_eq!(stream.body().len(), again.body().len());
        assert_eq!(stream.end, End::Reset);
        assert!(!String::from_utf8_lossy(&stream.body()).contains("\"finish_reason\":\"stop\""));
        lengths.push(stream.raw.len());
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 15, "{lengths:?}");
}

#[tokio::test]
async fn an_early_end_is_clean_and_without_a_finish() {
    let stream = stream_with(StreamFault::EndEarly { after: 4 }).await;
    assert_eq!((stream.end, stream.is_whole(), stream.is_done()), (End::Fin, true, false));
    assert_eq!((stream.tokens().len(), stream.finish_reason()), (4, None));
}

#[tokio::test]
async fn a_stream_without_done_has_its_finish() {
    let stream = stream_with(StreamFault::NoDone).await;
    assert_eq!((stream.finish_reason().as_deref(), stream.is_done()), (Some("stop"), false));
    assert_eq!(stream.tokens().concat(), whole_content().await);
}

#[tokio::test]
async fn a_stall_is_silence_on_an_open_connection() {
    for (fault, tokens) in [(StreamFault::Stall { after: 3 }, 3), (StreamFault::RoleOnly, 0)] {
        let mock = failing(fault).await;
        let mut stream = open_chat(&mock, &streamed(TEXT)).await;
        let text = read_until(&mut stream, "\n\n", 1 + tokens).await;
        assert_eq!(text.matches("\"content\":\"").count(), tokens + 1, "the role's content is empty");
        assert_silent(&mock, &stream).await;
        assert_eq!(mock.stats().in_flight, 1);
    }
}

#[tokio::test]
async fn an_error_event_ends_the_stream_cleanly() {
    for (fault, tokens) in [(StreamFault::ErrorEvent { after: 2 }, 2), (StreamFault::ErrorFirst, 0)] {
        let stream = stream_with(fault).await;
        let last: Value = serde_json::from_str(stream.events().last().unwrap()).unwrap();
        assert_eq!(last["error"]["type"], "server_error");
        assert_eq!((stream.is_whole(), stream.tokens().len()), (true, tokens));
    }
}

#[tokio::test]
async fn a_malformed_event_stands_among_good_ones() {
    let stream = stream_with(StreamFault::MalformedEvent { after: 2 }).await;
    let bad: Vec<_> = stream.events().iter().map(|it| serde_json::from_str::<Value>(it).is_err()).collect();
    assert!(bad[3] && !bad[2] && !bad[4], "{bad:?}");
    assert_eq!((stream.tokens().concat(), stream.is_done()), (whole_content().await, true));
}

#[tokio::test]
async fn a_stream_may_be_done_twice_or_before_it_began() {
    let twice = stream_with(StreamFault::DoubleDone).await.events();
    assert_eq!(twice[twice.len() - 2..], ["[DONE]", "[DONE]"]);
    assert_eq!(stream_with(StreamFault::OnlyDone).await.events(), ["[DONE]"]);
    let empty = stream_with(StreamFault::EmptyStream).await;
    assert!(empty.header("content-type").unwrap().starts_with("text/event-stream"));
    assert_eq!(empty.body(), b"");
}

#[tokio::test]
async fn comments_come_for_ever() {
    let mock = failing(StreamFault::CommentsOnly { interval: Duration::from_millis(1) }).await;
    let mut stream = open_chat(&mock, &streamed(TEXT)).await;
    let text = read_until(&mut stream, ": keep-alive\n\n", 20).await;
    assert!(!text.contains("data:"));
}

#[tokio::test]
async fn split_bytes_break_a_character_and_lose_nothing() {
    let stream = stream_with(StreamFault::SplitBytes).await;
    assert!(stream.chunks().iter().any(|chunk| std::str::from_utf8(chunk).is_err()));
    assert!(stream.chunks().len() > 50);
    assert_eq!((stream.tokens().concat(), stream.is_done()), (whole_content().await, true));
}

#[tokio::test]
async fn a_huge_event_is_one_event() {
    let stream = stream_with(StreamFault::HugeEvent { size: 2_000_000 }).await;
    assert_eq!(stream.tokens()[1].len(), 2_000_000);
    assert!(stream.is_done());
}

#[tokio::test]
async fn a_fault_of_whole_answers_has_its_counterpart_in_a_stream() {
    let cut = stream_with(WholeFault::ResetMidBody).await;
    assert_eq!((cut.end, cut.tokens().is_empty()), (End::Reset, false));
    assert_eq!(stream_with(WholeFault::Empty200).await.body(), b"");
    assert!(stream_with(WholeFault::ErrorIn200).await.events()[0].contains("server_error"));
    assert!(stream_with(WholeFault::Html200).await.text().starts_with("<html>"));
    assert_eq!(stream_with(WholeFault::WrongJson).await.json(), json!({"foo": 1}));
    let drip = stream_with(WholeFault::SlowDrip { interval: Duration::ZERO }).await;
    assert!(drip.chunks().iter().all(|chunk| chunk.len() == 1) && drip.is_done());
}
