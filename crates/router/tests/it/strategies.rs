use std::{collections::HashMap, time::Duration};

use mainstay_fault::{Fault, FaultKind};
use mainstay_router::{
    Backends, Candidate, Capabilities, Grade, Profile, Router, Ticket, Usage, hand_over,
    strategy::{
        Complexity, CostBudget, FilterExt, LeastLoaded, RoundRobin, Strategy, Weighted, by_fn, filter,
    },
};
use proptest::prelude::*;

use crate::fixtures::{Answers, Knob, call};

fn set(weights: &[f64]) -> Backends<Answers> {
    let knob = Knob::new(0);
    let named = weights.iter().enumerate();
    Backends::new(named.map(|(index, weight)| knob.backend(&index.to_string()).weight(*weight).unwrap()))
        .unwrap()
}

/// The backends chosen, one call after another.
async fn choices(set: Backends<Answers>, strategy: impl Strategy + 'static, calls: u32) -> Vec<String> {
    let mut router =
        Router::new(set, strategy).meter(hand_over(|_: u32, ticket: Ticket| ticket.name().to_owned()));
    let mut chosen = Vec::new();
    for request in 0..calls {
        chosen.push(call(&mut router, request).await.unwrap());
    }
    chosen
}

fn counts(chosen: &[String]) -> HashMap<&str, usize> {
    chosen.iter().fold(HashMap::new(), |mut counts, name| {
        *counts.entry(&**name).or_default() += 1;
        counts
    })
}

#[tokio::test(start_paused = true)]
async fn weights_are_mixed_evenly() {
    let chosen = choices(set(&[5.0, 1.0, 1.0]), Weighted, 14).await;
    assert_eq!(chosen.concat(), "00012000001200");
}

#[tokio::test(start_paused = true)]
async fn round_robin_goes_round() {
    assert_eq!(choices(set(&[1.0; 3]), RoundRobin::default(), 7).await.concat(), "0120120");
}

#[tokio::test(start_paused = true)]
async fn a_drained_backend_takes_no_calls_and_a_weight_can_change() {
    let set = set(&[1.0, 0.0]);
    assert_eq!(counts(&choices(set.clone(), Weighted, 10).await)["0"], 10);
    let ids: Vec<_> = set.snapshot().iter().map(|backend| backend.id).collect();
    set.set_weight(ids[1], 3.0).unwrap();
    assert_eq!(counts(&choices(set, Weighted, 400).await)["1"], 300);
}

#[tokio::test(start_paused = true)]
async fn a_filter_rules_out_before_the_rest_is_ranked() {
    let odd = filter("odd", |candidate: &Candidate<'_>, _: &Profile<'_>| candidate.id().0 % 2 == 1);
    let chosen = choices(set(&[1.0; 6]), odd.then(LeastLoaded::default()), 200).await;
    assert!(["1", "3", "5"].iter().all(|name| counts(&chosen)[name] > 20));
    assert!(["0", "2", "4"].iter().all(|name| !counts(&chosen).contains_key(name)));
}

#[test]
fn complexity_is_scored_as_designed() {
    let complexity = Complexity::default();
    let score = |prompt_chars, needs, steps| {
        complexity.score(&Profile { prompt_chars, needs, steps, ..Profile::default() })
    };
    let close = |score: f64, expected: f64| assert!((score - expected).abs() < 1e-9, "{score} {expected}");
    let (nothing, tools, json) =
        (Capabilities::empty(), Capabilities::TOOLS, Capabilities::STRUCTURED_OUTPUT);
    close(score(0, nothing, 1), 0.0);
    close(score(1_500, nothing, 1), 0.15);
    close(score(9_000, nothing, 1), 0.3);
    close(score(0, tools | json, 2), 0.6);
    close(score(100_000, tools | json, 2), 0.9);
    let grade =
        |prompt_chars, needs| complexity.grade(&Profile { prompt_chars, needs, ..Profile::default() });
    assert_eq!(grade(2_999, nothing), Grade::SMALL);
    assert_eq!(grade(3_000, nothing), Grade::STANDARD);
    assert_eq!(grade(2_999, tools | json), Grade::STANDARD);
    assert_eq!(grade(3_000, tools | json), Grade::DEEP);
}

