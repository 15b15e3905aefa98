//! What others see of calls: spans, and metrics.

use std::{
    io,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt;
use mainstay::{ChatRequest, Mainstay, RetryPolicy, backoff::Exponential};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, StreamFault, WholeFault};
use tracing_subscriber::{fmt::format::FmtSpan, layer::SubscriberExt};

const PROMPT: &str = "a prompt that nobody else may read";

async fn stack(plan: ModelPlan) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("gpt-4o", plan)).start().await.unwrap();
    let millis = std::time::Duration::from_millis;
    let policy = RetryPolicy::default().backoff(Exponential::new(millis(1), 2.0, millis(5)).unwrap());
    let mainstay = Mainstay::builder().base_url(mock.base_url()).retry(policy).build().unwrap();
    (mock, mainstay)
}

fn ask() -> ChatRequest {
    ChatRequest::new("gpt-4o").user(PROMPT)
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_call_is_a_span_with_its_attempts_and_no_prompt() {
    let (_mock, mainstay) = stack(ModelPlan::new().sequence([WholeFault::ServerError])).await;
    let written = Written::default();
    let lines = written.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || lines.clone())
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(layer);
    let guard = tracing::subscriber::set_default(subscriber);
    mainstay.chat(ask()).await.unwrap();
    drop(guard);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let closed: Vec<_> = text.lines().filter(|line| line.contains("close")).collect();
    assert_eq!(closed.iter().filter(|line| line.contains(":attempt{")).count(), 2, "{text}");
    assert!(closed[0].contains("error.type=\"unavailable\""), "{}", closed[0]);
    let call = closed.last().unwrap();
    for said in [
        "gen_ai.request.model=\"gpt-4o\"",
        "mainstay.attempts=2",
        "gen_ai.usage.output_tokens=",
        "mainstay.replayed=false",
    ] {
        assert!(call.contains(said), "{said} is not in {call}");
    }
    assert!(!text.contains("nobody else"), "{text}");
}

#[cfg(feature = "metrics")]
#[test]
fn calls_attempts_and_tokens_are_counted_once_each() {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        mainstay::metrics::describe();
        runtime.block_on(async {
            let plan = ModelPlan::new().sequence([WholeFault::ServerError]);
            let (_mock, mainstay) = stack(plan).await;
            mainstay.chat(ask()).await.unwrap();
            let (_mock, broken) =
                stack(ModelPlan::new().fault(StreamFault::EndEarly { after: 1 }, 1.0)).await;
            let _ = broken.chat_stream(ask()).await.unwrap().count().await;
            // One that is dropped before its end, and one whose future is.
            drop(broken.chat_stream(ask()).await.unwrap());
            drop(mainstay.chat(ask()));
        });
    });
    let mut counted: Vec<String> = snapshots
        .snapshot()
        .into_vec()
        .into_iter()
        .filter_map(|(key, _, _, value)| {
            let (_, key) = key.into_parts();
            let labels = key.labels().filter(|label| label.key() != "backend");
            let labels: Vec<_> = labels.map(metrics::Label::value).collect();
            match value {
                DebugValue::Counter(n) if !key.name().contains("token") => {
                    Some(format!("{} {labels:?} {n}", key.name()))
                }
                DebugValue::Gauge(n) if key.name().contains("flight") => {
                    Some(format!("{} {labels:?} {n}", key.name()))
                }
                _ => None,
            }
        })
        .collect();
    counted.sort_unstable();
    assert!(counted.contains(&r#"mainstay.calls ["gpt-4o", "answered"] 1"#.to_owned()), "{counted:#?}");
    assert!(counted.contains(&r#"mainstay.calls ["gpt-4o", "interrupted"] 1"#.to_owned()), "{counted:#?}");
    assert!(counted.contains(&r#"mainstay.calls ["gpt-4o", "cancelled"] 1"#.to_owned()), "{counted:#?}");
    assert!(counted.contains(&r#"mainstay.calls.in_flight ["gpt-4o"] 0"#.to_owned()), "{counted:#?}");
    assert!(counted.iter().any(|it| it.starts_with("mainstay.attempts [\"unavailable\"] 1")), "{counted:#?}");
}
