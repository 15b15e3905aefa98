use std::collections::HashSet;

use http::Request;
use mainstay_fault::{BackendId, Call, HasCall, Tried};
use proptest::prelude::*;

#[test]
fn a_plain_request_carries_no_call() {
    let mut plain = String::from("what is a fault?");
    assert!(plain.call().is_none() && plain.call_mut().is_none());
}

#[test]
fn an_http_request_carries_its_call_in_its_extensions() {
    let mut request = Request::new(());
    assert!(request.call().is_none());
    request.call_mut().unwrap().key = Some("k".into());
    assert_eq!(request.clone().call().unwrap().key.as_deref(), Some("k"));
}

#[test]
fn a_call_begins_with_its_first_attempt() {
    assert_eq!(Call::default().attempt.get(), 1);
    assert!(Call::default().tried.is_empty());
}

proptest! {
    #[test]
    fn tried_is_a_set(ids in prop::collection::vec(any::<u16>(), 0..50), asked in any::<u16>()) {
        let mut tried = Tried::default();
        for id in &ids {
            tried.insert(BackendId(*id));
        }
        let set: HashSet<u16> = ids.into_iter().collect();
        prop_assert_eq!(tried.is_empty(), set.is_empty());
        prop_assert_eq!(tried.contains(BackendId(asked)), set.contains(&asked));
        prop_assert!(set.iter().all(|id| tried.contains(BackendId(*id))));
        tried.clear();
        prop_assert!(tried.is_empty());
    }
}

/// It is moved and cloned on the way of each call through all layers.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_call_is_no_larger_than_twelve_words() {
    assert_eq!(size_of::<Call>(), 12 * size_of::<usize>());
}
