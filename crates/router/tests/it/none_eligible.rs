use std::time::Duration;

use mainstay_fault::{Fault, FaultKind, HasFault, fault_in};
use mainstay_router::{
    Backends, Capabilities, Error, Gate, Ineligible, Profile, Router,
    strategy::{LeastLoaded, RoundRobin},
};

use crate::fixtures::{Answers, Knob, backends, call};

const SECOND: Duration = Duration::from_secs(1);

fn none(error: Error<Fault>) -> mainstay_router::NoneEligible {
    match error {
        Error::NoneEligible(none) => none,
        error => panic!("a backend was called: {error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_fault_is_that_of_the_backend_that_returns_first() {
    let (set, knobs) = backends(&[0, 0]);
    let mut router = Router::new(set, RoundRobin::default());
    knobs[0].fail(Fault::new(FaultKind::RateLimited).with_retry_after(40 * SECOND));
    knobs[1].fail(FaultKind::QuotaExhausted);
    for request in 0..2 {
        call(&mut router, request).await.unwrap_err();
    }
    let none = none(call(&mut router, 0).await.unwrap_err());
    let expected = Fault::new(FaultKind::RateLimited).with_retry_after(40 * SECOND).with_set_aside(true);
    assert_eq!(none.fault(), expected);
    let text = none.to_string();
    assert!(
        text.contains("a: set aside for 40s (rate_limited); b: set aside for 300s (quota_exhausted)"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_mend_is_not_worth_a_retry() {
    let (set, knobs) = backends(&[0]);
    let mut router = Router::new(set, RoundRobin::default());
    knobs[0].fail(FaultKind::Auth);
    call(&mut router, 0).await.unwrap_err();
    let fault = none(call(&mut router, 0).await.unwrap_err()).fault();
    assert_eq!((fault.kind, fault.retry_after), (FaultKind::Auth, Some(300 * SECOND)));
    let empty: Backends<Answers> = Backends::with_health(mainstay_router::Health::default());
    let error = call(&mut Router::new(empty, LeastLoaded::default()), 0).await.unwrap_err();
    assert_eq!(none(error).fault(), Fault::new(FaultKind::Shed).with_set_aside(true));
}

#[tokio::test(start_paused = true)]
async fn a_small_window_a_missing_capability_and_a_shut_gate_rule_out_before_the_call() {
    let knob = Knob::new(0);
    let set = Backends::new([
        knob.backend("window").window(100),
        knob.backend("tools").can(Capabilities::STREAMING),
        knob.backend("gate").gate(|_: &Profile<'_>| Some(2 * SECOND)),
    ]);
    let mut router = Router::new(set.unwrap(), LeastLoaded::default()).describe(|_: &u32| Profile {
        input_tokens: 90,
        output_tokens: 11,
        needs: Capabilities::TOOLS,
        ..Profile::default()
    });
    let why = router.why(&0).to_string();
    assert!(why.contains("window: not eligible, 101 tokens do not fit into 100"), "{why}");
    let none = none(call(&mut router, 0).await.unwrap_err());
    let reasons: Vec<_> = none.reasons().map(|(_, why)| why.clone()).collect();
    assert_eq!(
        reasons,
        [
            Ineligible::Window { needs: 101, has: 100 },
            Ineligible::Lacks(Capabilities::TOOLS),
            Ineligible::Gate(2 * SECOND)
        ]
    );
    assert_eq!(
        none.fault(),
        Fault::new(FaultKind::RateLimited).with_retry_after(2 * SECOND).with_set_aside(true)
    );
    assert_eq!(knob.calls(), 0);
}

struct Line;

impl Gate for Line {
    fn opens_in(&self, _: &Profile<'_>) -> Option<Duration> {
        Some(SECOND)
    }

    fn queues(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_with_a_line_is_the_last_resort() {
    let (lined, open) = (Knob::new(0), Knob::new(0));
    let set = Backends::new([lined.backend("lined").gate(Line), open.backend("open")]).unwrap();
    let mut router = Router::new(set.clone(), RoundRobin::default());
    for request in 0..10 {
        call(&mut router, request).await.unwrap();
    }
    assert_eq!((lined.calls(), open.calls()), (0, 10));
    let open = set.snapshot()[1].id;
    assert!(set.remove(open));
    call(&mut router, 0).await.unwrap();
    assert_eq!(lined.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_boxed_error_keeps_the_backend_and_loses_no_cause() {
    let (set, knobs) = backends(&[0, 0]);
    for knob in &knobs {
        knob.fail(FaultKind::QuotaExhausted);
    }
    let error = call(&mut Router::new(set, RoundRobin::default()), 0).await.unwrap_err();
    assert_eq!(error.to_string(), "backend a: quota exhausted");
    let fault = fault_in(&*error.boxed()).unwrap();
    assert!(fault.elsewhere && fault.backend.is_some() && fault.kind == FaultKind::QuotaExhausted);
}
