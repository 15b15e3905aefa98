//! Planned refusals, as they are seen on the wire.

use std::{collections::BTreeMap, time::Duration};

use mainstay_mock_openai::{Dialect, RetryAfter, WholeFault};
use serde_json::Value;

use crate::support::{Exchange, chat, failing, prompt, streamed};

async fn refused(fault: WholeFault) -> Exchange {
    let mock = failing(fault.clone()).await;
    let refusal = chat(&mock, &prompt("Hello there")).await;
    assert_eq!(
        chat(&mock, &streamed("Hello there")).await.status(),
        refusal.status(),
        "a stream is refused alike"
    );
    let name = mainstay_mock_openai::FaultSpec::from(fault).name();
    assert_eq!(mock.stats().outcome(name), 2, "{name}");
    refusal
}

#[tokio::test]
async fn each_refusal_has_its_status_and_its_code() {
    let cases = [
        (WholeFault::RateLimited(RetryAfter::default()), 429, "rate_limit_exceeded"),
        (WholeFault::InsufficientQuota, 429, "insufficient_quota"),
        (WholeFault::PaymentRequired, 402, "payment_required"),
        (WholeFault::Overloaded(RetryAfter::default()), 503, ""),
        (WholeFault::Overloaded529(RetryAfter::default()), 529, ""),
        (WholeFault::RequestTimeout, 408, "request_timeout"),
        (WholeFault::ServerError, 500, ""),
        (WholeFault::Unauthorized, 401, "invalid_api_key"),
        (WholeFault::Forbidden, 403, "unsupported_country_region_territory"),
        (WholeFault::ModelNotFound, 404, "model_not_found"),
        (WholeFault::ContextLength(Dialect::Openai), 400, "context_length_exceeded"),
        (WholeFault::ContentFilter(Dialect::Openai), 400, "content_policy_violation"),
        (WholeFault::ContentFilter(Dialect::Azure), 400, "content_filter"),
        (WholeFault::InvalidRequest, 400, "invalid_value"),
    ];
    for (fault, status, code) in cases {
        let refusal = refused(fault).await;
        assert_eq!((refusal.status(), refusal.error_code().as_str()), (status, code));
        assert_eq!(refusal.header("content-type").unwrap(), "application/json");
    }
}

#[tokio::test]
async fn an_overload_is_told_by_its_type() {
    for fault in
        [WholeFault::Overloaded(RetryAfter::raw("7")), WholeFault::Overloaded529(RetryAfter::raw("7"))]
    {
        let refusal = refused(fault).await;
        assert_eq!(refusal.json()["error"]["type"], "overloaded_error");
        assert_eq!(refusal.header("retry-after").unwrap(), "7");
    }
}

#[tokio::test]
async fn a_proxys_errors_are_no_json() {
    let bad = refused(WholeFault::BadGateway).await;
    assert_eq!((bad.status(), bad.header("content-type").unwrap().as_str()), (502, "text/html"));
    assert!(bad.text().starts_with("<html>"));
    assert_eq!(refused(WholeFault::GatewayTimeout).await.text(), "upstream request timeout");
}

#[tokio::test]
async fn retry_after_is_sent_in_any_shape_or_not_at_all() {
    for text in ["2", "1.5", "0", "-1", "abc", "86400"] {
        let refusal = refused(WholeFault::RateLimited(RetryAfter::raw(text))).await;
        assert_eq!(refusal.header("retry-after").as_deref(), Some(text));
    }
    let millis = refused(WholeFault::RateLimited(RetryAfter::millis("250"))).await;
    assert_eq!(millis.header("retry-after-ms").as_deref(), Some("250"));
    let none = refused(WholeFault::RateLimited(RetryAfter::default())).await;
    assert_eq!((none.header("retry-after"), none.header("retry-after-ms")), (None, None));
}

#[tokio::test]
async fn a_date_to_retry_after_is_told_by_the_servers_own_clock() {
    for skew in [0, 3600, -3600] {
        let shape = RetryAfter::date(Duration::from_secs(90)).clock_skew(skew);
        let refusal = refused(WholeFault::RateLimited(shape)).await;
        let date = |name: &str| httpdate::parse_http_date(&refusal.header(name).unwrap()).unwrap();
        let wait = date("retry-after").duration_since(date("date")).unwrap();
        // The two are written within one second, or on both sides of its end.
        assert!((89..=91).contains(&wait.as_secs()), "{wait:?}");
    }
}

#[tokio::test]
async fn an_overlong_context_is_refused_in_four_dialects() {
    let refusal = |dialect| refused(WholeFault::ContextLength(dialect));
    let openai = refusal(Dialect::Openai).await.json();
    assert!(
        openai["error"]["message"].as_str().unwrap().starts_with("This model's maximum context length is ")
    );
    let llama = refusal(Dialect::LlamaCpp).await.json();
    assert_eq!(
        (&llama["error"]["code"], &llama["error"]["type"]),
        (&400.into(), &"exceed_context_size_error".into())
    );
    assert!(llama["error"]["n_prompt_tokens"].as_u64() > llama["error"]["n_ctx"].as_u64());
    let vllm = refusal(Dialect::Vllm).await.json();
    assert_eq!((&vllm["error"]["code"], &vllm["error"]["type"]), (&400.into(), &"BadRequestError".into()));
    let ollama = refusal(Dialect::Ollama).await.json();
    assert_eq!(ollama["error"]["message"], "the input length exceeds the context length");
}

#[tokio::test]
async fn azures_filter_says_what_it_found() {
    let refusal = refused(WholeFault::ContentFilter(Dialect::Azure)).await.json();
    let found = &refusal["error"]["innererror"];
    assert_eq!(found["code"], "ResponsibleAIPolicyViolation");
    assert_eq!(found["content_filter_result"]["violence"]["filtered"], true);
}

#[tokio::test]
async fn any_status_comes_with_any_headers_and_body() {
    let headers = BTreeMap::from([("x-should-retry".to_owned(), "false".to_owned())]);
    let teapot = WholeFault::Status { status: 418, headers, body: Some("short and stout".to_owned()) };
    let refusal = refused(teapot).await;
    assert_eq!((refusal.status(), refusal.text().as_str()), (418, "short and stout"));
    assert_eq!(refusal.header("x-should-retry").unwrap(), "false");
    let bare = refused(WholeFault::status(522)).await;
    assert_eq!((bare.status(), &bare.json()["error"]["param"]), (522, &Value::Null));
}
