//! What can go wrong on purpose, and how a plan spells it.

mod retry_after;
pub(crate) mod spelling;
mod stream;
mod whole;

use std::{fmt, str::FromStr};

use self::spelling::Parameters;
pub use self::{
    retry_after::RetryAfter,
    stream::StreamFault,
    whole::{Dialect, WholeFault},
};
use crate::plan::error::{Invalid, Place};

/// One way to misbehave.
///
/// A fault of either family may be given to any request: a fault of streams falls back to the nearest whole fault when the
/// answer is not streamed ([`StreamFault::unstreamed`]), and a fault of whole answers to the nearest one of streams
/// where it would make no sense in a stream ([`WholeFault::streamed`]).
///
/// # Examples
///
/// ```
/// use mainstay_mock_openai::{FaultSpec, StreamFault, WholeFault};
///
/// let reset: FaultSpec = "reset".parse()?;
/// assert_eq!(reset, FaultSpec::from(WholeFault::Reset));
/// assert_eq!(FaultSpec::from(StreamFault::Cut { after: 5 }).name(), "cut");
/// # Ok::<_, mainstay_mock_openai::UnknownFault>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FaultSpec {
    /// A fault of any answer.
    Whole(WholeFault),
    /// A fault of a streamed answer.
    Stream(StreamFault),
}

/// A name that no fault has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(String);

// === impl FaultSpec ===

impl FaultSpec {
    /// The names of all faults, as plans spell them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        WholeFault::NAMES.iter().chain(StreamFault::NAMES).copied()
    }

    /// The name in plans and in [`Stats::by_outcome`](crate::Stats::by_outcome).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Whole(fault) => fault.name(),
            Self::Stream(fault) => fault.name(),
        }
    }

    /// Whether the answer, whatever its form, is whole and right all the same.
    ///
    /// Such an answer counts as an execution.
    pub fn is_harmless(&self) -> bool {
        matches!(
            self,
            Self::Whole(WholeFault::SlowDrip { .. })
                | Self::Stream(StreamFault::NoDone | StreamFault::DoubleDone | StreamFault::SplitBytes)
        )
    }

    /// Whether the answer is wholly sent and has the right form, but is of no use.
    ///
    /// Such an answer has cost its tokens, but does not count as an execution.
    pub fn is_useless(&self) -> bool {
        matches!(
            self,
            Self::Whole(
                WholeFault::Length
                    | WholeFault::EmptyAnswer
                    | WholeFault::NotJson
                    | WholeFault::ContentFilterFinish
                    | WholeFault::HugeBody { .. }
            ) | Self::Stream(StreamFault::HugeEvent { .. })
        )
    }

    /// Checks what the types do not.
    pub(crate) fn check(&self, place: &Place) -> Result<(), Invalid> {
        match self {
            Self::Whole(fault) => fault.check(place),
            Self::Stream(StreamFault::CommentsOnly { interval }) if interval.is_zero() => {
                Err(place.key("interval").invalid("0s", "must be longer"))
            }
            Self::Stream(StreamFault::HugeEvent { size }) => check_size(*size, place),
            Self::Stream(_) => Ok(()),
        }
    }

    pub(crate) fn from_parameters(name: &str, parameters: &mut Parameters) -> Option<Self> {
        let whole = WholeFault::from_parameters(name, parameters).map(Self::Whole);
        whole.or_else(|| StreamFault::from_parameters(name, parameters).map(Self::Stream))
    }
}

/// What is huge must still fit into memory.
fn check_size(size: usize, place: &Place) -> Result<(), Invalid> {
    if size <= 1 << 30 { Ok(()) } else { Err(place.key("size").invalid(size, "must be at most 1 GiB")) }
}

impl From<WholeFault> for FaultSpec {
    fn from(fault: WholeFault) -> Self {
        Self::Whole(fault)
    }
}

impl From<StreamFault> for FaultSpec {
    fn from(fault: StreamFault) -> Self {
        Self::Stream(fault)
    }
}

impl FromStr for FaultSpec {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Self::from_parameters(name, &mut Parameters::default()).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

// === impl UnknownFault ===

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = FaultSpec::names().collect();
        write!(
            f,
            "unknown fault `{}`, expected a status such as `500`, or one of {}",
            self.0,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownFault {}
