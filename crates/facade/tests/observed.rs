//! What others see of calls: spans. In a program of its own: what is met by a thread without a subscriber, just as another one gets
//! its first, may stay silent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

use std::{
    io,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt;
use mainstay::{
    ChatRequest, EmbeddingRequest, Mainstay, RetryPolicy, RouteConfig, TierConfig, backoff::Exponential,
};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, StreamFault, Turn, WholeFault};
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

/// All that is traced, of every level and every crate, while something is done; and what came of it.
async fn traced<T>(done: impl Future<Output = T>) -> (String, T) {
    let written = Written::default();
    let lines = written.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || lines.clone())
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false);
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let outcome = done.await;
    drop(guard);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("nobody else"), "{text}");
    (text, outcome)
}

/// The lines at which calls, or attempts, have ended.
fn closed<'t>(text: &'t str, what: &str) -> Vec<&'t str> {
    let module = if what == "call" { "ongoing" } else { "attempt" };
    let close = format!(" mainstay::{module}: close ");
    text.lines().filter(|line| line.contains(&close)).collect()
}

fn says(line: &str, fields: &[&str]) {
    for field in fields {
        assert!(line.contains(field), "{field} is not in {line}");
    }
}

#[tokio::test]
async fn a_reload_that_would_change_how_keys_are_kept_says_that_it_does_not() {
    let toml = |ttl: &str| {
        let config = format!("[idempotency]\nttl = {ttl:?}\n[routes.m]\ntiers = [{{ answer = \"Later.\" }}]");
        config.parse::<mainstay::Config>().unwrap()
    };
    let mainstay = Mainstay::from_config(toml("1h")).unwrap();
    let said = async |ttl| traced(async { mainstay.reload(&toml(ttl)).unwrap() }).await.0;
    assert!(!said("1h").await.contains("idempotency"));
    assert!(said("2h").await.contains("WARN mainstay::mainstay: `idempotency` stays as it was"));
}

