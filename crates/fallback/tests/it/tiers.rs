use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use mainstay_fallback::{
    Degradation, Fallback, FallbackLayer, NoSetAnswer, SetAnswer, SetAnswers, Tier, TierList, Trail,
};
use mainstay_fault::{Fault, FaultKind, HasFault, PastDeadline};
use mainstay_testkit::{Record, Script, Step, script};
use serde_json::json;
use tower::{ServiceExt, service_fn};

type Outcome = Result<&'static str, Fault>;

type Answers = Box<dyn Fn(usize, &u32) -> Step<&'static str, Fault> + Send + Sync>;

fn always(outcome: Outcome) -> (Script<Answers, u32>, Record<u32>) {
    script(Box::new(move |_, _: &u32| Step::Now(outcome)))
}

fn fails(kind: FaultKind) -> Outcome {
    Err(kind.into())
}

#[tokio::test]
async fn the_first_tier_answers_and_no_other_is_asked() {
    let ((first, _), (second, record)) = (always(Ok("first")), always(Ok("second")));
    let answer = Fallback::first("one", first).then(Tier::new("two", second)).oneshot(1).await.unwrap();
    assert_eq!((*answer, answer.tier(), answer.degraded()), ("first", "one", Degradation::None));
    assert!(answer.trail().is_empty());
    assert_eq!(record.calls(), 0);
}

#[tokio::test]
async fn the_table_says_what_falls_through() {
    for kind in FaultKind::ALL {
        let ((first, _), (second, record)) = (always(fails(kind)), always(Ok("second")));
        let outcome = Fallback::first("one", first).then(Tier::new("two", second)).oneshot(1).await;
        let falls = !matches!(
            kind,
            FaultKind::InvalidRequest
                | FaultKind::ContextLength
                | FaultKind::ContentFiltered
                | FaultKind::Interrupted
                | FaultKind::Cancelled
        );
        assert_eq!((outcome.is_ok(), record.calls()), (falls, usize::from(falls)), "{kind}");
        if let Err(error) = outcome {
            assert_eq!((error.fault().kind, error.trail().len()), (kind, 1));
        }
    }
}

#[tokio::test]
async fn an_overlong_request_passes_a_tier_by_whose_window_is_no_larger() {
    let ((first, _), (small, record), (large, _)) =
        (always(fails(FaultKind::ContextLength)), always(Ok("small")), always(Ok("large")));
    let tiers = Fallback::first("one", first)
        .then(Tier::new("small", small))
        .then(Tier::new("large", large).larger_window().degraded(Degradation::None));
    let answer = tiers.oneshot(1).await.unwrap();
    assert_eq!((*answer, record.calls(), answer.trail().len()), ("large", 0, 1));
}

#[tokio::test]
async fn a_window_is_measured_by_those_that_were_too_small_and_by_no_others() {
    let long = || always(fails(FaultKind::ContextLength)).0;
    let (down, spare) = (|| always(fails(FaultKind::Unavailable)).0, || always(Ok("spare")).0);
    for (windows, served) in [
        ([Some(8), Some(128), Some(128)], true),
        ([Some(8), Some(128), Some(16)], true),
        ([Some(8), Some(128), Some(8)], false),
        ([Some(8), Some(128), None], false),
        ([None, Some(128), Some(256)], false),
    ] {
        let sized = |tier: Tier<_>, at: usize| windows[at].map_or(tier.clone(), |window| tier.window(window));
        let list = TierList::<_, Fault>::new([
            sized(Tier::new("small", long()), 0),
            sized(Tier::new("down", down()).larger_window(), 1),
            sized(Tier::new("spare", spare()), 2),
        ]);
        assert_eq!(list.oneshot(1).await.is_ok(), served, "{windows:?}");

        let first = Fallback::first("small", long());
        let tiers = windows[0].map_or(first.clone(), |window| first.window(window));
        let tiers = tiers
            .then(sized(Tier::new("down", down()).larger_window(), 1))
            .then(sized(Tier::new("spare", spare()), 2));
        assert_eq!(tiers.oneshot(1).await.is_ok(), served, "{windows:?}");
    }
}

