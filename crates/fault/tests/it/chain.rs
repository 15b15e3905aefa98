use std::{error::Error, io, sync::Arc, time::Duration};

use mainstay_fault::{Caused, Fault, FaultKind, HasFault, fault_in};

type BoxError = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[error("while asking the model")]
struct Outer(#[source] BoxError);

#[test]
fn a_boxed_error_is_judged_by_its_chain() {
    let boxed: BoxError =
        Outer(Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(3)).into()).into();
    assert_eq!(boxed.fault().kind, FaultKind::RateLimited);
    assert_eq!(boxed.fault().retry_after, Some(Duration::from_secs(3)));
}

#[test]
fn the_outermost_fault_counts() {
    let inner = Caused::new(Fault::new(FaultKind::Connect), io::Error::from(io::ErrorKind::TimedOut));
    let boxed: BoxError = Outer(inner.into()).into();
    assert_eq!(boxed.fault().kind, FaultKind::Connect);
}

#[test]
fn what_nobody_described_is_not_sent_again() {
    let boxed: BoxError = "something".into();
    assert_eq!(fault_in(&*boxed), None);
    assert_eq!(boxed.fault().kind, FaultKind::InvalidRequest);
}

#[test]
fn io_errors_are_judged_by_their_kind() {
    for (kind, expected) in [
        (io::ErrorKind::ConnectionRefused, FaultKind::Connect),
        (io::ErrorKind::ConnectionReset, FaultKind::Connect),
        (io::ErrorKind::TimedOut, FaultKind::Timeout),
        (io::ErrorKind::PermissionDenied, FaultKind::InvalidRequest),
    ] {
        assert_eq!(io::Error::from(kind).fault().kind, expected, "{kind:?}");
    }
    let wrapped = io::Error::other(Fault::new(FaultKind::Malformed));
    assert_eq!(wrapped.fault().kind, FaultKind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn an_elapsed_timeout_is_a_timeout() {
    let elapsed =
        tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await.unwrap_err();
    let boxed: BoxError = elapsed.into();
    assert_eq!(boxed.fault().kind, FaultKind::Timeout);
}

#[test]
fn the_errors_of_towers_own_layers_are_judged() {
    let late: BoxError = tower::timeout::error::Elapsed::new().into();
    assert_eq!(Outer(late).source().and_then(fault_in), Some(FaultKind::Timeout.into()));
    let shed: BoxError = tower::load_shed::error::Overloaded::new().into();
    assert_eq!(shed.fault().kind, FaultKind::Shed);
}

#[test]
fn pointers_say_what_they_point_to() {
    let fault = Fault::new(FaultKind::Auth);
    assert_eq!(HasFault::fault(&&fault), fault);
    assert_eq!(Box::new(fault).fault(), fault);
    assert_eq!(Arc::new(fault).fault(), fault);
}

#[test]
fn the_cause_is_not_lost() {
    let caused = Caused::new(Fault::new(FaultKind::Connect), io::Error::other("certificate expired"));
    assert_eq!(caused.to_string(), "connection failed");
    assert_eq!(caused.source().unwrap().to_string(), "certificate expired");
    assert!(Caused::from(Fault::new(FaultKind::Shed)).source().is_none());
}
