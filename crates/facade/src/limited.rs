//! The limits of a model on a backend, as they are looked at: this process's own, or those that others share.

use std::{sync::Arc, time::Duration};

use mainstay_bucket::Limits;
#[cfg(feature = "redis")]
use mainstay_bucket::redis::RedisLimits;
use mainstay_router::{Gate, Profile};

/// The limits of a model on a backend, which are a gate before it, too.
#[derive(Clone, Debug)]
pub(crate) struct Limited {
    own: Arc<Limits>,
    /// Those that other processes share, if they do: calls keep within both, and these look at both.
    #[cfg(feature = "redis")]
    shared: Option<RedisLimits>,
}

/// Looks at what counts.
macro_rules! look {
    ($limited:ident.$method:ident($($argument:expr),*)) => {{
        #[cfg(feature = "redis")]
        if let Some(shared) = &$limited.shared {
            return shared.$method($($argument),*);
        }
        $limited.own.$method($($argument),*)
    }};
}

// === impl Limited ===

impl Limited {
    pub(crate) const fn new(own: Arc<Limits>, #[cfg(feature = "redis")] shared: Option<RedisLimits>) -> Self {
        Self {
            own,
            #[cfg(feature = "redis")]
            shared,
        }
    }

    /// This process's own limits, whether others share them or not.
    pub(crate) fn into_own(self) -> Arc<Limits> {
        self.own
    }

    pub(crate) fn wait_for(&self, tokens: u64) -> Option<Duration> {
        look!(self.wait_for(tokens))
    }

    pub(crate) fn requests_available(&self) -> Option<i64> {
        look!(self.requests_available())
    }

    pub(crate) fn tokens_available(&self) -> Option<i64> {
        look!(self.tokens_available())
    }

    pub(crate) fn in_flight_available(&self) -> Option<i64> {
        look!(self.in_flight_available())
    }

    pub(crate) fn waiting(&self) -> usize {
        look!(self.waiting())
    }

    /// Hands in what is still to be settled; tells whether all is.
    #[cfg(feature = "redis")]
    pub(crate) async fn flush(&self) -> bool {
        match &self.shared {
            Some(shared) => shared.flush().await,
            None => true,
        }
    }
}

impl Gate for Limited {
    fn opens_in(&self, profile: &Profile<'_>) -> Option<Duration> {
        match self.wait_for(profile.input_tokens.saturating_add(profile.output_tokens)) {
            Some(Duration::ZERO) => None,
            // When a place comes free among the calls in flight cannot be told; not for ever, though.
            wait => Some(wait.unwrap_or(Duration::from_millis(100))),
        }
    }

    fn queues(&self) -> bool {
        true
    }
}
