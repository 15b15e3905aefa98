//! Taking what a limit allows, where nobody has to wait: what every call pays for the one that comes too early.
//!
//! The limits are so high that nothing is ever refused, which is asserted of each call, and the same on all sides where
//! they can be. What waits is polled once, with a waker that does nothing and without a runtime.

mod direct;
mod high;
mod keyed;
mod layer;

pub(crate) use high::{AT_ONCE, bucket};

use anyhow::Result;

use crate::Measure;

/// Measures the works of this program.
///
/// # Errors
///
/// A limit is not valid.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    direct::measure(measure);
    keyed::measure(measure)?;
    layer::measure(measure)
}
