//! Checks of an answer, for [`Builder::check`](crate::Builder::check): what they refuse is asked for again.
//!
//! Any closure of the same shape will do:
//!
//! ```
//! use mainstay::{ChatResponse, Rejected};
//!
//! fn polite(response: &ChatResponse) -> Result<(), Rejected> {
//!     if response.text().contains("please") { Ok(()) } else { Err(Rejected::new("the answer does not say please")) }
//! }
//! ```

use mainstay_backoff::Rejected;
use mainstay_openai_client::{ChatResponse, FinishReason};
use serde_json::Value;

/// Refuses an answer that says nothing or was cut off by the limit of tokens. A call of a tool is an answer.
pub fn complete(response: &ChatResponse) -> Result<(), Rejected> {
    if response.finish_reason() == Some(&FinishReason::Length) {
        return Err(Rejected::new("the answer was cut off: finish_reason length"));
    }
    if response.tool_calls().is_empty() && response.text().trim().is_empty() {
        return Err(Rejected::new("the answer is empty"));
    }
    Ok(())
}

/// Refuses an answer that is not [`complete`], or whose text is not JSON.
///
/// # Examples
///
/// ```
/// use mainstay::{Mainstay, check};
///
/// let mainstay = Mainstay::builder().base_url("http://127.0.0.1:8080/v1").check(check::json).build()?;
/// # Ok::<_, mainstay::BuildError>(())
/// ```
pub fn json(response: &ChatResponse) -> Result<(), Rejected> {
    complete(response)?;
    if !response.tool_calls().is_empty() {
        return Ok(());
    }
    match response.json::<Value>() {
        Ok(_) => Ok(()),
        Err(error) => Err(Rejected::new(format!("the answer is not JSON: {error}"))),
    }
}
