use std::{
    future::Future,
    task::{Context, Waker},
    time::Duration,
};

use mainstay_fault::FaultKind;
use mainstay_router::{Backend, Backends, Health, Router, strategy::LeastLoaded};
use mainstay_testkit::{Step, script};
use proptest::prelude::*;
use tokio::time::advance;
use tower::Service;

/// What the test does next.
#[derive(Clone, Debug)]
enum Act {
    Call(u8),
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    Pass(u16),
    Add,
    Remove(prop::sample::Index),
    Weigh(prop::sample::Index, u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => any::<u8>().prop_map(Act::Call),
        8 => any::<prop::sample::Index>().prop_map(Act::Poll),
        2 => any::<prop::sample::Index>().prop_map(Act::Drop),
        2 => (0u16..8_000).prop_map(Act::Pass),
        1 => Just(Act::Add),
        1 => any::<prop::sample::Index>().prop_map(Act::Remove),
        1 => (any::<prop::sample::Index>(), 0u8..3).prop_map(|(which, weight)| Act::Weigh(which, weight)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_is_in_flight_when_all_calls_have_ended(acts in prop::collection::vec(act(), 1..150)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (inner, record) = script(|_, request: &u8| match usize::from(*request) % 24 {
                n if n < 16 => Step::Now(Err(mainstay_fault::Fault::new(FaultKind::ALL[n]))),
                16..19 => Step::Hang,
                19..22 => Step::After(Duration::from_millis(5), Ok(())),
                _ => Step::Now(Ok(())),
            });
            let backends = Backends::with_health(Health::default().min_calls(2));
            for name in ["a", "b", "c"] {
                backends.add(Backend::new(name, inner.clone())).unwrap();
            }
            let mut router = Router::new(backends.clone(), LeastLoaded::default().seed(3));
            let mut calls: Vec<_> = Vec::new();
            for act in acts {
                let ids: Vec<_> = backends.snapshot().iter().map(|backend| backend.id).collect();
                match act {
                    Act::Call(request) => calls.push(Box::pin(router.call(request))),
                    Act::Poll(which) if !calls.is_empty() => {
                        let at = which.index(calls.len());
                        let polled = calls[at].as_mut().poll(&mut Context::from_waker(Waker::noop()));
                        if polled.is_ready() {
                            drop(calls.swap_remove(at));
                        }
                    }
                    Act::Drop(which) if !calls.is_empty() => drop(calls.swap_remove(which.index(calls.len()))),
                    Act::Pass(ms) => advance(Duration::from_millis(ms.into())).await,
                    Act::Add => drop(backends.add(Backend::new("more", inner.clone()))),
                    Act::Remove(which) if !ids.is_empty() => drop(backends.remove(ids[which.index(ids.len())])),
                    Act::Weigh(which, weight) if !ids.is_empty() => {
                        backends.set_weight(ids[which.index(ids.len())], weight.into()).unwrap();
                    }
                    _ => {}
                }
            }
            calls.clear();
            prop_assert_eq!(record.in_flight(), 0);
            for backend in backends.snapshot() {
                prop_assert_eq!((backend.in_flight, backend.probing), (0, false), "{}", backend);
            }
            Ok(())
        })?;
    }
}
