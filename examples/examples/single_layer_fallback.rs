//! `mainstay-fallback` alone: a large model, a small one, rules, and a set answer, each for the faults of those above it.
#![allow(clippy::print_stdout, reason = "a program for people")]

use mainstay_fallback::{Degradation, Fallback, SetAnswer, Tier};
use mainstay_fault::{Fault, FaultKind};
use tower::{ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let large = service_fn(|ask: &'static str| async move {
        match ask {
            "easy" => Ok("the large model's answer".to_owned()),
            "wrong" => Err(Fault::from(FaultKind::InvalidRequest)),
            _ => Err(Fault::from(FaultKind::Overloaded)),
        }
    });
    let small = service_fn(|ask: &'static str| async move {
        match ask {
            "rush hour" => Ok("the small model's answer".to_owned()),
            "very long" => Err(Fault::from(FaultKind::ContextLength)),
            _ => Err(Fault::from(FaultKind::QuotaExhausted)),
        }
    });
    let rules = service_fn(|ask: &'static str| async move {
        let known = ask == "very long" || ask == "outage";
        if known { Ok(format!("what rules make of {ask:?}")) } else { Err(Fault::from(FaultKind::Rejected)) }
    });
    let tiers = Fallback::first("large", large)
        .then(Tier::new("small", small))
        .then(Tier::local("rules", rules))
        .then(
            Tier::local("sorry", SetAnswer::of("try again later".to_owned()))
                .degraded(Degradation::SetAnswer),
        );

    for ask in ["easy", "rush hour", "very long", "outage", "riddle", "wrong"] {
        match tiers.clone().oneshot(ask).await {
            Ok(answer) => println!("{ask:<10} {:<28} by {} ({})", *answer, answer.tier(), answer.degraded()),
            Err(exhausted) => println!("{ask:<10} {exhausted}"),
        }
    }
}
