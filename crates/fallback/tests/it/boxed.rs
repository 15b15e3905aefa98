//! Stacks of boxed errors.

use std::{error::Error, io, iter::successors, time::Duration};

use mainstay_fallback::{Exhausted, Fallback, Same, Tier, TierList};
use mainstay_fault::{Caused, Fault, FaultKind, fault_in};
use tower::{BoxError, ServiceExt, service_fn, util::BoxCloneSyncService};

fn limited(seconds: u64) -> Fault {
    Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_boxed_error_of_boxed_tiers_speaks_for_all_and_loses_no_cause() {
    let tier = |seconds| {
        let cause = move || Caused::new(limited(seconds), io::Error::other("the door is shut"));
        service_fn(move |(): ()| async move { Err::<(), BoxError>(cause().into()) })
    };
    let tiers = Fallback::first("large", tier(20)).then(Tier::new("small", tier(5)));
    let error = tiers.map_err(Exhausted::<BoxError>::boxed).oneshot(()).await.unwrap_err();
    assert_eq!(fault_in(&*error), Some(limited(5)), "the earliest that any tier said");
    let chain = chain(&*error);
    assert!(chain[1].to_string().starts_with("no tier answered: large: rate limited"), "{chain:?}");
    assert!(chain[2].is::<Caused>() && chain[3].is::<io::Error>(), "{chain:?}");
}

#[tokio::test]
async fn a_boxed_error_of_no_tier_is_shed() {
    let none = TierList::<BoxCloneSyncService<(), (), Fault>, Fault, Same>::new([]);
    let error = none.oneshot(()).await.unwrap_err().boxed();
    assert_eq!(fault_in(&*error), Some(FaultKind::Shed.into()));
    assert!(error.source().unwrap().source().is_none());
}

/// An error and what caused it, down to the root.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    successors(Some(error), |error| (**error).source()).collect()
}
