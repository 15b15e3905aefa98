//! Error bodies of real servers, and what they mean.

use http::{HeaderMap, HeaderValue, StatusCode};
use mainstay_fault::{
    FaultKind::{self, *},
    http::{ErrorBody, fault_of, kind_of_event},
};
use proptest::prelude::*;

const LLAMA_OVERFLOW: &str = include_str!("../fixtures/context_overflow.body");
const LLAMA_BAD_JSON: &str = include_str!("../fixtures/bad_json.body");

fn judge(status: u16, body: &str) -> FaultKind {
    fault_of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes()).kind
}

#[test]
fn openai() {
    let error = |kind: &str, code: &str| {
        format!(r#"{{"error":{{"message":"…","type":"{kind}","param":null,"code":"{code}"}}}}"#)
    };
    for (status, kind, code, expected) in [
        (429, "tokens", "rate_limit_exceeded", RateLimited),
        (429, "requests", "rate_limit_exceeded", RateLimited),
        (503, "service_unavailable_error", "slow_down", RateLimited),
        (429, "insufficient_quota", "insufficient_quota", QuotaExhausted),
        (429, "billing", "project_spend_limit_reached", QuotaExhausted),
        (429, "billing", "organization_usage_limit_exceeded", QuotaExhausted),
        (400, "invalid_request_error", "billing_hard_limit_reached", QuotaExhausted),
        (401, "invalid_request_error", "invalid_api_key", Auth),
        (404, "invalid_request_error", "model_not_found", ModelNotFound),
        (400, "invalid_request_error", "context_length_exceeded", ContextLength),
        (413, "invalid_request_error", "context_length_exceeded", ContextLength),
        (400, "invalid_request_error", "content_policy_violation", ContentFiltered),
        (400, "invalid_request_error", "invalid_type", InvalidRequest),
        (503, "server_error", "server_is_overloaded", Overloaded),
        (500, "server_error", "internal_error", Unavailable),
    ] {
        assert_eq!(judge(status, &error(kind, code)), expected, "{status} {kind} {code}");
    }
}

#[test]
fn azure() {
    let missing = r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#;
    assert_eq!(judge(404, missing), ModelNotFound);
    let filtered = r#"{"error":{"message":"The response was filtered …","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
    assert_eq!(judge(400, filtered), ContentFiltered);
    let busy = r#"{"error":{"code":"429","message":"Requests have exceeded the token rate limit. Please retry after 17 seconds."}}"#;
    assert_eq!(judge(429, busy), RateLimited);
    let gateway = r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 5 seconds."}"#;
    assert_eq!(judge(429, gateway), RateLimited);
    assert!(ErrorBody::parse(gateway.as_bytes()).unwrap().message.unwrap().starts_with("Rate limit"));
}

#[test]
fn anthropic() {
    let error = |kind: &str, message: &str| {
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#)
    };
    for (status, kind, message, expected) in [
        (529, "overloaded_error", "Overloaded", Overloaded),
        (429, "rate_limit_error", "This request would exceed your rate limit", RateLimited),
        (500, "api_error", "Internal server error", Unavailable),
        (403, "permission_error", "…", Auth),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextLength),
        (400, "invalid_request_error", "messages: roles must alternate", InvalidRequest),
        (404, "not_found_error", "model: claude-3-5-sonnet-20240620", ModelNotFound),
        (404, "not_found_error", "Not found", InvalidRequest),
        (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
            QuotaExhausted,
        ),
        (413, "request_too_large", "Request exceeds the maximum size", InvalidRequest),
    ] {
        assert_eq!(judge(status, &error(kind, message)), expected, "{status} {kind}");
    }
}

#[test]
fn llama_cpp_as_recorded() {
    assert_eq!(judge(400, LLAMA_OVERFLOW), ContextLength);
    assert_eq!(judge(400, LLAMA_BAD_JSON), InvalidRequest);
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    assert_eq!(judge(503, loading), Overloaded);
}

