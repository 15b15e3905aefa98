//! Stacks of boxed errors.

use std::{error::Error, fmt, iter::successors};

use mainstay_fault::{Fault, FaultKind, HasFault, fault_in};
use mainstay_router::{Backend, Backends, NoneEligible, Router, strategy::RoundRobin};
use tower::{BoxError, ServiceExt, service_fn};

/// An error that says nothing of its fault in its chain, but for what causes it.
#[derive(Debug)]
struct Because(Fault);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer")
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_boxed_error_of_boxed_backends_keeps_the_backend_and_loses_no_cause() {
    let backend = |name: &'static str| {
        let broke = || Because(Fault::new(FaultKind::QuotaExhausted));
        Backend::new(name, service_fn(move |_: u32| async move { Err::<(), BoxError>(broke().into()) }))
    };
    let set = Backends::new([backend("a"), backend("b")]).unwrap();
    let error = Router::new(set, RoundRobin::default()).oneshot(0).await.unwrap_err().boxed();
    let fault = fault_in(&*error).unwrap();
    assert!(
        fault.elsewhere && fault.backend.is_some() && fault.kind == FaultKind::QuotaExhausted,
        "{fault:?}"
    );
    let chain = chain(&*error);
    assert_eq!(chain[1].to_string(), "backend a: no answer");
    assert!(chain[2].is::<Because>(), "{chain:?}");
}

#[tokio::test(start_paused = true)]
async fn a_boxed_error_of_no_backend_says_why() {
    let error = mainstay_router::Error::<BoxError>::from(NoneEligible::default());
    let (shown, fault) = (error.to_string(), error.fault());
    let error = error.boxed();
    assert_eq!(fault_in(&*error), Some(fault));
    assert_eq!(error.source().unwrap().to_string(), shown);
}

/// An error and what caused it, down to the root.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    successors(Some(error), |error| (**error).source()).collect()
}
