//! Learned routing: what is learned from made-up calls whose truth is known.

mod files;
mod metric;
mod online;
mod reading;
mod strategy;
mod training;

use mainstay_router::learned::{Dataset, Model, Recipe};

/// Calls of which sums are too hard for the weak model nine times of ten, and greetings for neither.
pub(crate) fn calls(count: u32) -> Dataset {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut data = Dataset::default();
    for n in 0..count {
        let (a, b) = (rng.u32(10..999), rng.u32(10..999));
        let hard = n % 2 == 0;
        let prompt = if hard {
            format!("Compute {a} * {b} + {a}.")
        } else {
            format!("Say something kind to guest {n}.")
        };
        let weak = if hard == rng.bool() || rng.u8(0..5) > 0 { f64::from(u8::from(!hard)) } else { 1.0 };
        data.push(prompt, [("weak", weak), ("strong", 1.0)]);
    }
    data
}

pub(crate) fn recipe() -> Recipe {
    Recipe::default().trees(60).dims(8)
}

pub(crate) fn trained() -> Model {
    Model::train(&calls(400), &recipe()).unwrap()
}