#[test]
fn vllm_and_ollama_have_words_and_no_code() {
    let vllm = r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5012 tokens","type":"BadRequestError","param":null,"code":400}"#;
    assert_eq!(judge(400, vllm), ContextLength);
    let vllm_model = r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#;
    assert_eq!(judge(404, vllm_model), ModelNotFound);
    let ollama = r#"{"error":{"message":"the input length exceeds the context length","type":"invalid_request_error","param":null,"code":null}}"#;
    assert_eq!(judge(400, ollama), ContextLength);
    let ollama_model = r#"{"error":"model 'llama9' not found, try pulling it first"}"#;
    assert_eq!(judge(404, ollama_model), ModelNotFound);
}

#[test]
fn google_sends_an_array_and_a_status_in_words() {
    let exhausted =
        r#"[{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED"}}]"#;
    assert_eq!(judge(429, exhausted), RateLimited);
    let unavailable =
        r#"[{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}]"#;
    assert_eq!(judge(503, unavailable), Overloaded);
    let key = r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#;
    assert_eq!(judge(400, key), Auth);
}

#[test]
fn the_status_decides_where_the_body_says_nothing() {
    for (status, expected) in [
        (200, Malformed),
        (204, Malformed),
        (302, InvalidRequest),
        (400, InvalidRequest),
        (401, Auth),
        (402, QuotaExhausted),
        (403, Auth),
        (404, InvalidRequest),
        (405, InvalidRequest),
        (408, Unavailable),
        (409, Unavailable),
        (410, ModelNotFound),
        (413, InvalidRequest),
        (415, InvalidRequest),
        (418, InvalidRequest),
        (422, InvalidRequest),
        (425, Unavailable),
        (429, RateLimited),
        (500, Unavailable),
        (502, Unavailable),
        (503, Overloaded),
        (504, Unavailable),
        (520, Unavailable),
        (524, Unavailable),
        (529, Overloaded),
    ] {
        for body in ["", "<html>Bad gateway</html>", "{}", "[]", "null", r#"{"error":null}"#, r#"{"error":"#]
        {
            assert_eq!(judge(status, body), expected, "{status} with {body:?}");
        }
    }
}

#[test]
fn words_count_only_under_the_statuses_that_they_are_sent_with() {
    let body = r#"{"error":{"message":"model x not found while the maximum context length was read"}}"#;
    assert_eq!(judge(500, body), Unavailable);
    assert_eq!(judge(429, body), RateLimited);
}

#[test]
fn an_error_without_a_status_is_judged_by_its_body() {
    let event = |body: &str| kind_of_event(&ErrorBody::parse(body.as_bytes()).unwrap());
    assert_eq!(event(r#"{"error":{"message":"…","code":"rate_limit_exceeded"}}"#), RateLimited);
    assert_eq!(event(r#"{"error":{"message":"Insufficient credits","code":402}}"#), QuotaExhausted);
    assert_eq!(event(r#"{"error":{"message":"The server had an error"}}"#), Unavailable);
    assert_eq!(judge(200, r#"{"error":{"message":"busy","code":429}}"#), RateLimited);
}

#[test]
fn the_servers_word_on_retries_is_read() {
    for (value, expected) in [("true", Some(true)), ("False", Some(false)), ("maybe", None), ("", None)] {
        let mut headers = HeaderMap::new();
        headers.insert("x-should-retry", HeaderValue::from_static(value));
        assert_eq!(fault_of(StatusCode::BAD_REQUEST, &headers, b"").should_retry, expected, "{value:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(status in 100u16..1000, body in prop::collection::vec(any::<u8>(), 0..400)) {
        let status = StatusCode::from_u16(status).unwrap();
        fault_of(status, &HeaderMap::new(), &body);
    }

    #[test]
    fn any_json_is_judged_without_panic(code in any::<i64>(), text in ".*", deep in 0usize..200) {
        let body = format!(r#"{{"error":{{"code":{code},"message":{text:?},"type":{}{}}}}}"#, "[".repeat(deep), "]".repeat(deep));
        fault_of(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
    }
}
