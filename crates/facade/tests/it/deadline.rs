use std::{convert::Infallible, time::Duration};

use mainstay::{
    Deadline, DeadlineLayer, Error, FaultKind, HasFault, Mainstay, RetryPolicy, Tier,
    backoff::Jitter,
    fault::{Call, Fault, HasCall},
    openai::ChatRequest,
};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, RetryAfter, WholeFault};
use mainstay_testkit::{Step, check_cancel, check_contract, script};
use tokio::time::Instant;
use tower::{BoxError, ServiceBuilder};
use tower_layer::Layer;

#[derive(Clone, Debug, Default)]
struct Question(Call);

impl HasCall for Question {
    fn call(&self) -> Option<&Call> {
        Some(&self.0)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.0)
    }
}

/// The deadline that the inner service sees, from now.
async fn deadline_seen(limit: Duration, question: Question) -> Duration {
    use tower::ServiceExt;

    let (service, record) = script(|_, _: &Question| Step::Now(Ok::<_, Fault>(())));
    let service: Deadline<_> = DeadlineLayer::new(limit).layer(service);
    service.oneshot(question).await.unwrap();
    record.seen()[0].request.0.deadline.unwrap() - Instant::now()
}

#[tokio::test(start_paused = true)]
async fn the_layer_keeps_the_contract() {
    let boxed = |never: Infallible| -> BoxError { match never {} };
    let layer = || {
        ServiceBuilder::new().layer(DeadlineLayer::new(Duration::from_secs(1))).map_err(boxed).into_inner()
    };
    check_contract(&layer()).await;
    check_cancel(&layer()).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_gets_a_deadline_and_keeps_a_tighter_one() {
    let seconds = Duration::from_secs;
    let with = |limit| Question(Call::default().with_deadline(Instant::now() + seconds(limit)));
    assert_eq!(deadline_seen(seconds(10), Question::default()).await, seconds(10));
    assert_eq!(deadline_seen(seconds(10), with(3)).await, seconds(3));
    assert_eq!(deadline_seen(seconds(10), with(30)).await, seconds(10));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_keep_the_deadline_is_cut_off() {
    use tower::ServiceExt;

    let millis = Duration::from_millis;
    for (limit, own) in [(1_000, None), (2_000, Some(1_000))] {
        let (service, record) = script(|_, _: &Question| Step::<(), Fault>::Hang);
        let mut question = Question::default();
        question.0.deadline = own.map(|own| Instant::now() + millis(own));
        let began = Instant::now();
        let service = DeadlineLayer::new(millis(limit)).layer(service);
        let fault = service.oneshot(question).await.unwrap_err();
        assert_eq!((fault.kind, began.elapsed(), record.calls()), (FaultKind::Timeout, millis(1_100), 1));
    }
    // What ends by itself at the deadline has its say.
    let (service, _) =
        script(|_, _: &Question| Step::<(), _>::After(millis(1_000), Err(Fault::new(FaultKind::Connect))));
    let fault =
        DeadlineLayer::new(millis(1_000)).layer(service).oneshot(Question::default()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Connect);
}

#[tokio::test]
async fn a_tier_of_ones_own_that_hangs_is_cut_off() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", down)).start().await.unwrap();
    let hangs = tower::service_fn(|_: ChatRequest| std::future::pending());
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .deadline(Duration::from_millis(200))
        .retry(RetryPolicy::default().retries(0))
        .tier(Tier::service("mine", hangs))
        .build()
        .unwrap();
    let failure = mainstay.chat(ChatRequest::new("m").user("Hello?")).await.unwrap_err();
    assert!(matches!(failure.error(), Error::Deadline(_)), "{failure}");
    assert_eq!((failure.fault().kind, failure.report().attempts.len()), (FaultKind::Timeout, 1));
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_from_a_caller_that_left_has_the_deadline_that_it_came_with() {
    let seconds = Duration::from_secs;
    let plan = ModelPlan::new().fault(WholeFault::Hang, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .deadline(seconds(10))
        .idempotency(seconds(3_600), 10)
        .build()
        .unwrap();
    let ask = || ChatRequest::new("m").user("Hello?").key("one");
    let leader = tokio::spawn(mainstay.chat(ask()));
    let began = Instant::now();
    let follower = tokio::spawn(async move { (mainstay.chat(ask()).await, began.elapsed()) });
    tokio::time::sleep(seconds(6)).await;
    leader.abort();
    let (outcome, took) = follower.await.unwrap();
    assert_eq!(outcome.unwrap_err().fault().kind, FaultKind::Timeout);
    assert!(took >= seconds(10) && took < Duration::from_millis(10_050), "{took:?}");
    assert_eq!(mock.stats().calls, 2);
}

#[tokio::test]
async fn no_call_outlives_its_deadline_by_waiting() {
    let plan = ModelPlan::new().fault(WholeFault::RateLimited(RetryAfter::raw("50")), 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let policy = RetryPolicy::default().jitter(Jitter::None);
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .deadline(Duration::from_secs(30))
        .retry(policy)
        .build()
        .unwrap();
    let error = mainstay.chat(ChatRequest::new("m").user("Hello?")).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::RateLimited, "the original error, at once");
    assert_eq!(error.fault().retry_after, Some(Duration::from_secs(50)));
    assert_eq!(mock.stats().calls, 1);
}

#[tokio::test]
async fn an_attempt_that_hangs_is_cut_off_by_the_deadline() {
    let plan = ModelPlan::new().fault(WholeFault::Hang, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let mainstay =
        Mainstay::builder().base_url(mock.base_url()).deadline(Duration::from_millis(50)).build().unwrap();
    let error = mainstay.chat(ChatRequest::new("m").user("Hello?")).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_routes_own_deadline_is_that_of_its_streams() {
    // Ten seconds to its first token, and then a token a second.
    let plan = ModelPlan::new()
        .first_token(Latency::Constant(Duration::from_secs(10)))
        .per_token(Latency::Constant(Duration::from_secs(1)));
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(plan)).start().await.unwrap();
    let toml = format!(
        r#"
        deadline = "5s"
        [backends.mock]
        base_url = {:?}
        [routes.long]
        deadline = "1h"
        tiers = [{{ models = [{{ on = "mock" }}] }}]
        [routes.short]
        tiers = [{{ models = [{{ on = "mock" }}] }}]
        "#,
        mock.base_url()
    );
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    let ask = |route: &str| mainstay.chat_stream(ChatRequest::new(route).user("Tell me of the sea."));
    let began = Instant::now();
    assert!(!ask("long").await.unwrap().into_response().await.unwrap().text().is_empty());
    assert!(began.elapsed() > Duration::from_secs(10));
    let began = Instant::now();
    let failure = ask("short").await.unwrap_err();
    assert_eq!((failure.fault().kind, began.elapsed().as_secs()), (FaultKind::Timeout, 5));
}