#[tokio::test]
async fn a_reload_that_is_refused_says_nothing_of_keys() {
    let toml = |keys: &str| format!("[idempotency]\n{keys}\n").parse::<mainstay::Config>().unwrap();
    let mut config = toml("ttl = \"1h\"");
    config.routes.insert("m".into(), RouteConfig::new().tier(TierConfig::answer("Later.")));
    let mainstay = Mainstay::from_config(config).unwrap();
    let (said, refused) = traced(async { mainstay.reload(&toml("ttl = \"2h\"")) }).await;
    refused.unwrap_err();
    assert!(!said.contains("idempotency"), "{said}");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_reload_that_names_another_server_for_keys_says_that_they_stay() {
    let toml = |keys: &str, redis: &str| {
        let server = "redis_url = { insecure = \"redis://127.0.0.1:1/\" }";
        let route = "[routes.m]\ntiers = [{ answer = \"Later.\" }]";
        format!("{server}\n{redis}\n{keys}\n{route}").parse::<mainstay::Config>().unwrap()
    };
    let (one, other, share) =
        ("redis_prefix = \"one:\"", "redis_prefix = \"other:\"", "redis_local_share = 0.5");
    for (keys, redis, warns) in [
        ("[idempotency]", one.to_owned(), false),
        ("[idempotency]", other.to_owned(), true),
        // Of limits only.
        ("[idempotency]", format!("{one}\n{share}"), false),
        ("", other.to_owned(), false),
    ] {
        let mainstay = Mainstay::from_config(toml(keys, one)).unwrap();
        let said = traced(async { mainstay.reload(&toml(keys, &redis)).unwrap() }).await.0;
        assert_eq!(said.contains("WARN mainstay::mainstay: `idempotency`"), warns, "{keys} {redis}: {said}");
    }
}

#[tokio::test]
async fn a_call_is_a_span_with_its_attempts_and_no_prompt() {
    let (_mock, mainstay) = stack(ModelPlan::new().sequence([WholeFault::ServerError])).await;
    let (text, reply) = traced(mainstay.chat(ask())).await;
    let reply = reply.unwrap();
    assert!(!text.contains(&*reply.text()), "{text}");

    let attempts = closed(&text, "attempt");
    assert_eq!(attempts.len(), 2, "{text}");
    let backend = format!("mainstay.backend={:?}", reply.report.served_by().unwrap());
    let attempt = [r#"gen_ai.provider.name="openai""#, r#"gen_ai.request.model="gpt-4o""#, &backend];
    for line in &attempts {
        says(line, &attempt);
    }
    says(attempts[0], &[r#"error.type="unavailable""#, r#"otel.status_code="ERROR""#]);

    let calls = closed(&text, "call");
    assert_eq!(calls.len(), 1, "{text}");
    says(
        calls[0],
        &[
            "otel.name=chat gpt-4o",
            r#"otel.kind="client""#,
            r#"gen_ai.operation.name="chat""#,
            r#"gen_ai.provider.name="openai""#,
            r#"gen_ai.request.model="gpt-4o""#,
            &format!("gen_ai.response.id={:?}", reply.id),
            r#"gen_ai.response.model="gpt-4o""#,
            r#"gen_ai.response.finish_reasons=["stop"]"#,
            &format!("gen_ai.usage.input_tokens={}", reply.usage.as_ref().unwrap().prompt_tokens),
            &format!("gen_ai.usage.output_tokens={}", reply.usage.as_ref().unwrap().completion_tokens),
            "mainstay.attempts=2",
            "mainstay.replayed=false",
            &backend,
        ],
    );
    assert!(!calls[0].contains("error.type") && !calls[0].contains("gen_ai.request.stream"), "{}", calls[0]);
}

#[tokio::test]
async fn a_stream_is_a_span_until_its_end_and_has_no_prompt() {
    let turns = [Turn::Ok, StreamFault::EndEarly { after: 2 }.into()];
    let (_mock, mainstay) = stack(ModelPlan::new().sequence(turns)).await;
    let read = async {
        let mut told = String::new();
        let mut stream = mainstay.chat_stream(ask()).await.unwrap();
        while let Some(chunk) = stream.next().await {
            told.extend(chunk.map(|chunk| chunk.text().into_owned()));
        }
        told
    };
    let (text, told) =
        traced(async { (read.await, mainstay.chat_stream(ask()).await.unwrap().count().await) }).await;
    // Neither the whole answer nor a piece of it.
    let piece: String = told.0.chars().skip(3).take(12).collect();
    assert!(piece.len() >= 12 && !text.contains(&piece), "{text}");
    let calls = closed(&text, "call");
    assert_eq!(calls.len(), 2, "{text}");
    let both = [
        "otel.name=chat gpt-4o",
        "gen_ai.request.stream=true",
        "gen_ai.response.time_to_first_chunk=",
        r#"gen_ai.response.model="gpt-4o""#,
        r#"gen_ai.provider.name="openai""#,
    ];
    for line in &calls {
        says(line, &both);
    }
    says(calls[0], &[r#"gen_ai.response.finish_reasons=["stop"]"#, "gen_ai.usage.output_tokens="]);
    says(calls[1], &[r#"error.type="interrupted""#, r#"otel.status_code="ERROR""#]);
    // Nobody has stated a usage: it is what has passed.
    assert!(
        !calls[1].contains("finish_reasons") && calls[1].contains("gen_ai.usage.output_tokens="),
        "{}",
        calls[1]
    );
}

#[tokio::test]
async fn a_preface_that_names_nobody_does_not_hide_whose_answer_it_is() {
    let preface = r#"{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{}]}"#;
    let answer = r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}],"id":"1","model":"gpt-4o-1"}"#;
    let body = format!("data: {preface}\n\ndata: {answer}\n\ndata: [DONE]\n\n");
    let headers = [("content-type".to_owned(), "text/event-stream".to_owned())].into();
    let prefaced = WholeFault::Status { status: 200, headers, body: Some(body) };
    let (_mock, mainstay) = stack(ModelPlan::new().fault(prefaced, 1.0)).await;
    let (text, chunks) = traced(async { mainstay.chat_stream(ask()).await.unwrap().count().await }).await;
    assert_eq!(chunks, 2);
    let named = [r#"gen_ai.response.id="1""#, r#"gen_ai.response.model="gpt-4o-1""#];
    says(closed(&text, "call")[0], &named);
}

#[tokio::test]
async fn embeddings_are_a_span_and_have_no_text() {
    let (_mock, mainstay) = stack(ModelPlan::new()).await;
    let (text, reply) = traced(mainstay.embed(EmbeddingRequest::new("gpt-4o", PROMPT))).await;
    reply.unwrap();
    let calls = closed(&text, "call");
    assert_eq!((calls.len(), closed(&text, "attempt").len()), (1, 1), "{text}");
    says(
        calls[0],
        &[
            "otel.name=embeddings gpt-4o",
            r#"gen_ai.operation.name="embeddings""#,
            r#"gen_ai.response.model="gpt-4o""#,
            "gen_ai.usage.input_tokens=",
        ],
    );
}

#[tokio::test]
async fn a_call_that_fails_or_is_dropped_says_so() {
    let (_poor, without_money) = stack(ModelPlan::new().fault(WholeFault::InsufficientQuota, 1.0)).await;
    let (_mock, mainstay) = stack(ModelPlan::new()).await;
    let (text, ()) = traced(async {
        without_money.chat(ask()).await.unwrap_err();
        let mut call = std::pin::pin!(mainstay.chat(ask()));
        assert!(futures_util::poll!(&mut call).is_pending());
    })
    .await;
    let calls = closed(&text, "call");
    says(calls[0], &[r#"error.type="quota_exhausted""#, r#"otel.status_code="ERROR""#]);
    says(calls[1], &[r#"error.type="cancelled""#]);
}
