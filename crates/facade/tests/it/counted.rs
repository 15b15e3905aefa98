//! What is counted of calls.
#![allow(clippy::float_cmp, reason = "these gauges hold counts")]

use std::{collections::BTreeSet, pin::pin, sync::LazyLock};

use futures_util::{StreamExt, poll};
use mainstay::{ChatRequest, EmbeddingRequest, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, StreamFault, WholeFault};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

const PROMPT: &str = "a prompt that nobody else may read";

/// What a metric came to, by its name and labels: `name{label=value,…}`, the labels in order.
struct Counted(Vec<(String, DebugValue)>);

// === impl Counted ===

impl Counted {
    /// Counts what is done, and samples how things stand at its end.
    fn of(done: impl AsyncFnOnce()) -> Self {
        let recorder = DebuggingRecorder::new();
        let snapshots = recorder.snapshotter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            mainstay::metrics::describe();
            runtime.block_on(done());
        });
        let counted = snapshots.snapshot().into_vec().into_iter().map(|(key, _, description, value)| {
            let (_, key) = key.into_parts();
            assert!(description.is_some(), "{} is not described", key.name());
            let labels: BTreeSet<_> =
                key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let labels: Vec<_> = labels.into_iter().collect();
            let shown = format!("{}{{{}}}", key.name(), labels.join(","));
            assert!(!shown.contains("nobody else"), "{shown}");
            (shown, value)
        });
        Self(counted.collect())
    }

    fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(key, _)| key.split('{').next().unwrap()).collect()
    }

    fn get(&self, key: &str) -> &DebugValue {
        let found = self.0.iter().find(|(it, _)| it == key);
        let keys = || self.0.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join("\n");
        &found.unwrap_or_else(|| panic!("{key} is not in\n{}", keys())).1
    }

    fn counter(&self, key: &str) -> u64 {
        let DebugValue::Counter(count) = self.get(key) else { panic!("{key} is no counter") };
        *count
    }

    fn gauge(&self, key: &str) -> f64 {
        let DebugValue::Gauge(value) = self.get(key) else { panic!("{key} is no gauge") };
        value.0
    }

    fn histogram(&self, key: &str) -> Vec<f64> {
        let DebugValue::Histogram(values) = self.get(key) else { panic!("{key} is no histogram") };
        values.iter().map(|value| value.0).collect()
    }
}

/// Two backends behind a route, of which the first has no money, a route with a narrow limit, and one whose streams break.
async fn stack() -> (MockOpenAi, Mainstay) {
    let poor = ModelPlan::new().fault(WholeFault::InsufficientQuota, 1.0);
    let broken = ModelPlan::new().fault(StreamFault::EndEarly { after: 1 }, 1.0);
    let plan = Plan::new().model("poor", poor).model("broken", broken);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let toml = format!(
        r#"
        deadline = "10m"
        max_wait = "10m"
        [retry]
        retries = 1
        [idempotency]
        [backends.mock]
        base_url = {:?}
        [routes.m]
        budget = {{ dollars = 50, window = "1d" }}
        tiers = [{{ strategy = "in_order", models = [
            {{ on = "mock", model = "poor", price = {{ input = 1, output = 2 }} }},
            {{ on = "mock", model = "rich", price = {{ input = 1000, output = 2000 }} }},
        ] }}]
        [routes.narrow]
        tiers = [{{ models = [{{ on = "mock", requests_per_minute = 1 }}] }}]
        [routes.broken]
        tiers = [{{ models = [{{ on = "mock" }}] }}]
        "#,
        mock.base_url()
    );
    (mock, Mainstay::from_toml(&toml).unwrap())
}

fn ask(model: &str) -> ChatRequest {
    ChatRequest::new(model).user(PROMPT)
}

/// The names that the table in the docs has in its first column.
fn documented() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/metrics.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.map(|row| row.split('`').next().unwrap()).collect()
}

/// One call of each kind and end, and how things stand after it.
struct Day {
    counted: Counted,
    /// What the answers have said that they cost, and how many tokens the chats have put out.
    dollars: f64,
    tokens: u64,
}

