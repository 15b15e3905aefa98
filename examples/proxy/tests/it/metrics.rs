use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};

use crate::proxy::{Proxy, ask, ask_stream, settings};

#[tokio::test]
async fn what_happened_is_counted() {
    let plan = Plan::new().model("m", ModelPlan::new().sequence([WholeFault::ServerError]));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let text = settings(&mock, &["m"])
        .replace("retries = 0", "retries = 1\nbase = \"1ms\"")
        .replace("on = \"mock\"", "on = \"mock\", price = { input = 2.5, output = 10.0 }");
    let proxy = Proxy::start(&text).await;
    for body in [ask("m"), ask_stream("m"), ask("made up")] {
        proxy.post(&body).send().await.unwrap().text().await.unwrap();
    }
    let response = proxy.get("/metrics").await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = response.text().await.unwrap();
    let stats = mock.stats();
    for line in [
        "proxy_requests_total{path=\"/v1/chat/completions\",status=\"200\"} 2".to_owned(),
        "proxy_requests_total{path=\"/v1/chat/completions\",status=\"404\"} 1".to_owned(),
        "proxy_calls_total{model=\"m\",outcome=\"ok\"} 2".to_owned(),
        "proxy_calls_total{model=\"other\",outcome=\"model_not_found\"} 1".to_owned(),
        "proxy_calls_in_flight{model=\"m\"} 0".to_owned(),
        "proxy_attempts_total{backend=\"mock/m\",outcome=\"unavailable\"} 1".to_owned(),
        "proxy_attempts_total{backend=\"mock/m\",outcome=\"ok\"} 2".to_owned(),
        format!("proxy_tokens_total{{model=\"m\",kind=\"input\"}} {}", stats.prompt_tokens),
        format!("proxy_tokens_total{{model=\"m\",kind=\"output\"}} {}", stats.completion_tokens),
        "proxy_call_seconds_count{model=\"m\"} 2".to_owned(),
        "proxy_first_token_seconds_count{model=\"m\"} 1".to_owned(),
        "proxy_dollars{model=\"m\"} 0.0".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\nis not in\n{text}");
    }
    assert_eq!(
        proxy.json("/health").await,
        serde_json::json!({"status": "ok", "models": 1, "set_aside": []})
    );
}
