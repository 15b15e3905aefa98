use mainstay_fault::{Fault, FaultKind, HasFault, PastDeadline};
use mainstay_idempotency::{Fingerprint, KeyOf, Refused};

/// What is asked: a key, and a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask(pub(crate) Option<&'static str>, pub(crate) u32);

/// What a call fails with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failed {
    Inner(FaultKind),
    /// Its own deadline has passed.
    TooLate,
    Refused(Refused),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ByKey;

impl KeyOf<Ask> for ByKey {
    fn key<'a>(&self, ask: &'a Ask) -> Option<&'a str> {
        ask.0
    }

    fn fingerprint(&self, ask: &Ask) -> Fingerprint {
        Fingerprint::new(ask.1.into())
    }
}

impl HasFault for Failed {
    fn fault(&self) -> Fault {
        match self {
            Self::Inner(kind) => (*kind).into(),
            Self::TooLate => Fault::new(FaultKind::Timeout).with_past_deadline(PastDeadline::CutOff),
            Self::Refused(refused) => refused.fault(),
        }
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