#[tokio::test(start_paused = true)]
async fn complexity_takes_the_next_better_grade_and_else_the_next_lesser() {
    let knob = Knob::new(0);
    let all = [(Grade::SMALL, "small"), (Grade::STANDARD, "standard"), (Grade::DEEP, "deep")];
    for (prompt_chars, present, expected) in [
        (0, 0b111, "small"),
        (0, 0b110, "standard"),
        (0, 0b100, "deep"),
        (5_000, 0b101, "deep"),
        (5_000, 0b001, "small"),
    ] {
        let backends = all.iter().enumerate().filter(|(bit, _)| present >> bit & 1 == 1);
        let set = Backends::new(backends.map(|(_, (grade, name))| knob.backend(name).grade(*grade))).unwrap();
        let mut router = Router::new(set, Complexity::default())
            .describe(move |_: &u32| Profile { prompt_chars, ..Profile::default() })
            .meter(hand_over(|_: u32, ticket: Ticket| ticket.name().to_owned()));
        assert_eq!(call(&mut router, 0).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn why_names_each_backend_and_asking_changes_nothing() {
    let set = set(&[1.0, 0.0, 1.0]);
    let router = Router::new(set, by_fn(|candidate: &Candidate<'_>, _: &_| -f64::from(candidate.id().0)));
    let text = "by by_fn:\n  2: eligible, score -2.000000\n  0: eligible, score -0.000000\n  1: not eligible, its weight is 0";
    assert_eq!(router.why(&0).to_string(), text);
    assert_eq!(router.why(&0).to_string(), text);
}

fn all() -> Vec<Box<dyn Fn(Backends<Answers>) -> Chooser>> {
    fn chooser(set: Backends<Answers>, strategy: impl Strategy + 'static) -> Chooser {
        let mut router = Router::new(set, strategy).meter(hand_over(|_: u32, ticket: Ticket| ticket));
        Box::new(move || {
            let call = tower::Service::call(&mut router, 0);
            Box::pin(async move { call.await.ok() })
        })
    }
    vec![
        Box::new(|set| chooser(set, LeastLoaded::default().seed(5))),
        Box::new(|set| chooser(set, RoundRobin::default())),
        Box::new(|set| chooser(set, Weighted)),
        Box::new(|set| chooser(set, Complexity::default())),
        Box::new(|set| chooser(set, CostBudget::per_call(1.0).unwrap())),
    ]
}

type Chooser = Box<dyn FnMut() -> futures_util::future::BoxFuture<'static, Option<Ticket>>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// With calls left open, all come to their turn in every strategy; those that are set aside never do.
    #[test]
    fn every_eligible_backend_can_be_chosen_and_no_other(aside in prop::collection::vec(any::<bool>(), 2..9)) {
        prop_assume!(aside.iter().any(|aside| !aside));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            for make in all() {
                let set = set(&vec![1.0; aside.len()]);
                let limited = Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(60));
                let mut first = Router::new(set.clone(), by_fn(|candidate: &Candidate<'_>, _: &_| candidate.in_flight().into()))
                    .meter(hand_over(|_: u32, ticket: Ticket| ticket));
                let mut tickets = Vec::new();
                for _ in &aside {
                    tickets.push(call(&mut first, 0).await.unwrap());
                }
                for ticket in tickets {
                    if aside[usize::from(ticket.backend().0)] {
                        ticket.fail(&limited);
                    } else {
                        ticket.finish(Some(Usage::default()));
                    }
                }
                let (mut choose, mut open, mut seen) = (make(set), Vec::new(), vec![false; aside.len()]);
                for _ in 0..60 {
                    let ticket = choose().await.unwrap();
                    seen[usize::from(ticket.backend().0)] = true;
                    open.push(ticket);
                }
                for (seen, aside) in seen.iter().zip(&aside) {
                    prop_assert_eq!(*seen, !aside);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn weights_converge(weights in prop::collection::vec(1u32..20, 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let total: u32 = weights.iter().sum();
        let floats: Vec<_> = weights.iter().map(|weight| f64::from(*weight)).collect();
        let chosen = runtime.block_on(choices(set(&floats), Weighted, total * 3));
        for (index, weight) in weights.iter().enumerate() {
            let count = counts(&chosen).get(&*index.to_string()).copied().unwrap_or(0);
            prop_assert!(count.abs_diff(*weight as usize * 3) <= 1, "{} for {}", count, weight);
        }
    }
}
