use std::time::Duration;

use mainstay_backoff::{Decorrelated, Exponential, Proportional, RetryBudget, RetryPolicy};
use mainstay_fault::FaultKind;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn numbers_that_make_no_sense_are_named_with_their_values() {
    for factor in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.99, 0.0, -2.0] {
        let error = Exponential::new(SECOND, factor, SECOND).unwrap_err();
        assert_eq!(error.field(), "factor");
        assert!(error.to_string().contains(&format!("{factor:?}")), "{error}");
    }
    assert_eq!(
        Exponential::new(SECOND * 2, 2.0, SECOND).unwrap_err().to_string(),
        "cap is 1s: it must be at least the base"
    );
    assert_eq!(Decorrelated::new(SECOND * 2, SECOND).unwrap_err().field(), "cap");
    for (low, high, field) in
        [(-0.1, 1.0, "low"), (f64::NAN, 1.0, "low"), (0.5, 0.4, "high"), (0.5, f64::INFINITY, "high")]
    {
        assert_eq!(Proportional::new(low, high).unwrap_err().field(), field);
    }
    for (ratio, floor, field) in [
        (f64::NAN, 1.0, "ratio"),
        (-0.1, 1.0, "ratio"),
        (1e9, 1.0, "ratio"),
        (0.2, -1.0, "floor"),
        (0.2, f64::NAN, "floor"),
        (0.2, f64::INFINITY, "floor"),
    ] {
        assert_eq!(RetryBudget::new(ratio, floor, 1).unwrap_err().field(), field);
    }
}

#[test]
fn the_extremes_that_make_sense_are_taken() {
    Exponential::new(Duration::ZERO, 1.0, Duration::MAX).unwrap();
    Exponential::new(Duration::MAX, f64::MAX, Duration::MAX).unwrap();
    Proportional::new(0.0, f64::MAX).unwrap();
    RetryBudget::new(0.0, 0.0, 0).unwrap();
    RetryBudget::new(1000.0, 1e6, u32::MAX).unwrap();
}

#[test]
fn a_policy_shows_its_settings() {
    let shown = format!("{:?}", RetryPolicy::default());
    assert!(shown.contains("retries: 3") && shown.contains("cap: 60s"), "{shown}");
}

#[test]
fn a_policy_with_closures_can_still_be_shown() {
    let judged = RetryPolicy::default().classify(|_: &&str| FaultKind::Timeout.into());
    let shown = format!("{:?}", judged.check(|_: &u32| Ok(())));
    assert!(shown.contains("judge: Check { judge: Classify { .. }, .. }"), "{shown}");
}
