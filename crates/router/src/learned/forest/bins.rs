/// Features, each sorted into few bins of about as many rows.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    /// Feature by feature, the values that bins end with; the last bin has no end.
    ends: Vec<Vec<f32>>,
    /// Feature by feature, the bin of each row.
    columns: Vec<Vec<u8>>,
}

// === impl Bins ===

impl Bins {
    pub(crate) fn new(rows: &[Vec<f32>], most: usize) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let column = |at: usize| rows.iter().filter_map(move |row| row.get(at).copied());
        let ends: Vec<Vec<f32>> = (0..width).map(|at| ends(column(at).collect(), most)).collect();
        let bin = |value: f32, ends: &[f32]| {
            u8::try_from(ends.partition_point(|end| *end < value)).unwrap_or(u8::MAX)
        };
        let columns = ends
            .iter()
            .enumerate()
            .map(|(at, ends)| column(at).map(|value| bin(value, ends)).collect())
            .collect();
        Self { ends, columns }
    }

    pub(crate) fn features(&self) -> usize {
        self.columns.len()
    }

    /// The bins of a feature, row by row.
    pub(crate) fn column(&self, feature: usize) -> &[u8] {
        self.columns.get(feature).map_or(&[], |column| column)
    }

    /// The values that the bins of a feature end with.
    pub(crate) fn ends(&self, feature: usize) -> &[f32] {
        self.ends.get(feature).map_or(&[], |ends| ends)
    }
}

fn ends(mut values: Vec<f32>, most: usize) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let last = values.last().copied();
    let at = |bin: usize| values.get(bin * values.len() / most).copied();
    let mut ends: Vec<f32> = (1..most).filter_map(at).filter(|end| Some(*end) != last).collect();
    ends.dedup_by(|one, other| one.total_cmp(other).is_eq());
    ends
}
