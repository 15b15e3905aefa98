use std::sync::OnceLock;

use mainstay_router::learned::{
    Curve, Dataset, Folds, Model, Recipe, Target, TargetError, TrainError, cross_validate,
};
use proptest::prelude::*;

use super::{calls, recipe, trained};

#[test]
fn what_is_hard_for_the_weak_model_is_worth_the_strong_one() {
    let model = trained();
    assert_eq!(model.models().collect::<Vec<_>>(), ["weak", "strong"]);
    assert!(model.predict("Compute 12 * 13 + 1.").gain() > 0.5);
    assert!(model.predict("Say something kind to my aunt.").gain() < 0.5);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let train = |seed| Model::train(&calls(200), &recipe().seed(seed)).unwrap().to_bytes().unwrap();
    assert_eq!(train(5), train(5));
    assert_ne!(train(5), train(6));
}

#[test]
fn cross_validation_finds_what_there_is_to_find() {
    let data = calls(400);
    let scores = cross_validate(&data, &Folds::Random.assign(&data, 5, 1), &recipe());
    let outcomes = |name: &str| -> Vec<f64> {
        let model = data.models().position(|model| model == name).unwrap();
        (0..data.len()).map(|call| data.outcome(call, model).unwrap()).collect()
    };
    let curve = Curve::new(&scores, &outcomes("weak"), &outcomes("strong")).unwrap();
    assert!(curve.apgr() > 0.65, "{}", curve.apgr());
}

#[test]
fn folds_by_group_divide_no_group() {
    let line = |n| format!(r#"{{"prompt": "{n}", "m": true, "group": "{}"}}"#, n % 7);
    let lines = (0..60).map(line).collect::<Vec<_>>().join("\n");
    let data = Dataset::read(lines.as_bytes(), mainstay_router::learned::Lines::AllGood).unwrap();
    let folds = Folds::ByGroup.assign(&data, 3, 1);
    assert!((0..60).all(|n| folds[n] == folds[n % 7]));
    assert!((0..3).all(|fold| folds.contains(&fold)));
}

#[test]
fn groups_count_only_where_there_are_enough() {
    let of = |groups: u32| {
        let line = |n: u32| {
            let group =
                n.checked_rem(groups).map_or_else(|| "null".to_owned(), |group| format!("\"{group}\""));
            format!(
                r#"{{"prompt": "Compute {n}.", "m": {}, "n": true, "group": {group}}}"#,
                n.is_multiple_of(3)
            )
        };
        let lines = (0..120).map(line).collect::<Vec<_>>().join("\n");
        let data = Dataset::read(lines.as_bytes(), mainstay_router::learned::Lines::AllGood).unwrap();
        Model::train(&data, &recipe()).unwrap().to_bytes().unwrap()
    };
    assert_eq!(of(0), of(3));
    assert_ne!(of(0), of(12));
}

#[test]
fn probabilities_are_calibrated() {
    let model = trained();
    let fresh = calls(1_000);
    let weak = fresh.models().position(|model| model == "weak").unwrap();
    // By tenths of what was predicted: how far the mean outcome is from it.
    let mut bins = vec![(0.0, 0.0, 0.0); 10];
    for (call, record) in fresh.records().iter().enumerate() {
        let said = model.predict(&record.prompt).probability(0).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 9")]
        let bin = &mut bins[((said * 10.0) as usize).min(9)];
        *bin = (bin.0 + said, bin.1 + fresh.outcome(call, weak).unwrap(), bin.2 + 1.0);
    }
    let error: f64 = bins.iter().map(|(said, came, _)| (said - came).abs()).sum::<f64>() / 1_000.0;
    assert!(error < 0.1, "{error}");
}

#[test]
fn thresholds_reach_their_targets_on_calls_that_were_held_back() {
    let model = trained().with_costs([("weak", 0.001), ("strong", 0.01)]);
    let share = model.threshold(Target::Share(0.5)).unwrap();
    assert!(share.share.mean <= 0.5 && share.share.mean > 0.4, "{share:?}");
    assert!(share.quality.low <= share.quality.mean && share.quality.mean <= share.quality.high);
    let dollars = model.threshold(Target::DollarsPerThousand(4.0)).unwrap().dollars_per_thousand.unwrap();
    assert!(dollars.mean <= 4.0 && dollars.mean > 3.0, "{dollars:?}");
    let floor = model.threshold(Target::Quality(0.9)).unwrap();
    assert!(floor.quality.mean >= 0.9 && floor.share.mean < 0.6, "{floor:?}");
}

#[test]
fn targets_that_cannot_be_are_refused() {
    let model = trained();
    assert_eq!(model.threshold(Target::Share(1.5)), Err(TargetError::Range(1.5)));
    assert!(matches!(model.threshold(Target::Quality(f64::NAN)), Err(TargetError::Range(_))));
    assert_eq!(model.threshold(Target::DollarsPerThousand(1.0)), Err(TargetError::Costs));
    let model = model.with_costs([("weak", 1.0), ("strong", 2.0)]);
    assert_eq!(
        model.threshold(Target::DollarsPerThousand(1.0)),
        Err(TargetError::OutOfReach { best: 1_000.0 })
    );
}

#[test]
fn too_little_data_is_named() {
    let error = Model::train(&calls(10), &recipe()).unwrap_err();
    assert!(matches!(error, TrainError::TooFew { found: 10, .. }), "{error:?}");
    assert_eq!(Model::train(&Dataset::default(), &recipe()).unwrap_err(), TrainError::Models(0));
}

#[test]
fn logs_that_know_only_the_model_that_was_called_are_enough() {
    let full = calls(600);
    let mut logs = Dataset::default();
    for (call, record) in full.records().iter().enumerate() {
        let model = call / 2 % 2;
        let name = full.models().nth(model).unwrap();
        logs.push(record.prompt.clone(), [(name, full.outcome(call, model).unwrap())]);
    }
    let model = Model::train(&logs, &recipe()).unwrap();
    let gain = |prompt| model.predict(prompt).gain();
    assert!(gain("Compute 12 * 13 + 1.") > gain("Say something kind to my aunt.") + 0.2);
}

#[test]
fn an_explanation_names_what_weighed() {
    let explanation = trained().explain("Compute 12 * 13 + 1.", 5);
    assert_eq!(explanation.weighed.len(), 5);
    // A single word may speak against what all speak for together: only the order is promised.
    assert!(
        explanation.weighed.is_sorted_by(|one, other| one.weight.abs() >= other.weight.abs()),
        "{explanation}"
    );
    assert!(explanation.weighed.iter().any(|weighed| weighed.weight > 0.0), "{explanation}");
    assert!(explanation.to_string().starts_with("predicted gain +"), "{explanation}");
}

/// Trained once for all cases.
fn shared() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(trained)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_prompt_has_finite_scores(prompt in any::<String>(), times in 1_usize..200) {
        for prompt in [prompt.repeat(times), format!("{prompt}\nA. {prompt}\nB. {prompt}\n")] {
            let prediction = shared().predict(&prompt);
            prop_assert!(prediction.gain().is_finite());
            prop_assert!((0..2).all(|model| prediction.probability(model).is_some_and(f64::is_finite)));
        }
    }
}

#[test]
fn a_prompt_may_be_empty_or_a_megabyte() {
    for prompt in [String::new(), "é".repeat(1 << 19), "a ".repeat(1 << 19), "\nA. b\nB. c".repeat(1 << 16)]
    {
        assert!(shared().predict(&prompt).gain().is_finite());
    }
    let _ = Recipe::default();
}
