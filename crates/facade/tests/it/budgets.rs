//! What budgets reserve, and what they are charged for calls that were never sent.

use std::time::Duration;

use mainstay::{ChatRequest, Mainstay};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, WholeFault};

/// A server, and a stack on it with a budget of 50 dollars, where a thousand tokens of an answer cost one.
async fn start(plan: ModelPlan, settings: &str, served: &str, tiers: usize) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let tier =
        format!(r#"{{ models = [{{ on = "mock", price = {{ input = 0, output = 1000 }}, {served} }}] }}"#);
    let toml = format!(
        "budget = {{ dollars = 50 }}\n{settings}\n[backends.mock]\nbase_url = {:?}\n[routes.m]\ntiers = [{}]",
        mock.base_url(),
        vec![tier; tiers].join(", ")
    );
    (mock, Mainstay::from_toml(&toml).unwrap())
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Tell me of the sea.").max_tokens(10_000)
}

fn spent(mainstay: &Mainstay) -> f64 {
    mainstay.status().budgets[0].spent
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_the_deadline_leaves_no_time_costs_nothing() {
    let hangs = ModelPlan::new().fault(WholeFault::Hang, 1.0);
    let settings = "deadline = \"5s\"\n[retry]\nretries = 0";
    let (mock, mainstay) = start(hangs, settings, "", 2).await;
    mainstay.chat(ask()).await.unwrap_err();
    assert_eq!(mock.stats().calls, 1, "the second tier was not asked");
    assert!((spent(&mainstay) - 10.0).abs() < 1e-9, "{}", spent(&mainstay));
}

/// A thousand tokens of an answer cost a dollar. A request says how many an answer has at the most, else its model does, else 500 are
/// expected.
#[tokio::test(start_paused = true)]
async fn what_is_reserved_is_the_longest_answer() {
    let most = "max_output_tokens = 4_000";
    let open = || ChatRequest::new("m").user("Tell me of the sea.");
    let two = || {
        let mut request = open();
        request.n = Some(2);
        request
    };
    for (served, request, dollars) in [
        ("", ask(), 10.0),
        ("", open(), 0.5),
        ("", two(), 1.0),
        (most, ask(), 10.0),
        (most, open(), 4.0),
        (most, two(), 8.0),
        (most, two().max_tokens(100), 0.2),
    ] {
        let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_secs(20)));
        let (_mock, mainstay) = start(slow, "", served, 1).await;
        let call = tokio::spawn(mainstay.chat(request));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!((spent(&mainstay) - dollars).abs() < 1e-9, "{served}: {} of {dollars}", spent(&mainstay));
        call.await.unwrap().unwrap();
        assert!(spent(&mainstay) < dollars, "settled on what was used");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_in_the_line_costs_nothing() {
    let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_secs(20)));
    let (mock, mainstay) = start(slow, "", "in_flight = 1", 1).await;
    let sent = tokio::spawn(mainstay.chat(ask()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    for waited in [1, 5] {
        let waiting = tokio::time::timeout(Duration::from_secs(waited), mainstay.chat(ask()));
        waiting.await.unwrap_err();
        assert_eq!(mock.stats().calls, 1, "it was not sent");
        assert!((spent(&mainstay) - 10.0).abs() < 1e-9, "{}", spent(&mainstay));
    }
    // One that is sent after its wait is charged all the same.
    let waiting = tokio::spawn(mainstay.chat(ask()));
    sent.await.unwrap().unwrap();
    let before = spent(&mainstay);
    tokio::time::sleep(Duration::from_secs(1)).await;
    waiting.abort();
    waiting.await.unwrap_err();
    assert_eq!(mock.stats().calls, 2, "it was sent");
    assert!((spent(&mainstay) - before).abs() < 1e-9, "what was reserved stands");
}