static DAY: LazyLock<Day> = LazyLock::new(|| {
    let (mut dollars, mut tokens) = (0.0, 0);
    let counted = Counted::of(async || {
        let (_mock, mainstay) = stack().await;
        let first = mainstay.chat(ask("m").key("order-7")).await.unwrap();
        assert!(mainstay.chat(ask("m").key("order-7")).await.unwrap().report.replayed.is_some());
        let mut stream = mainstay.chat_stream(ask("m")).await.unwrap();
        while let Some(chunk) = stream.next().await {
            chunk.unwrap();
        }
        let embedded = mainstay.embed(EmbeddingRequest::new("m", PROMPT)).await.unwrap();
        let reports = [&first.report, &stream.report(), &embedded.report];
        dollars = reports.iter().filter_map(|report| report.dollars()).sum();
        tokens = [first.usage.as_ref(), stream.usage()]
            .iter()
            .flatten()
            .map(|usage| usage.completion_tokens)
            .sum();

        let broken = mainstay.chat_stream(ask("broken")).await.unwrap();
        assert!(broken.collect::<Vec<_>>().await.last().unwrap().is_err());
        let missing = mainstay.chat(ask("made up")).await.unwrap_err();
        assert_eq!(missing.fault().kind, FaultKind::ModelNotFound);
        mainstay.chat(ask("narrow")).await.unwrap();
        let mut waiting = pin!(mainstay.chat(ask("narrow")));
        assert!(poll!(&mut waiting).is_pending());
        mainstay::metrics::sample(&mainstay.status());
    });
    Day { counted, dollars, tokens }
});

#[test]
fn every_metric_of_the_table_is_counted_and_no_other() {
    assert_eq!(DAY.counted.names(), documented());
}

#[test]
fn calls_and_attempts_are_counted_by_how_they_ended() {
    let Day { counted, .. } = &*DAY;
    let chats = "model=m,operation=chat";
    assert_eq!(counted.counter(&format!("mainstay.calls{{{chats},outcome=answered}}")), 3);
    assert_eq!(counted.counter("mainstay.calls{model=broken,operation=chat,outcome=interrupted}"), 1);
    assert_eq!(counted.counter("mainstay.calls{model=other,operation=chat,outcome=model_not_found}"), 1);
    assert_eq!(counted.counter("mainstay.calls{model=narrow,operation=chat,outcome=cancelled}"), 1);
    assert_eq!(counted.gauge(&format!("mainstay.calls.in_flight{{{chats}}}")), 0.0);
    assert_eq!(counted.counter("mainstay.replays{model=m}"), 1);
    assert_eq!(counted.counter("mainstay.tiers{degraded=none,tier=m 1}"), 4);
    // Once for chats, whole or streamed, and once for embeddings.
    assert_eq!(counted.counter("mainstay.attempts{backend=mock/poor,outcome=quota_exhausted}"), 2);
    assert_eq!(counted.counter("mainstay.attempts{backend=mock/rich,outcome=answered}"), 3);
    assert_eq!(counted.histogram("mainstay.attempt.duration{backend=mock/rich}").len(), 3);
    assert_eq!(counted.counter("mainstay.attempts{backend=mock/narrow,outcome=cancelled}"), 1);
    assert_eq!(
        counted.histogram("mainstay.attempt.duration{backend=mock/narrow}").len(),
        1,
        "the other was not sent"
    );
    assert_eq!(counted.histogram("mainstay.call.waited{model=m}").len(), 4);
}

#[test]
fn durations_tokens_and_dollars_have_the_labels_of_the_conventions() {
    let Day { counted, dollars, tokens } = &*DAY;
    let genai = "gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=m";
    let to_first = format!("gen_ai.client.operation.time_to_first_chunk{{{genai}}}");
    assert_eq!(counted.histogram(&to_first).len(), 1);
    let answered = counted.histogram(&format!("gen_ai.client.operation.duration{{{genai}}}"));
    assert!(answered.len() == 2 && answered.iter().all(|seconds| *seconds > 0.0), "{answered:?}");
    let missing = "error.type=model_not_found,gen_ai.operation.name=chat,gen_ai.request.model=other";
    assert_eq!(counted.histogram(&format!("gen_ai.client.operation.duration{{{missing}}}")).len(), 1);

    let used = |labels: &str, kind: &str| {
        format!("gen_ai.client.token.usage{{backend=mock/rich,{labels},gen_ai.token.type={kind}}}")
    };
    let output = counted.histogram(&used(genai, "output"));
    assert_eq!((output.len(), output.iter().sum::<f64>()), (2, *tokens as f64));
    let embedded = genai.replace("=chat", "=embeddings");
    assert_eq!(counted.histogram(&used(&embedded, "input")).len(), 1);
    assert!(counted.0.iter().all(|(key, _)| *key != used(&embedded, "output")), "there is none");
    assert!(*dollars > 0.0 && (counted.gauge("mainstay.dollars{backend=mock/rich}") - dollars).abs() < 1e-9);
}

