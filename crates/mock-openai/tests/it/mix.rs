//! The mix of faults: seeded, and the same in whatever order calls arrive.

use std::collections::BTreeMap;

use mainstay_mock_openai::{ModelPlan, Plan, WholeFault};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{chat, prompt, start};

fn mixed(seed: u64) -> Plan {
    let model = ModelPlan::new()
        .fault(WholeFault::ServerError, 0.2)
        .fault(WholeFault::BadGateway, 0.1)
        .fault(WholeFault::TruncatedJson, 0.05);
    Plan::new().seed(seed).default_model(model)
}

/// The status and the length of each prompt's answer, asked for by several clients at once.
async fn outcomes(
    plan: Plan,
    calls: usize,
    clients: usize,
) -> (BTreeMap<usize, (u16, u64)>, BTreeMap<String, u64>) {
    let mock = start(plan).await;
    let url = format!("{}/chat/completions", mock.base_url());
    let mut set = JoinSet::new();
    for client in 0..clients {
        let url = url.clone();
        set.spawn(async move {
            let http = reqwest::Client::new();
            let mut answers = BTreeMap::new();
            for at in (client..calls).step_by(clients) {
                let response = http.post(&url).json(&prompt(&format!("Question {at}"))).send().await.unwrap();
                answers.insert(at, (response.status().as_u16(), response.content_length().unwrap()));
                response.bytes().await.unwrap();
            }
            answers
        });
    }
    let answers = set.join_all().await.into_iter().flatten().collect();
    (answers, mock.stats().by_outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_fails_the_same_calls_whatever_their_order() {
    let alone = outcomes(mixed(1), 200, 1).await;
    let crowded = outcomes(mixed(1), 200, 16).await;
    assert_eq!(alone, crowded);
    assert_ne!(alone, outcomes(mixed(2), 200, 16).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probability_is_the_share_of_the_calls() {
    let (_, by_outcome) = outcomes(mixed(3), 2000, 8).await;
    // Five standard deviations to each side.
    for (name, share, deviation) in
        [("server_error", 400.0, 17.9), ("bad_gateway", 200.0, 13.4), ("truncated_json", 100.0, 9.7)]
    {
        let count = f64::from(u32::try_from(by_outcome[name]).unwrap());
        assert!((count - share).abs() < 5.0 * deviation, "{name}: {count}");
    }
    assert_eq!(by_outcome.values().sum::<u64>(), 2000);
}

#[tokio::test]
async fn a_repeated_request_draws_anew() {
    let mock = start(mixed(4)).await;
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.push(chat(&mock, &prompt("The same")).await.status());
    }
    assert!(seen.contains(&200) && seen.contains(&500), "{seen:?}");
}

#[tokio::test]
async fn the_order_of_keys_and_the_headers_do_not_matter() {
    let bodies = [
        r#"{"model":"m","messages":[{"role":"user","content":"x"}],"seed":"#,
        r#"{ "messages": [{"content": "x", "role": "user"}], "model": "m", "seed":  "#,
    ];
    let mut outcomes = Vec::new();
    for (body, header) in bodies.into_iter().zip(["", "x-attempt: 2\r\n"]) {
        let mock = start(mixed(5)).await;
        let mut statuses = Vec::new();
        for at in 0..30 {
            let body = format!("{body}{at}}}");
            let answer =
                crate::support::send(mock.addr(), "POST", "/v1/chat/completions", header, &body).await;
            statuses.push(answer.status());
        }
        outcomes.push(statuses);
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(outcomes[0].contains(&500));
}

#[tokio::test]
async fn a_certain_fault_is_certain_and_an_impossible_one_never_comes() {
    let model = ModelPlan::new().fault(WholeFault::BadGateway, 0.0).fault(WholeFault::ServerError, 1.0);
    let mock = start(Plan::new().default_model(model)).await;
    for at in 0..50 {
        let answer = chat(&mock, &prompt(&format!("Question {at}"))).await;
        assert_eq!(answer.json()["error"]["code"], Value::Null);
    }
    assert_eq!(mock.stats().outcome("server_error"), 50);
}

#[tokio::test]
async fn each_model_draws_for_itself() {
    let mock = start(mixed(6)).await;
    let mut seen = BTreeMap::new();
    for deployment in ["a", "b"] {
        mock.reset();
        for at in 0..40 {
            let request =
                serde_json::json!({"messages": [{"role": "user", "content": format!("Question {at}")}]});
            let path = format!("/openai/deployments/{deployment}/chat/completions");
            let answer = crate::support::post(mock.addr(), &path, &request).await;
            seen.entry(deployment).or_insert_with(Vec::new).push(answer.status());
        }
    }
    assert_ne!(seen["a"], seen["b"]);
}
