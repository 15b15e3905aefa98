//! What single values may be.

use std::time::Duration;

use super::{Checked, Spot};

pub(super) fn some_time(spot: &Spot, duration: Duration) -> Checked {
    if duration.is_zero() { Err(spot.invalid("is zero: no call can be that fast")) } else { Ok(()) }
}

pub(super) fn not_negative(spot: &Spot, number: f64) -> Checked {
    if number.is_finite() && number >= 0.0 {
        return Ok(());
    }
    Err(spot.invalid(format!("is {number}: it must be a number, 0 or more")))
}

pub(super) fn at_least_one<N: Copy + Default + PartialEq>(spot: &Spot, number: Option<N>) -> Checked {
    if number == Some(N::default()) {
        return Err(spot.invalid("is 0: it must be at least 1, or left out"));
    }
    Ok(())
}

pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return format!("is {name:?}, and there is no {what} at all");
    }
    format!("is {name:?}, and there is no such {what}; there are {}", known.join(", "))
}
