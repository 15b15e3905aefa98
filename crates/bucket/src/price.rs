//! Fixed-point time. A bucket keeps its balance as an instant, so tokens are turned into time and back.

use std::time::Duration;

/// Time in sixteenths of a nanosecond: 63 bits of them are 18 years.
pub(crate) type Ticks = u64;

/// The last instant that is told apart: 63 bits.
pub(crate) const LAST: Ticks = u64::MAX >> 1;

/// The longest time in which a bucket may fill: a year.
pub(crate) const LONGEST: Ticks = ticks(Duration::from_secs(365 * 24 * 60 * 60));

const TICKS_PER_NANO: u64 = 16;
const FRACTION: u32 = 12;
const UNITS_PER_SECOND: u64 = (1_000_000_000 * TICKS_PER_NANO) << FRACTION;
/// 1e10 tokens a second.
const CHEAPEST: u64 = UNITS_PER_SECOND / 10_000_000_000;
/// One token a day.
const DEAREST: u128 = UNITS_PER_SECOND as u128 * 86_400;

/// What one token costs in time: ticks with 12 bits of fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Price(u64);

/// Turns a time into ticks; one beyond 18 years is read as that.
#[expect(clippy::cast_possible_truncation, reason = "compared with the largest value first")]
pub(crate) const fn ticks(time: Duration) -> Ticks {
    let ticks = time.as_nanos().saturating_mul(TICKS_PER_NANO as u128);
    if ticks > LAST as u128 { LAST } else { ticks as Ticks }
}

/// Turns ticks into a time, rounded up to the nanosecond, so that who waits for it does not come too early.
pub(crate) const fn time(ticks: Ticks) -> Duration {
    Duration::from_nanos(ticks.div_ceil(TICKS_PER_NANO))
}

// === impl Price ===

impl Price {
    /// One tick a token: for a balance that time does not refill.
    pub(crate) const UNIT: Self = Self(1 << FRACTION);

    pub(crate) fn of(tokens: u64, per: Duration) -> Option<Self> {
        let units = per.as_nanos().checked_mul(u128::from(TICKS_PER_NANO << FRACTION))?;
        Self::checked(units.div_ceil(u128::from(Some(tokens).filter(|tokens| *tokens > 0)?)))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "compared with the bounds first"
    )]
    pub(crate) fn per_second(tokens: f64) -> Option<Self> {
        // The least float above what is exact is rounded up by a hair: a sixtieth of a minute's rate is the whole number.
        let units = (UNITS_PER_SECOND as f64 / tokens * (1.0 - 4.0 * f64::EPSILON)).ceil();
        (0.0..1e20).contains(&units).then_some(units as u128).and_then(Self::checked)
    }

    fn checked(units: u128) -> Option<Self> {
        (u128::from(CHEAPEST)..=DEAREST).contains(&units).then_some(units)?.try_into().ok().map(Self)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The time that so many tokens take, rounded up.
    pub(crate) fn cost(self, tokens: u64) -> Ticks {
        let units = u128::from(tokens) * u128::from(self.0);
        u64::try_from(units.div_ceil(1 << FRACTION)).unwrap_or(LAST).min(LAST)
    }

    /// The whole tokens that a time brings.
    pub(crate) fn tokens(self, ticks: Ticks) -> u64 {
        u64::try_from((u128::from(ticks) << FRACTION) / u128::from(self.0)).unwrap_or(u64::MAX)
    }

    /// The tokens that a time brings, the last one perhaps in part.
    pub(crate) fn tokens_begun(self, ticks: Ticks) -> u64 {
        let whole = self.tokens(ticks);
        whole.saturating_add(u64::from(self.cost(whole) < ticks))
    }

    /// The time that the tokens take which took `ticks` at another price.
    pub(crate) fn convert(self, ticks: Ticks, from: Self) -> Ticks {
        let units = (u128::from(ticks) * u128::from(self.0)).div_ceil(u128::from(from.0));
        u64::try_from(units).unwrap_or(LAST).min(LAST)
    }

    pub(crate) fn tokens_per_second(self) -> f64 {
        UNITS_PER_SECOND as f64 / self.0 as f64
    }
}