#[tokio::test]
async fn what_one_tier_refused_a_later_one_is_not_asked_for_because_another_failed_in_between() {
    for kind in [FaultKind::ContentFiltered, FaultKind::ContextLength] {
        let ((first, _), (asked, record), (third, untouched)) =
            (always(fails(kind)), always(fails(FaultKind::Overloaded)), always(Ok("third")));
        let tiers = Fallback::first("one", first.clone())
            .then(Tier::new("two", asked.clone()).even_filtered().larger_window())
            .then(Tier::new("three", third.clone()));
        let error = tiers.oneshot(1).await.unwrap_err();
        assert_eq!((error.trail().len(), record.calls(), untouched.calls()), (2, 1, 0), "{kind}");

        let list = TierList::<_, Fault>::new([
            Tier::new("one", first),
            Tier::new("two", asked).even_filtered().larger_window(),
            Tier::new("three", third).even_filtered().larger_window(),
        ]);
        assert_eq!(*list.oneshot(1).await.unwrap(), "third", "who is asked to take it does");
    }
}

#[tokio::test]
async fn a_policy_is_routed_around_only_when_asked_to() {
    let ((first, _), (second, _)) = (always(fails(FaultKind::ContentFiltered)), always(Ok("second")));
    let tiers = Fallback::first("one", first).then(Tier::new("two", second).even_filtered());
    assert_eq!(*tiers.oneshot(1).await.unwrap(), "second");
}

#[tokio::test]
async fn a_closure_decides_against_the_table() {
    let ((first, _), (second, _)) = (always(fails(FaultKind::InvalidRequest)), always(Ok("second")));
    let tiers = Fallback::first("one", first).then(Tier::new("two", second).accepts(|_| true));
    assert_eq!(*tiers.oneshot(1).await.unwrap(), "second");
}

#[tokio::test]
async fn a_tier_gets_its_own_request_and_sees_what_failed_above() {
    let (first, _) = always(fails(FaultKind::Timeout));
    let second = service_fn(|(asked, why): (u32, String)| async move {
        Ok::<_, Fault>(if asked == 70 { "seventy" } else { Box::leak(why.into_boxed_str()) })
    });
    let tier = Tier::new("two", second)
        .map_request(|asked: &u32, above: &Trail<Fault>| (asked * 10, above.to_string()));
    assert_eq!(
        *Fallback::first("one", first.clone()).then(tier.clone()).oneshot(7).await.unwrap(),
        "seventy"
    );
    assert_eq!(*Fallback::first("one", first).then(tier).oneshot(8).await.unwrap(), "one: timed out");
}

#[tokio::test]
async fn what_is_most_useful_speaks_for_all() {
    let seconds = std::time::Duration::from_secs;
    let limited = |after| Fault::from(FaultKind::RateLimited).with_retry_after(seconds(after));
    let late = |past| Fault::from(FaultKind::Timeout).with_past_deadline(past);
    let cases = [
        (
            vec![FaultKind::QuotaExhausted.into(), limited(9), limited(4), FaultKind::Auth.into()],
            FaultKind::RateLimited,
            Some(4),
        ),
        (vec![FaultKind::Connect.into(), FaultKind::QuotaExhausted.into()], FaultKind::Connect, None),
        (
            vec![FaultKind::Auth.into(), FaultKind::ModelNotFound.into(), FaultKind::QuotaExhausted.into()],
            FaultKind::QuotaExhausted,
            None,
        ),
        (
            vec![FaultKind::Unavailable.into(), FaultKind::InvalidRequest.into()],
            FaultKind::InvalidRequest,
            None,
        ),
        (vec![FaultKind::Unavailable.into(), late(PastDeadline::CutOff)], FaultKind::Timeout, None),
        (
            vec![limited(9), late(PastDeadline::CutOff), late(PastDeadline::Unsent)],
            FaultKind::Timeout,
            Some(9),
        ),
        (vec![limited(9), FaultKind::Timeout.into()], FaultKind::RateLimited, Some(9)),
    ];
    for (faults, kind, after) in cases {
        let tiers = faults.iter().enumerate().map(|(at, fault)| {
            let fault: Fault = *fault;
            Tier::new(format!("t{at}"), service_fn(move |_: u32| async move { Err::<(), _>(fault) }))
        });
        let error = TierList::<_, Fault>::new(tiers).oneshot(1).await.unwrap_err();
        assert_eq!((error.fault().kind, error.fault().retry_after), (kind, after.map(seconds)), "{error}");
        assert_eq!(error.trail().len(), faults.len());
        assert_eq!(error.into_most_useful().map(|fault| fault.kind), Some(kind));
    }
}

