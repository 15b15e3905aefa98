use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};

use crate::proxy::{Proxy, ask, ask_stream, settings};

#[tokio::test]
async fn what_happened_is_counted() {
    let plan = Plan::new().model("m", ModelPlan::new().sequence([WholeFault::ServerError]));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let text = settings(&mock, &["m"]).replace("retries = 0", "retries = 1\nbase = \"1ms\"").replace(
        "on = \"mock\"",
        "on = \"mock\", price = { input = 2.5, output = 10.0 }, requests_per_minute = 100",
    );
    let proxy = Proxy::start(&text).await;
    for body in [ask("m"), ask_stream("m"), ask("made up")] {
        proxy.post(&body).send().await.unwrap().text().await.unwrap();
    }
    let response = proxy.get("/metrics").await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = response.text().await.unwrap();
    let stats = mock.stats();
    let genai = "gen_ai_operation_name=\"chat\",gen_ai_request_model=\"m\",gen_ai_provider_name=\"openai\"";
    let tokens = |kind: &str| {
        format!("gen_ai_client_token_usage_sum{{{genai},gen_ai_token_type=\"{kind}\",backend=\"mock/m\"}}")
    };
    let chats = "model=\"m\",operation=\"chat\"";
    for line in [
        "proxy_requests_total{path=\"/v1/chat/completions\",status=\"200\"} 2".to_owned(),
        "proxy_requests_total{path=\"/v1/chat/completions\",status=\"404\"} 1".to_owned(),
        format!("mainstay_calls_total{{{chats},outcome=\"answered\"}} 2"),
        "mainstay_calls_total{model=\"other\",operation=\"chat\",outcome=\"model_not_found\"} 1".to_owned(),
        format!("mainstay_calls_in_flight{{{chats}}} 0"),
        "mainstay_attempts_total{backend=\"mock/m\",outcome=\"unavailable\"} 1".to_owned(),
        "mainstay_attempts_total{backend=\"mock/m\",outcome=\"answered\"} 2".to_owned(),
        format!("{} {}", tokens("input"), stats.prompt_tokens),
        format!("{} {}", tokens("output"), stats.completion_tokens),
        format!("gen_ai_client_operation_duration_seconds_count{{{genai}}} 2"),
        format!("gen_ai_client_operation_duration_seconds_bucket{{{genai},le=\"81.92\"}} 2"),
        format!("gen_ai_client_operation_time_to_first_chunk_seconds_count{{{genai}}} 1"),
        "mainstay_dollars{backend=\"mock/m\"} 0.0".to_owned(),
        "mainstay_limit_available{backend=\"mock/m\",unit=\"requests\"} ".to_owned(),
        "# TYPE gen_ai_client_token_usage histogram".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\nis not in\n{text}");
    }
    assert_eq!(
        proxy.json("/health").await,
        serde_json::json!({"status": "ok", "models": 1, "set_aside": []})
    );
}
