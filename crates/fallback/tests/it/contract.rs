use std::{convert::Infallible, time::Duration};

use mainstay_fallback::{Answer, Fallback, FallbackLayer, Hedge, SetAnswer, Tier, TierList};
use mainstay_testkit::{check_cancel, check_contract};
use tower::{Layer, ServiceBuilder, layer::layer_fn, util::BoxCloneSyncService};

/// Errors of both tiers.
#[derive(Debug)]
struct Never;

impl mainstay_fault::HasFault for Never {
    fn fault(&self) -> mainstay_fault::Fault {
        mainstay_fault::FaultKind::Shed.into()
    }
}

impl From<Infallible> for Never {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<mainstay_fallback::NoSetAnswer> for Never {
    fn from(_: mainstay_fallback::NoSetAnswer) -> Self {
        Self
    }
}

fn inner(answer: Answer<u32, Never>) -> u32 {
    answer.into_inner()
}

#[tokio::test(start_paused = true)]
async fn readiness_is_taken_from_the_service_that_is_called() {
    let tier = Tier::local("set", SetAnswer::of::<u32, u32>(7));
    let layer = ServiceBuilder::new()
        .map_response(inner as fn(_) -> _)
        .layer(FallbackLayer::new("first", tier))
        .map_err(Never::from as fn(Infallible) -> _)
        .into_inner();
    check_contract(&layer).await;
    check_cancel(&layer).await;
}

#[tokio::test(start_paused = true)]
async fn a_hedged_tier_and_a_list_keep_the_contract_too() {
    let to_never = || ServiceBuilder::new().map_err(Never::from as fn(Infallible) -> _).into_inner();
    let hedged = layer_fn(move |service| {
        let tiers = Fallback::first("first", to_never().layer(service)).hedged(
            Tier::local("set", SetAnswer::of::<u32, u32>(7)),
            Hedge::after(Duration::from_secs(86_400)),
        );
        ServiceBuilder::new().map_response(inner as fn(_) -> _).service(tiers)
    });
    check_contract(&hedged).await;
    check_cancel(&hedged).await;

    let listed = layer_fn(move |service| {
        let tier = Tier::new("only", BoxCloneSyncService::new(to_never().layer(service)));
        ServiceBuilder::new().map_response(inner as fn(_) -> _).service(TierList::<_, Never>::new([tier]))
    });
    check_contract(&listed).await;
}
