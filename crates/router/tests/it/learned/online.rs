use std::{sync::Arc, thread};

use mainstay_router::learned::{Chooser, Dataset, Online, Threshold};

use super::{calls, trained};

/// The same calls, but the weak model has learned to compute, and to be rude.
fn changed(count: u32) -> Dataset {
    let old = calls(count);
    let mut data = Dataset::default();
    for record in old.records() {
        let weak = f64::from(u8::from(record.prompt.starts_with("Compute")));
        data.push(record.prompt.clone(), [("weak", weak), ("strong", 1.0)]);
    }
    data
}

fn chooser() -> Chooser {
    Chooser::new(trained(), Threshold::new(0.3))
}

#[test]
fn choosing_beats_the_best_fixed_model_on_what_it_was_trained_for() {
    let replay = chooser().replay(&calls(500));
    assert_eq!(replay.calls, 500);
    assert!(replay.regret() < -0.05, "{replay:?}");
    assert!(replay.oracle >= replay.worth && replay.oracle >= replay.best_fixed);
}

#[test]
fn drift_is_followed_from_what_is_seen_of_the_chosen_model_alone() {
    let still = chooser().replay(&changed(2_000));
    let learning = chooser().online(Online::default().memory(200));
    let moving = learning.replay(&changed(2_000));
    assert!(still.regret() > 0.0, "{still:?}");
    assert!(moving.regret() < still.regret() - 0.1, "{moving:?} beside {still:?}");
    assert_eq!(learning.drift().iter().map(|drift| drift.seen).sum::<u64>(), 2_000);
}

#[test]
fn drift_says_which_model_and_which_way() {
    let chooser = chooser().online(Online::default());
    for _ in 0..100 {
        chooser.observe("Say something kind.", "weak", 0.0);
    }
    let drift = chooser.drift();
    assert_eq!((&*drift[0].model, drift[0].seen, drift[1].seen), ("weak", 100, 0));
    assert!(drift[0].bias < -0.5, "{drift:?}");
}

#[test]
fn nonsense_is_not_learned() {
    let chooser = chooser().online(Online::default());
    for (model, outcome) in [("weak", f64::NAN), ("weak", 2.0), ("weak", -1.0), ("other", 1.0)] {
        chooser.observe("Say it.", model, outcome);
    }
    assert!(chooser.drift().iter().all(|drift| drift.seen == 0));
}

#[test]
fn many_threads_observe_and_choose() {
    let chooser = Arc::new(chooser().online(Online::default()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    chooser.observe("Say it.", "weak", 1.0);
                    assert!(!chooser.decide("Say it.").is_empty());
                }
            });
        }
    });
    assert_eq!(chooser.drift()[0].seen, 400);
}

#[test]
fn a_long_run_stays_finite() {
    let chooser = chooser().online(Online::default().memory(1));
    for n in 0..5_000 {
        chooser.observe("Say it.", "weak", f64::from(n % 2));
    }
    assert!(chooser.drift()[0].bias.is_finite());
    assert!(["weak", "strong"].contains(&chooser.decide("Compute 1 + 1.")));
}
