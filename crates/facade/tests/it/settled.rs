//! What calls are settled on, whatever servers state or leave out.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::StreamExt;
use mainstay::{AttemptReport, ChatRequest, FaultKind, Mainstay, bucket::Limits};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, StreamFault, WholeFault};

const ZERO: &str = r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#;

/// A stream of these deltas, and these events after them; whole, as it has a reason to finish.
fn saying(deltas: &[&str], then: &[&str]) -> ModelPlan {
    let contents: Vec<_> = deltas.iter().map(|text| format!("{text:?}")).collect();
    streaming(&contents, then)
}

/// The same of contents that may be in parts.
fn streaming(contents: &[String], then: &[&str]) -> ModelPlan {
    let delta =
        |content: &String| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{content}}}}}]}}"#);
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.to_owned();
    let events = contents.iter().map(delta).chain([end]).chain(then.iter().map(|&event| event.to_owned()));
    let body: String = events.flat_map(|event| ["data: ".to_owned(), event, "\n\n".to_owned()]).collect();
    let headers = BTreeMap::from([("content-type".to_owned(), "text/event-stream".to_owned())]);
    ModelPlan::new()
        .fault(WholeFault::Status { status: 200, headers, body: Some(body + "data: [DONE]\n\n") }, 1.0)
}

async fn limited(plan: ModelPlan) -> (MockOpenAi, Arc<Limits>, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let limits = Arc::new(Limits::default().tokens_per_minute(1_000_000).unwrap());
    let mainstay = Mainstay::builder().base_url(mock.base_url()).limits("m", Arc::clone(&limits));
    (mock, limits, mainstay.build().unwrap())
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Tell me of the sea.").max_tokens(10_000)
}

/// Reads a stream to its end, and returns what its attempt reports and what was taken of the limits for it.
async fn read(mainstay: &Mainstay, limits: &Limits) -> (AttemptReport, u64) {
    let before = limits.tokens_available().unwrap();
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    while stream.next().await.is_some() {}
    let taken = before - limits.tokens_available().unwrap();
    (stream.report().attempts.remove(0), u64::try_from(taken).unwrap())
}

#[tokio::test(start_paused = true)]
async fn without_a_usage_deltas_are_counted() {
    let words = ["The", " sea", " is", " wide", "."];
    let gathered = ["The sea is wide, and it is deep, and nobody has ever seen the whole of it."];
    for (deltas, then, tokens) in [
        (&words[..], &[][..], 5),
        (&words, &[ZERO], 5),
        (&gathered, &[], gathered[0].len().div_ceil(4) as u64),
    ] {
        let (_mock, limits, mainstay) = limited(saying(deltas, then)).await;
        let (report, taken) = read(&mainstay, &limits).await;
        assert_eq!((report.fault, report.output_tokens), (None, Some(tokens)), "{deltas:?} {then:?}");
        let asked = report.input_tokens.unwrap();
        assert!((5..20).contains(&asked), "{asked} tokens of the prompt");
        assert_eq!(taken, asked + tokens, "what was not used is given back");
    }
}

