use super::{Learned, Model, Prediction, TrainError, calibration::Line};
use crate::learned::{
    Dataset, Folds, Recipe,
    fit::{Predictor, Targets},
    head::HEADS,
    targets,
    threshold::Held,
};

/// Parts of the data that are held back in turn, to see what predictions are worth.
const PARTS: usize = 3;

/// The most calls that are kept in a model to set thresholds by.
const KEPT: usize = 2_000;

const OUTCOMES: usize = 30;

/// What a model that has not seen the calls says of each.
type Said = Vec<[f32; HEADS]>;

// === impl Model ===

impl Model {
    /// Learns from past calls.
    ///
    /// # Errors
    ///
    /// There are not at least two models with enough outcomes each.
    pub fn train(data: &Dataset, recipe: &Recipe) -> Result<Self, TrainError> {
        Self::train_with(data, recipe, |_, _| {})
    }

    /// Learns from past calls, and says now and then how many steps of how many are done.
    ///
    /// # Errors
    ///
    /// There are not at least two models with enough outcomes each.
    pub fn train_with(
        data: &Dataset,
        recipe: &Recipe,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, TrainError> {
        let ranked = data.ranked();
        check(data, &ranked)?;
        let targets: Vec<Targets> = ranked.iter().map(|model| targets::outcomes(data, *model)).collect();
        let said = said(data, &targets, recipe, |done| progress(done, PARTS + 1));
        let everything: Vec<usize> = (0..data.len()).collect();
        let predictor = Predictor::fit(data, &everything, &targets, recipe);
        progress(PARTS + 1, PARTS + 1);
        let (came, differs) = targets::compared(data, &ranked);
        let lines = lines(&said, &came, &differs);
        let models =
            ranked.iter().filter_map(|model| data.models().nth(*model).map(ToOwned::to_owned)).collect();
        let costs = ranked.iter().map(|model| data.mean_cost(*model)).collect();
        let mut learned = Learned { models, costs, predictor, differs, lines, held: Vec::new() };
        learned.held = held(data, &ranked, &learned, &said);
        Ok(Self::new(learned))
    }
}

fn check(data: &Dataset, ranked: &[usize]) -> Result<(), TrainError> {
    if !(2..=HEADS).contains(&ranked.len()) {
        return Err(TrainError::Models(ranked.len()));
    }
    for (model, name) in data.models().enumerate() {
        let found = data.records().iter().filter(|record| record.outcome(model).is_some()).count();
        if found < OUTCOMES {
            return Err(TrainError::TooFew { model: name.to_owned(), found, needed: OUTCOMES });
        }
    }
    Ok(())
}

/// A line for each head, or for its difference to the first.
fn lines(said: &Said, came: &[Targets], differs: &[bool]) -> Vec<Line> {
    let line = |(head, (came, differs)): (usize, (&Targets, &bool))| {
        let value = |said: &[f32; HEADS]| {
            let [first, ..] = *said;
            said.get(head).copied().unwrap_or(0.0) - if *differs { first } else { 0.0 }
        };
        Line::through(&said.iter().map(value).collect::<Vec<f32>>(), came)
    };
    came.iter().zip(differs).enumerate().map(line).collect()
}

fn said(data: &Dataset, targets: &[Targets], recipe: &Recipe, mut progress: impl FnMut(usize)) -> Said {
    let folds = Folds::Random.assign(data, PARTS, recipe.seed);
    let mut said = vec![[0.0; HEADS]; data.len()];
    for part in 0..PARTS {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..data.len()).partition(|at| folds.get(*at) == Some(&part));
        let known: Vec<Targets> = targets.iter().map(|targets| targets::pick(targets, &rest)).collect();
        let predictor = Predictor::fit(data, &rest, &known, recipe);
        for (at, text) in held.iter().zip(data.prompts(&held)) {
            if let Some(slot) = said.get_mut(*at) {
                *slot = predictor.values(&predictor.encode(text));
            }
        }
        progress(part + 1);
    }
    said
}

/// What was predicted for calls, evenly drawn, and what came of it.
fn held(data: &Dataset, ranked: &[usize], learned: &Learned, said: &Said) -> Vec<Held> {
    let step = data.len().div_ceil(KEPT).max(1);
    let calls = data.records().iter().zip(said).step_by(step);
    calls
        .map(|(record, said)| {
            let Prediction { values, count } = learned.calibrate(*said);
            let predicted = values.iter().take(count).copied().collect();
            Held { predicted, outcomes: ranked.iter().map(|model| record.outcome(*model)).collect() }
        })
        .collect()
}
