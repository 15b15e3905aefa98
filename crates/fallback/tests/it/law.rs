//! The law: the first tier that takes over and answers serves; the trail has exactly those asked above it; none below is asked.

use futures_util::FutureExt;
use mainstay_fallback::{Answer, Exhausted, Fallback, Tier, TierList};
use mainstay_fault::{Fault, FaultKind};
use mainstay_testkit::{Step, script};
use proptest::{prelude::*, sample::select};
use tower::ServiceExt;

#[derive(Clone, Debug)]
struct Planned {
    fails: Option<FaultKind>,
    takes: Vec<FaultKind>,
}

fn planned() -> impl Strategy<Value = Planned> {
    let kinds = || select(FaultKind::ALL.to_vec());
    (proptest::option::weighted(0.7, kinds()), proptest::collection::vec(kinds(), 0..16))
        .prop_map(|(fails, takes)| Planned { fails, takes })
}

/// The tiers that are asked, by the law.
fn asked(plan: &[Planned]) -> (Vec<usize>, bool) {
    let mut asked: Vec<usize> = Vec::new();
    for (at, tier) in plan.iter().enumerate() {
        let last = asked.last().and_then(|last: &usize| plan[*last].fails);
        if last.is_none_or(|kind| tier.takes.contains(&kind)) {
            asked.push(at);
            if tier.fails.is_none() {
                return (asked, true);
            }
        }
    }
    (asked, false)
}

fn check(plan: &[Planned], calls: &[usize], outcome: &Result<Answer<usize, Fault>, Exhausted<Fault>>) {
    let (expected, served) = asked(plan);
    let once: Vec<_> = (0..plan.len()).filter(|at| calls[*at] > 0).collect();
    assert_eq!(once, expected);
    assert!(calls.iter().all(|calls| *calls <= 1));
    let (trail, tier) = match outcome {
        Ok(answer) => (answer.trail(), Some(answer.tier().to_owned())),
        Err(error) => (error.trail(), None),
    };
    let failed: Vec<_> = trail.iter().map(|fallen| fallen.tier().to_owned()).collect();
    let above = if served { &expected[..expected.len() - 1] } else { &expected[..] };
    assert_eq!(failed, above.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(tier, served.then(|| expected.last().unwrap().to_string()));
}

proptest! {
    #[test]
    fn a_list_keeps_the_law(plan in proptest::collection::vec(planned(), 1..6)) {
        let (mut records, mut tiers) = (Vec::new(), Vec::new());
        for (at, tier) in plan.iter().cloned().enumerate() {
            let fails = tier.fails;
            let (service, record) = script(move |_, _: &u8| Step::Now(fails.map_or(Ok(at), |kind| Err(Fault::from(kind)))));
            records.push(record);
            tiers.push(Tier::new(at.to_string(), tower::util::BoxCloneSyncService::new(service)).accepts(move |fault| tier.takes.contains(&fault.kind)));
        }
        let outcome = run(TierList::<_, Fault>::new(tiers).oneshot(0));
        let calls: Vec<_> = records.iter().map(mainstay_testkit::Record::calls).collect();
        check(&plan, &calls, &outcome);
    }

    #[test]
    fn tiers_of_several_types_keep_the_law(plan in proptest::collection::vec(planned(), 3)) {
        let make = |at: usize| {
            let fails = plan[at].fails;
            script(move |_, _: &u8| Step::Now(fails.map_or(Ok(at), |kind| Err(Fault::from(kind)))))
        };
        let takes = |at: usize| {
            let takes = plan[at].takes.clone();
            move |fault: &Fault| takes.contains(&fault.kind)
        };
        let ((one, a), (two, b), (three, c)) = (make(0), make(1), make(2));
        let tiers = Fallback::first("0", one)
            .then(Tier::new("1", two).accepts(takes(1)))
            .then(Tier::new("2", three).accepts(takes(2)));
        let outcome = run(tiers.oneshot(0));
        check(&plan, &[a.calls(), b.calls(), c.calls()], &outcome);
    }
}

/// Drives a future of which each part is ready after a few polls.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
    }
}
