use super::{Context, WIDTH};

type Matrix = [[f64; WIDTH]; WIDTH];

/// What has been seen of a model, fading: a ridge regression's sums.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    inverse: Matrix,
    sums: [f64; WIDTH],
    keep: f64,
    seen: u64,
    bias: f64,
}

/// What is believed of a model.
#[derive(Clone, Debug)]
pub(crate) struct Belief {
    weights: [f64; WIDTH],
    inverse: Matrix,
}

/// How many outcomes the belief that nothing has changed is worth.
const PRIOR: f64 = 20.0;

/// What an inverse may not exceed: nothing is forgotten in directions that no prompt has.
const UNSURE: f64 = 1.0 / PRIOR;

// === impl Evidence ===

impl Evidence {
    pub(crate) fn new(memory: u32) -> Self {
        let mut inverse = [[0.0; WIDTH]; WIDTH];
        for (at, row) in inverse.iter_mut().enumerate() {
            row.iter_mut().skip(at).take(1).for_each(|value| *value = UNSURE);
        }
        Self { inverse, sums: [0.0; WIDTH], keep: 1.0 - 1.0 / f64::from(memory + 1), seen: 0, bias: 0.0 }
    }

    /// Fades what was seen, and adds an outcome (Sherman and Morrison's formula).
    pub(crate) fn add(&mut self, Context(context): &Context, residual: f64) {
        self.fade();
        let image = times(&self.inverse, context);
        let scale = 1.0 + dot(context, &image);
        for (row, one) in self.inverse.iter_mut().zip(&image) {
            row.iter_mut().zip(&image).for_each(|(value, other)| *value -= one * other / scale);
        }
        self.sums.iter_mut().zip(context).for_each(|(sum, value)| *sum += value * residual);
        self.seen += 1;
        let share = (1.0 - self.keep).max(1.0 / (self.seen as f64));
        self.bias += share * (residual - self.bias);
    }

    pub(crate) fn belief(&self) -> Belief {
        Belief { weights: times(&self.inverse, &self.sums), inverse: self.inverse }
    }

    pub(crate) const fn drift(&self) -> (u64, f64) {
        (self.seen, self.bias)
    }

    fn fade(&mut self) {
        self.sums.iter_mut().for_each(|sum| *sum *= self.keep);
        let trace =
            self.inverse.iter().enumerate().filter_map(|(at, row)| row.get(at)).copied().fold(0.0, f64::max);
        let grown = (1.0 / self.keep).min((UNSURE / trace).max(1.0));
        self.inverse.iter_mut().flatten().for_each(|value| *value *= grown);
    }
}

// === impl Belief ===

impl Belief {
    /// How much better than predicted it will answer.
    pub(crate) fn mean(&self, Context(context): &Context) -> f64 {
        dot(&self.weights, context)
    }

    /// How unsure that is.
    pub(crate) fn spread(&self, Context(context): &Context) -> f64 {
        dot(context, &times(&self.inverse, context)).max(0.0).sqrt()
    }
}

fn times(matrix: &Matrix, vector: &[f64; WIDTH]) -> [f64; WIDTH] {
    let mut image = [0.0; WIDTH];
    image.iter_mut().zip(matrix).for_each(|(slot, row)| *slot = dot(row, vector));
    image
}

fn dot(one: &[f64; WIDTH], other: &[f64; WIDTH]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
