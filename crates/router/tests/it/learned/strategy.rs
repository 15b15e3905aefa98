use mainstay_router::{
    Backend, Backends, Grade, Profile, Router, Ticket, hand_over,
    learned::{ModelError, Target, Threshold},
    strategy::{FilterExt, Learned, LearnedError, Strategy, Unloadable, filter},
};

use super::trained;
use crate::fixtures::{Answers, Knob, call};

const HARD: &str = "Compute 12 * 13 + 1.";
const EASY: &str = "Say something kind to my aunt.";

fn backends() -> Backends<Answers> {
    let knob = Knob::new(0);
    let model = |name: &str, model: &str, grade| Backend::new(name, knob.service()).model(model).grade(grade);
    let weak = model("w", "weak", Grade::SMALL);
    Backends::new([weak, model("s", "strong", Grade::STANDARD), model("o", "other", Grade::DEEP)]).unwrap()
}

async fn chosen(strategy: impl Strategy + 'static, text: &'static str) -> String {
    let mut router = Router::new(backends(), strategy)
        .describe(move |_: &u32| Profile { text, ..Profile::default() })
        .meter(hand_over(|_: u32, ticket: Ticket| ticket.name().to_owned()));
    call(&mut router, 1).await.unwrap()
}

fn learned() -> Learned {
    Learned::new(trained(), Threshold::new(0.5))
}

#[tokio::test(start_paused = true)]
async fn the_strong_model_takes_what_is_worth_it() {
    assert_eq!(chosen(learned(), HARD).await, "s");
    assert_eq!(chosen(learned(), EASY).await, "w");
}

#[tokio::test(start_paused = true)]
async fn a_filter_comes_first() {
    let weak = filter("weak", |candidate: &mainstay_router::Candidate<'_>, _: &Profile<'_>| {
        candidate.attributes().model() == "weak"
    });
    assert_eq!(chosen(weak.then(learned()), HARD).await, "w");
}

#[tokio::test(start_paused = true)]
async fn without_text_or_file_or_known_models_the_fixed_rule_chooses() {
    assert_eq!(chosen(learned(), "").await, "w");
    let missing = Learned::load("no/such/file", Target::Share(0.5), Unloadable::FallsBack).unwrap();
    assert_eq!(chosen(missing, HARD).await, "w");
    let other = filter("other", |candidate: &mainstay_router::Candidate<'_>, _: &Profile<'_>| {
        candidate.attributes().model() == "other"
    });
    assert_eq!(chosen(other.then(learned()), HARD).await, "o");
}

#[test]
fn a_missing_file_is_an_error_unless_it_may_be() {
    let error = Learned::load("no/such/file", Target::Share(0.5), Unloadable::Fails).unwrap_err();
    assert!(matches!(error, LearnedError::Model(ModelError::File { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn why_says_what_weighed() {
    let router =
        Router::new(backends(), learned()).describe(|_: &u32| Profile { text: HARD, ..Profile::default() });
    let why = router.why(&1);
    assert_eq!(&*why.candidates[0].name, "s");
    assert!(why.reasons[0].starts_with("gain +"), "{why}");
    assert!(why.to_string().contains("because: "), "{why}");
}

#[test]
fn a_decision_allocates_nothing() {
    let learned = learned();
    let info = allocation_counter::measure(|| {
        learned.decide(HARD);
    });
    assert_eq!(info.count_total, 0);
}
