use serde::{Deserialize, Serialize};

/// A straight line from what a head says to what came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    offset: f32,
    slope: f32,
}

// === impl Line ===

impl Line {
    /// The line of least squares through what was said and what came of it, where that is known.
    pub(crate) fn through(said: &[f32], came: &[Option<f32>]) -> Self {
        let known = || said.iter().zip(came).filter_map(|(said, came)| Some((*said, (*came)?)));
        let count = known().count().max(1) as f32;
        let (x, y) = known().fold((0.0, 0.0), |(x, y), (said, came)| (x + said / count, y + came / count));
        let spread: f32 = known().map(|(said, _)| (said - x).powi(2)).sum();
        let along: f32 = known().map(|(said, came)| (said - x) * (came - y)).sum();
        // A head that says the opposite of what comes is not to be turned round, but not to be listened to.
        let slope = if spread > 0.0 { (along / spread).clamp(0.0, 2.0) } else { 0.0 };
        Self { offset: y - slope * x, slope }
    }

    pub(crate) fn at(self, said: f32) -> f32 {
        self.offset + self.slope * said
    }

    pub(crate) const fn slope(self) -> f32 {
        self.slope
    }

    pub(crate) const fn is_valid(self) -> bool {
        self.offset.is_finite() && self.slope.is_finite()
    }
}
