use std::time::Duration;

use mainstay_fault::{Fault, FaultKind, HasFault, PastDeadline};
use mainstay_router::{
    Backends, Budget, Candidate, Grade, Price, Profile, Router, Ticket, Usage, hand_over,
    strategy::{CostBudget, RoundRobin, Strategy, by_fn},
    usage,
};
use proptest::prelude::*;

use crate::fixtures::{Answers, Knob, call};

const DAY: Duration = Duration::from_secs(86_400);
const MILLION: u64 = 1_000_000;

fn set() -> Backends<Answers> {
    let knob = Knob::new(1);
    let mini = Price::per_million(0.15, 0.60).unwrap();
    let large = Price::per_million(2.50, 10.00).unwrap();
    Backends::new([
        knob.backend("mini").price(mini).grade(Grade::SMALL),
        knob.backend("large").price(large).grade(Grade::DEEP),
    ])
    .unwrap()
}

/// The backend that is chosen for so many tokens of input.
async fn chosen(strategy: CostBudget, input_tokens: u64) -> String {
    let mut router = Router::new(set(), strategy)
        .describe(move |_: &u32| Profile { input_tokens, ..Profile::default() })
        .meter(hand_over(|_: u32, ticket: Ticket| ticket.name().to_owned()));
    call(&mut router, 0).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_most_capable_that_fits_is_taken_otherwise_the_cheapest() {
    let per_call = |dollars| CostBudget::per_call(dollars).unwrap();
    assert_eq!(chosen(per_call(2.50), MILLION).await, "large", "$2.50 per million is just enough");
    assert_eq!(chosen(per_call(2.49), MILLION).await, "mini");
    assert_eq!(chosen(per_call(0.15), MILLION).await, "mini", "$0.15 per million is just enough");
    assert_eq!(chosen(per_call(0.01), MILLION).await, "mini", "nothing fits: the cheapest");
    let within = Budget::new(1.0, DAY).unwrap();
    assert_eq!(chosen(per_call(f64::INFINITY).within(within), MILLION).await, "mini", "the day has no more");
}

#[tokio::test(start_paused = true)]
async fn what_has_no_price_comes_last_whatever_a_call_may_cost() {
    let knob = Knob::new(1);
    let price = Price::per_million(0.15, 0.60).unwrap();
    for dollars in [0.0, 1.0, f64::INFINITY] {
        let backends = [
            knob.backend("unknown").grade(Grade::DEEP),
            knob.backend("priced").price(price).grade(Grade::SMALL),
        ];
        let mut router =
            Router::new(Backends::new(backends).unwrap(), CostBudget::per_call(dollars).unwrap())
                .meter(hand_over(|_: u32, ticket: Ticket| ticket.name().to_owned()));
        assert_eq!(call(&mut router, 0).await.unwrap(), "priced", "{dollars}");
    }
}

#[test]
fn nothing_spent_is_nothing_and_not_less() {
    let budget = Budget::new(1.0, DAY).unwrap();
    assert!(budget.spent_by_all().is_sign_positive());
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_sheds_until_it_renews() {
    let budget = Budget::new(0.40, DAY).unwrap();
    let strategy = CostBudget::per_call(0.2).unwrap().within(budget.clone());
    let mut router = Router::new(set(), strategy)
        .describe(|key: &u32| Profile {
            input_tokens: MILLION,
            budget_key: if *key == 0 { "a" } else { "b" },
            ..Profile::default()
        })
        .meter(usage(|_: &u32| Some(Usage::new(MILLION, 0))));
    call(&mut router, 0).await.unwrap();
    call(&mut router, 0).await.unwrap();
    assert!((budget.spent("a") - 0.30).abs() < 1e-6);
    let fault = call(&mut router, 0).await.unwrap_err().fault();
    assert_eq!(fault.kind, FaultKind::Shed);
    assert!(fault.retry_after.is_some_and(|wait| wait <= DAY && wait + Duration::from_secs(1) > DAY));
    call(&mut router, 1).await.unwrap();
    tokio::time::advance(fault.retry_after.unwrap()).await;
    call(&mut router, 0).await.unwrap();
}

/// Whoever is told to come again then would be refused then.
#[tokio::test(start_paused = true)]
async fn what_costs_more_than_a_budget_ever_has_is_not_told_to_come_again() {
    async fn refused(strategy: impl Strategy + 'static) {
        let mut router = Router::new(set(), strategy)
            .describe(|_: &u32| Profile { input_tokens: MILLION, ..Profile::default() });
        let error = call(&mut router, 0).await.unwrap_err();
        assert_eq!((error.fault().kind, error.fault().retry_after), (FaultKind::Shed, None));
        assert!(error.to_string().contains("mini: may cost more than the budget ever has"), "{error}");
    }
    let budget = || Budget::new(0.10, DAY).unwrap();
    refused(budget().then(RoundRobin::default())).await;
    refused(CostBudget::per_call(9.0).unwrap().within(budget())).await;
}

/// A cheap one that is away for a moment is there again when the budget renews.
#[tokio::test(start_paused = true)]
async fn what_a_new_window_has_room_for_is_told_to_come_again_though_it_is_set_aside() {
    async fn refused(strategy: impl Strategy + 'static) {
        let (mini, large) = (Knob::new(1), Knob::new(1));
        let backends = [
            mini.backend("mini").price(Price::per_million(0.15, 0.60).unwrap()),
            large.backend("large").price(Price::per_million(2.50, 10.00).unwrap()),
        ];
        let mut router = Router::new(Backends::new(backends).unwrap(), strategy)
            .describe(|other: &u32| Profile {
                input_tokens: MILLION,
                budget_key: if *other == 0 { "a" } else { "b" },
                ..Profile::default()
            })
            .meter(usage(|_: &u32| Some(Usage::new(MILLION, 0))));
        call(&mut router, 0).await.unwrap();
        mini.fail(Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(60)));
        call(&mut router, 1).await.unwrap_err();
        let fault = call(&mut router, 0).await.unwrap_err().fault();
        assert_eq!(fault.kind, FaultKind::Shed);
        assert!(fault.retry_after.is_some_and(|wait| wait <= DAY && wait + Duration::from_secs(1) > DAY));
    }
    let budget = || Budget::new(0.20, DAY).unwrap();
    refused(budget().then(RoundRobin::default())).await;
    refused(CostBudget::per_call(9.0).unwrap().within(budget())).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_is_spent_of_more_dollars_too() {
    let budget = Budget::new(0.20, DAY).unwrap();
    let within = |budget: &Budget| {
        Router::new(set(), budget.clone().then(RoundRobin::default()))
            .describe(|_: &u32| Profile { input_tokens: MILLION, ..Profile::default() })
            .meter(usage(|_: &u32| Some(Usage::new(MILLION, 0))))
    };
    call(&mut within(&budget), 0).await.unwrap();
    call(&mut within(&budget), 0).await.unwrap_err();
    let more = budget.with_dollars(0.30).unwrap();
    assert!((more.spent("") - 0.15).abs() < 1e-6, "{}", more.spent(""));
    call(&mut within(&more), 0).await.unwrap();
    call(&mut within(&more), 0).await.unwrap_err();
    assert!((budget.spent("") - 0.30).abs() < 1e-6, "it is one account");
    assert!(budget.with_dollars(-1.0).is_err());
}

#[tokio::test(start_paused = true)]
async fn any_strategy_ranks_what_a_budget_has_room_for() {
    let budget = Budget::new(4.0, DAY).unwrap();
    let mut router = Router::new(set(), budget.clone().then(RoundRobin::default()))
        .describe(|_: &u32| Profile { input_tokens: MILLION, ..Profile::default() })
        .meter(hand_over(|_: u32, ticket: Ticket| {
            let name = ticket.name().to_owned();
            ticket.finish(Some(Usage::new(MILLION, 0)));
            name
        }));
    let mut chosen = Vec::new();
    for _ in 0..6 {
        chosen.push(call(&mut router, 0).await.unwrap_or_else(|error| error.to_string()));
    }
    let large = chosen.iter().filter(|name| *name == "large").count();
    assert_eq!((large, chosen.len()), (1, 6), "there is no second large one in it: {chosen:?}");
    assert!((budget.spent("") - 3.25).abs() < 1e-6);
}

#[tokio::test(start_paused = true)]
async fn budgets_nest_and_each_is_settled() {
    let (day, month) = (Budget::new(0.4, DAY).unwrap(), Budget::new(0.5, 30 * DAY).unwrap());
    let strategy = month.clone().then(day.clone().then(RoundRobin::default())).shared();
    let mut router = Router::new(set(), strategy)
        .describe(|key: &u32| Profile {
            input_tokens: MILLION,
            budget_key: if *key == 0 { "a" } else { "b" },
            ..Profile::default()
        })
        .meter(usage(|_: &u32| Some(Usage::new(MILLION, 0))));
    for key in [0, 0, 1] {
        call(&mut router, key).await.unwrap();
    }
    assert!((day.spent("a") - 0.3).abs() < 1e-6 && (day.spent("b") - 0.15).abs() < 1e-6);
    assert!((month.spent("") - 0.45).abs() < 1e-6, "{}", month.spent(""));
    let day_is_over = call(&mut router, 0).await.unwrap_err();
    assert!(
        day_is_over.to_string().contains("mini: may cost more than the budget has left"),
        "{day_is_over}"
    );
    tokio::time::advance(DAY).await;
    let fault = call(&mut router, 0).await.unwrap_err().fault();
    assert_eq!(fault.kind, FaultKind::Shed, "the month is over too");
    assert!(fault.retry_after.unwrap() > 28 * DAY);
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_gives_back_what_each_budget_held() {
    let (day, month) = (Budget::new(1.0, DAY).unwrap(), Budget::new(1.0, 30 * DAY).unwrap());
    let mut router = Router::new(set(), month.clone().then(day.clone().then(RoundRobin::default())))
        .describe(|_: &u32| Profile { input_tokens: MILLION, ..Profile::default() })
        .meter(hand_over(|_: u32, ticket: Ticket| ticket));
    let ticket = call(&mut router, 0).await.unwrap();
    assert!(day.spent("") > 0.14 && month.spent("") > 0.14, "reserved");
    ticket.fail(&FaultKind::Unavailable.into());
    assert_eq!((day.spent(""), month.spent("")), (0.0, 0.0));
}

/// The deadline may pass while a call is on its way to the backend, or while it has one.
#[tokio::test(start_paused = true)]
async fn a_call_that_its_deadline_kept_from_being_sent_costs_nothing() {
    let budget = Budget::new(1.0, DAY).unwrap();
    let mut router = Router::new(set(), budget.clone().then(RoundRobin::default()))
        .describe(|_: &u32| Profile { input_tokens: MILLION, ..Profile::default() })
        .meter(hand_over(|_: u32, ticket: Ticket| ticket));
    for (past, spent) in [(PastDeadline::Unsent, 0.0), (PastDeadline::CutOff, 0.15)] {
        let ticket = call(&mut router, 0).await.unwrap();
        ticket.fail(&Fault::new(FaultKind::Timeout).with_past_deadline(past));
        assert!((budget.spent("") - spent).abs() < 1e-9, "{past:?}: {}", budget.spent(""));
    }
}

fn in_order() -> impl Strategy {
    by_fn(|candidate: &Candidate<'_>, _: &Profile<'_>| f64::from(candidate.id().0))
}

/// Whether another backend is said to take a call of a user, the first one being out of money, after as many calls of this user and
/// of callers without a name as are told.
async fn goes_elsewhere(strategy: impl Strategy + 'static, ada: u32, anonymous: u32) -> bool {
    let (first, second) = (Knob::new(1), Knob::new(1));
    let price = |input| Price::per_million(input, 0.0).unwrap();
    let backends = [first.backend("first").price(price(0.10)), second.backend("second").price(price(0.15))];
    let mut router = Router::new(Backends::new(backends).unwrap(), strategy)
        .describe(|key: &u32| Profile {
            input_tokens: MILLION,
            budget_key: if *key == 0 { "" } else { "ada" },
            ..Profile::default()
        })
        .meter(usage(|_: &u32| Some(Usage::new(MILLION, 0))));
    for (key, calls) in [(0, anonymous), (1, ada)] {
        for _ in 0..calls {
            call(&mut router, key).await.unwrap();
        }
    }
    first.fail(FaultKind::QuotaExhausted);
    call(&mut router, 1).await.unwrap_err().fault().elsewhere
}

/// $0.40 a day are four calls to the first backend; with three spent, there is no room for one to the second.
#[tokio::test(start_paused = true)]
async fn whose_money_is_left_tells_whether_a_call_goes_elsewhere() {
    let day = || Budget::new(0.40, DAY).unwrap();
    let month = || Budget::new(9.0, 30 * DAY).unwrap();
    for (ada, anonymous, elsewhere) in [(0, 0, true), (0, 3, true), (3, 0, false), (3, 3, false)] {
        let told = goes_elsewhere(day().then(in_order()), ada, anonymous).await;
        assert_eq!(told, elsewhere, "{ada} and {anonymous}");
        let nested = month().then(day().then(in_order())).shared();
        assert_eq!(goes_elsewhere(nested, ada, anonymous).await, elsewhere, "{ada} and {anonymous}, nested");
        let by_cost = CostBudget::per_call(0.0).unwrap().within(day());
        assert_eq!(
            goes_elsewhere(by_cost, ada, anonymous).await,
            elsewhere,
            "{ada} and {anonymous}, by cost"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever becomes of the calls, and in whichever order.
    #[test]
    fn a_budget_is_never_overspent(steps in prop::collection::vec((0usize..5, 0u64..1_000, any::<prop::sample::Index>()), 1..120), ranked: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let budget = Budget::new(0.01, DAY).unwrap();
            let backends = set();
            let router = if ranked {
                Router::new(backends.clone(), budget.clone().then(RoundRobin::default()))
            } else {
                Router::new(backends.clone(), CostBudget::per_call(f64::INFINITY).unwrap().within(budget.clone()))
            };
            let mut router = router
                .describe(|_: &u32| Profile { input_tokens: 1_000, output_tokens: 1_000, ..Profile::default() })
                .meter(hand_over(|_: u32, ticket: Ticket| ticket));
            let mut tickets: Vec<Ticket> = Vec::new();
            for (step, tokens, which) in steps {
                if step == 0 || tickets.is_empty() {
                    tickets.extend(call(&mut router, 0).await.ok());
                } else {
                    let mut ticket = tickets.swap_remove(which.index(tickets.len()));
                    match step {
                        1 => ticket.finish(Some(Usage::new(1_000, tokens))),
                        2 => ticket.fail(&FaultKind::Interrupted.into()),
                        3 => ticket.fail(&FaultKind::InvalidRequest.into()),
                        _ => ticket.count(tokens),
                    }
                }
                prop_assert!(budget.spent("") <= 0.01 + 1e-9);
                let in_flight: u32 = backends.snapshot().iter().map(|backend| backend.in_flight).sum();
                prop_assert_eq!(in_flight as usize, tickets.len());
            }
            Ok(())
        })?;
    }
}

/// The day has room for the small model only, which is set aside for some seconds: those are what is waited for.
#[tokio::test(start_paused = true)]
async fn what_a_budget_has_room_for_and_is_away_for_a_moment_is_waited_for() {
    for by_cost in [true, false] {
        let budget = Budget::new(1.0, DAY).unwrap();
        let (small, large) = (Knob::new(1), Knob::new(1));
        let price = |input| Price::per_million(input, 0.0).unwrap();
        let backends = Backends::new([
            small.backend("mini").price(price(0.15)).grade(Grade::SMALL),
            large.backend("large").price(price(2.50)).grade(Grade::DEEP),
        ])
        .unwrap();
        let router = if by_cost {
            Router::new(backends, CostBudget::per_call(f64::INFINITY).unwrap().within(budget))
        } else {
            Router::new(backends, budget.then(RoundRobin::default()))
        };
        let mut router = router.describe(|_: &u32| Profile { input_tokens: MILLION, ..Profile::default() });
        small.fail(Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(3)));
        call(&mut router, 0).await.unwrap_err();
        small.mend();
        let fault = call(&mut router, 0).await.unwrap_err().fault();
        assert_eq!(fault.kind, FaultKind::RateLimited, "by cost: {by_cost}");
        assert!(fault.retry_after.is_some_and(|wait| wait <= Duration::from_secs(3)), "{fault}");
        tokio::time::advance(Duration::from_secs(3)).await;
        call(&mut router, 0).await.unwrap();
        assert_eq!((small.calls(), large.calls()), (2, 0));
    }
}
