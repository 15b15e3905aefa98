//! What heads are to predict.

use super::{Dataset, fit::Targets};

/// How many calls must have tried both models for their difference to be learned.
const PAIRS: usize = 100;

/// How much better one model answered than another, where both are known.
fn gains(data: &Dataset, base: usize, model: usize) -> Targets {
    data.records.iter().map(|record| Some(record.outcome(model)? - record.outcome(base)?)).collect()
}

/// How well a model answered, where that is known.
pub(crate) fn outcomes(data: &Dataset, model: usize) -> Targets {
    data.records.iter().map(|record| record.outcome(model)).collect()
}

/// What came of the calls by which heads are calibrated, model by model, cheapest first, and whether it is a difference to the first
/// model: that is what a choice turns on, but it needs calls that tried both.
pub(crate) fn compared(data: &Dataset, ranked: &[usize]) -> (Vec<Targets>, Vec<bool>) {
    let Some((base, others)) = ranked.split_first() else { return (Vec::new(), Vec::new()) };
    let other = |model: &usize| {
        let (own, gains) = (outcomes(data, *model), gains(data, *base, *model));
        let pairs = gains.iter().flatten().count();
        if pairs >= PAIRS && pairs * 2 >= own.iter().flatten().count() { (gains, true) } else { (own, false) }
    };
    [(outcomes(data, *base), false)].into_iter().chain(others.iter().map(other)).unzip()
}

/// The targets of some calls.
pub(crate) fn pick(targets: &Targets, calls: &[usize]) -> Targets {
    calls.iter().map(|call| targets.get(*call).copied().flatten()).collect()
}
