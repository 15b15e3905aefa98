use serde::{Deserialize, Serialize};

/// A table of numbers, each in a byte: small enough for a processor's cache.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Quantized {
    /// Row by row.
    bytes: Vec<i8>,
    /// What 1 stands for, column by column.
    scales: Vec<f32>,
}

/// What the largest number of a column becomes.
const LARGEST: f32 = 127.0;

// === impl Quantized ===

impl Quantized {
    /// Rounds a table, given row by row, with so many columns.
    #[expect(clippy::cast_possible_truncation, reason = "at most 127")]
    pub(crate) fn new(values: &[f32], width: usize) -> Self {
        let mut scales = vec![f32::MIN_POSITIVE; width];
        for row in values.chunks(width) {
            scales.iter_mut().zip(row).for_each(|(scale, value)| *scale = scale.max(value.abs() / LARGEST));
        }
        let row = |row: &[f32]| {
            row.iter().zip(&scales).map(|(value, scale)| (value / scale).round() as i8).collect()
        };
        let bytes = values.chunks(width).flat_map::<Vec<i8>, _>(row).collect();
        Self { bytes, scales }
    }

    /// Adds a row to sums, column by column, in units of [`scales`](Self::scales).
    pub(crate) fn add<const N: usize>(&self, row: u32, sums: &mut [f32; N]) {
        let width = self.scales.len();
        let Some(row) = self.bytes.get(row as usize * width..).and_then(|rest| rest.get(..width)) else {
            return;
        };
        sums.iter_mut().zip(row).for_each(|(sum, byte)| *sum += f32::from(*byte));
    }

    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }

    pub(crate) const fn width(&self) -> usize {
        self.scales.len()
    }

    /// Whether it has so many rows, of finite numbers.
    pub(crate) fn is_valid(&self, rows: usize) -> bool {
        self.bytes.len() == rows * self.width() && self.scales.iter().all(|scale| scale.is_finite())
    }
}