#[test]
fn how_things_stand_is_sampled() {
    let Day { counted, dollars, .. } = &*DAY;
    let standing = |name: &str, backend: &str| {
        let labels = format!("backend=mock/{backend},operation=chat,route=m,tier=m 1");
        counted.gauge(&format!("mainstay.backend.{name}{{{labels}}}"))
    };
    assert_eq!((standing("up", "poor"), standing("up", "rich")), (0.0, 1.0));
    assert_eq!((standing("in_flight", "rich"), standing("failure_ratio", "rich")), (0.0, 0.0));
    assert_eq!(counted.gauge("mainstay.limit.available{backend=mock/narrow,unit=requests}"), 0.0);
    assert_eq!(counted.gauge("mainstay.limit.queue{backend=mock/narrow}"), 1.0);
    assert!(counted.gauge("mainstay.limit.wait{backend=mock/narrow}") > 0.0);
    assert_eq!(counted.gauge("mainstay.budget.dollars{route=m}"), 50.0);
    assert!(counted.gauge("mainstay.budget.spent{route=m}") >= *dollars);
}

#[test]
fn what_a_reload_took_away_has_no_number_any_more() {
    let counted = Counted::of(async || {
        let (mock, mainstay) = stack().await;
        mainstay::metrics::sample(&mainstay.status());
        let toml = format!(
            "[backends.mock]\nbase_url = {:?}\n[routes.m]\ntiers = [{{ models = [{{ on = \"mock\", model = \"rich\" }}] }}]",
            mock.base_url()
        );
        mainstay.reload(&toml.parse().unwrap()).unwrap();
        mainstay::metrics::sample(&mainstay.status());
    });
    let sampled = |key: &str| {
        ["backend.", "limit.", "budget."].iter().any(|it| key.contains(&format!("mainstay.{it}")))
    };
    let (kept, gone): (Vec<_>, Vec<_>) = counted
        .0
        .iter()
        .filter(|(key, _)| sampled(key))
        .map(|(key, _)| key)
        .partition(|key| key.contains("backend=mock/rich"));
    // Three figures each, of chats, streams and embeddings.
    assert_eq!(kept.len(), 9, "{kept:?}");
    assert!(kept.iter().all(|key| !counted.gauge(key).is_nan()), "{kept:?}");
    assert!(gone.len() > 9, "{gone:?}");
    for key in gone {
        assert!(counted.gauge(key).is_nan(), "{key}");
    }
}

#[test]
fn a_call_that_is_dropped_is_counted_once() {
    let counted = Counted::of(async || {
        let (_mock, mainstay) = stack().await;
        // Before it is polled, under way, and in the middle of its stream.
        drop(mainstay.chat(ask("m")));
        assert!(poll!(pin!(mainstay.chat(ask("m")))).is_pending());
        drop(mainstay.chat_stream(ask("m")).await.unwrap());
    });
    assert_eq!(counted.counter("mainstay.calls{model=m,operation=chat,outcome=cancelled}"), 2);
    assert_eq!(counted.gauge("mainstay.calls.in_flight{model=m,operation=chat}"), 0.0);
}

#[test]
fn an_attempt_that_its_caller_left_is_not_counted_as_answered() {
    let counted = Counted::of(async || {
        let plan = Plan::new().model("m", ModelPlan::new().fault(WholeFault::Hang, 1.0));
        let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
        let mainstay = Mainstay::builder().base_url(mock.base_url()).build().unwrap();
        let mut call = pin!(mainstay.chat(ChatRequest::new("m").user(PROMPT)));
        while mock.stats().calls == 0 {
            assert!(poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
    });
    let attempts: Vec<_> =
        counted.0.iter().filter(|(key, _)| key.starts_with("mainstay.attempts{")).collect();
    let [(attempt, _)] = &*attempts else { panic!("one attempt: {attempts:?}") };
    assert!(attempt.ends_with("outcome=cancelled}"), "{attempt}");
}
