use super::Chooser;
use crate::learned::Dataset;

/// What choosing was worth on past calls of which all outcomes are known, one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// How many calls there were.
    pub calls: usize,
    /// The sum of the outcomes, less what the chosen models cost by the threshold.
    pub worth: f64,
    /// The same, had always the same model been chosen: the best of them.
    pub best_fixed: f64,
    /// The same, had the best model been chosen for each call.
    pub oracle: f64,
}

// === impl Chooser ===

impl Chooser {
    /// Replays past calls: chooses, and is then told what came of this choice, and of no other. Calls without all outcomes are left
    /// out.
    pub fn replay(&self, data: &Dataset) -> Replay {
        let models: Vec<Option<usize>> =
            self.model.models().map(|name| data.models().position(|other| other == name)).collect();
        let mut replay = Replay::default();
        let mut fixed = vec![0.0; models.len()];
        for (index, record) in data.records().iter().enumerate() {
            let outcomes = models.iter().map(|model| data.outcome(index, (*model)?));
            let Some(outcomes) = outcomes.collect::<Option<Vec<f64>>>() else { continue };
            let costs = &self.model.relative;
            let worths: Vec<f64> = outcomes
                .iter()
                .zip(costs)
                .map(|(outcome, cost)| self.threshold.worth(*outcome, *cost))
                .collect();
            let Some(chosen) = self.worths(&record.prompt).best(|_| true) else { continue };
            let name = self.model.learned.models.get(chosen).map_or("", |name| name);
            self.observe(&record.prompt, name, outcomes.get(chosen).copied().unwrap_or(0.0));
            replay.calls += 1;
            replay.worth += worths.get(chosen).copied().unwrap_or(0.0);
            replay.oracle += worths.iter().copied().fold(f64::MIN, f64::max);
            fixed.iter_mut().zip(&worths).for_each(|(sum, worth)| *sum += worth);
        }
        replay.best_fixed = fixed.into_iter().reduce(f64::max).unwrap_or(0.0);
        replay
    }
}

// === impl Replay ===

impl Replay {
    /// How much more the best fixed choice was worth, a call: below 0 where choosing paid.
    pub fn regret(&self) -> f64 {
        (self.best_fixed - self.worth) / (self.calls.max(1) as f64)
    }
}
