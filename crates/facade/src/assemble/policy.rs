use mainstay_backoff::{Exponential, Jitter, RetryBudget, RetryPolicy};

use crate::{BuildError, ConfigError, JitterConfig, RetryConfig, config::Spot};

/// When calls are sent again, as a configuration says; what that is paid from is to be set.
pub(crate) fn policy(config: &RetryConfig, spot: &Spot) -> Result<RetryPolicy, BuildError> {
    let jitter = match config.jitter {
        JitterConfig::None => Jitter::None,
        JitterConfig::Full => Jitter::Full,
        JitterConfig::Equal => Jitter::Equal,
        JitterConfig::Proportional => Jitter::default(),
    };
    let invalid =
        |error: mainstay_backoff::InvalidBackoff| ConfigError::invalid(spot.invalid(error.to_string()));
    let backoff = Exponential::new(config.base, config.factor, config.cap).map_err(invalid)?;
    Ok(RetryPolicy::default()
        .retries(config.retries)
        .backoff(backoff)
        .cap(config.cap)
        .jitter(jitter)
        .max_wait(config.max_wait))
}

/// What retries are paid from, as a configuration says.
pub(super) fn budget(config: &RetryConfig, spot: &Spot) -> Result<RetryBudget, BuildError> {
    let Some(budget) = config.budget else { return Ok(RetryBudget::default()) };
    let invalid = |error: mainstay_backoff::InvalidBackoff| {
        ConfigError::invalid(spot.key("budget").invalid(error.to_string()))
    };
    Ok(RetryBudget::new(budget.ratio, budget.floor, budget.burst).map_err(invalid)?)
}
