use mainstay_bucket::{InvalidLimit, Limits};

use crate::ServedConfig;

/// The limits of a model on a backend as numbers, wherever they were said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    requests_per_minute: Option<u64>,
    tokens_per_minute: Option<u64>,
    in_flight: Option<u32>,
}

// === impl Numbers ===

impl Numbers {
    /// What both say; `Err` with the field that they say differently, and both values.
    pub(crate) fn merged(mut self, served: &ServedConfig) -> Result<Self, (&'static str, u64, u64)> {
        agree("requests_per_minute", &mut self.requests_per_minute, served.requests_per_minute)?;
        agree("tokens_per_minute", &mut self.tokens_per_minute, served.tokens_per_minute)?;
        agree("in_flight", &mut self.in_flight, served.in_flight)?;
        Ok(self)
    }

    /// The limits that are set.
    pub(super) fn limits(self) -> Result<Limits, InvalidLimit> {
        let mut limits = Limits::default();
        if let Some(requests) = self.requests_per_minute {
            limits = limits.requests_per_minute(requests)?;
        }
        if let Some(tokens) = self.tokens_per_minute {
            limits = limits.tokens_per_minute(tokens)?;
        }
        match self.in_flight {
            Some(calls) => limits.in_flight(calls),
            None => Ok(limits),
        }
    }
}

fn agree<N: Copy + PartialEq + Into<u64>>(
    field: &'static str,
    known: &mut Option<N>,
    said: Option<N>,
) -> Result<(), (&'static str, u64, u64)> {
    match (*known, said) {
        (Some(known), Some(said)) if known != said => Err((field, said.into(), known.into())),
        (None, said) => {
            *known = said;
            Ok(())
        }
        _ => Ok(()),
    }
}
