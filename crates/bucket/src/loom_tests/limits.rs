//! Several limits: all or none, in whatever order threads come.

use std::{pin::Pin, sync::Arc, time::Duration};

use super::{bell, beside, model, poll};
use crate::{Limits, Patience, Rate, Reservation, Reserve, TokenBucket};

fn bucket(tokens: u64) -> TokenBucket {
    TokenBucket::new(tokens, Rate::new(1, Duration::from_secs(1)).unwrap()).unwrap()
}

/// Calls in flight, tokens, requests.
fn limits([calls, tokens, requests]: [u32; 3]) -> Arc<Limits> {
    let limits = Limits::default().tokens(bucket(tokens.into())).requests(bucket(requests.into()));
    Arc::new(limits.in_flight(calls).unwrap())
}

fn available(limits: &Limits) -> [i64; 3] {
    [limits.in_flight_available(), limits.tokens_available(), limits.requests_available()].map(Option::unwrap)
}

fn reserve(limits: &Arc<Limits>, tokens: u64) -> Pin<Box<Reserve>> {
    Box::pin(limits.reserve(tokens, Patience::new(Duration::from_secs(3_600))))
}

#[test]
fn loom_a_call_has_all_limits_or_none() {
    model("all or none", || {
        let limits = limits([2, 8, 1]);
        let shared = Arc::clone(&limits);
        let other = beside(1, move || shared.try_reserve(2));
        let own = limits.try_reserve(5);
        let both = [own, other.join().unwrap()];
        let mut served = both.iter().flatten();
        let (Some(winner), None) = (served.next(), served.next()) else {
            panic!("one request, not {both:?}")
        };
        assert_eq!(available(&limits), [1, 8 - i64::try_from(winner.reserved()).unwrap(), 0]);
        both.into_iter().flatten().for_each(Reservation::cancel);
        assert_eq!(available(&limits), [2, 8, 1]);
    });
}

#[test]
fn loom_a_settlement_beside_a_reservation_loses_nothing() {
    model("settlement", || {
        let limits = limits([2, 8, 2]);
        let first = limits.try_reserve(6).unwrap();
        let other = beside(1, move || first.settle(3));
        let second = limits.try_reserve(5);
        other.join().unwrap();
        let [calls, tokens, requests] = if second.is_some() { [1, 0, 0] } else { [2, 5, 1] };
        assert_eq!(available(&limits), [calls, tokens, requests]);
    });
}

/// A call waits while another ends, which held the last of a limit.
fn ends(name: &str, most: [u32; 3]) {
    model(name, move || {
        let limits = limits(most);
        let first = limits.try_reserve(8).unwrap();
        let other = beside(1, move || first.cancel());
        let (bell, waker) = bell();
        let mut second = reserve(&limits, 8);
        let ready = poll(&mut second, &waker).is_ready();
        other.join().unwrap();
        if !ready {
            assert!(bell.rang(), "sleeps for ever");
            assert!(poll(&mut second, &waker).is_ready());
        }
        drop(second);
        assert_eq!(available(&limits)[0], i64::from(most[0]));
    });
}

#[test]
fn loom_who_waits_for_a_limit_is_woken_when_a_call_ends() {
    ends("in flight", [1, 16, 2]);
    ends("tokens", [2, 8, 2]);
    ends("requests", [2, 16, 1]);
}

#[test]
fn loom_a_dropped_reserve_gives_back_what_it_took() {
    model("dropped reserve", || {
        let limits = limits([2, 8, 2]);
        let first = limits.try_reserve(8).unwrap();
        let (bell, waker) = bell();
        let (mut second, mut third) = (reserve(&limits, 8), reserve(&limits, 1));
        // The second has a place in flight and waits for its tokens, the third waits for a place.
        assert!(poll(&mut second, &waker).is_pending());
        assert!(poll(&mut third, &waker).is_pending());
        let other = beside(1, move || first.cancel());
        drop(second);
        other.join().unwrap();
        assert!(bell.rang(), "sleeps for ever");
        assert!(poll(&mut third, &waker).is_ready());
        drop(third);
        assert_eq!(available(&limits)[0], 2);
    });
}
