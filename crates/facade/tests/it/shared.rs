//! Several processes, one provider's limit, one set of keys: by a real Redis server, in front of a mock that counts.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use mainstay::{
    ChatRequest, Config, FaultKind, HasFault, Mainstay, RetryPolicy,
    bucket::{
        Limits, Patience,
        redis::{Redis, SharedLimits},
    },
};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan};
use mainstay_testkit::redis::{TestServer, eventually};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, timeout},
};

const CONFIG: &str = "MAINSTAY_TEST_CONFIG";
const TASK: &str = "MAINSTAY_TEST_TASK";
/// Of each minute, so that hardly any comes back during a test.
const REQUESTS: u64 = 60;

fn config(mock: &MockOpenAi, redis: &str, share: &str) -> String {
    format!(
        r#"
        max_wait = "500ms"
        redis_url = {{ insecure = "{redis}" }}
        redis_timeout = "5s"
        {share}
        [idempotency]
        [retry]
        retries = 0
        [backends.mock]
        base_url = "{}"
        [routes.m]
        tiers = [{{ models = [{{ on = "mock", requests_per_minute = {REQUESTS} }}] }}]
        "#,
        mock.base_url()
    )
}

fn ask(key: &str) -> ChatRequest {
    ChatRequest::new("m").user(format!("Read document {key}.")).key(key)
}

/// Not a test of its own: what a process of the tests below does.
#[tokio::test]
async fn worker() {
    let Ok(config) = std::env::var(CONFIG) else { return };
    let task = std::env::var(TASK).unwrap();
    let mainstay = Mainstay::from_toml(&config).unwrap();
    let mut calls = JoinSet::new();
    for n in 0..40 {
        // Keys of its own, or the same as all.
        let key = if task == "same" { format!("key-{}", n % 10) } else { format!("{task}-{n}") };
        calls.spawn(mainstay.chat(ask(&key)));
    }
    let outcomes = calls.join_all().await;
    let answered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    for failure in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(failure.fault().kind, FaultKind::Shed, "{failure}");
    }
    mainstay.close().await;
    eprintln!("answered {answered}.");
}

