use mainstay_router::{Backend, Backends, Router, strategy::RoundRobin};
use mainstay_testkit::{check_cancel, check_contract};
use tower::{layer::layer_fn, util::MapErr};

fn router<S: Clone>(inner: S) -> Router<S> {
    let backends = Backends::new([Backend::new("one", inner.clone()), Backend::new("two", inner)]);
    Router::new(backends.unwrap(), RoundRobin::default())
}

#[tokio::test(start_paused = true)]
async fn readiness_is_taken_from_the_service_that_is_called() {
    check_contract(&layer_fn(|inner| MapErr::new(router(inner), drop::<_>))).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaks_nothing() {
    check_cancel(&layer_fn(|inner| MapErr::new(router(inner), drop::<_>))).await;
}
