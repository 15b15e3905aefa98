//! Every call tells what it took.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{
    ChatRequest, FaultKind, HasFault, Mainstay, RetryPolicy,
    backoff::{Exponential, Jitter},
    bucket::Limits,
};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, RetryAfter, StreamFault, Turn, WholeFault};

async fn after<T: Into<Turn>>(turns: impl IntoIterator<Item = T>) -> (MockOpenAi, Mainstay) {
    let plan = Plan::new().model("m", ModelPlan::new().sequence(turns));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let millis = Duration::from_millis;
    let backoff = Exponential::new(millis(2), 2.0, millis(20)).unwrap();
    let policy = RetryPolicy::default().retries(2).backoff(backoff).jitter(Jitter::None);
    let mainstay = Mainstay::builder().base_url(mock.base_url()).retry(policy).build().unwrap();
    (mock, mainstay)
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Hello?")
}

#[tokio::test]
async fn an_answer_reports_its_attempts_waits_and_tokens() {
    let (mock, mainstay) =
        after([WholeFault::Overloaded(RetryAfter::default()), WholeFault::ServerError]).await;
    let reply = mainstay.chat(ask()).await.unwrap();
    let report = &reply.report;
    let kinds: Vec<_> = report.attempts.iter().map(|it| it.fault.map(|fault| fault.kind)).collect();
    assert_eq!(kinds, [Some(FaultKind::Overloaded), Some(FaultKind::Unavailable), None]);
    let millis = Duration::from_millis;
    assert!(report.attempts[1].waited >= millis(2) && report.attempts[2].waited >= millis(4));
    assert_eq!(
        report.served_by(),
        mock.base_url().strip_prefix("http://").and_then(|url| url.strip_suffix("/v1"))
    );
    assert_eq!(report.tokens(), reply.usage.as_ref().unwrap().total_tokens);
    assert!(report.took >= report.waited());
}

/// The whole seconds that each attempt waited, and took, of a call that finds the only place taken for ten seconds.
async fn behind_another(max_wait: u64, streams: bool) -> Vec<(u64, u64)> {
    let slow = ModelPlan::new()
        .latency(Latency::Constant(Duration::from_secs(10)))
        .first_token(Latency::Constant(Duration::from_secs(10)))
        .per_token(Latency::Constant(Duration::ZERO));
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", slow)).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .limits("m", Limits::default().in_flight(1).unwrap())
        .max_wait(Duration::from_secs(max_wait))
        .retry(RetryPolicy::default().retries(0))
        .build()
        .unwrap();
    let second = async {
        if !streams {
            let outcome = mainstay.chat(ask()).await;
            return outcome.map_or_else(|failure| failure.report().clone(), |reply| reply.report);
        }
        let mut stream = mainstay.chat_stream(ask()).await.unwrap();
        while let Some(chunk) = stream.next().await {
            chunk.unwrap();
        }
        stream.report()
    };
    let (first, report) = tokio::join!(biased; mainstay.chat(ask()), second);
    assert_eq!(first.unwrap().report.attempts[0].took.as_secs(), 10);
    assert_eq!(
        report.took.as_secs(),
        report.attempts.iter().map(|it| it.waited + it.took).sum::<Duration>().as_secs()
    );
    report.attempts.iter().map(|it| (it.waited.as_secs(), it.took.as_secs())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_stood_in_line_for_a_limit_waited_and_the_backend_took_no_longer_for_it() {
    assert_eq!(behind_another(60, false).await, [(10, 10)]);
    assert_eq!(behind_another(60, true).await, [(10, 10)]);
    // It is refused before it was sent.
    assert_eq!(behind_another(4, false).await, [(4, 0)]);
}

#[tokio::test]
async fn a_report_is_a_table_and_json() {
    let (_mock, mainstay) = after([WholeFault::RateLimited(RetryAfter::millis("3"))]).await;
    let report = mainstay.chat(ask()).await.unwrap().report;
    let table = report.to_string();
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].contains("  1  127.0.0.1:") && lines[0].contains("rate limited, retry after 3ms ("),
        "{table}"
    );
    assert!(lines[1].contains("after ") && lines[1].contains(": answered ("), "{table}");
    assert!(lines[2].contains("2 attempts in ") && lines[2].contains(" tokens"), "{table}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["attempts"][0]["fault"], "rate limited, retry after 3ms");
    assert!(json["took_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(json["tokens"], report.tokens());
    assert_eq!(json["waited_seconds"], report.waited().as_secs_f64());
    assert!(json["dollars"].is_null(), "nobody knows what the model costs");
}

#[tokio::test]
async fn a_failure_tells_the_whole_story() {
    let (_mock, mainstay) = after([const { WholeFault::ServerError }; 3]).await;
    let failure = mainstay.chat(ask()).await.unwrap_err();
    assert_eq!((failure.fault().kind, failure.report().attempts.len()), (FaultKind::Unavailable, 3));
    let story = failure.to_string();
    assert!(story.lines().count() == 5 && story.contains("3 attempts in "), "{story}");
}

#[tokio::test]
async fn a_stream_reports_at_its_end() {
    let (_mock, mainstay) = after([WholeFault::ServerError]).await;
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    assert!(stream.report().attempts[1].took.is_zero(), "it is under way");
    assert_eq!(stream.report().tier.as_deref(), Some("model"));
    let table = stream.report().to_string();
    assert!(table.lines().nth(1).unwrap().ends_with("under way"), "{table}");
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
    let report = stream.report();
    assert!(report.attempts[1].took > Duration::ZERO);
    assert!(report.to_string().contains("answered ("), "{report}");
    assert_eq!(report.tokens(), stream.usage().unwrap().total_tokens);
}

#[tokio::test]
async fn a_stream_that_breaks_reports_the_break() {
    let (_mock, mainstay) = after([StreamFault::Cut { after: 3 }]).await;
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    while let Some(chunk) = stream.next().await {
        let _ = chunk;
    }
    let attempts = stream.report().attempts;
    assert_eq!(attempts[0].fault.unwrap().kind, FaultKind::Interrupted);
}

#[tokio::test]
async fn concurrent_calls_report_each_their_own() {
    let (_mock, mainstay) = after([WholeFault::ServerError]).await;
    let (one, two) = tokio::join!(mainstay.chat(ask()), mainstay.chat(ask()));
    let attempts = one.unwrap().report.attempts.len() + two.unwrap().report.attempts.len();
    assert_eq!(attempts, 3);
}
