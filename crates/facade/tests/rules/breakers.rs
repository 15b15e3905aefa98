//! Rule 9: breakers.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all};
use mainstay::{BackendStatus, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{Dialect, ModelPlan, StreamFault, Turn, WholeFault};
use tokio::time::{advance, timeout};

use crate::{ALONE, BOTH, QUICK, always, ask, limited, stack};

/// How `a` stands.
fn standing(mainstay: &Mainstay) -> BackendStatus {
    mainstay.status().backends.into_iter().find(|it| it.backend == "a/m").unwrap()
}

#[tokio::test]
async fn rule_09_breakers_spare_what_fails() {
    let (mocks, mainstay) = stack([always(WholeFault::ServerError), ModelPlan::new()], QUICK, BOTH).await;
    let mut answered = 0;
    for _ in 0..200 {
        answered += usize::from(mainstay.chat(ask()).await.is_ok());
    }
    assert!(mocks[0].stats().calls < 40, "{} calls went to it", mocks[0].stats().calls);
    assert_eq!(answered, 200);
}

#[tokio::test(start_paused = true)]
async fn rule_09_half_open_lets_one_call_through_and_judges_it_at_its_streams_end() {
    for (end, recovers) in [(Turn::Ok, true), (StreamFault::EndEarly { after: 2 }.into(), false)] {
        let turns = vec![Turn::from(WholeFault::ServerError); 10].into_iter().chain([end]);
        let (mocks, mainstay) =
            stack([ModelPlan::new().sequence(turns), ModelPlan::new()], QUICK, BOTH).await;
        for _ in 0..10 {
            assert_eq!(mainstay.chat(ask()).await.unwrap().report.served_by(), Some("b/m"));
        }
        let pause = standing(&mainstay).returns_in.unwrap();
        assert!(!standing(&mainstay).is_up() && pause > Duration::from_secs(1), "{}", mainstay.status());
        mainstay.chat(ask()).await.unwrap();
        assert_eq!(mocks[0].stats().calls, 10, "it is spared");

        advance(pause).await;
        let streams = join_all((0..10).map(|_| mainstay.chat_stream(ask()))).await;
        let (probes, others): (Vec<_>, Vec<_>) =
            streams.into_iter().map(Result::unwrap).partition(|it| it.report().served_by() == Some("a/m"));
        assert_eq!((probes.len(), others.len(), mocks[0].stats().calls), (1, 9, 11), "one is let through");
        drop(others);
        mainstay.chat(ask()).await.unwrap();
        assert!(!standing(&mainstay).is_up(), "its stream has begun, and not ended: {}", mainstay.status());
        assert_eq!(mocks[0].stats().calls, 11);

        for probe in probes {
            let items: Vec<_> = probe.collect().await;
            assert_eq!(items.iter().all(Result::is_ok), recovers);
        }
        assert_eq!(standing(&mainstay).is_up(), recovers, "{}", mainstay.status());
        if !recovers {
            assert!(standing(&mainstay).returns_in.unwrap() > pause, "longer than the first time");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rule_09_what_is_no_failure_of_the_server_does_not_count() {
    for (fault, kind) in [
        (WholeFault::InvalidRequest, FaultKind::InvalidRequest),
        (WholeFault::ContextLength(Dialect::Openai), FaultKind::ContextLength),
        (limited("0"), FaultKind::RateLimited),
    ] {
        let settings = format!("{QUICK}\nretries = 0");
        let (mocks, mainstay) = stack([always(fault)], &settings, ALONE).await;
        for _ in 0..30 {
            let failure = mainstay.chat(ask()).await.unwrap_err();
            assert_eq!(failure.fault().kind, kind, "{failure}");
        }
        assert_eq!((standing(&mainstay).failure_ratio, mocks[0].stats().calls), (0.0, 30), "{kind:?}");
    }
    let (_mocks, mainstay) = stack([always(WholeFault::Hang)], QUICK, ALONE).await;
    for _ in 0..30 {
        timeout(Duration::from_secs(1), mainstay.chat(ask())).await.unwrap_err();
    }
    let standing = standing(&mainstay);
    assert!(standing.is_up() && standing.failure_ratio == 0.0, "callers left: {}", mainstay.status());
}
