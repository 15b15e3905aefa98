use std::time::Duration;

use mainstay_fault::{Fault, FaultKind, PastDeadline};

use crate::{Meter, Reservation};

/// Settles a call that was answered.
pub(crate) fn answered<M: Meter<R>, R>(meter: &M, response: R, reservation: Reservation) -> M::Response {
    let server = meter.server_limits(&response);
    let limits = server.and_then(|_| reservation.shared());
    // First what this call did not need is given back: the server has counted it already.
    let response = meter.settle(response, reservation);
    if let (Some(server), Some(limits)) = (server, limits) {
        limits.learn(&server);
    }
    response
}

/// Settles a call that failed.
pub(crate) fn failed(fault: &Fault, reservation: Reservation) {
    if let (FaultKind::RateLimited | FaultKind::Overloaded, Some(wait)) = (fault.kind, fault.retry_after) {
        reservation.pause(wait.min(LONGEST_PAUSE));
    }
    match fault.kind {
        // It was not sent at all.
        FaultKind::Shed => reservation.cancel(),
        _ if fault.past_deadline == Some(PastDeadline::Unsent) => reservation.cancel(),
        // The model may have worked, and what it did is billed.
        FaultKind::Timeout
        | FaultKind::Malformed
        | FaultKind::Rejected
        | FaultKind::Interrupted
        | FaultKind::ContentFiltered
        | FaultKind::Cancelled => drop(reservation),
        _ => reservation.settle(0),
    }
}

/// A server may ask for more; nobody is locked out for longer on its word.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
