//! What is counted, and when.

use std::time::Duration;

use mainstay_mock_openai::{FaultSpec, Latency, ModelPlan, Plan, Stats, StreamFault, Turn, WholeFault};
use serde_json::json;

use crate::support::{
    chat, chat_with_key, failing, get, open_chat, prompt, read_until, start, streamed, with,
};

#[tokio::test]
async fn a_call_is_counted_before_its_answers_end_is_seen() {
    let mock = start(Plan::new()).await;
    for at in 1..=20 {
        let answer = chat(&mock, &prompt("x")).await.json();
        let stats = mock.stats();
        assert_eq!((stats.calls, stats.ok(), stats.in_flight), (at, at, 0));
        assert_eq!(stats.completion_tokens, at * answer["usage"]["completion_tokens"].as_u64().unwrap());
        assert_eq!(stats.prompt_tokens, at * answer["usage"]["prompt_tokens"].as_u64().unwrap());
    }
}

#[tokio::test]
async fn executions_are_counted_by_key_and_only_if_the_answer_is_whole_and_right() {
    let turns: [Turn; 6] = [
        WholeFault::ServerError.into(),
        StreamFault::Cut { after: 2 }.into(),
        WholeFault::Length.into(),
        WholeFault::TruncatedJson.into(),
        StreamFault::DoubleDone.into(),
        Turn::Ok,
    ];
    let mock = start(Plan::new().default_model(ModelPlan::new().sequence(turns))).await;
    let mut executed = Vec::new();
    for _ in 0..6 {
        chat_with_key(&mock, &streamed("x"), "k1").await;
        executed.push(mock.stats().executions.get("k1").copied().unwrap_or(0));
    }
    assert_eq!(executed, [0, 0, 0, 0, 1, 2]);
    let stats = mock.stats();
    assert_eq!((stats.received["k1"], stats.most_executions_of_a_key()), (6, 2));
}