fn start(config: &str, task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shared::worker", "--nocapture"])
        .envs([(CONFIG, config), (TASK, task)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What each of four processes was answered.
async fn four(config: String, tasks: [&'static str; 4]) -> Vec<u64> {
    let run = move || {
        let processes = tasks.map(|task| start(&config, task));
        processes.map(|process| {
            let output = process.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            said.split_once("answered ").unwrap().1.split_once('.').unwrap().0.parse().unwrap()
        })
    };
    spawn_blocking(run).await.unwrap().to_vec()
}

#[tokio::test]
async fn four_processes_keep_one_limit_together() {
    let Some(redis) = TestServer::start(&[]).await else { return };
    let mock = MockOpenAi::builder().start().await.unwrap();
    let began = Instant::now();
    let answered = four(config(&mock, &redis.url(), ""), ["a", "b", "c", "d"]).await;
    let (sum, arrived) = (answered.iter().sum::<u64>(), mock.stats().calls);
    assert_eq!(sum, arrived, "{answered:?}");
    // 160 ask; one comes back each second.
    let bound = REQUESTS + began.elapsed().as_secs() * REQUESTS / 60;
    assert!((REQUESTS * 95 / 100..=bound).contains(&arrived), "{arrived} of {bound}");
}

#[tokio::test]
async fn four_processes_run_each_key_once() {
    let Some(redis) = TestServer::start(&[]).await else { return };
    let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_millis(30)));
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", slow)).start().await.unwrap();
    let answered = four(config(&mock, &redis.url(), ""), ["same"; 4]).await;
    assert_eq!(answered, [40; 4]);
    let ran = mock.stats().begun;
    assert!(ran.len() == 10 && ran.values().all(|runs| *runs == 1), "{ran:?}");
}

#[tokio::test]
async fn while_redis_is_away_nobody_hangs_and_a_local_share_serves_calls_without_keys() {
    let Some(mut redis) = TestServer::start(&[]).await else { return };
    let mock = MockOpenAi::builder().start().await.unwrap();
    redis.kill();
    for (share, served) in [("", 0), ("redis_local_share = 0.25", 15)] {
        let mainstay = Mainstay::from_toml(&config(&mock, &redis.url(), share)).unwrap();
        let mut answered = 0;
        for _ in 0..30 {
            let call = mainstay.chat(ChatRequest::new("m").user("Hello."));
            match timeout(Duration::from_secs(30), call).await.expect("a call hangs") {
                Ok(_) => answered += 1,
                Err(failure) => assert_eq!(failure.fault().kind, FaultKind::Shed, "{failure}"),
            }
        }
        assert!((served..=served + 2).contains(&answered), "{share}: {answered}");
        let keyed = mainstay.chat(ask("key")).await.unwrap_err();
        assert_eq!(keyed.fault().kind, FaultKind::Shed, "{keyed}");
    }
}

/// A request a minute on each of two backends, in this order.
fn in_order(one: &MockOpenAi, other: &MockOpenAi, redis: &str) -> Mainstay {
    let text = format!(
        r#"
        max_wait = "0s"
        redis_url = {{ insecure = "{redis}" }}
        [backends.one]
        base_url = "{}"
        [backends.other]
        base_url = "{}"
        [routes.m]
        tiers = [{{ strategy = "in_order", models = [
            {{ on = "one", requests_per_minute = 1 }},
            {{ on = "other", requests_per_minute = 6000 }},
        ] }}]
        "#,
        one.base_url(),
        other.base_url()
    );
    Mainstay::from_toml(&text).unwrap()
}

#[tokio::test]
async fn a_limit_that_others_have_used_up_sends_calls_elsewhere() {
    let Some(redis) = TestServer::start(&[]).await else { return };
    let [one, other] =
        [MockOpenAi::builder().start().await.unwrap(), MockOpenAi::builder().start().await.unwrap()];
    let server = Redis::open(&redis.url()).unwrap().timeout(Duration::from_secs(30));
    let others = SharedLimits::new("one/m").requests_per_minute(1).unwrap().on(server);
    others.reserve(0, Patience::new(Duration::ZERO)).await.unwrap().settle(0);
    let mainstay = in_order(&one, &other, &redis.url());
    let ask = || mainstay.chat(ChatRequest::new("m").user("Hello."));
    // The first is refused by the server's word, and goes on.
    let first = eventually("the server is found", async || ask().await.ok()).await;
    let mut attempts = first.report.attempts.len();
    for _ in 0..9 {
        attempts += ask().await.unwrap().report.attempts.len();
    }
    assert_eq!((one.stats().calls, other.stats().calls), (0, 10));
    assert!(attempts <= 11, "{attempts} attempts of 10 calls");
    let status = mainstay.status();
    let requests: Vec<_> = status.limits.iter().map(|limit| limit.requests).collect();
    assert!(requests[0] == Some(0) && requests[1].is_some_and(|left| left < 6_000), "{requests:?}");
}

#[tokio::test]
async fn what_is_closed_has_settled() {
    let Some(redis) = TestServer::start(&[]).await else { return };
    let mock = MockOpenAi::builder().start().await.unwrap();
    let limits = Limits::default().tokens_per_minute(100_000).unwrap();
    let builder = Mainstay::builder().base_url(mock.base_url()).limits("m", limits).redis_prefix("app:");
    let mainstay =
        builder.redis_url(redis.url(), None).redis_timeout(Duration::from_secs(5)).build().unwrap();
    let ask = async || mainstay.chat(ChatRequest::new("m").user("Hello.")).await.ok();
    eventually("it is answered", ask).await;
    eventually("the server is there", async || {
        mainstay.close().await;
        let settled: Vec<String> = redis.ask(&["KEYS", "app:*:settled:*"]).await;
        (settled.len() == 1).then_some(())
    })
    .await;
    assert!(mainstay.status().limits[0].tokens.is_some_and(|left| left < 100_000));
}

/// A mock with a plan for its model, and what calls it within shared limits, without waiting and without retries.
async fn limited(plan: ModelPlan, redis: &TestServer, limits: Limits) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let builder = Mainstay::builder().base_url(mock.base_url()).limits("m", limits).max_wait(Duration::ZERO);
    let builder = builder.retry(RetryPolicy::default().retries(0)).redis_url(redis.url(), None);
    (mock, builder.redis_timeout(Duration::from_secs(30)).build().unwrap())
}

#[tokio::test]
async fn what_the_server_says_of_a_limit_that_is_not_set_counts_beside_shared_ones() {
    let Some(redis) = TestServer::start(&[]).await else { return };
    let some = [Limits::default(), Limits::default().requests_per_minute(600).unwrap().in_flight(9).unwrap()];
    for limits in some {
        let (mock, mainstay) = limited(ModelPlan::new().tokens_per_minute(6_000), &redis, limits).await;
        let long = || mainstay.chat(ChatRequest::new("m").user("x".repeat(16_000)));
        long().await.unwrap();
        let fault = long().await.unwrap_err().fault();
        assert!(fault.kind == FaultKind::Shed && fault.retry_after > Some(Duration::ZERO), "{fault:?}");
        assert_eq!(mock.stats().calls, 1, "the other was not sent");
        mainstay.close().await;
    }
    let keys: Vec<String> = redis.ask(&["KEYS", "mainstay:*:limits"]).await;
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let shared: Vec<String> = redis.ask(&["HKEYS", key]).await;
    assert_eq!(shared, ["requests"], "what is not set is not shared");
}

#[tokio::test]
async fn limits_that_are_paused_hold_calls_back_though_others_share_them() {
    let Some(redis) = TestServer::start(&[]).await else { return };
    let limits = Limits::default().requests_per_minute(600).unwrap();
    let (mock, mainstay) = limited(ModelPlan::new(), &redis, limits).await;
    let ask = || mainstay.chat(ChatRequest::new("m").user("Hello."));
    ask().await.unwrap();
    mainstay.limits().into_values().next().unwrap().pause(Duration::from_secs(3_600));
    let fault = ask().await.unwrap_err().fault();
    assert_eq!(fault.kind, FaultKind::Shed);
    assert!(fault.retry_after > Some(Duration::from_secs(3_500)), "{fault:?}");
    assert_eq!(mock.stats().calls, 1);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let refused = |text: &str| Config::from_toml(text).unwrap_err().to_string();
    let file = "redis_url = { env = \"URL\" }\n[idempotency]\npath = \"keys.redb\"";
    assert!(refused(file).contains("idempotency.path"), "{}", refused(file));
    assert!(refused("redis_local_share = 0.5").contains("without redis_url"));
    assert!(refused("redis_url = { env = \"URL\" }\nredis_local_share = 1.5").contains("is 1.5"));
    assert!(refused("redis_prefix = \"app:\"").contains("redis_prefix"));
    assert!(refused("redis_url = { env = \"URL\" }\nredis_timeout = \"0s\"").contains("redis_timeout"));
    let clear = refused("redis_url = \"redis://:secret@host/\"");
    assert!(!clear.contains("secret@"), "{clear}");
    let wrong = Mainstay::from_toml("redis_url = { insecure = \"http://:secret@host/\" }").unwrap_err();
    let text = wrong.to_string();
    assert!(text.contains("redis_url") && !text.contains("secret"), "{text}");
}
