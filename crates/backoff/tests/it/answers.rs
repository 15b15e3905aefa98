//! Answers that are no good, and errors that do not say what they are.

use std::time::Duration;

use http::Response;
use mainstay_backoff::{Jitter, Judge, Rejected, RetryLayer, RetryPolicy, retry};
use mainstay_fault::{Fault, FaultKind, HasFault, http::fault_of};
use mainstay_testkit::{Step, script};
use tower::{BoxError, Layer, Service, ServiceExt};

#[derive(Debug, PartialEq)]
enum Error {
    Rejected(Rejected),
    Model(Fault),
}

impl From<Rejected> for Error {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl HasFault for Error {
    fn fault(&self) -> Fault {
        match self {
            Self::Rejected(rejected) => rejected.fault(),
            Self::Model(fault) => *fault,
        }
    }
}

fn is_json(answer: &&str) -> Result<(), Rejected> {
    if answer.starts_with('{') { Ok(()) } else { Err(Rejected::new(format!("{answer:?} is not JSON"))) }
}

/// Asks a model that gives these answers, one after another, and the last one forever.
async fn ask(answers: &'static [&'static str]) -> (Result<&'static str, Error>, usize) {
    let (service, record) = script(|n, (): &()| Step::Now(Ok::<_, Error>(answers[n.min(answers.len() - 1)])));
    let policy = RetryPolicy::default().check(is_json);
    let outcome = RetryLayer::new(policy).layer(service).ready().await.unwrap().call(()).await;
    (outcome, record.calls())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_fails_the_check_is_asked_for_again() {
    assert_eq!(ask(&["Sure!", "Here:", "{}"]).await, (Ok("{}"), 3));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_passes_is_an_error_that_says_why() {
    let (outcome, attempts) = ask(&["Sure!"]).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.fault().kind, attempts), (FaultKind::Rejected, 4));
    assert_eq!(error, Error::Rejected(Rejected::new("\"Sure!\" is not JSON")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_refused_for_good() {
    let policy = RetryPolicy::default()
        .check(|_: &u32| Err(Rejected::new("withheld").with_fault(FaultKind::ContentFiltered)));
    let mut attempts = 0;
    let outcome: Result<u32, Error> = retry(policy, || {
        attempts += 1;
        async { Ok(1) }
    })
    .await;
    assert_eq!((outcome.unwrap_err().fault().kind, attempts), (FaultKind::ContentFiltered, 1));
}

#[tokio::test(start_paused = true)]
async fn errors_are_still_judged_where_answers_are_checked() {
    let (service, record) = script(|n, (): &()| {
        Step::Now(if n == 0 { Err(Error::Model(Fault::new(FaultKind::Auth))) } else { Ok("{}") })
    });
    let policy = RetryPolicy::default().check(is_json);
    let outcome = RetryLayer::new(policy).layer(service).ready().await.unwrap().call(()).await;
    assert_eq!((outcome, record.calls()), (Err(Error::Model(Fault::new(FaultKind::Auth))), 1));
}

#[tokio::test(start_paused = true)]
async fn the_same_check_works_in_towers_own_layer() {
    let (service, record) = script(|_, (): &()| Step::Now(Ok::<_, Error>("Sure!")));
    let policy = RetryPolicy::default().check(is_json);
    let mut service = tower::retry::RetryLayer::new(policy).layer(service);
    let outcome = service.ready().await.unwrap().call(()).await;
    assert_eq!((outcome.unwrap_err().fault().kind, record.calls()), (FaultKind::Rejected, 4));
}

#[tokio::test(start_paused = true)]
async fn a_closure_judges_errors_that_say_nothing() {
    struct Foreign(u16);
    let (service, record) =
        script(|n, (): &()| Step::<(), _>::Now(Err(Foreign(if n < 2 { 503 } else { 400 }))));
    let policy = RetryPolicy::default().jitter(Jitter::None).classify(|error: &Foreign| match error.0 {
        503 => FaultKind::Overloaded.into(),
        _ => FaultKind::InvalidRequest.into(),
    });
    let outcome =
        RetryLayer::new(policy).layer(service).ready().await.map_err(|_| ()).unwrap().call(()).await;
    assert_eq!((outcome.unwrap_err().0, record.calls()), (400, 3));
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_boxed_errors_is_judged_by_their_chains() {
    let (service, record) = script(|n, (): &()| {
        Step::<(), BoxError>::Now(Err(match n {
            0 => Fault::new(FaultKind::Overloaded).into(),
            1 => Rejected::new("odd").into(),
            _ => "something that nobody described".into(),
        }))
    });
    let mut service = RetryLayer::new(RetryPolicy::default()).layer(service);
    let error = service.ready().await.unwrap().call(()).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), record.calls()), ("something that nobody described", 3));
}

#[tokio::test(start_paused = true)]
async fn a_closure_decides_what_is_retried() {
    let policy = || {
        let stubborn = |fault: &Fault| fault.kind == FaultKind::InvalidRequest;
        RetryPolicy::default().backoff([Duration::from_secs(1)]).when(stubborn)
    };
    for (kind, expected) in [(FaultKind::InvalidRequest, 2), (FaultKind::Overloaded, 1)] {
        let mut attempts = 0;
        let _: Result<(), Fault> = retry(policy(), || {
            attempts += 1;
            async move { Err(Fault::new(kind)) }
        })
        .await;
        assert_eq!(attempts, expected, "{kind}");
    }
}

/// Has answers with an error's status asked for again, and hands the last one out as it is.
#[derive(Debug)]
struct ByStatus;

impl<B, E> Judge<Response<B>, E> for ByStatus {
    fn judge(&self, outcome: &mut Result<Response<B>, E>) -> Option<Fault> {
        let answer = outcome.as_ref().ok()?;
        let fault = || fault_of(answer.status(), answer.headers(), b"");
        (!answer.status().is_success()).then(fault)
    }
}

#[tokio::test(start_paused = true)]
async fn a_judge_of_ones_own_has_an_answer_asked_for_again_and_hands_it_out() {
    let busy = || Response::builder().status(503).header("retry-after", "7").body(()).unwrap();
    let (service, record) = script(move |_, (): &()| Step::Now(Ok::<_, Fault>(busy())));
    let policy = RetryPolicy::default().judge_by(ByStatus);
    let start = tokio::time::Instant::now();
    let answer = RetryLayer::new(policy).layer(service).oneshot(()).await.unwrap();
    assert_eq!(record.calls(), 4);
    assert!(start.elapsed() >= Duration::from_secs(21), "three waits of what the headers say");
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"7".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_judge_of_ones_own_leaves_a_good_answer_alone() {
    let (service, record) = script(|_, (): &()| Step::Now(Ok::<_, Fault>(Response::new(()))));
    let policy = RetryPolicy::default().judge_by(ByStatus);
    assert!(RetryLayer::new(policy).layer(service).oneshot(()).await.unwrap().status().is_success());
    assert_eq!(record.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_leaves_answers_that_it_accepts_to_the_judge() {
    let (service, record) = script(|n, (): &()| {
        let status = if n < 2 { 503 } else { 200 };
        Step::Now(Ok::<_, BoxError>(Response::builder().status(status).body(n).unwrap()))
    });
    let odd = |answer: &Response<usize>| {
        (*answer.body() != 2).then_some(()).ok_or_else(|| Rejected::new("the third is no good"))
    };
    let policy = RetryPolicy::default().judge_by(ByStatus).check(odd);
    let answer = RetryLayer::new(policy).layer(service).oneshot(()).await.unwrap();
    assert_eq!(
        (answer.into_body(), record.calls()),
        (3, 4),
        "two statuses and an answer are asked for again"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_judge_calls_a_fault_is_not_checked() {
    for (status, calls, waits) in [(503, 4, 21), (401, 1, 0)] {
        let (service, record) = script(move |_, (): &()| {
            let answer = Response::builder().status(status).header("retry-after", "7").body(()).unwrap();
            Step::Now(Ok::<_, BoxError>(answer))
        });
        let policy = RetryPolicy::default().judge_by(ByStatus).check(|_| Err(Rejected::new("no JSON")));
        let start = tokio::time::Instant::now();
        let answer = RetryLayer::new(policy).layer(service).oneshot(()).await.unwrap();
        assert_eq!((answer.status().as_u16(), record.calls()), (status, calls));
        assert!(start.elapsed() >= Duration::from_secs(waits), "{status}: {:?}", start.elapsed());
    }
}