#[tokio::test]
async fn an_empty_list_is_a_refusal() {
    let tiers = TierList::<Script<fn(usize, &u32) -> Step<(), Fault>, u32>, Fault>::new([]);
    let error = tiers.oneshot(1).await.unwrap_err();
    assert_eq!((error.fault().kind, error.to_string().as_str()), (FaultKind::Shed, "no tier answered"));
}

#[tokio::test]
async fn set_answers_are_by_task() {
    let set = SetAnswers::default().by_task(|task: &&'static str| *task);
    let answer = set.clone().oneshot("extract").await.unwrap();
    assert_eq!(answer, json!({"entities": [], "error": "no model could be reached"}));
    assert_eq!(set.oneshot("sing").await.unwrap_err(), NoSetAnswer);
}

#[tokio::test]
async fn a_tier_without_a_set_answer_leaves_the_call_to_the_next() {
    let (first, _) = always(fails(FaultKind::Overloaded));
    let tiers = Fallback::first("one", first)
        .then(Tier::local("known", SetAnswer::by(|asked: &u32| (*asked == 1).then_some("known"))))
        .then(Tier::local("sorry", SetAnswer::of("sorry")));
    assert_eq!(*tiers.clone().oneshot(1).await.unwrap(), "known");
    let answer = tiers.oneshot(2).await.unwrap();
    assert_eq!((*answer, answer.trail().len()), ("sorry", 2));
}

#[test]
fn tiers_with_closures_can_still_be_shown() {
    let sorry = || {
        Tier::local("sorry", SetAnswer::of::<u32, _>("later"))
            .map_request(|asked: &u32, _: &Trail<Fault>| *asked)
    };
    let layer = format!("{:?}", FallbackLayer::new("model", sorry()));
    assert!(
        layer.contains("first: \"model\", tier: Tier { name: \"sorry\", service: SetAnswer { .. }"),
        "{layer}"
    );
    let tiers = format!("{:?}", Fallback::first("set", SetAnswer::by(|_: &u32| Some("now"))).then(sorry()));
    assert!(tiers.starts_with("Fallback(") && tiers.matches("SetAnswer { .. }").count() == 2, "{tiers}");
}

/// A request that counts its copies.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn the_last_tier_gets_the_request_itself() {
    let down = || service_fn(|_: Counted| ready(Err::<(), Fault>(FaultKind::Unavailable.into())));
    for tiers in 1..4 {
        let copies = Arc::new(AtomicUsize::new(0));
        let list = TierList::<_, Fault>::new((0..tiers).map(|at| Tier::new(at.to_string(), down())));
        assert_eq!(list.oneshot(Counted(Arc::clone(&copies))).await.unwrap_err().trail().len(), tiers);
        assert_eq!(copies.load(Relaxed), tiers - 1);
    }
    let copies = Arc::new(AtomicUsize::new(0));
    let tiers = Fallback::first("one", down()).then(Tier::new("two", down()));
    tiers.oneshot(Counted(Arc::clone(&copies))).await.unwrap_err();
    assert_eq!(copies.load(Relaxed), 1);
}
