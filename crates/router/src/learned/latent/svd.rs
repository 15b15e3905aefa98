//! The principal directions of sparse rows, by orthogonal iteration
//! ([Halko, Martinsson, Tropp 2011](https://arxiv.org/abs/0909.4061), algorithm 4.4).

use crate::learned::sparse::Rows;

const ITERATIONS: usize = 8;

/// The directions in which the rows extend most: a matrix of `rows.width()` by `dims`, row by row.
pub(crate) fn directions(rows: &Rows, dims: usize, rng: &mut fastrand::Rng) -> Vec<f32> {
    let mut basis: Vec<f32> = (0..rows.width() * dims).map(|_| rng.f32() - 0.5).collect();
    for _ in 0..ITERATIONS {
        let mut next = vec![0.0; basis.len()];
        let mut image = vec![0.0_f32; dims];
        for row in rows.iter() {
            image.fill(0.0);
            for (bucket, value) in row.clone() {
                add(&mut image, line(&basis, bucket, dims), value);
            }
            for (bucket, value) in row {
                add(line_mut(&mut next, bucket, dims), &image, value);
            }
        }
        basis = next;
        orthonormalise(&mut basis, dims);
    }
    basis
}

fn line(matrix: &[f32], row: u32, dims: usize) -> &[f32] {
    matrix.get(row as usize * dims..).and_then(|rest| rest.get(..dims)).unwrap_or(&[])
}

fn line_mut(matrix: &mut [f32], row: u32, dims: usize) -> &mut [f32] {
    matrix.get_mut(row as usize * dims..).and_then(|rest| rest.get_mut(..dims)).unwrap_or(&mut [])
}

fn add(to: &mut [f32], what: &[f32], times: f32) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what * times);
}

/// Makes the columns orthogonal and of length 1, by Gram and Schmidt's modified process.
fn orthonormalise(matrix: &mut [f32], dims: usize) {
    let mut columns: Vec<Vec<f32>> =
        (0..dims).map(|column| matrix.iter().skip(column).step_by(dims).copied().collect()).collect();
    for at in 0..dims {
        let (done, rest) = columns.split_at_mut(at);
        let Some(column) = rest.first_mut() else { break };
        for earlier in done.iter() {
            let along = dot(column, earlier);
            add(column, earlier, -along);
        }
        let length = dot(column, column).sqrt().max(f32::MIN_POSITIVE);
        for value in column.iter_mut() {
            *value /= length;
        }
    }
    for (at, column) in columns.iter().enumerate() {
        matrix.iter_mut().skip(at).step_by(dims).zip(column).for_each(|(to, value)| *to = *value);
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
