use mainstay_router::learned::Curve;

const WEAK: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const STRONG: [f64; 10] = [1.0; 10];

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

fn ranks(descending: bool) -> Vec<f64> {
    (0..10).map(|n| f64::from(if descending { 9 - n } else { n })).collect()
}

#[test]
fn an_oracle_recovers_all_by_half_of_the_calls() {
    let curve = Curve::new(&ranks(false), &WEAK, &STRONG).unwrap();
    // From 0.5 up to 1 in five steps of 0.1, then flat: an area of 0.375 + 0.5.
    assert!(close(curve.apgr(), 0.75), "{}", curve.apgr());
    assert!(close(curve.cpt(0.5), 0.25) && close(curve.cpt(0.8), 0.4) && close(curve.cpt(1.0), 0.5));
    assert!(close(curve.quality_at(0.25), 0.75) && close(curve.quality_at(2.0), 1.0));
}

#[test]
fn the_opposite_of_an_oracle_recovers_late() {
    let curve = Curve::new(&ranks(true), &WEAK, &STRONG).unwrap();
    assert!(close(curve.apgr(), 0.25), "{}", curve.apgr());
    assert!(close(curve.cpt(0.5), 0.75));
}

#[test]
fn equal_scores_are_random_whatever_the_order() {
    let curve = Curve::new(&[0.5; 10], &WEAK, &STRONG).unwrap();
    assert!(close(curve.apgr(), 0.5) && close(curve.cpt(0.5), 0.5) && close(curve.cpt(0.8), 0.8));
}

#[test]
fn a_strong_model_that_loses_on_some_prompts_can_be_beaten() {
    let curve = Curve::new(&[3.0, 2.0, 1.0, 0.0], &[0.0, 0.0, 0.0, 1.0], &[1.0, 1.0, 0.0, 0.0]).unwrap();
    assert!(close(curve.weak(), 0.25) && close(curve.strong(), 0.5));
    assert!(close(curve.quality_at(0.5), 0.75), "{curve:?}");
    assert!(curve.apgr() > 1.0, "{}", curve.apgr());
}

#[test]
fn nonsense_has_no_curve() {
    assert!(Curve::new(&[], &[], &[]).is_none());
    assert!(Curve::new(&[1.0], &[1.0, 0.0], &[1.0]).is_none());
    assert!(Curve::new(&[f64::NAN], &[1.0], &[1.0]).is_none());
}
