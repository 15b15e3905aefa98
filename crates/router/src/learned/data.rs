mod line;
mod reader;

use std::sync::Arc;

pub use reader::{BadLine, DatasetError, Lines};

/// Past calls: what models are learned from and judged by.
///
/// # Format
///
/// One JSON object a line, in a `.jsonl` or `.jsonl.gz` file. Empty lines are allowed.
///
/// | field | meaning |
/// |---|---|
/// | `prompt` | the prompt: what the user has asked last, as choices are made by that; or `request` (or the line itself) has `messages` as in a chat request, of which it is the last one of the user (whose role may be left out): its text, or the first of its parts that is one |
/// | `outcomes` | by model, whether it answered well: `true`, `false`, a score from 0 to 1, or `null` for unknown |
/// | any other field that is `true` or `false` | the same, if there is no `outcomes` |
/// | `cost` | by model, what the call cost, in dollars; optional |
/// | `group` or `subject` | what the prompt is about, for folds by group; optional |
///
/// # Examples
///
/// ```
/// use mainstay_router::learned::{Dataset, Lines};
///
/// let lines = r#"{"prompt": "What is 2 + 2?", "strong": true, "weak": true}
/// {"prompt": "Prove it.", "outcomes": {"weak": 0.25, "strong": 1}, "group": "logic"}"#;
/// let data = Dataset::read(lines.as_bytes(), Lines::AllGood)?;
/// assert_eq!(data.len(), 2);
/// assert_eq!(data.models().collect::<Vec<_>>(), ["strong", "weak"]);
/// # Ok::<_, mainstay_router::learned::DatasetError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    pub(crate) models: Vec<Arc<str>>,
    pub(crate) records: Vec<Record>,
    pub(crate) skipped: Vec<BadLine>,
}

/// One past call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The prompt.
    pub prompt: String,
    /// What it is about.
    pub group: Option<Arc<str>>,
    /// How well each model answered, from 0 to 1, in the order of [`Dataset::models`]. It may be shorter.
    pub(crate) outcomes: Vec<Option<f32>>,
    /// What each model cost, in dollars, in the same order.
    pub(crate) costs: Vec<Option<f64>>,
}

// === impl Dataset ===

impl Dataset {
    /// Adds a call: the prompt, and how well which models answered, from 0 to 1. Outcomes that are not in this range are left out.
    pub fn push<'a>(
        &mut self,
        prompt: impl Into<String>,
        outcomes: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        let mut record = Record { prompt: prompt.into(), ..Record::default() };
        for (model, outcome) in outcomes {
            if (0.0..=1.0).contains(&outcome) {
                let index = self.index_or_insert(model);
                set(&mut record.outcomes, index, narrowed(outcome));
            }
        }
        self.records.push(record);
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The names of the models, in the order in which they first came; those of one line by name.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &str> {
        self.models.iter().map(|model| &**model)
    }

    /// The calls.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The lines that were skipped because they could not be understood.
    pub fn skipped(&self) -> &[BadLine] {
        &self.skipped
    }

    /// How well a model answered a call, if that is known.
    pub fn outcome(&self, record: usize, model: usize) -> Option<f64> {
        self.records.get(record)?.outcome(model).map(f64::from)
    }

    /// The mean outcome of a model where it is known.
    pub fn mean_outcome(&self, model: usize) -> Option<f64> {
        mean(self.records.iter().filter_map(|record| record.outcome(model)).map(f64::from))
    }

    /// The mean cost of a model where it is known, in dollars a call.
    pub fn mean_cost(&self, model: usize) -> Option<f64> {
        mean(self.records.iter().filter_map(|record| record.costs.get(model).copied().flatten()))
    }

    /// The models from the cheapest to the dearest: by mean cost where all are known, else by mean outcome.
    pub fn ranked(&self) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..self.models.len()).collect();
        let priced = ranked.iter().all(|model| self.mean_cost(*model).is_some());
        let key = |model: &usize| if priced { self.mean_cost(*model) } else { self.mean_outcome(*model) };
        ranked.sort_by(|one, other| key(one).unwrap_or(0.0).total_cmp(&key(other).unwrap_or(0.0)));
        ranked
    }

    /// Puts another dataset's calls behind these.
    pub fn extend(&mut self, other: &Self) {
        let indices: Vec<usize> = other.models.iter().map(|model| self.index_or_insert(model)).collect();
        for record in &other.records {
            let mut moved =
                Record { prompt: record.prompt.clone(), group: record.group.clone(), ..Record::default() };
            for (index, to) in indices.iter().enumerate() {
                if let Some(outcome) = record.outcome(index) {
                    set(&mut moved.outcomes, *to, outcome);
                }
                if let Some(cost) = record.costs.get(index).copied().flatten() {
                    set(&mut moved.costs, *to, cost);
                }
            }
            self.records.push(moved);
        }
        self.skipped.extend(other.skipped.iter().cloned());
    }

    /// The calls with these indices, in this order.
    #[must_use]
    pub fn subset(&self, indices: impl IntoIterator<Item = usize>) -> Self {
        let records = indices.into_iter().filter_map(|index| self.records.get(index).cloned()).collect();
        Self { models: self.models.clone(), records, skipped: Vec::new() }
    }

    /// The prompts of some calls.
    pub(crate) fn prompts(&self, calls: &[usize]) -> Vec<&str> {
        calls.iter().filter_map(|call| self.records.get(*call)).map(|record| &*record.prompt).collect()
    }

    /// What some calls are about, where that is known.
    pub(crate) fn groups(&self, calls: &[usize]) -> Vec<Option<Arc<str>>> {
        calls.iter().filter_map(|call| self.records.get(*call)).map(|record| record.group.clone()).collect()
    }

    pub(crate) fn index_or_insert(&mut self, model: &str) -> usize {
        self.models.iter().position(|name| **name == *model).unwrap_or_else(|| {
            self.models.push(model.into());
            self.models.len() - 1
        })
    }
}

// === impl Record ===

impl Record {
    /// How well a model answered, if that is known.
    pub(crate) fn outcome(&self, model: usize) -> Option<f32> {
        self.outcomes.get(model).copied().flatten()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

fn set<T: Copy>(values: &mut Vec<Option<T>>, index: usize, value: T) {
    if values.len() <= index {
        values.resize(index + 1, None);
    }
    if let Some(slot) = values.get_mut(index) {
        *slot = Some(value);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a score from 0 to 1")]
const fn narrowed(value: f64) -> f32 {
    value as f32
}
