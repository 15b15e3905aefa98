/// Rows of which most elements are 0.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    width: usize,
}

// === impl Rows ===

impl Rows {
    pub(crate) const fn new(width: usize) -> Self {
        Self { starts: Vec::new(), columns: Vec::new(), values: Vec::new(), width }
    }

    /// Adds a row that has 1 in some columns, whether they are given once or often. Sorts them.
    pub(crate) fn push(&mut self, columns: &mut [u32]) {
        columns.sort_unstable();
        self.starts.push(self.columns.len());
        for run in columns.chunk_by(|one, other| one == other) {
            self.columns.extend(run.first());
            self.values.push(1.0);
        }
    }

    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(crate) fn row(&self, index: usize) -> impl Iterator<Item = (u32, f32)> + Clone + '_ {
        let start = self.starts.get(index).copied().unwrap_or(self.columns.len());
        let end = self.starts.get(index + 1).copied().unwrap_or(self.columns.len());
        let columns = self.columns.get(start..end).unwrap_or(&[]);
        let values = self.values.get(start..end).unwrap_or(&[]);
        columns.iter().copied().zip(values.iter().copied())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = impl Iterator<Item = (u32, f32)> + Clone + '_> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// How rare each column is: the logarithm of how many rows there are for each that has it; 0 for what fewer rows have than `least`.
    pub(crate) fn rarity(&self, least: u32) -> Vec<f32> {
        let mut counts = vec![0_u32; self.width];
        for column in &self.columns {
            if let Some(count) = counts.get_mut(*column as usize) {
                *count += 1;
            }
        }
        let rows = self.len() as f32 + 1.0;
        let rarity = |count: &u32| if *count < least { 0.0 } else { (rows / (*count as f32 + 1.0)).ln() };
        counts.iter().map(rarity).collect()
    }

    /// Multiplies each element with its column's weight, and makes each row of length 1.
    pub(crate) fn weigh(&mut self, weights: &[f32]) {
        let ends: Vec<usize> = self.starts.iter().skip(1).copied().chain([self.columns.len()]).collect();
        for (start, end) in self.starts.iter().zip(ends) {
            let Some(values) = self.values.get_mut(*start..end) else { continue };
            for (value, column) in values.iter_mut().zip(self.columns.get(*start..end).unwrap_or(&[])) {
                *value *= weights.get(*column as usize).copied().unwrap_or(0.0);
            }
            make_unit(values);
        }
    }
}

fn make_unit(values: &mut [f32]) {
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in values {
            *value /= length;
        }
    }
}
