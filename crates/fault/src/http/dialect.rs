use ::http::StatusCode;

use super::ErrorBody;
use crate::FaultKind;

/// Judges an error object by its codes, then its type, then its words. `None` where only the status is left.
pub(super) fn kind_of(status: Option<StatusCode>, body: &ErrorBody) -> Option<FaultKind> {
    [&body.inner_code, &body.code, &body.kind]
        .into_iter()
        .flatten()
        .find_map(|code| kind_of_code(code))
        .or_else(|| kind_of_words(status, body.message.as_deref()?))
}

/// The codes and types that say enough by themselves.
///
/// Sources: the error pages of OpenAI, Azure OpenAI, Anthropic and Google; the sources of llama.cpp and vLLM.
/// What is left out on purpose: `invalid_request_error` and its like, which stand beside every other code.
fn kind_of_code(code: &str) -> Option<FaultKind> {
    Some(match code {
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "slow_down"
        | "too_many_requests"
        | "TooManyRequests" => FaultKind::RateLimited,
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "billing_error"
        | "insufficient_credits" => FaultKind::QuotaExhausted,
        "overloaded_error" | "overloaded" | "server_is_overloaded" | "engine_overloaded" | "UNAVAILABLE" => {
            FaultKind::Overloaded
        }
        "server_error"
        | "api_error"
        | "internal_server_error"
        | "internal_error"
        | "timeout_error"
        | "InternalServerError"
        | "INTERNAL"
        | "DEADLINE_EXCEEDED" => FaultKind::Unavailable,
        "context_length_exceeded" | "exceed_context_size_error" | "context_window_exceeded" => {
            FaultKind::ContextLength
        }
        "content_filter"
        | "content_policy_violation"
        | "content_filtered"
        | "ResponsibleAIPolicyViolation"
        | "moderation_blocked" => FaultKind::ContentFiltered,
        "model_not_found" | "DeploymentNotFound" | "model_not_available" | "deployment_not_found" => {
            FaultKind::ModelNotFound
        }
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "invalid_authentication"
        | "account_deactivated"
        | "unsupported_country_region_territory"
        | "UNAUTHENTICATED"
        | "PERMISSION_DENIED"
        | "PermissionDenied" => FaultKind::Auth,
        code if code.contains("_spend_limit_") || code.contains("_usage_limit_") => FaultKind::QuotaExhausted,
        _ => return None,
    })
}

/// The wordings of servers that have no code for an overlong prompt, a missing model, money that is gone or a key that is none.
///
/// Read only under the statuses that those servers send them with: a 500 that happens to speak of a context stays
/// a 500, and a 429 that names the model stays a 429.
fn kind_of_words(status: Option<StatusCode>, message: &str) -> Option<FaultKind> {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match status.map_or(400, |status| status.as_u16()) {
        200 | 400 | 413 | 422 if says(&OVERLONG) => Some(FaultKind::ContextLength),
        200 | 400 | 404 if says(&["model", "deployment"]) && says(&MISSING) => Some(FaultKind::ModelNotFound),
        // Anthropic: the name alone, as "model: claude-0".
        404 if message.starts_with("model:") => Some(FaultKind::ModelNotFound),
        // Anthropic.
        200 | 400 if says(&["credit balance is too low"]) => Some(FaultKind::QuotaExhausted),
        // Google.
        200 | 400 if says(&["api key not valid"]) => Some(FaultKind::Auth),
        _ => None,
    }
}

const OVERLONG: [&str; 11] = [
    "maximum context length",     // OpenAI, vLLM
    "max_model_len",              // vLLM
    "available context size",     // llama.cpp
    "exceeds the context length", // Ollama
    "exceeds maximum context",    // Ollama
    "exceeds the context window", // OpenAI
    "exceed context limit",       // Anthropic
    "prompt is too long",         // Anthropic
    "input token count exceeds",  // Google
    "longer than the model's context length",
    "reduce the length of the messages",
];

const MISSING: [&str; 4] = ["not found", "does not exist", "not exist", "not supported for generatecontent"];
