use std::convert::Infallible;

use mainstay_idempotency::{Answer, IdempotencyLayer};
use mainstay_testkit::{check_cancel, check_contract};
use tower::{BoxError, ServiceBuilder};

fn boxed(never: Infallible) -> BoxError {
    match never {}
}

#[tokio::test(start_paused = true)]
async fn readiness_is_taken_from_the_service_that_is_called() {
    let key: fn(&u32) -> Option<&str> =
        |n| (n % 2 == 0).then_some(["0", "2", "4", "6", "8"][*n as usize / 2 % 5]);
    for key in [key, |_: &u32| None] {
        let layer = ServiceBuilder::new()
            .map_response(Answer::into_inner as fn(_) -> u32)
            .layer(IdempotencyLayer::new().key(key))
            .map_err(boxed as fn(_) -> _)
            .into_inner();
        check_cancel(&layer).await;
    }
    let layer = ServiceBuilder::new()
        .map_response(Answer::into_inner as fn(_) -> u32)
        .layer(IdempotencyLayer::new().key((|_| None) as fn(&u32) -> Option<&str>))
        .map_err(boxed as fn(_) -> _)
        .into_inner();
    check_contract(&layer).await;
}