#[tokio::test]
async fn a_model_that_began_to_answer_has_run_also_if_its_answer_is_lost() {
    let turns: [Turn; 2] = [WholeFault::ResetMidBody.into(), Turn::Ok];
    let mock = start(Plan::new().default_model(ModelPlan::new().sequence(turns))).await;
    chat_with_key(&mock, &prompt("x"), "k").await;
    let usage = chat_with_key(&mock, &prompt("x"), "k").await.json()["usage"].clone();
    let stats = mock.stats();
    assert_eq!((stats.begun["k"], stats.executions["k"], stats.most_begun_of_a_key()), (2, 1, 2));
    assert_eq!(stats.prompt_tokens, 2 * usage["prompt_tokens"].as_u64().unwrap());
    assert_eq!(stats.completion_tokens, 2 * usage["completion_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn what_is_not_of_the_models_answer_has_not_begun() {
    let keep_alive = Duration::from_secs(3600);
    let faults: [FaultSpec; 13] = [
        WholeFault::ServerError.into(),
        WholeFault::Reset.into(),
        WholeFault::Close.into(),
        WholeFault::Html200.into(),
        WholeFault::Empty200.into(),
        WholeFault::WrongJson.into(),
        WholeFault::ErrorIn200.into(),
        WholeFault::HangAfterHeaders.into(),
        StreamFault::CommentsOnly { interval: keep_alive }.into(),
        StreamFault::ErrorFirst.into(),
        StreamFault::EmptyStream.into(),
        StreamFault::OnlyDone.into(),
        WholeFault::Hang.into(),
    ];
    for fault in faults {
        for request in [prompt("x"), streamed("x")] {
            let mock = failing(fault.clone()).await;
            let header = "Idempotency-Key: k\r\n";
            let request = request.to_string();
            let path = "/v1/chat/completions";
            let peer = crate::support::open(mock.addr(), "POST", path, header, &request).await;
            while mock.stats().outcome(fault.name()) == 0 {
                tokio::task::yield_now().await;
            }
            for _ in 0..10 {
                get(mock.addr(), "/healthz").await;
            }
            drop(peer);
            let stats = mock.stop().await;
            assert_eq!((stats.begun.len(), stats.prompt_tokens), (0, 0), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_dedupes_does_not_begin_a_lost_answer_again() {
    let faults: [Turn; 3] = [
        WholeFault::ResetMidBody.into(),
        StreamFault::Cut { after: 2 }.into(),
        StreamFault::Stall { after: 1 }.into(),
    ];
    for fault in faults {
        let model = ModelPlan::new().sequence([fault.clone()]);
        let mock = start(Plan::new().dedupe(true).default_model(model)).await;
        let request = streamed("x").to_string();
        let header = "Idempotency-Key: k\r\n";
        let path = "/v1/chat/completions";
        let mut first = crate::support::open(mock.addr(), "POST", path, header, &request).await;
        read_until(&mut first, "\n\n", 2).await;
        drop(first);
        while mock.stats().in_flight > 0 {
            tokio::task::yield_now().await;
        }
        assert!(chat_with_key(&mock, &streamed("x"), "k").await.is_done());
        let stats = mock.stats();
        assert_eq!((stats.begun["k"], stats.outcome("deduplicated")), (1, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn the_header_of_the_key_can_be_chosen() {
    let mock = start(Plan::new().idempotency_header("X-Run-Once")).await;
    let request = prompt("x").to_string();
    crate::support::send(mock.addr(), "POST", "/v1/chat/completions", "x-run-once: a\r\n", &request).await;
    assert_eq!(mock.stats().executions["a"], 1);
}

#[tokio::test]
async fn calls_are_counted_by_prompt_whatever_their_model() {
    let mock = start(Plan::new()).await;
    for (text, model) in [("one", "a"), ("one", "b"), ("one", "b"), ("two", "a")] {
        chat(&mock, &with(prompt(text), &json!({"model": model}))).await;
    }
    let stats = mock.stats();
    assert_eq!((stats.by_prompt.len(), stats.most_calls_for_a_prompt()), (2, 3));
    assert_eq!((stats.by_model["a"], stats.by_model["b"]), (2, 2));
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_is_gone() {
    let hour = Latency::Constant(Duration::from_secs(3600));
    let mock = start(Plan::new().default_model(ModelPlan::new().per_token(hour))).await;
    let mut stream = open_chat(&mock, &streamed("x")).await;
    read_until(&mut stream, "\n\n", 2).await;
    assert_eq!((mock.stats().in_flight, mock.stats().open_connections), (1, 1));
    drop(stream);
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((mock.stats().outcome("client_gone"), mock.stats().ok()), (1, 0));
    assert_eq!(mock.stats().completion_tokens, 1, "what was sent is billed");
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_request_is_gone() {
    let mock = start(Plan::new()).await;
    let mut stream = tokio::net::TcpStream::connect(mock.addr()).await.unwrap();
    let half = b"POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\nContent-Length: 1000\r\n\r\n{\"model\":";
    tokio::io::AsyncWriteExt::write_all(&mut stream, half).await.unwrap();
    while mock.stats().calls == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mock.stats().outcome("client_gone"), 1);
}

#[tokio::test]
async fn the_most_calls_at_once_are_remembered() {
    let mock = start(Plan::new().default_model(ModelPlan::new().fault(WholeFault::Hang, 1.0))).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(open_chat(&mock, &prompt("x")).await);
    }
    while mock.stats().outcome("hang") < 3 {
        tokio::task::yield_now().await;
    }
    drop(streams);
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mock.stats().peak_in_flight, 3);
}

#[tokio::test]
async fn statistics_over_http_are_those_in_process() {
    let mock = start(Plan::new()).await;
    chat_with_key(&mock, &prompt("x"), "k").await;
    let told: Stats = serde_json::from_value(get(mock.addr(), "/stats").await.json()).unwrap();
    assert_eq!((told.executions, told.by_outcome), (mock.stats().executions, mock.stats().by_outcome));
    assert_eq!(told.begun["k"], 1);
}

#[tokio::test]
async fn statistics_begin_anew_and_the_sequence_goes_on() {
    let turns: [Turn; 2] = [WholeFault::ServerError.into(), WholeFault::BadGateway.into()];
    let mock = start(Plan::new().default_model(ModelPlan::new().sequence(turns))).await;
    chat(&mock, &prompt("x")).await;
    mock.reset_stats();
    assert_eq!((mock.stats().calls, mock.stats().by_prompt.len()), (0, 0));
    assert_eq!(chat(&mock, &prompt("x")).await.status(), 502);
}

#[tokio::test]
async fn a_server_that_dedupes_runs_a_key_once() {
    let model = ModelPlan::new().sequence([WholeFault::ServerError]);
    let mock = start(Plan::new().dedupe(true).default_model(model)).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(chat_with_key(&mock, &prompt("x"), "k").await);
    }
    assert_eq!(answers[0].status(), 500, "a failure is not kept");
    assert_eq!(answers[1].content(), answers[2].content());
    let stats = mock.stats();
    assert_eq!((stats.executions["k"], stats.outcome("deduplicated"), stats.received["k"]), (1, 1, 3));
}

#[tokio::test]
async fn a_server_that_dedupes_refuses_a_key_that_is_busy() {
    let model = ModelPlan::new().sequence([WholeFault::Hang]);
    let mock = start(Plan::new().dedupe(true).default_model(model)).await;
    let header = "Idempotency-Key: k\r\n";
    let request = prompt("x").to_string();
    let first = crate::support::open(mock.addr(), "POST", "/v1/chat/completions", header, &request).await;
    while mock.stats().outcome("hang") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(chat_with_key(&mock, &prompt("x"), "k").await.status(), 409);
    drop(first);
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(chat_with_key(&mock, &prompt("x"), "k").await.status(), 200);
}