#[tokio::test(start_paused = true)]
async fn contents_in_parts_count_as_their_text() {
    let text = "The sea is wide, and it is deep, and nobody has ever seen the whole of it.";
    let part = format!(r#"{{"type":"text","text":"{text}"}}"#);
    let tokens = text.len().div_ceil(4) as u64;
    for content in [format!("[{part}]"), format!(r#"[{{"type":"thinking","thinking":[{part}]}}]"#)] {
        let (_mock, limits, mainstay) = limited(streaming(std::slice::from_ref(&content), &[])).await;
        assert_eq!(read(&mainstay, &limits).await.0.output_tokens, Some(tokens), "{content}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_usage_that_is_stated_counts_before_what_passed() {
    let stated = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":90,"total_tokens":97}}"#;
    let (_mock, limits, mainstay) = limited(saying(&["So", " it", " is."], &[stated])).await;
    let (report, taken) = read(&mainstay, &limits).await;
    assert_eq!((report.input_tokens, report.output_tokens, taken), (Some(7), Some(90), 97));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_settled_on_what_has_passed() {
    for fault in [
        StreamFault::Cut { after: 3 },
        StreamFault::ErrorEvent { after: 3 },
        StreamFault::EndEarly { after: 3 },
    ] {
        let (_mock, limits, mainstay) = limited(ModelPlan::new().fault(fault.clone(), 1.0)).await;
        let (report, taken) = read(&mainstay, &limits).await;
        assert_eq!(report.fault.unwrap().kind, FaultKind::Interrupted, "{fault:?}");
        let passed = report.output_tokens.unwrap();
        assert!((1..30).contains(&passed), "{passed} tokens of three deltas: {fault:?}");
        assert_eq!(taken, report.input_tokens.unwrap() + passed, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_usage_that_is_stated_before_the_end_does_not_hide_what_passed_after_it() {
    let first = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}}"#;
    let delta = r#"{"choices":[{"index":0,"delta":{"content":"one"}}]}"#;
    let body = format!("data: {first}\n\n") + &format!("data: {delta}\n\n").repeat(200);
    let headers = BTreeMap::from([("content-type".to_owned(), "text/event-stream".to_owned())]);
    let cut = ModelPlan::new().fault(WholeFault::Status { status: 200, headers, body: Some(body) }, 1.0);
    let (_mock, limits, mainstay) = limited(cut).await;
    let (report, taken) = read(&mainstay, &limits).await;
    assert_eq!(report.fault.unwrap().kind, FaultKind::Interrupted);
    assert_eq!((report.input_tokens, report.output_tokens, taken), (Some(10), Some(200), 210));
    let before = limits.tokens_available().unwrap();
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    for _ in 0..50 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    let taken = before - limits.tokens_available().unwrap();
    assert!((59..=60).contains(&taken), "{taken} tokens of a prompt of 10 and about 50 deltas");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_is_settled_on_what_has_passed() {
    let (_mock, limits, mainstay) = limited(saying(&["one"; 50], &[])).await;
    let before = limits.tokens_available().unwrap();
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    for _ in 0..20 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    let asked = i64::try_from(read(&mainstay, &limits).await.0.input_tokens.unwrap()).unwrap();
    assert_eq!(
        before - limits.tokens_available().unwrap(),
        2 * asked + 20 + 50,
        "the second one was read to its end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_which_nothing_has_passed_is_charged_as_it_was_estimated() {
    let (_mock, limits, mainstay) = limited(saying(&["one"; 50], &[])).await;
    let before = limits.tokens_available().unwrap();
    drop(mainstay.chat_stream(ask()).await.unwrap());
    assert!(before - limits.tokens_available().unwrap() >= 10_000, "the model may be at work");
}

#[tokio::test(start_paused = true)]
async fn budgets_are_charged_for_what_has_passed() {
    let plans = [
        (saying(&["a", "b", "c"], &[]), 3),
        (ModelPlan::new().fault(StreamFault::Stall { after: 2 }, 1.0), 2),
    ];
    for (plan, deltas) in plans {
        let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
        let toml = format!(
            r#"
            budget = {{ dollars = 50 }}
            [backends.mock]
            base_url = {:?}
            [routes.m]
            tiers = [{{ models = [{{ on = "mock", price = {{ input = 0, output = 1000 }} }}] }}]
            "#,
            mock.base_url()
        );
        let mainstay = Mainstay::from_toml(&toml).unwrap();
        let spent = || mainstay.status().budgets[0].spent;
        let mut stream = mainstay.chat_stream(ask()).await.unwrap();
        assert!((spent() - 10.0).abs() < 1e-9, "the worst case is reserved");
        while stream.next().await.is_some() {}
        let report = stream.report();
        let passed = report.attempts[0].output_tokens.unwrap();
        assert!(passed >= deltas && passed < 10 * deltas, "{passed} tokens of {deltas} deltas");
        let dollars = report.dollars().unwrap();
        assert!(
            (dollars - passed as f64 / 1_000.0).abs() < 1e-9 && (spent() - dollars).abs() < 1e-9,
            "{report}"
        );
        // The caller goes away after one delta.
        let mut stream = mainstay.chat_stream(ask()).await.unwrap();
        while stream.next().await.unwrap().unwrap().text().is_empty() {}
        drop(stream);
        assert!(spent() > dollars && spent() < dollars + 1.0, "{} of {dollars} before", spent());
    }
}

/// A whole answer with this usage.
fn answering(usage: &str) -> ModelPlan {
    let answer =
        r#"{"index":0,"message":{"role":"assistant","content":"It is wide."},"finish_reason":"stop"}"#;
    let body = format!(r#"{{"id":"1","model":"m","choices":[{answer}],"usage":{usage}}}"#);
    let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    ModelPlan::new().fault(WholeFault::Status { status: 200, headers, body: Some(body) }, 1.0)
}

#[tokio::test(start_paused = true)]
async fn a_whole_answers_tokens_are_added_up_where_the_server_has_not() {
    let (_mock, limits, mainstay) =
        limited(answering(r#"{"prompt_tokens":10,"completion_tokens":300}"#)).await;
    let before = limits.tokens_available().unwrap();
    mainstay.chat(ask()).await.unwrap();
    assert_eq!(before - limits.tokens_available().unwrap(), 310);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_not_free_because_its_usage_is_zeros() {
    let zeros = r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#;
    let (_mock, limits, mainstay) = limited(answering(zeros)).await;
    let before = limits.tokens_available().unwrap();
    let reply = mainstay.chat(ask()).await.unwrap();
    assert!(before - limits.tokens_available().unwrap() >= 10_000, "what was reserved stands");
    assert_eq!(reply.report.attempts[0].output_tokens, None, "nobody has said");
}

#[tokio::test(start_paused = true)]
async fn a_usage_beyond_all_bounds_is_still_reported() {
    let lie = format!(r#"{{"prompt_tokens":{},"completion_tokens":1}}"#, u64::MAX);
    let (_mock, _limits, mainstay) = limited(answering(&lie)).await;
    let report = mainstay.chat(ask()).await.unwrap().report;
    assert_eq!(report.tokens(), u64::MAX);
    assert!(report.to_string().contains(&format!("{} tokens", u64::MAX)), "{report}");
    assert_eq!(serde_json::to_value(&report).unwrap()["tokens"], u64::MAX);
    let (_mock, _limits, mainstay) =
        limited(saying(&["a"], &[&format!(r#"{{"choices":[],"usage":{lie}}}"#)])).await;
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    while stream.next().await.is_some() {}
    assert_eq!(stream.report().tokens(), u64::MAX);
}
