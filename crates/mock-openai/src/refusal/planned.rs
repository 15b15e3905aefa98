//! The refusals among the planned faults.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{ErrorBody, Overlong, Refusal};
use crate::fault::{RetryAfter, WholeFault};

const SERVER_ERROR: &str = "The server had an error while processing your request. Sorry about that!";

// === impl Refusal ===

impl Refusal {
    /// What is answered to a fault that is a refusal; `None` for those that are not.
    pub(crate) fn planned(fault: &WholeFault, model: &str, overlong: Overlong) -> Option<Self> {
        Some(match fault {
            WholeFault::RateLimited(retry) => planned_limit(model, retry),
            WholeFault::InsufficientQuota => insufficient_quota(),
            WholeFault::PaymentRequired => {
                let body =
                    ErrorBody::new("insufficient_quota", "Insufficient credits. Add more to continue.");
                Self::json("payment_required", StatusCode::PAYMENT_REQUIRED, &body.code("payment_required"))
            }
            WholeFault::Overloaded(retry) => Self::overloaded().with_headers(retry.headers()),
            WholeFault::Overloaded529(retry) => overloaded_529(retry),
            WholeFault::RequestTimeout => {
                let body =
                    ErrorBody::new("timeout", "The request took too long to arrive.").code("request_timeout");
                Self::json("request_timeout", StatusCode::REQUEST_TIMEOUT, &body)
            }
            WholeFault::ServerError => {
                let body = ErrorBody::new("server_error", SERVER_ERROR);
                Self::json("server_error", StatusCode::INTERNAL_SERVER_ERROR, &body)
            }
            WholeFault::BadGateway => Self::with_type(
                "bad_gateway",
                StatusCode::BAD_GATEWAY,
                "text/html",
                html(StatusCode::BAD_GATEWAY),
            ),
            WholeFault::GatewayTimeout => Self::with_type(
                "gateway_timeout",
                StatusCode::GATEWAY_TIMEOUT,
                "text/plain",
                "upstream request timeout",
            ),
            WholeFault::Unauthorized => Self::unauthorized(Some("sk-planned-fault")),
            WholeFault::Forbidden => forbidden(),
            WholeFault::ModelNotFound => Self::model_not_found(model),
            WholeFault::ContextLength(dialect) => Self::context_length(*dialect, overlong),
            WholeFault::ContentFilter(dialect) => Self::content_filter(*dialect),
            WholeFault::InvalidRequest => {
                Self::invalid_value("temperature", "9", "expected a value at most 2")
            }
            WholeFault::Status { status, headers, body } => {
                let refusal = any_status(*status, body.as_deref());
                let headers = headers.iter().filter_map(|(name, value)| {
                    Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
                });
                refusal.with_headers(headers)
            }
            _ => return None,
        })
    }
}

/// The page of a proxy.
pub(crate) fn html(status: StatusCode) -> Bytes {
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    page.into()
}

fn planned_limit(model: &str, retry: &RetryAfter) -> Refusal {
    let message = format!("Rate limit reached for {model} in organization org-mock. Please try again later.");
    Refusal::rate_limited("requests", message, None).with_headers(retry.headers())
}

fn insufficient_quota() -> Refusal {
    let message = "You exceeded your current quota, please check your plan and billing details. For more information on \
                   this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
    let body = ErrorBody::new("insufficient_quota", message).code("insufficient_quota");
    Refusal::json("insufficient_quota", StatusCode::TOO_MANY_REQUESTS, &body)
}

fn overloaded_529(retry: &RetryAfter) -> Refusal {
    let body = ErrorBody::new("overloaded_error", "Overloaded");
    let status = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    Refusal::json("overloaded_529", status, &body).with_headers(retry.headers())
}

fn forbidden() -> Refusal {
    let body = ErrorBody::new("request_forbidden", "Country, region, or territory not supported");
    Refusal::json("forbidden", StatusCode::FORBIDDEN, &body.code("unsupported_country_region_territory"))
}

fn any_status(status: u16, body: Option<&str>) -> Refusal {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        Some(body) => Refusal::with_type("status", status, "application/json", body.to_owned()),
        None => Refusal::json(
            "status",
            status,
            &ErrorBody::new("mock_error", format!("A planned fault: {status}")),
        ),
    }
}
